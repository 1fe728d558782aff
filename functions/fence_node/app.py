from failover.runtime import lambda_step
from failover.steps.fence_node import FenceNodeInput, fence_node

handler = lambda_step(FenceNodeInput)(fence_node)
