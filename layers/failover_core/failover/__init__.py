"""The failover controller's core: everything the functions do, without Lambda in it.

models      what is known and what is said: settings, evidence, decisions, outcomes
decision    evidence in, Decision(verdict, reason) out; pure
conclusion  how an execution ended, in words for the operator; pure
steps       one module for each step of the workflows
adapters    AWS, in the words of this domain; nothing else imports boto3
"""
