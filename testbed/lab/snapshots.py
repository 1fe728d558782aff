"""The machines, set up once: each boots Debian, the installation's own set-up runs on it, and a snapshot is taken.

So a lab starts with machines that are up. A boot costs an emulated processor close to a minute. Only the first start of
a new machine is spared it: a machine that was stopped, cut off or rebooted boots as it would anywhere.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError

from testbed.hosts import CommandResult
from testbed.lab import hosts
from testbed.lab import machine as machine_source
from testbed.lab.base_system import run
from testbed.lab.machine import BOOT_SECONDS, Machine, MachineError, MachineSpec
from testbed.world.files import copy_sparse, exclusively

_WHEN_STARTED = "systemctl is-system-running --wait || { systemctl list-units --failed --no-legend; exit 1; }"
_VOLUME_BYTES = 1024**3
"""As small as EBS has them: the first synchronisation copies all of it."""
_SET_UP_SECONDS = 1800.0
_LOOK_SECONDS = 60.0
# The lab alone is in a hurry: neither line outlives the snapshot.
_SYNCHRONISE = """
drbdsetup disk-options 0 --c-plan-ahead=0 --resync-rate=400M
until drbdadm dstate garoon | grep -qx UpToDate/UpToDate; do sleep 1; done
"""
# With their times, so that what is written anew as it was is seen as well.
_WHAT_IS_SET_UP = (
    "tar --create --sort=name --absolute-names /etc | sha256sum; sfdisk --dump /dev/vdb 2>/dev/null || true"
)


def with_snapshots(specs: Sequence[MachineSpec], tell: Callable[[str], None]) -> list[MachineSpec]:
    """The same machines with their snapshots; sets up all of them if one is missing. Raises MachineError, BuildError.

    Needs the network and the taps of the machines.
    """
    snapshots = specs[0].root_disk.with_name("snapshots")
    targets = [snapshots / f"{spec.name}-{_digest(spec)}" for spec in specs]
    with exclusively(snapshots.with_suffix(".lock")):
        if not all(target.exists() for target in targets):
            tell("setting the machines up, as the installation's template does (some minutes, once)")
            shutil.rmtree(snapshots, ignore_errors=True)
            snapshots.mkdir()
            pair = Barrier(sum(spec.data_disk is not None for spec in specs))
            # The two database servers first, which wait for each other.
            with ThreadPoolExecutor(max_workers=2) as pool:
                list(pool.map(lambda spec, target: _set_up(spec, target, pair, tell), specs, targets))
    return [replace(spec, snapshot=target) for spec, target in zip(specs, targets, strict=True)]


def _digest(spec: MachineSpec) -> str:
    # A snapshot fits the QEMU that took it and a machine with the same devices, wherever its data disk lies.
    document, settings = hosts.settings_of(spec.name)
    same = (replace(spec, data_disk=None), Path(machine_source.__file__).read_text(), document.script(), settings)
    sources = (Path(hosts.__file__).read_text(), Path(__file__).read_text())
    recipe = repr((*same, *sources, run(["qemu-system-x86_64", "--version"])))
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _set_up(spec: MachineSpec, target: Path, pair: Barrier, tell: Callable[[str], None]) -> None:
    if pair.broken:
        raise MachineError(f"{spec.name} is not set up, because another machine could not be.")
    # Sockets have short paths; the snapshot is moved as a whole.
    with tempfile.TemporaryDirectory(prefix="lab-") as scratch:
        unfinished = target.with_name(f"{target.name}-unfinished")
        disk = Path(scratch) / hosts.DATA_DISK if spec.data_disk is not None else None
        if disk is not None:
            with disk.open("wb") as file:
                file.truncate(_VOLUME_BYTES)
        try:
            with Machine(Path(scratch) / spec.name, replace(spec, data_disk=disk)) as machine:
                _must(machine, _WHEN_STARTED, BOOT_SECONDS)
                begun = time.monotonic()
                _run_document(machine)
                tell(f"{spec.name} is set up, in {time.monotonic() - begun:.0f} s")
                if disk is not None:
                    _must(machine, _SYNCHRONISE, _SET_UP_SECONDS)
                    tell(f"{spec.name}: its replica is up to date, after {time.monotonic() - begun:.0f} s")
                _check_second_run(machine)
                if disk is not None:
                    # Nobody is needed by the other any more; the failover controller brings the replicas up.
                    pair.wait(_SET_UP_SECONDS)
                    _must(machine, "drbdadm down garoon", _LOOK_SECONDS)
                machine.save(unfinished)
        except BrokenBarrierError as error:
            raise MachineError(f"{spec.name} was set up, and its peer was not.") from error
        except BaseException:
            pair.abort()
            raise
        if disk is not None:
            copy_sparse(disk, unfinished / hosts.DATA_DISK)
        unfinished.rename(target)


def _run_document(machine: Machine) -> CommandResult:
    """As the Systems Manager agent runs the document's script."""
    document, settings = hosts.settings_of(machine.spec.name)
    environment = {f"SSM_{name}": value for name, value in settings.items()}
    return _must(machine, document.script(), _SET_UP_SECONDS, environment)


def _check_second_run(machine: Machine) -> None:
    before = _must(machine, _WHAT_IS_SET_UP, _LOOK_SECONDS).stdout
    said = _run_document(machine).stdout
    after = _must(machine, _WHAT_IS_SET_UP, _LOOK_SECONDS).stdout
    if before != after or not said.endswith("nothing changed.\n"):
        raise MachineError(f"{machine.spec.name}: a second run of its set-up changed something:\n{said}")


def _must(machine: Machine, script: str, seconds: float, environment: dict[str, str] | None = None) -> CommandResult:
    done = machine.run(script, environment or {}, seconds)
    if done.exit_code != 0 or done.has_timed_out:
        printed = (done.stdout + done.stderr).strip()[-2000:]
        raise MachineError(f"{machine.spec.name} could not be set up (exit code {done.exit_code}):\n{printed}")
    return done
