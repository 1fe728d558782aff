from failover.runtime import lambda_step
from failover.steps.watch_cluster import WatchEvent, watch_cluster

handler = lambda_step(WatchEvent)(watch_cluster)
