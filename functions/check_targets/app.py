from failover.runtime import lambda_step
from failover.steps.check_targets import CheckTargetsInput, check_targets

handler = lambda_step(CheckTargetsInput)(check_targets)
