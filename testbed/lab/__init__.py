"""The lab: the same local cloud and the same deployed stack, over virtual machines with kernels of their own.

Here `garoon-node.sh` meets the real DRBD, XFS, MySQL, NFS and routing. Everything of a lab lives in namespaces of its
own (network, processes, mounts): nothing is routed out of it, two labs don't meet, and all of it ends with the lab.
"""
