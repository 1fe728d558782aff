from failover.runtime import lambda_step
from failover.steps.assess_cluster import AssessClusterInput, assess_cluster

handler = lambda_step(AssessClusterInput)(assess_cluster)
