"""`python -m testbed.cloud --world DIR --port PORT --profile NAME`: the local cloud, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from testbed.cloud.server import HostFactory, Settings, serve
from testbed.profiles import load_profile


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.cloud", description=__doc__)
    parser.add_argument("--world", type=Path, required=True, help="directory of the simulated world")
    parser.add_argument("--port", type=int, required=True, help="port of the endpoint on 127.0.0.1")
    parser.add_argument("--profile", default="fast", help="table of profiles.toml")
    parser.add_argument("--host-factory", type=_host_factory, help="MODULE:FUNCTION that makes other hosts, for tests")
    parser.add_argument("--end-with-parent", action="store_true", help="stop when the starting process is gone")
    given = parser.parse_args()
    profile = load_profile(given.profile)
    serve(Settings(given.world.resolve(), given.port, profile, given.host_factory, given.end_with_parent))


def _host_factory(reference: str) -> HostFactory:
    module, _, name = reference.partition(":")
    factory: HostFactory = getattr(importlib.import_module(module), name)
    return factory


if __name__ == "__main__":
    main()
