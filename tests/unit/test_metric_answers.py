"""CloudWatch answers for each metric apart: what it could not read of one is unknown, and no beat that stayed away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from failover.adapters import alarms
from failover.errors import CloudUnavailable
from failover.models import Answer
from failover.settings import Settings
from failover.steps import assess_cluster

NOW = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)
BEAT = NOW - timedelta(seconds=2)


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    made = boto3.client("cloudwatch", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(alarms, "client", lambda _service: made)
    with Stubber(made) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answer(stubber: Stubber, *results: dict[str, Any], token: str | None = None, asked_with: str | None = None) -> None:
    asked = {"MetricDataQueries": ANY, "StartTime": ANY, "EndTime": ANY}
    stubber.add_response(
        "get_metric_data",
        {"MetricDataResults": list(results)} | ({"NextToken": token} if token else {}),
        asked | ({"NextToken": asked_with} if asked_with else {}),
    )


def result(label: str, *at: datetime, status: str = "Complete") -> dict[str, Any]:
    return {"Id": "x", "Label": label, "Timestamps": list(at), "Values": [1.0] * len(at), "StatusCode": status}


@pytest.mark.parametrize("status", ["InternalError", "PartialData", "Forbidden"])
def test_a_metric_that_could_not_be_read_is_unknown(cloudwatch: Stubber, settings: Settings, status: str) -> None:
    """CloudWatch API Reference, "MetricDataResult": StatusCode. HTTP says 200, and the other node's beats are there:
    taken as they came, they said that the active node's had stopped."""
    answer(cloudwatch, result("db-01", status=status), result("db-02", BEAT))
    with pytest.raises(CloudUnavailable, match=f"AWS answered GetMetricData with {status}: db-01"):
        alarms.read_last_beats(settings, NOW)


def test_a_metric_that_is_not_in_the_answer_is_unknown(cloudwatch: Stubber, settings: Settings) -> None:
    answer(cloudwatch, result("db-02", BEAT))
    with pytest.raises(CloudUnavailable, match="db-01"):
        alarms.read_last_beats(settings, NOW)


def test_what_comes_in_parts_is_read_to_its_end(cloudwatch: Stubber, settings: Settings) -> None:
    """Ibid.: PartialData with a NextToken. The newest point decides, and any part may hold it."""
    earlier = BEAT - timedelta(seconds=5)
    answer(cloudwatch, result("db-01", earlier, status="PartialData"), result("db-02", BEAT), token="more")
    answer(cloudwatch, result("db-01", BEAT), asked_with="more")
    assert alarms.read_last_beats(settings, NOW) == {"db-01": BEAT, "db-02": BEAT}


def test_a_node_is_not_called_silent_by_what_cloudwatch_could_not_read(cloudwatch: Stubber, settings: Settings) -> None:
    """Promise 2: an error of the API is no evidence of death."""
    answer(cloudwatch, result("db-01", status="InternalError"), result("db-02", datetime.now(UTC)))
    alarm = {"garoon-db-01-heartbeat-lost": "OK"}
    is_lost = assess_cluster._is_heartbeat_lost(Answer.NONE, alarm, settings.node_a, settings.node_b, settings)
    assert is_lost is False
