"""What the CloudWatch agent does with log files: send what is new in them, when it gets round to it.

The requests are signed and sent by hand: importing botocore would cost every simulated host most of a second at boot.
Wire formats: CloudWatch Logs API Reference, CreateLogStream, PutLogEvents (JSON protocol, version 2014-03-28);
Signature Version 4.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.hosts.layout import HostSettings

TIMEOUT_SECONDS = 5
CONFIG_DIRECTORY = "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d"
_POLLS_A_FLUSH = 4
_FLUSHES_TO_HOLD = 5


@dataclass(frozen=True)
class CollectedFile:
    """One file that the agent's configuration says to collect (User Guide, "CloudWatch agent: Logs section")."""

    path: str
    group: str
    stream: str


def append_config(directory: Path, file: Path) -> str:
    """`amazon-cloudwatch-agent-ctl -a append-config`: what forbids it, or nothing when it is done.

    The sections of all files are merged: lists come together, and a setting that two files give must be the same
    (amazon-cloudwatch-agent 1.300071, translator/jsonconfig).
    """
    target = directory / f"file_{file.name}"
    merged: dict[str, Any] = {}
    for each in [*(other for other in sorted(directory.glob("*")) if other != target), file]:
        if problem := _merge(json.loads(each.read_text()), merged):
            return f"panic: Under path {problem}: Different values are specified\n\ngoroutine 1 [running]:\n"
    directory.mkdir(parents=True, exist_ok=True)
    target.write_text(file.read_text())
    return ""


def _merge(source: Mapping[str, Any], target: dict[str, Any]) -> str:
    for key, value in source.items():
        if isinstance(value, dict) and key != "statsd":
            if problem := _merge(value, target.setdefault(key, {})):
                return f"{key}/{problem}"
        elif isinstance(value, list):
            target[key] = [*target.get(key, []), *value]
        elif target.setdefault(key, value) != value:
            return key
    return ""


class LogCollector:
    """What the agent does with log files. `flush_seconds` is its force_flush_interval, which scales the rest.

    As in amazon-cloudwatch-agent 1.300071 (plugins/inputs/logfile, plugins/outputs/cloudwatchlogs): a file is looked
    at four times a second, and begun anew when it has become shorter. A line may go on in the next one, so the last is
    held until another begins, or five seconds. What is to be sent waits for one flush interval after the first event of
    a batch. What could not be sent is kept.
    """

    def __init__(self, root: Path, flush_seconds: float) -> None:
        self._root = root
        self._flush_seconds = flush_seconds
        # What was there before this boot was sent before it.
        self._tails = {file: _Tail(self._path(file), is_new=False) for file in collected_files(root)}
        self._batches: dict[CollectedFile, _Batch] = {}

    @property
    def poll_seconds(self) -> float:
        return self._flush_seconds / _POLLS_A_FLUSH

    def look(self, now: float) -> list[tuple[CollectedFile, list[str]]]:
        """Reads what is new; returns what is to be sent now."""
        for file in collected_files(self._root):
            tail = self._tails.setdefault(file, _Tail(self._path(file), is_new=True))
            if lines := tail.read(now, self._flush_seconds * _FLUSHES_TO_HOLD):
                self._batches.setdefault(file, _Batch(now, [])).lines.extend(lines)
        return [
            (file, list(batch.lines))
            for file, batch in self._batches.items()
            if now - batch.begun_at >= self._flush_seconds
        ]

    def was_sent(self, file: CollectedFile) -> None:
        del self._batches[file]

    def _path(self, file: CollectedFile) -> Path:
        return self._root / file.path.lstrip("/")


@dataclass
class _Batch:
    begun_at: float
    lines: list[str]


class _Tail:
    """The agent's place in a file."""

    def __init__(self, path: Path, *, is_new: bool) -> None:
        self._path = path
        self._offset = 0 if is_new or not path.exists() else path.stat().st_size
        self._held: tuple[float, str] | None = None

    def read(self, now: float, hold_seconds: float) -> list[str]:
        lines = []
        for line in self._new_lines():
            lines += [] if self._held is None else [self._held[1]]
            self._held = now, line
        if self._held is not None and now - self._held[0] >= hold_seconds:
            lines.append(self._held[1])
            self._held = None
        return lines

    def _new_lines(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                if self._path.stat().st_size < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        self._offset += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()


def collected_files(root: Path) -> list[CollectedFile]:
    """Of all configurations below `root`; empty where nothing is configured yet."""
    listed: list[dict[str, str]] = []
    for file in sorted((root / CONFIG_DIRECTORY).glob("*")):
        logs = json.loads(file.read_text()).get("logs", {})
        listed += logs.get("logs_collected", {}).get("files", {}).get("collect_list", [])
    return [CollectedFile(each["file_path"], each["log_group_name"], each["log_stream_name"]) for each in listed]


def put_log_events(settings: HostSettings, file: CollectedFile, lines: Sequence[str], at: datetime.datetime) -> int:
    """Send the lines to the file's stream, made if it is not there; returns the HTTP status. Raises OSError."""
    target: dict[str, object] = {"logGroupName": file.group, "logStreamName": file.stream}
    _post_logs(settings, "CreateLogStream", target, at)  # refused when it exists
    stamp = int(at.timestamp() * 1000)
    events = [{"timestamp": stamp, "message": line} for line in lines]
    return _post_logs(settings, "PutLogEvents", {**target, "logEvents": events}, at)


def _post_logs(settings: HostSettings, action: str, request: Mapping[str, object], at: datetime.datetime) -> int:
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"Logs_20140328.{action}"}
    return _post(settings, "logs", headers, json.dumps(request), at)


def _post(settings: HostSettings, service: str, headers: dict[str, str], body: str, at: datetime.datetime) -> int:
    endpoint = urllib.parse.urlsplit(settings.cloud_endpoint or "")
    connection = http.client.HTTPConnection(endpoint.hostname or "", endpoint.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/", body, _signed(settings, service, headers, endpoint.netloc, body, at))
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _signed(
    settings: HostSettings, service: str, headers: dict[str, str], host: str, body: str, at: datetime.datetime
) -> dict[str, str]:
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{settings.region}/{service}/aws4_request"
    headers = dict(sorted({**headers, "host": host, "x-amz-date": stamp}.items()))
    names = ";".join(headers)
    canonical = "\n".join(
        ["POST", "/", "", *(f"{key}:{value}" for key, value in headers.items()), "", names, _digest(body)]
    )
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, _digest(canonical)])
    key = f"AWS4{settings.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{settings.access_key_id}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": authorization}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
