from failover.runtime import lambda_step
from failover.steps.watch_cluster import ScheduledEvent, watch_cluster

handler = lambda_step(ScheduledEvent)(watch_cluster)
