from failover.runtime import lambda_step
from failover.steps.rehearse import RehearseRequest, rehearse

handler = lambda_step(RehearseRequest)(rehearse)
