"""The active node's power is cut, and EC2 goes on calling it running: the standby takes over."""

from testbed.garoon.installation import HOME
from testbed.scenarios import network_loss
from testbed.scenarios.scenario import Scenario
from testbed.scenarios.stage import Stage


def break_it(stage: Stage) -> None:
    stage.cut_power(HOME)


SCENARIO = Scenario(
    name="power-loss",
    title="The active node's power is cut, and EC2 goes on calling it running: the standby takes over.",
    break_it=break_it,
    expected=network_loss.SCENARIO.expected,
)
