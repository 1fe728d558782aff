from failover.runtime import lambda_step
from failover.steps.keep_data import KeepDataInput, keep_data

handler = lambda_step(KeepDataInput)(keep_data)
