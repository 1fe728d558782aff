from failover.runtime import lambda_step
from failover.steps.acquire_lock import AcquireLockInput, acquire_lock

handler = lambda_step(AcquireLockInput)(acquire_lock)
