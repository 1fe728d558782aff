"""Every scenario, on the fast profile, with the deployed roles enforced: the same drills that `make drill` runs."""

import pytest

from testbed import scenarios
from testbed.run.bed import Testbed
from testbed.run.drill import keep, run
from testbed.run.view import format_moment
from testbed.scenarios.scenario import Scenario


@pytest.mark.parametrize("scenario", scenarios.ALL.values(), ids=scenarios.ALL.keys())
def test_scenario(bed: Testbed, scenario: Scenario) -> None:
    result = run(bed, scenario)
    if not result.has_passed:
        keep(bed, result)
    story = "\n".join(format_moment(moment, result.broken_at) for moment in result.moments)
    assert result.has_passed, f"{result.sentence()}\n{story}"
