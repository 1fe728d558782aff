from failover.runtime import lambda_step
from failover.steps.set_maintenance import ALLOWED, SetMaintenanceInput, set_maintenance

handler = lambda_step(SetMaintenanceInput, allowed=ALLOWED)(set_maintenance)
