"""An operator is asked before the failover, is not understood at first, is asked again, and says yes."""

from testbed.garoon.installation import HOME, STANDBY
from testbed.scenarios.scenario import Expectation, Fence, Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.lose_network(HOME)
    stage.answer('"yes"')
    stage.wait_for_outcome("Refused")
    stage.answer('{"proceed": true}')


SCENARIO = Scenario(
    name="confirm-proceed",
    title="An operator is asked before the failover, is not understood at first, is asked again, and says yes.",
    break_it=break_it,
    parameters={"ConfirmFailover": "AbortAfterTimeout"},
    expected=Expectation(
        outcome="FailedOver",
        verdict="failOver",
        active=STANDBY,
        moves=1,
        fence=Fence.NEEDED,
        instances_off=frozenset({HOME}),
        isolated=frozenset({HOME}),
        others=frozenset({"NothingToDo", "Skipped", "Warned", "Refused"}),
        is_decisive_only_once=True,
    ),
)
