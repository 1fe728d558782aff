"""`python -m testbed.cloud --world DIR --port PORT --profile NAME`: the local cloud, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.cloud.server import Settings, serve
from testbed.world.profiles import load_profile


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.cloud", description=__doc__)
    parser.add_argument("--world", type=Path, required=True, help="directory of the simulated world")
    parser.add_argument("--port", type=int, required=True, help="port of the endpoint on 127.0.0.1")
    parser.add_argument("--profile", default="fast", help="table of profiles.toml")
    parser.add_argument("--host-factory", type=_reference, help="MODULE:FUNCTION that makes other hosts")
    parser.add_argument("--target-judge", type=_reference, help="MODULE:FUNCTION that makes a judge of the targets")
    parser.add_argument("--end-with-parent", action="store_true", help="stop when the starting process is gone")
    parser.add_argument("--no-enforcement", action="store_true", help="every role may do everything")
    given = parser.parse_args()
    profile = load_profile(given.profile)
    world, make_host, make_judge = given.world.resolve(), given.host_factory, given.target_judge
    serve(Settings(world, given.port, profile, make_host, given.end_with_parent, make_judge, not given.no_enforcement))


def _reference(reference: str) -> Callable[[Path], Any]:
    """Imported only when it is called: what it needs of the emulator may be read after its settings are made."""
    module, _, name = reference.partition(":")

    def make(world: Path) -> Any:
        return getattr(importlib.import_module(module), name)(world)

    return make


if __name__ == "__main__":
    main()
