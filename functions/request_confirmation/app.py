from failover.runtime import lambda_step
from failover.steps.request_confirmation import RequestConfirmationInput, request_confirmation

handler = lambda_step(RequestConfirmationInput)(request_confirmation)
