from failover.runtime import lambda_step
from failover.steps.swap_route import SwapRouteInput, rehearse_swap_route, swap_route

handler = lambda_step(SwapRouteInput, rehearsal=rehearse_swap_route)(swap_route)
