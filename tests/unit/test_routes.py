"""Routes under EC2's request limit: slower, and none left behind."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from failover.adapters import routes
from failover.adapters.routes import THROTTLED_SECONDS, RouteEntry, point_entries_to
from failover.errors import CloudUnavailable
from failover.settings import Settings

from tests.unit.conftest import FakeTime

ENTRIES = [
    RouteEntry(route_table_id=f"rtb-{number}", interface_id="eni-0a", exists=True, is_blackhole=False)
    for number in range(40)
]


class LimitedEc2:
    """ReplaceRoute with a bucket that gets `refill` tokens for every second that somebody slept."""

    def __init__(self, clock: FakeTime, capacity: int, refill: int) -> None:
        self._clock, self._started = clock, clock.now
        self._capacity, self._refill = capacity, refill
        self.done: list[str] = []

    def replace_route(self, RouteTableId: str, **_target: Any) -> None:  # noqa: N803
        if len(self.done) >= self._capacity + self._refill * int(self._clock.now - self._started):
            answer: Any = {"Error": {"Code": "RequestLimitExceeded", "Message": "Request limit exceeded."}}
            raise ClientError(answer, "ReplaceRoute")
        self.done.append(RouteTableId)


def limited(monkeypatch: pytest.MonkeyPatch, capacity: int, refill: int) -> LimitedEc2:
    clock = FakeTime()
    ec2 = LimitedEc2(clock, capacity, refill)
    monkeypatch.setattr(routes, "client", lambda _service: ec2)
    monkeypatch.setattr(routes, "time", clock)
    return ec2


def test_every_table_moves_once_the_limit_lets_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ec2 = limited(monkeypatch, capacity=10, refill=5)
    point_entries_to(settings.node_b, ENTRIES, settings)
    assert sorted(ec2.done) == sorted(entry.route_table_id for entry in ENTRIES)


def test_limit_that_never_lets_go_ends_in_time_as_the_clouds_trouble(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2 = limited(monkeypatch, capacity=10, refill=0)
    with pytest.raises(CloudUnavailable, match="RequestLimitExceeded"):
        point_entries_to(settings.node_b, ENTRIES, settings)
    assert len(ec2.done) == 10
    assert routes.time.monotonic() < FakeTime().now + 2 * THROTTLED_SECONDS
