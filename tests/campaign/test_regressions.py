"""What once broke a promise does not again."""

import pytest

from testbed.campaign import cases
from testbed.campaign.install import Controller
from testbed.campaign.regressions import CASES, WALKS
from testbed.campaign.walk import run_walk


@pytest.mark.parametrize("name", CASES)
def test_case_keeps_its_promises_now(controller: Controller, name: str) -> None:
    report = cases.run(controller, CASES[name])
    assert report.has_fired, "the fault found no occasion: the case shows nothing any more"
    assert report.broken == ()


@pytest.mark.parametrize("name", WALKS)
def test_walk_keeps_its_promises_now(controller: Controller, name: str) -> None:
    assert run_walk(controller, WALKS[name], name).broken == []
