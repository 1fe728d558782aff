"""Failovers and switchbacks in a row: the role goes away and comes home again and again, and nothing is lost."""

from dataclasses import replace

from testbed.scenarios import switchback_after_failover
from testbed.scenarios.scenario import Scenario
from testbed.scenarios.stage import Stage


def make_soak(rounds: int) -> Scenario:
    """So many rounds. After each, readiness has nothing to find: record, roles, routes and replicas agree."""

    def break_it(stage: Stage) -> None:
        for number in range(1, rounds + 1):
            switchback_after_failover.break_it(stage, number)
            stage.wait_for_outcome("SwitchedOver", number)
            stage.wait_for_findings(())
            stage.wait_until_quiet()

    once = switchback_after_failover.SCENARIO
    return replace(
        once,
        name="soak",
        title=f"{rounds} times: {once.title}",
        break_it=break_it,
        expected=replace(once.expected, moves=rounds * once.expected.moves, decisive=rounds),
        parameters={"MinimumFailoverIntervalSeconds": "0"},
    )
