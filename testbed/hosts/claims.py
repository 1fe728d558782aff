"""Which network of loopback addresses belongs to which simulated world on this machine.

A world claims a number, and each running host holds it too: a world whose process was killed gives its number back only
when the last of its hosts is gone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NUMBERS = range(1, 255)
_DIRECTORY = Path("/tmp")
"""Of the machine, as the addresses are: another user's, or another TMPDIR's, worlds are kept apart as well."""


class NoFreeNumberError(Exception):
    """Every network is in use."""


@contextmanager
def claim_world_number() -> Iterator[int]:
    """A number that no other world on this machine uses while it is held. Raises NoFreeNumberError."""
    for number in NUMBERS:
        claim = _try_lock(_lock_file(number, "world"), fcntl.LOCK_EX)
        if claim is None:
            continue
        hosts = _try_lock(_lock_file(number, "hosts"), fcntl.LOCK_EX)
        if hosts is None:
            os.close(claim)
            continue
        os.close(hosts)
        try:
            yield number
        finally:
            os.close(claim)
        return
    raise NoFreeNumberError(f"All {len(NUMBERS)} networks of simulated worlds are in use on this machine.")


def hold_number_of(address: str) -> None:
    """Keep the number of this address (127.NUMBER.B.C) from being claimed, for as long as this process lives."""
    number = int(address.split(".")[1])
    descriptor = _open(_lock_file(number, "hosts"))
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _lock_file(number: int, kind: str) -> Path:
    return _DIRECTORY / f"garoon-testbed-{number}.{kind}.lock"


def _try_lock(path: Path, mode: int) -> int | None:
    try:
        descriptor = _open(path)
    except PermissionError:
        return None  # another user is just making it
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _open(path: Path) -> int:
    """The file, whoever made it: reading is enough for a lock (flock(2)).

    In a sticky directory the kernel may refuse O_CREAT for a file of another user's that exists
    (fs.protected_regular, proc_sys_fs(5)), so that comes second.
    """
    while True:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            pass
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            continue
        os.fchmod(descriptor, 0o644)  # whatever the umask
        return descriptor
