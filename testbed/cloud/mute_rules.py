"""CloudWatch's alarm mute rules: one that lasts from now on is active at once.

Follows, in the CloudWatch API Reference: PutAlarmMuteRule, DeleteAlarmMuteRule, ListAlarmMuteRules. The emulator knows
none of them. Schedules are not followed, and the actions of a muted alarm are not kept back.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudwatch

from testbed.cloud.background import arn

Request = dict[str, Any]

_targets: dict[str, list[str]] = {}


def install() -> None:
    handle = cloudwatch.handle_request
    operations = {"PutAlarmMuteRule": _put, "DeleteAlarmMuteRule": _delete, "ListAlarmMuteRules": _list}

    async def handle_mute_rules(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        operation = operations.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if operation is None:
            return await handle(method, path, headers, body, query)
        return cloudwatch._json_ok(operation(json.loads(body or b"{}")))

    cloudwatch.handle_request = handle_mute_rules


def _put(request: Request) -> Request:
    _targets[_arn(request["Name"])] = list(request.get("MuteTargets", {}).get("AlarmNames", []))
    return {}


def _delete(request: Request) -> Request:
    _targets.pop(_arn(request["AlarmMuteRuleName"]), None)
    return {}


def _list(request: Request) -> Request:
    wanted = request.get("AlarmName")
    found = [rule for rule, names in _targets.items() if wanted is None or wanted in names]
    if "ACTIVE" not in request.get("Statuses", ["ACTIVE"]):
        found = []
    return {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": rule, "Status": "ACTIVE"} for rule in found]}


def _arn(name: str) -> str:
    return arn("cloudwatch", f"alarm-mute-rule:{name}")
