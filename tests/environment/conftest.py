from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from testbed.lab import base_system
from testbed.stack.deployment import SCRATCH
from testbed.world.files import exclusively
from tests.environment.server import Server

# The third of the tools that could have a server's network; all else the lab's Debian has.
_PACKAGES = "network-manager"


@pytest.fixture(scope="session")
def debian() -> str:
    """The layers of the lab's Debian, and of what the tests need beside; made once."""
    cache = SCRATCH / "lab"
    system = cache / f"system-{base_system.recipe_digest()}"
    if "GAROON_LAB_TEST" not in os.environ and not (os.geteuid() == 0 and system.exists()):
        pytest.skip("needs root, and the Debian that the lab has installed: make lab-test")
    cache.mkdir(parents=True, exist_ok=True)
    with exclusively(cache / "build.lock"):
        system = base_system.build(cache, print)
    installed = SCRATCH / "environment" / f"packages-{base_system.recipe_digest()}"
    installed.parent.mkdir(parents=True, exist_ok=True)
    with exclusively(installed.with_name("build.lock")):
        if not installed.exists():
            _install(system, installed)
    return f"{installed / 'written'}:{system}"


def _install(system: Path, installed: Path) -> None:
    unfinished = installed.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    no_start = "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d"
    Server(str(system), unfinished).run(
        f"export DEBIAN_FRONTEND=noninteractive; {no_start}; apt-get update -qq && "
        f"apt-get install -qq --yes {_PACKAGES}"
        " && systemctl disable -q NetworkManager && rm /usr/sbin/policy-rc.d",
        is_on_network=True,
    )
    unfinished.rename(installed)


@pytest.fixture
def server(debian: str, tmp_path: Path) -> Server:
    return Server(debian, tmp_path)
