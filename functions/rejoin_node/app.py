from failover.runtime import lambda_step
from failover.steps.rejoin_node import RejoinNodeInput, rejoin_node

handler = lambda_step(RejoinNodeInput)(rejoin_node)
