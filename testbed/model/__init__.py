"""The failover workflow, explored: two executions, crashes, late commands and failing nodes in every order.

Switchback and rejoin are not in it; the fault campaign and the drills break those.

What is explored is the real thing: the steps and adapters of `failover` run as they are against modelled AWS clients
(`code.py`), and the states of statemachines/*.asl.json lead from one to the next (`workflow.py`). Only the world
around them is a model (`world.py`): two nodes, their replicas, EC2, Run Command, the cluster table's item; tests/model
ties it to the node script and to DynamoDB. `python -m testbed.model` explores, and shows that seeded defects are found.
"""
