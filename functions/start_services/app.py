from failover.runtime import lambda_step
from failover.steps.start_services import StartServicesInput, start_services

handler = lambda_step(StartServicesInput)(start_services)
