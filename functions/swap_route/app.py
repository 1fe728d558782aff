from failover.runtime import lambda_step
from failover.steps.swap_route import SwapRouteInput, swap_route

handler = lambda_step(SwapRouteInput)(swap_route)
