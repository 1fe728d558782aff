"""Serving again is what the load balancer says of its targets, and nothing less: no failover ends on hope."""

import pytest
from failover.adapters import targets
from failover.adapters.targets import TargetHealth
from failover.errors import CloudUnavailable, NotYet
from failover.settings import Settings
from failover.steps.check_targets import CheckTargetsInput, TargetsChecked, check_targets

from tests.unit.conftest import EXECUTION

HEALTHY = TargetHealth(target="i-1", state="healthy")
UNHEALTHY = TargetHealth(target="i-2", state="unhealthy", reason="Target.FailedHealthChecks")


def check(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, found: list[TargetHealth], needed: int
) -> TargetsChecked:
    monkeypatch.setattr(targets, "read_target_health", lambda _settings: found)
    wanted = settings.model_copy(update={"minimum_healthy_targets": needed})
    return check_targets(CheckTargetsInput(execution=EXECUTION), wanted)


def test_enough_healthy_targets_prove_that_the_web_tier_serves(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert check(monkeypatch, settings, [HEALTHY, UNHEALTHY], 1) == TargetsChecked(
        healthy=1, targets=[HEALTHY, UNHEALTHY]
    )


@pytest.mark.parametrize(
    ("found", "needed", "told"),
    [
        ([HEALTHY, UNHEALTHY], 2, "1 targets are healthy and 2 must be; .* i-2 unhealthy Target.FailedHealthChecks"),
        ([TargetHealth(target="i-1", state="initial")], 1, "0 targets are healthy .* i-1 initial"),
        ([], 1, "registered are: none at all"),
    ],
    ids=["one is missing", "none has been looked at yet", "none is registered"],
)
def test_too_few_are_waited_for_with_the_state_of_each(
    found: list[TargetHealth], needed: int, told: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    with pytest.raises(NotYet, match=told):
        check(monkeypatch, settings, found, needed)


def test_a_load_balancer_that_could_not_be_asked_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def fail(_settings: Settings) -> list[TargetHealth]:
        raise CloudUnavailable("The load balancer's API answers nothing.")

    monkeypatch.setattr(targets, "read_target_health", fail)
    with pytest.raises(CloudUnavailable):
        check_targets(CheckTargetsInput(execution=EXECUTION), settings)
