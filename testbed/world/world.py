"""A simulated world: its directory and its own share of the loopback addresses.

An installation's address 10.A.B.C becomes 127.n.B.C in world number n: Linux answers for all of 127/8 on `lo`, so the
simulated hosts have real sockets on addresses of their own, without root, and several worlds live side by side.
"""

from __future__ import annotations

import errno
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.hosts import HostError, claim_world_number


@dataclass(frozen=True)
class World:
    """A claimed world number and the directory that holds everything the world writes."""

    number: int
    directory: Path

    def address(self, address: str) -> str:
        """The loopback address (or network) that stands in for `address` of the installation, 10.A.B.C."""
        first, _, rest = address.split(".", 2)
        if first != "10":
            raise ValueError(f"{address} is not an address of the installation (10.A.B.C).")
        # A prefix length of 16 or 24 keeps its meaning: the first two octets name the world.
        return f"127.{self.number}.{rest}"

    def require_free(self, listeners: Iterable[tuple[str, int]]) -> None:
        """The simulated servers will have these addresses of the installation, and ports. Raises HostError.

        A program that listens on every address of the machine, such as an NFS server, has theirs too.
        """
        for address, port in listeners:
            with socket.socket() as probe:
                # What an earlier world left in TIME_WAIT is in nobody's way (ip(7), SO_REUSEADDR).
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.address(address), port))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    raise HostError(
                        f"port {port} is in use on this machine, and a simulated server needs it on "
                        f"{self.address(address)}. `ss -ltnp sport = :{port}` says by which program; stop it."
                    ) from error


@contextmanager
def claimed_world() -> Iterator[World]:
    """Claims a world number and makes its directory; gives back both at the end, whatever happened.

    Raises HostError when all numbers are in use.
    """
    with claim_world_number() as number:
        directory = Path(tempfile.mkdtemp(prefix=f"garoon-world-{number}-"))
        try:
            yield World(number, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
