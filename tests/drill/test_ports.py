"""A port that is taken is named before anything is started, and not after minutes of waiting for a server."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.garoon.installation import DATABASE_PORT, LISTENERS, NFS_PORT, WEB_PORT
from testbed.hosts import HostError
from testbed.world.world import World

WORLD = World(254, Path("/nowhere"))
"""Of a number that no other world comes to."""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that a program has on every address."""
    with socket.socket() as program:
        program.bind(("0.0.0.0", 0))
        program.listen()
        yield program.getsockname()[1]


def test_port_that_a_program_has_on_every_address_is_named(taken: int) -> None:
    with pytest.raises(HostError, match=f"port {taken} is in use on this machine.* 127.254.3.4.*`ss -ltnp"):
        WORLD.require_free([("10.0.3.4", taken)])


def test_port_of_another_world_is_in_nobodys_way() -> None:
    with socket.socket() as program:
        program.bind(("127.253.3.4", 0))
        program.listen()
        WORLD.require_free([("10.0.3.4", program.getsockname()[1])])


def test_every_port_of_the_installation_is_looked_at() -> None:
    assert {port for _, port in LISTENERS} >= {DATABASE_PORT, NFS_PORT, WEB_PORT}
    assert {("10.0.3.4", NFS_PORT), ("10.0.6.4", DATABASE_PORT), ("10.0.2.10", WEB_PORT)} <= set(LISTENERS)
