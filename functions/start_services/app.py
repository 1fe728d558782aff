from failover.runtime import lambda_step
from failover.steps.start_services import start_services
from failover.steps.verbs import ServiceInput

handler = lambda_step(ServiceInput)(start_services)
