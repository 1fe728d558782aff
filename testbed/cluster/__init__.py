"""The pair of nodes as everything that stands for one shares it, pure and without a cloud around it.

report    what a node says, as garoon-node.sh prints it: built and parsed in one place
machine   a server as such: power, network, clock
node      a database server: its replica, its services, and what the script's verbs do
mirror    the replicated pair of testbed.hosts, between two nodes in memory
"""
