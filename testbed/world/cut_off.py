"""WORLD/cut-off.json: which interfaces of which instances the cloud's network lets nothing through to or from.

Written by the cloud as its network ACLs change, obeyed by the simulated hosts and by the lab's network:
{"i-0123": ["eth0", "eth1"]}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from testbed.world.files import replace_file

_FILE = "cut-off.json"


def read_cut_off(world_directory: Path) -> Mapping[str, frozenset[str]]:
    """The interfaces that are cut off, by instance id."""
    try:
        values: dict[str, list[str]] = json.loads((world_directory / _FILE).read_text())
    except FileNotFoundError:
        return {}
    return {instance_id: frozenset(interfaces) for instance_id, interfaces in values.items()}


def write_cut_off(world_directory: Path, cut_off: Mapping[str, frozenset[str]]) -> None:
    """Readers see the old content or the new one, never a part."""
    values = {instance_id: sorted(interfaces) for instance_id, interfaces in cut_off.items()}
    replace_file(world_directory / _FILE, json.dumps(values))
