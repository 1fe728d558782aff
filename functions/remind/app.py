from failover.runtime import lambda_step
from failover.steps.remind import RemindRequest, remind

handler = lambda_step(RemindRequest)(remind)
