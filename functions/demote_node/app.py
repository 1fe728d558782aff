from failover.runtime import lambda_step
from failover.steps.demote_node import DemoteNodeInput, demote_node

handler = lambda_step(DemoteNodeInput)(demote_node)
