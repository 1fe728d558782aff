from failover.runtime import lambda_step
from failover.steps.record_abort import ExecutionEndedEvent, record_abort

handler = lambda_step(ExecutionEndedEvent, is_announced=True)(record_abort)
