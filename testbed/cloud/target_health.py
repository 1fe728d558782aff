"""Target groups that find out by themselves which of their targets are healthy.

Follows, in the Elastic Load Balancing user guide for Application Load Balancers: "Health checks for your target
groups" (settings, the states and reason codes, "After each target is registered, it must pass one health check to be
considered healthy"); and in its API Reference: DescribeTargetHealth, TargetHealth.
In the emulator every target is healthy at all times.
"""

from __future__ import annotations

import contextvars
import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ministack.services import alb, ec2

from testbed.cloud.background import each_scoped
from testbed.cloud.emulator import Cloud
from testbed.cloud.health import INITIAL, Health, Judge

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Target = dict[str, Any]

_LOOK_SECONDS = 0.1
_SHORTEST_TIMEOUT_SECONDS = 1.0
_CHECKERS = 8


_UNUSED = Health(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
_NOT_RUNNING = Health("unused", "Target.InvalidState", "Target is in the stopped or terminated state")


@dataclass
class Watched:
    """A target under observation; `passes` and `failures` count in a row."""

    health: Health = INITIAL
    passes: int = 0
    failures: int = 0
    next_check: float = 0.0
    is_being_checked: bool = False


class TargetHealth:
    """The health of all registered targets; found out here, unless a load balancer's judge knows it."""

    def __init__(self, cloud: Cloud, judge: Judge | None = None) -> None:
        self._cloud = cloud
        self._judge = judge
        self._watched: dict[tuple[str, str, int], Watched] = {}
        self._lock = threading.Lock()
        self._checkers = ThreadPoolExecutor(_CHECKERS, thread_name_prefix="health-check")

    def install(self) -> None:
        alb._ACTION_MAP["DescribeTargetHealth"] = self.describe
        if self._judge is None:
            self._cloud.background.repeat(self._check_due, _LOOK_SECONDS)

    def describe(self, parameters: Parameters) -> Response:
        arn = alb._p(parameters, "TargetGroupArn")
        group = alb._tgs.get(arn)
        if group is None:
            return alb._error("TargetGroupNotFound", f"One or more target groups not found: {arn}")  # type: ignore[no-any-return]
        wanted = {target["Id"] for target in alb._parse_targets_param(parameters)}
        targets = [target for target in alb._targets.get(arn, []) if not wanted or target["Id"] in wanted]
        items = "".join(_xml(target, _port(target, group), self._health(group, target)) for target in targets)
        inner = f"<TargetHealthDescriptions>{items}</TargetHealthDescriptions>"
        return alb._xml(200, "DescribeTargetHealth", inner)  # type: ignore[no-any-return]

    def _health(self, group: dict[str, Any], target: Target) -> Health:
        if not group["LoadBalancerArns"]:
            return _UNUSED
        instance = ec2._instances.get(target["Id"])
        if group["TargetType"] == "instance" and (instance is None or instance["State"]["Name"] != "running"):
            return _NOT_RUNNING
        if self._judge is not None:
            return self._judge(_address(target))
        watched = self._watched.get(_key(group, target))
        return watched.health if watched else INITIAL

    def _check_due(self) -> None:
        registered = set()
        for arn, group in each_scoped(alb._tgs):
            for target in alb._targets.get(arn, []):
                registered.add(_key(group, target))
                self._check_if_due(group, target)
        with self._lock:
            for gone in self._watched.keys() - registered:
                del self._watched[gone]

    def _check_if_due(self, group: dict[str, Any], target: Target) -> None:
        key = _key(group, target)
        with self._lock:
            watched = self._watched.setdefault(key, Watched())
            if self._health(group, target).state == "unused":
                self._watched[key] = Watched()  # starts over when it comes into use
                return
            if watched.is_being_checked or time.monotonic() < watched.next_check:
                return
            watched.is_being_checked = True
            interval = group["HealthCheckIntervalSeconds"] * self._cloud.profile.target_check_scale
            watched.next_check = time.monotonic() + interval
        context = contextvars.copy_context()
        self._checkers.submit(context.run, self._check, group, target, watched)

    def _check(self, group: dict[str, Any], target: Target, watched: Watched) -> None:
        timeout = group["HealthCheckTimeoutSeconds"] * self._cloud.profile.target_check_scale
        failure = _ask(group, target, max(timeout, _SHORTEST_TIMEOUT_SECONDS))
        with self._lock:
            watched.is_being_checked = False
            if failure is None:
                watched.passes, watched.failures = watched.passes + 1, 0
                if watched.health.state == "initial" or watched.passes >= group["HealthyThresholdCount"]:
                    watched.health = Health("healthy")
            else:
                watched.passes, watched.failures = 0, watched.failures + 1
                if watched.failures >= group["UnhealthyThresholdCount"]:
                    watched.health = failure


def _ask(group: dict[str, Any], target: Target, timeout_seconds: float) -> Health | None:
    """One health check; None when it passed."""
    port = _port(target, group) if group["HealthCheckPort"] == "traffic-port" else int(group["HealthCheckPort"])
    connection = http.client.HTTPConnection(_address(target), port, timeout=timeout_seconds)
    try:
        connection.request("GET", group["HealthCheckPath"], headers={"User-Agent": "ELB-HealthChecker/2.0"})
        status = connection.getresponse().status
    except TimeoutError:
        return Health("unhealthy", "Target.Timeout", "Request timed out")
    except (OSError, http.client.HTTPException):
        return Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    finally:
        connection.close()
    if _is_success(status, group["Matcher"]["HttpCode"]):
        return None
    description = f"Health checks failed with these codes: [{status}]"
    return Health("unhealthy", "Target.ResponseCodeMismatch", description)


def _is_success(status: int, matcher: str) -> bool:
    """`matcher` is a code, several separated by commas, or a range: "200", "200,202", "200-299"."""
    for part in matcher.split(","):
        first, _, last = part.partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def _key(group: dict[str, Any], target: Target) -> tuple[str, str, int]:
    return group["TargetGroupArn"], target["Id"], _port(target, group)


def _address(target: Target) -> str:
    instance = ec2._instances.get(target["Id"])
    return str(instance["PrivateIpAddress"] if instance else target["Id"])


def _port(target: Target, group: dict[str, Any]) -> int:
    return int(target.get("Port") or group["Port"])


def _xml(target: Target, port: int, health: Health) -> str:
    reason = f"<Reason>{health.reason}</Reason>" if health.reason else ""
    description = f"<Description>{health.description}</Description>" if health.description else ""
    return (
        f"<member><Target><Id>{target['Id']}</Id><Port>{port}</Port></Target><HealthCheckPort>{port}</HealthCheckPort>"
        f"<TargetHealth><State>{health.state}</State>{reason}{description}</TargetHealth></member>"
    )
