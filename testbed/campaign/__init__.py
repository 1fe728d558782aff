"""The fault campaign: the controller's real code in a simulated world on virtual time, broken everywhere, and watched.

Real are the state machines' definitions, run by the engine of the local cloud; the functions, called by their handlers
with JSON in and JSON out; boto3 and its retries. Simulated are what lies below: the AWS APIs, the two nodes and the
user. Nothing waits: a failover of a minute takes some tens of milliseconds.
"""
