"""Hosts for the cloud's tests: power is a file, a delivered script runs in bash."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str
    has_timed_out: bool = False


class FakeHostUnreachableError(Exception):
    """The agent does not answer."""


class FakeHost:
    """What happened to it is in `history`, one word a line."""

    def __init__(self, directory: Path) -> None:
        self._power = directory / "power"
        self._history = directory / "history"

    @property
    def is_on(self) -> bool:
        return self._power.exists()

    def boot(self) -> None:
        self._power.touch()
        self._note("boot")

    def power_off(self) -> None:
        if self.is_on:
            self._power.unlink(missing_ok=True)
            self._note("power_off")

    def shutdown(self) -> None:
        time.sleep(0.1)
        self._power.unlink(missing_ok=True)
        self._note("shutdown")

    def deliver(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> Result:
        if not self.is_on:
            raise FakeHostUnreachableError
        if script != "true":
            self._note("deliver")
        try:
            done = subprocess.run(
                ["bash", "-c", script],
                env={"PATH": os.environ["PATH"], **environment},
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Result(-9, "", "", has_timed_out=True)
        return Result(done.returncode, done.stdout, done.stderr)

    def _note(self, word: str) -> None:
        with self._history.open("a") as history:
            history.write(f"{word}\n")


def make_host(directory: Path) -> tuple[FakeHost, type[Exception]]:
    return FakeHost(directory), FakeHostUnreachableError
