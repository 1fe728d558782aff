from failover.runtime import lambda_step
from failover.steps.restart_services import RestartServicesInput, restart_services

handler = lambda_step(RestartServicesInput)(restart_services)
