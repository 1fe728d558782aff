"""What the CloudWatch agent does with StatsD gauges: keep the last value of each, and put them every interval; and with
log files: send what is new in them.

The requests are signed and sent by hand: importing botocore would cost every simulated host most of a second at boot.
Wire formats: CloudWatch API Reference, PutMetricData (query protocol, version 2010-08-01); CloudWatch Logs API
Reference, CreateLogStream, PutLogEvents (JSON protocol, version 2014-03-28); Signature Version 4.
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

from testbed.hosts.layout import HostSettings

NAMESPACE = "GaroonFailover"
TIMEOUT_SECONDS = 5

Gauge = tuple[str, tuple[tuple[str, str], ...]]
"""A metric's name and its dimensions."""


def parse_gauge(line: str) -> tuple[Gauge, float] | None:
    """`Heartbeat:1|g|#Cluster:garoon,Node:db-01` (DogStatsD tags become dimensions); None for anything else."""
    head, *fields = line.strip().split("|")
    name, separator, value = head.partition(":")
    if not separator or not fields or fields[0] != "g":
        return None
    dimensions = {"metric_type": "gauge"}
    for extra in fields[1:]:
        if extra.startswith("#"):
            for tag in extra[1:].split(","):
                key, _, text = tag.partition(":")
                dimensions[key] = text
    try:
        return (name, tuple(sorted(dimensions.items()))), float(value)
    except ValueError:
        return None


def put_metrics(settings: HostSettings, gauges: dict[Gauge, float], at: datetime.datetime) -> int:
    """Send the gauges, high resolution; returns the HTTP status. Raises OSError when the endpoint can't be reached."""
    form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": NAMESPACE}
    for index, ((name, dimensions), value) in enumerate(gauges.items(), 1):
        prefix = f"MetricData.member.{index}"
        form[f"{prefix}.MetricName"] = name
        form[f"{prefix}.Value"] = repr(value)
        form[f"{prefix}.Timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        form[f"{prefix}.StorageResolution"] = "1"
        for position, (key, dimension) in enumerate(dimensions, 1):
            form[f"{prefix}.Dimensions.member.{position}.Name"] = key
            form[f"{prefix}.Dimensions.member.{position}.Value"] = dimension
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return _post(settings, "monitoring", headers, urllib.parse.urlencode(form), at)


@dataclass(frozen=True)
class CollectedFile:
    """One file that the agent's configuration says to collect (User Guide, "CloudWatch agent: Logs section")."""

    path: str
    group: str
    stream: str


def collected_files(agent_configuration: Path) -> list[CollectedFile]:
    """Empty where nothing is configured yet."""
    if not agent_configuration.exists():
        return []
    logs = json.loads(agent_configuration.read_text()).get("logs", {})
    listed = logs.get("logs_collected", {}).get("files", {}).get("collect_list", [])
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
