from failover.runtime import lambda_step
from failover.steps.keep_data import KeepDataInput, keep_data, rehearse_keep_data

handler = lambda_step(KeepDataInput, rehearsal=rehearse_keep_data)(keep_data)
