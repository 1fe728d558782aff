from failover.runtime import lambda_step
from failover.steps.watch_alarms import ScheduledEvent, watch_alarms

handler = lambda_step(ScheduledEvent)(watch_alarms)
