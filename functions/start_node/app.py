from failover.runtime import lambda_step
from failover.steps.start_node import StartNodeInput, rehearse_start_node, start_node

handler = lambda_step(StartNodeInput, rehearsal=rehearse_start_node)(start_node)
