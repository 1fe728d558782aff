from failover.runtime import lambda_step
from failover.steps.show_cluster import ALLOWED, WidgetRequest, show_cluster

handler = lambda_step(WidgetRequest, allowed=ALLOWED)(show_cluster)
