from failover.runtime import lambda_step
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica

handler = lambda_step(PromoteReplicaInput)(promote_replica)
