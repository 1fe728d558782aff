"""Worlds of several users live on one machine, whoever ran first."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.hosts import claims

NOBODY = 65534


def claim_as_another_user(directory: Path) -> str:
    """The number, or what went wrong, for somebody who may not write to the files that are there."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            else:  # as it is for another user
                for file in directory.iterdir():
                    file.chmod(0o444)
            with claims.claim_world_number() as number:
                claims.hold_number_of(f"127.{number}.3.4")
                os.write(writes, str(number).encode())
        except (OSError, claims.NoFreeNumberError) as error:
            os.write(writes, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as pipe:
        return pipe.read().decode()


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As /tmp is: everybody's, and sticky; in /tmp, because pytest's own directories are closed to others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        shared = Path(name)
        shared.chmod(0o1777)
        monkeypatch.setattr(claims, "_DIRECTORY", shared)
        yield shared


def test_another_user_gets_a_number_of_his_own_while_one_is_taken(directory: Path) -> None:
    with claims.claim_world_number() as taken:
        claims.hold_number_of(f"127.{taken}.3.4")
        other = claim_as_another_user(directory)
    assert other == str(taken + 1)


def test_another_user_may_take_the_number_that_somebody_gave_back(directory: Path) -> None:
    with claims.claim_world_number() as taken:
        pass
    other = claim_as_another_user(directory)
    assert other == str(taken)


def test_what_a_world_locks_is_the_machine_s_whatever_directory_is_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert claims._lock_file(1, "world").parent == Path("/tmp")
