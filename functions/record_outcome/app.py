from failover.runtime import lambda_step
from failover.steps.record_outcome import RecordOutcomeInput, record_outcome

handler = lambda_step(RecordOutcomeInput)(record_outcome)
