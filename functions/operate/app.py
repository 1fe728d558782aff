from failover.runtime import lambda_step
from failover.steps.operate import ALLOWED, OperateRequest, operate

handler = lambda_step(OperateRequest, allowed=ALLOWED)(operate)
