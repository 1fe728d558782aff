from failover.runtime import lambda_step
from failover.steps.confirm_stop import ConfirmStopInput, confirm_stop, rehearse_confirm_stop

handler = lambda_step(ConfirmStopInput, rehearsal=rehearse_confirm_stop)(confirm_stop)
