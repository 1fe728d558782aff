from failover.runtime import lambda_step
from failover.steps.check_readiness import ReadinessRequest, check_readiness

handler = lambda_step(ReadinessRequest, is_announced=True)(check_readiness)
