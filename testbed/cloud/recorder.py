"""Every API call, one JSON object a line in WORLD/api-calls.jsonl: {time, caller, service, action, status, error}.

`caller` is the name of the role, or `admin` for the account's own key. A dry run, which changes nothing, has
{isDryRun: true} beside. Also delays and throttles the calls that the
faults say: EC2 answers RequestLimitExceeded, the others ThrottlingException (EC2 API Reference, "Error codes"; Systems
Manager API Reference, "Common Errors"). Request limits are token buckets, refilled once a second (EC2 Developer Guide,
"Request throttling for the Amazon EC2 API").
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import error_response_json
from ministack.core.router import detect_service, extract_access_key_id
from ministack.services import ec2, sts

from testbed.cloud.faults import CloudFaults

API_CALLS_FILE = "api-calls.jsonl"
_ERROR_CODE = re.compile(rb"<Code>([^<]+)</Code>|\"__type\": ?\"([^\"]+)\"")
_THROTTLED = "Rate exceeded"

Response = tuple[int, dict[str, str], Any]


class Bucket:
    """Tokens of an action, full at first; a call that finds none is throttled and takes none."""

    def __init__(self, capacity: int, refill: int) -> None:
        self._capacity, self._refill = capacity, refill
        self._tokens = capacity
        self._refilled_at: float | None = None

    def take(self, now: float) -> bool:
        if self._refilled_at is None:
            self._refilled_at = now
        seconds = int(now - self._refilled_at)
        self._refilled_at += seconds
        self._tokens = min(self._capacity, self._tokens + seconds * self._refill)
        if self._tokens == 0:
            return False
        self._tokens -= 1
        return True


class Recorder:
    """Writes the record of API calls."""

    def __init__(self, world_directory: Path, faults: CloudFaults) -> None:
        self._file = (world_directory / API_CALLS_FILE).open("a", buffering=1)
        self._faults = faults
        self._lock = threading.Lock()
        self._throttled: dict[str, int] = {}
        self._buckets: dict[str, Bucket] = {}
        self._delay_seconds = 0.0
        self._faults_version = 0

    def install(self) -> None:
        dispatch = app._dispatch_service_request

        async def dispatch_and_record(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
        ) -> Response:
            parameters = app._routing_params(method, path, headers, body, query)
            service = detect_service(method, path, headers, parameters)
            action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters) or service
            caller = caller_of(extract_access_key_id(headers, query))
            self._follow_faults()
            await asyncio.sleep(self._delay_seconds)
            if self._is_throttled(action, caller):
                response = _throttle(service)
            else:
                response = await dispatch(method, path, headers, body, query, request_id)
            self.write(caller, *_split(action), response[0], _error_code(response), is_dry_run=_is_dry_run(parameters))
            return response

        app._dispatch_service_request = dispatch_and_record

    def write(
        self, caller: str, service: str, action: str, status: int, error: str | None = None, *, is_dry_run: bool = False
    ) -> None:
        call = {"time": time.time(), "caller": caller, "service": service, "action": action, "status": status}
        dry = {"isDryRun": True} if is_dry_run else {}
        with self._lock:
            self._file.write(json.dumps({**call, "error": error, **dry}) + "\n")

    def _follow_faults(self) -> None:
        with self._lock:
            if self._faults_version == self._faults.version:
                return
            self._faults_version = self._faults.version
            faults = self._faults.read()
            self._throttled = dict(faults.throttled_actions)
            self._buckets = {action: Bucket(*limit) for action, limit in faults.request_limits.items()}
            self._delay_seconds = faults.request_delay_seconds

    def _is_throttled(self, action: str, caller: str) -> bool:
        with self._lock:
            if action in self._buckets and not self._buckets[action].take(time.monotonic()):
                return True
            if caller == "admin":
                return False  # the drill and its hosts are not what is being tried out
            left = self._throttled.get(action, 0)
            self._throttled[action] = left - 1
            return left > 0


def caller_of(access_key: str) -> str:
    """The role behind the key, or `admin`."""
    session = sts._sessions.get(access_key)
    return str(session["Arn"]).split("/")[1] if session else "admin"


def _is_dry_run(parameters: dict[str, Any]) -> bool:
    return str(ec2._p(parameters, "DryRun")).lower() == "true"


def _split(action: str) -> tuple[str, str]:
    service, _, operation = action.partition(":")
    return service, operation


def _error_code(response: Response) -> str | None:
    if response[0] < 400 or not isinstance(response[2], bytes):
        return None
    found = _ERROR_CODE.search(response[2])
    return (found[1] or found[2]).decode() if found else None


def _throttle(service: str) -> Response:
    if service == "ec2":
        response: Response = ec2._error("RequestLimitExceeded", "Request limit exceeded.", 503)
    elif service == "elasticloadbalancing":
        body = f"<ErrorResponse><Error><Code>Throttling</Code><Message>{_THROTTLED}</Message></Error></ErrorResponse>"
        response = 400, {"Content-Type": "text/xml"}, body.encode()
    else:
        response = error_response_json("ThrottlingException", _THROTTLED, 400)
    return response
