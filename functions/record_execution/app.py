from failover.runtime import lambda_step
from failover.steps.record_execution import RecordExecutionEvent, record_execution

handler = lambda_step(RecordExecutionEvent)(record_execution)
