"""A service that LifeKeeper's scripts start and stop, in a folder on both database servers."""

from __future__ import annotations

from collections.abc import Iterable

from testbed.garoon.installation import Shape
from testbed.lab.host import LabHost

_ACT_SECONDS = 120.0
# Without arguments, and with exit code 0 if all is well (LifeKeeper for Linux, "Creating a Generic Application Resource
# Hierarchy"). The program works in a folder of the volume, which it keeps as long as it runs.
_PROGRAM = """#!/bin/bash
cd /mnt/DIR1/cybozu || exit 1
while :; do sleep 5; done
"""
_SCRIPTS = {
    "restore": """#!/bin/bash
"${0%/*}/quickCheck" && exit 0
setsid FOLDER/program >/dev/null 2>&1 </dev/null &
echo $! >/run/NAME.pid
""",
    "remove": """#!/bin/bash
"${0%/*}/quickCheck" || exit 0
kill "$(</run/NAME.pid)"
for _ in {1..50}; do "${0%/*}/quickCheck" || exit 0; sleep 0.2; done
exit 1
""",
    "quickCheck": """#!/bin/bash
read -r process </run/NAME.pid && [[ -d /proc/$process ]]
""",
    "recover": """#!/bin/bash
exec "${0%/*}/restore"
""",
    "program": _PROGRAM,
}


def put_folders(machines: Iterable[LabHost], shape: Shape) -> None:
    """Raises HostError, HostUnreachable."""
    for machine in machines:
        for name in shape.folders:
            folder = f"/opt/{name}"
            machine.must(f"mkdir -p {folder}", _ACT_SECONDS)
            for script, text in _SCRIPTS.items():
                written = text.replace("NAME", name).replace("FOLDER", folder)
                machine.put_file(f"{folder}/{script}", written)
