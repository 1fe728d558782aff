"""Runs the cloud as a process of its own and waits until it serves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.cloud.faults import CloudFaults
from testbed.cloud.server import ACCOUNT, LOG_FILE, REGION, SECRET

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.05
_REPOSITORY = Path(__file__).resolve().parents[2]


class CloudNotStartedError(RuntimeError):
    """The cloud did not come up; the message has the end of its log."""


@dataclass(frozen=True)
class RunningCloud:
    """Where the cloud is, and the key that may do everything in it."""

    world_directory: Path
    port: int
    process_id: int

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def faults(self) -> CloudFaults:
        return CloudFaults(self.world_directory)

    @property
    def environment(self) -> dict[str, str]:
        """What `aws` and `sam` need to work on this cloud and on no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


@contextmanager
def running_cloud(
    world_directory: Path,
    profile: str = "fast",
    port: int | None = None,
    host_factory: str | None = None,
    target_judge: str | None = None,
    enforces: bool = True,
) -> Iterator[RunningCloud]:
    """A cloud that serves; stopped, with its hosts and functions, at the end. Raises CloudNotStartedError."""
    world_directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [sys.executable, "-m", "testbed.cloud", "--end-with-parent"]
    command += ["--world", str(world_directory), "--port", str(port), "--profile", profile]
    if host_factory:
        command += ["--host-factory", host_factory]
    if target_judge:
        command += ["--target-judge", target_judge]
    if not enforces:
        command += ["--no-enforcement"]
    path = os.pathsep.join(filter(None, [str(_REPOSITORY), os.environ.get("PYTHONPATH")]))
    with (world_directory / "cloud.out").open("ab") as output:
        # A group of its own: a Ctrl-C at the terminal is the starting program's, which then stops the cloud in order.
        process = subprocess.Popen(
            command,
            cwd=_REPOSITORY,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    try:
        _wait_until_healthy(process, port, world_directory)
        yield RunningCloud(world_directory, port, process.pid)
    finally:
        _stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, world_directory: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(_LOOK_SECONDS)
    ends = [
        (world_directory / name).read_text(errors="replace")[-2000:]
        for name in ("cloud.out", LOG_FILE)
        if (world_directory / name).exists()
    ]
    raise CloudNotStartedError("The local cloud did not start.\n" + "\n".join(ends))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
