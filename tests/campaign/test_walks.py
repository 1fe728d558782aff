"""Random walks: few here, many with `python -m testbed.campaign --walks N`; and those that once broke a promise."""

from testbed.campaign.install import Controller
from testbed.campaign.machine import run_walks


def test_random_walks_break_no_promise(controller: Controller) -> None:
    ends, error = run_walks(controller, count=30, first_seed=0)
    assert error is None, str(error)
    assert len(ends) >= 30
