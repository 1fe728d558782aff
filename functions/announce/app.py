from failover.runtime import lambda_step
from failover.steps.announce import LoggedEvent, announce

handler = lambda_step(LoggedEvent)(announce)
