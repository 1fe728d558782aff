from failover.runtime import lambda_step
from failover.steps.restart_services import restart_services
from failover.steps.verbs import ServiceInput

handler = lambda_step(ServiceInput)(restart_services)
