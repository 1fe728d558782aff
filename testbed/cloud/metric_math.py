"""Alarms on metric math: what PutMetricAlarm and CloudFormation take as Metrics, and the values of the expression.

Follows, in the CloudWatch API Reference: PutMetricAlarm (Metrics: one query returns data, at most ten metrics, no
MetricName beside it), MetricDataQuery (Id); in the CloudWatch User Guide: "Using metric math" (FILL with a number:
every missing point becomes it, the newest as well). No other function is known: an alarm that needs one is refused.
The emulator takes alarms on single metrics only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.services import cloudwatch

Query = Mapping[str, Any]
Values = list[float | None]

_ID = re.compile(r"[a-z]\w*")
_FILL = re.compile(r"FILL\(\s*([a-z]\w*)\s*,\s*(-?\d+(?:\.\d+)?)\s*\)")
_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit")
_MOST_METRICS = 10


def install() -> None:
    put = cloudwatch._put_metric_alarm

    def put_metric_alarm(params: Any, request: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        if not (is_cbor or is_json) or not request.get("Metrics"):
            return put(params, request, is_cbor, is_json)
        try:
            plain = on_one_metric(request)
        except ValueError as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        answer = put(params, plain, is_cbor, is_json)
        _keep(request["AlarmName"], request["Metrics"])
        return answer

    cloudwatch._put_metric_alarm = put_metric_alarm


def resource_handlers() -> dict[str, dict[str, Any]]:
    """AWS::CloudWatch::Alarm with Metrics, as the emulator's table of provisioners wants it."""
    return {
        "AWS::CloudWatch::Alarm": {
            "create": _provision,
            "update": _reprovision,
            "update_with_logical_id": True,
            "delete": lambda name, properties: _provisioners()._cw_metric_alarm_delete(name, properties),
        }
    }


def on_one_metric(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The same alarm on the metric that its expression is about. Raises ValueError if it could not be evaluated."""
    queries: Sequence[Query] = properties["Metrics"]
    if beside := [name for name in _OF_ONE_METRIC if properties.get(name)]:
        raise ValueError(f"An alarm with Metrics has no {', '.join(beside)} beside them.")
    returned = [query for query in queries if _is_true(query.get("ReturnData", True))]
    metrics = {query["Id"]: query["MetricStat"] for query in queries if "MetricStat" in query}
    if len(returned) != 1 or not 1 <= len(metrics) <= _MOST_METRICS:
        raise ValueError("Exactly one query returns data, about one to ten metrics.")
    if wrong := [query["Id"] for query in queries if not _ID.fullmatch(query["Id"])]:
        raise ValueError(f"Not an id, which starts with a lower-case letter: {', '.join(wrong)}.")
    call = _FILL.fullmatch(returned[0].get("Expression", ""))
    if call is None or call[1] not in metrics:
        raise ValueError(f"Only FILL(metric, number) is known here: {returned[0].get('Expression')!r}.")
    stat = metrics[call[1]]
    plain = {name: value for name, value in properties.items() if name != "Metrics"}
    return {**plain, **stat["Metric"], "Period": int(stat["Period"]), "Statistic": stat["Stat"]}


def expression_values(queries: Sequence[Query], values: Values) -> Values:
    """The expression's points, where its metric's are `values`, oldest first; None is a missing one."""
    (expression,) = (query["Expression"] for query in queries if _is_true(query.get("ReturnData", True)))
    call = _FILL.fullmatch(expression)
    assert call is not None, expression
    return [float(call[2]) if value is None else value for value in values]


def _provision(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
    return _with_metrics(
        properties, lambda plain: _provisioners()._cw_metric_alarm_create(logical_id, plain, stack_name)
    )


def _reprovision(name: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str) -> Any:
    update = _provisioners()._cw_metric_alarm_update
    return _with_metrics(new, lambda plain: update(name, old, plain, stack_name, logical_id))


def _with_metrics(properties: dict[str, Any], put: Callable[[dict[str, Any]], Any]) -> Any:
    if not properties.get("Metrics"):
        return put(properties)
    answer = put(on_one_metric(properties))
    _keep(answer[0], properties["Metrics"])
    return answer


def _keep(alarm_name: str, queries: Sequence[Query]) -> None:
    cloudwatch._alarms[alarm_name]["Metrics"] = [
        {**query, "ReturnData": _is_true(query.get("ReturnData", True))} for query in queries
    ]


def _is_true(value: object) -> bool:
    return value is True or value == "true"


def _provisioners() -> Any:
    # Its import takes a second, which the cloud's start does not wait for.
    from ministack.services.cloudformation import provisioners

    return provisioners
