"""Failovers and switchbacks in a row: the role goes away and comes home again and again, and nothing is lost."""

from testbed.installation import HOME
from testbed.scenario import Expectation, Fence, Scenario
from testbed.stage import Stage


def make_soak(rounds: int) -> Scenario:
    """So many rounds. After each, readiness has nothing to find: record, roles, routes and replicas agree."""

    def break_it(stage: Stage) -> None:
        for number in range(1, rounds + 1):
            stage.lose_network(HOME)
            stage.wait_for_outcome("FailedOver", number)
            stage.wait_until_off(HOME)
            stage.repair_network(HOME)
            stage.switch_back()
            stage.wait_for_outcome("SwitchedOver", number)
            stage.wait_for_findings(())
            stage.wait_until_quiet()

    return Scenario(
        name="soak",
        title=f"{rounds} times: db-01 dies, db-02 takes over, db-01 is repaired and an operator moves the role home.",
        break_it=break_it,
        expected=Expectation(
            outcome="SwitchedOver",
            verdict="switchOver",
            moves=2 * rounds,
            fence=Fence.NEEDED,
            others=frozenset({"FailedOver", "NothingToDo", "Skipped", "Warned"}),
            decisive=rounds,
        ),
        parameters={"MinimumFailoverIntervalSeconds": "0"},
    )
