from failover.runtime import lambda_step
from failover.steps.confirm_stop import ConfirmStopInput, confirm_stop

handler = lambda_step(ConfirmStopInput)(confirm_stop)
