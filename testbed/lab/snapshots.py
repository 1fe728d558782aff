"""Snapshots of the machines just after their boot, taken once: a lab starts with machines that are up.

A boot costs an emulated processor close to a minute. Only the first start of a new machine is spared it: a machine that
was stopped, cut off or rebooted boots as it would anywhere.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from testbed.lab import machine as machine_source
from testbed.lab.base_system import run
from testbed.lab.machine import BOOT_SECONDS, Machine, MachineError, MachineSpec
from testbed.world.files import exclusively

_WHEN_STARTED = "systemctl is-system-running --wait || { systemctl list-units --failed --no-legend; exit 1; }"


def with_snapshots(specs: list[MachineSpec], tell: Callable[[str], None]) -> list[MachineSpec]:
    """The same machines with their snapshots; takes those that are missing. Raises MachineError, BuildError.

    Needs the taps of the machines. The data disks are attached and not touched.
    """
    with exclusively(specs[0].root_disk.with_name("snapshots.lock")), ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda spec: _with_snapshot(spec, tell), specs))


def _with_snapshot(spec: MachineSpec, tell: Callable[[str], None]) -> MachineSpec:
    snapshots = spec.root_disk.parent / "snapshots"
    # A snapshot fits the QEMU that took it and a machine with the same devices, wherever its data disk lies.
    same = (replace(spec, data_disk=None), spec.data_disk is None, Path(machine_source.__file__).read_text())
    recipe = repr((*same, run(["qemu-system-x86_64", "--version"])))
    target = snapshots / f"{spec.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if not target.exists():
        tell(f"booting {spec.name} once, for a snapshot")
        snapshots.mkdir(exist_ok=True)
        # Sockets have short paths; the snapshot is moved as a whole.
        with tempfile.TemporaryDirectory(prefix="lab-") as scratch:
            unfinished = snapshots / f"{target.name}-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            with Machine(Path(scratch) / spec.name, spec) as machine:
                started = machine.run(_WHEN_STARTED, {}, BOOT_SECONDS)
                if started.exit_code != 0:
                    raise MachineError(f"{spec.name} did not start all its units:\n{started.stdout[-2000:]}")
                machine.save(unfinished)
            unfinished.rename(target)
    return replace(spec, snapshot=target)
