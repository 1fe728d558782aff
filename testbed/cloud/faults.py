"""What is wrong with the cloud now: WORLD/cloud-faults.json, read by the cloud, written by anybody.

    {"stuckInStopping": {"i-0123": "off"},          stop never ends; its host is "off" (power cut) or still "on"
     "failedStatusChecks": {"i-0123": "instance"},  status checks fail: "instance" or "system"
     "droppedAlarmEvents": ["garoon-heartbeat-*"],  state changes of these alarms (wildcards) never reach EventBridge
     "areLogEventsLost": true,                       no event of a log group reaches its subscriber
     "throttledActions": {"ec2:ReplaceRoute": 3},   the next 3 such calls after the file was written are throttled
     "requestLimits": {"ec2:ReplaceRoute": [50, 5]},  of such calls, a bucket of 50 tokens, to which 5 come every second
     "requestDelaySeconds": 0.1}                    every call takes so much longer

A fault ends when its entry goes: a stop that was stuck then ends, with the host off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat
from pydantic.alias_generators import to_camel

from testbed.world.files import exclusively, replace_file

FAULTS_FILE = "cloud-faults.json"


class Faults(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    stuck_in_stopping: dict[str, Literal["on", "off"]] = {}
    failed_status_checks: dict[str, Literal["instance", "system"]] = {}
    dropped_alarm_events: tuple[str, ...] = ()
    are_log_events_lost: bool = False
    throttled_actions: dict[str, int] = {}
    request_limits: dict[str, tuple[int, int]] = {}
    request_delay_seconds: NonNegativeFloat = 0.0

    def does_drop_event_of(self, alarm_name: str) -> bool:
        return any(fnmatchcase(alarm_name, pattern) for pattern in self.dropped_alarm_events)


class CloudFaults:
    """Reads and writes the faults of the cloud whose world is at `world_directory`."""

    def __init__(self, world_directory: Path) -> None:
        self._file = world_directory / FAULTS_FILE
        self._lock_file = world_directory / f".{FAULTS_FILE}.lock"

    def read(self) -> Faults:
        """Raises ValidationError when the file is not what the module's docstring says."""
        try:
            return Faults.model_validate_json(self._file.read_text())
        except FileNotFoundError:
            return Faults()

    @property
    def version(self) -> int:
        """Changes whenever the file is written anew."""
        try:
            return self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def set_stuck_in_stopping(self, instance_id: str, host: Literal["on", "off"] = "off") -> None:
        with self._changing() as values:
            values.setdefault("stuckInStopping", {})[instance_id] = host

    def set_failed_status_check(self, instance_id: str, kind: Literal["instance", "system"] = "instance") -> None:
        with self._changing() as values:
            values.setdefault("failedStatusChecks", {})[instance_id] = kind

    def drop_alarm_events(self, name_pattern: str) -> None:
        with self._changing() as values:
            values.setdefault("droppedAlarmEvents", []).append(name_pattern)

    def lose_log_events(self) -> None:
        with self._changing() as values:
            values["areLogEventsLost"] = True

    def throttle(self, action: str, times: int) -> None:
        """`action` as IAM names it, for example `ec2:ReplaceRoute`."""
        with self._changing() as values:
            values.setdefault("throttledActions", {})[action] = times

    def limit(self, action: str, capacity: int, refill: int) -> None:
        """`action` as IAM names it; the bucket is full, and anybody's calls take from it."""
        with self._changing() as values:
            values.setdefault("requestLimits", {})[action] = [capacity, refill]

    def delay_requests(self, seconds: float) -> None:
        with self._changing() as values:
            values["requestDelaySeconds"] = seconds

    def clear(self) -> None:
        with self._changing() as values:
            values.clear()

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with exclusively(self._lock_file):
            values = json.loads(self._file.read_text()) if self._file.exists() else {}
            yield values
            replace_file(self._file, json.dumps(values, indent=2) + "\n")
