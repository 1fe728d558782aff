"""What the CloudWatch agent does with StatsD gauges: keep the last value of each, and put them every interval.

The request is signed and sent by hand: importing botocore would cost every simulated host most of a second at boot.
Wire format: CloudWatch API Reference, PutMetricData (query protocol, version 2010-08-01), Signature Version 4.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
import urllib.parse

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
    endpoint = urllib.parse.urlsplit(settings.cloud_endpoint or "")
    body = urllib.parse.urlencode(form)
    connection = http.client.HTTPConnection(endpoint.hostname or "", endpoint.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/", body, _signed_headers(settings, endpoint.netloc, body, at))
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _signed_headers(settings: HostSettings, host: str, body: str, at: datetime.datetime) -> dict[str, str]:
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{settings.region}/monitoring/aws4_request"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "host": host, "x-amz-date": stamp}
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
