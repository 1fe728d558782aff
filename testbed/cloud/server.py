"""Starts the emulator in this process, closes its gaps, serves until SIGTERM or SIGINT, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.cloud.faults import CloudFaults
from testbed.cloud.health import Judge
from testbed.cloud.machines import Host, Machines
from testbed.world.profiles import Profile

if TYPE_CHECKING:
    from testbed.cloud.emulator import Cloud
ACCOUNT = "000000000000"
REGION = "ap-northeast-1"
SECRET = "local"  # the account's own key is its number; this is the secret to it
LOG_FILE = "cloud.log"
_GRACE_SECONDS = 0.2

logger = logging.getLogger("testbed.server")

HostFactory = Callable[[Path], tuple[Host, type[Exception]]]
JudgeFactory = Callable[[Path], Judge]


@dataclass(frozen=True)
class Settings:
    """How to run the cloud."""

    world_directory: Path
    port: int
    profile: Profile
    make_host: HostFactory | None = None
    does_end_with_parent: bool = False
    make_judge: JudgeFactory | None = None
    does_enforce: bool = True
    """Whether a role may only do what it allows."""


def serve(settings: Settings) -> None:
    """Returns only by ending the process: the emulator's threads can't all be joined."""
    scratch = settings.world_directory / "cloud-scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    _set_environment(settings, scratch)
    _log_to(settings.world_directory / LOG_FILE)
    cloud = _make_cloud(settings)
    try:
        asyncio.run(_serve_until_told(settings))
    except Exception:
        logger.exception("The cloud broke down.")
    finally:
        _stop(cloud, scratch)
    os._exit(0)


def _set_environment(settings: Settings, scratch: Path) -> None:
    """The emulator reads its settings when it is imported, so this comes first."""
    for name in [key for key in os.environ if key.startswith(("AWS_", "MINISTACK_", "LAMBDA_", "SFN_", "LOCALSTACK"))]:
        del os.environ[name]
    os.environ |= {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": str(settings.does_enforce).lower(),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LOG_LEVEL": "INFO",
        "PERSIST_STATE": "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        "SFN_WAIT_SCALE": str(settings.profile.wait_scale),
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
    }
    tempfile.tempdir = str(scratch)


def _log_to(file: Path) -> None:
    logging.basicConfig(
        filename=file, level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s", force=True
    )
    for noisy in ("hypercorn.access", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _make_cloud(settings: Settings) -> Cloud:
    from testbed.cloud.background import Background
    from testbed.cloud.emulator import MINISTACK_VERSION, Cloud
    from testbed.cloud.extensions import install

    version = importlib.metadata.version("ministack")
    if version != MINISTACK_VERSION:
        raise RuntimeError(f"The local cloud extends ministack {MINISTACK_VERSION}; {version} is installed.")
    world = settings.world_directory
    machines = Machines(world, settings.make_host) if settings.make_host else Machines(world)
    cloud = Cloud(world, settings.profile, CloudFaults(world), machines, Background())
    install(cloud, settings.make_judge and settings.make_judge(world))
    return cloud


async def _serve_until_told(settings: Settings) -> None:
    from hypercorn.asyncio import serve as serve_http
    from hypercorn.config import Config
    from ministack import app

    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if settings.does_end_with_parent:
        parent = os.getppid()
        watch = threading.Thread(target=_watch_parent, args=(parent, lambda: loop.call_soon_threadsafe(told.set)))
        watch.daemon = True
        watch.start()
    config = Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.graceful_timeout = _GRACE_SECONDS
    config.keep_alive_timeout = 75
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    await serve_http(app.app, config, shutdown_trigger=told.wait)


def _watch_parent(parent: int, tell: Callable[[], object]) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    tell()


def _stop(cloud: Cloud, scratch: Path) -> None:
    from ministack.core import lambda_runtime

    cloud.background.stop()
    cloud.machines.power_off_all()
    lambda_runtime.reset()
    shutil.rmtree(scratch, ignore_errors=True)
    logging.shutdown()
    sys.stdout.flush()
