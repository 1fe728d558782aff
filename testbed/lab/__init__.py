"""The lab: the same local cloud and the same deployed stack, over virtual machines with kernels of their own.

Here `garoon-node.sh` meets the real DRBD, XFS, MySQL, NFS and routing. Everything of a lab lives in namespaces of its
own (network, processes, mounts): nothing is routed out of it, two labs don't meet, and all of it ends with the lab.

    python -m testbed.lab --scenario network-loss [--json FILE]

base_system, images              Debian and what only a lab needs, built once and kept in .testbed/lab by its content
snapshots                        the machines, set up once by environment/provision/ as EC2's are
machine, keeper, host            one virtual machine; the handle that the cloud uses as it uses a simulated host's
network                          the VPC: bridges, taps, the virtual IP's routes, security groups, network ACLs
balancer                         HAProxy in the place of the load balancer
bed, stage, scenarios, checks    all of it together, under the drill's own user, oracle and timeline
guest/                           what stands for EC2 and its agents inside the machines

Not there: source/dest check and security groups are fixed, not read from the cloud.
"""
