from failover.runtime import lambda_step
from failover.steps.fence_node import FenceNodeInput, fence_node, rehearse_fence_node

handler = lambda_step(FenceNodeInput, rehearsal=rehearse_fence_node)(fence_node)
