"""One failure, fifty events: one failover."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)
    stage.repeat_alarm_event(HOME, "heartbeat-lost", 50)


SCENARIO = Scenario(
    name="duplicate-events",
    title="One failure, fifty events: one failover.",
    break_it=break_it,
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        isolated=frozenset({HOME}),
        is_decisive_only_once=True,
    ),
)
