from failover.runtime import lambda_step
from failover.steps.start_node import StartNodeInput, start_node

handler = lambda_step(StartNodeInput)(start_node)
