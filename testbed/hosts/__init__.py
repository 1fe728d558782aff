"""Simulated Garoon database servers: the real node script on hosts made of directories and loopback sockets.

A host is a directory (`layout`), one process group led by its `kernel`, and a replica in a mirrored pair (`mirror`).
`SimulatedHost` is the handle that the local cloud and the drill use.
"""

from testbed.hosts.claims import claim_world_number
from testbed.hosts.host import (
    CommandResult,
    HostError,
    HostUnreachable,
    SimulatedHost,
    create_pair,
)

__all__ = ["CommandResult", "HostError", "HostUnreachable", "SimulatedHost", "claim_world_number", "create_pair"]
