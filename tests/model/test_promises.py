"""No order of events breaks a promise, as far as the model goes; and a defect would be found and told."""

import pytest

from testbed.model.code import Code
from testbed.model.defects import DEFECTS, Defect, find
from testbed.model.explore import explore
from testbed.model.scopes import LIMIT, SCOPES, Scope, make_system
from testbed.model.workflow import read_tasks


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_no_order_of_events_breaks_a_promise(scope: Scope, code: Code) -> None:
    result = explore(make_system(code, scope), scope.start, limit=LIMIT)
    assert result.finding is None, f"\n{result.finding}"
    assert result.states > 1_000, "too few to have been an exploration"


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_breaks_a_promise_and_how_is_told(defect: Defect, code: Code) -> None:
    finding = find(code, defect)
    assert finding is not None, defect.what
    story = str(finding)
    print(story)
    assert "execution 1 starts with" in story
    assert story.endswith(f"=> {finding.broken}")


def test_every_step_of_the_workflow_is_explored(code: Code) -> None:
    """A step that no exploration comes to would be promised nothing."""
    visited: set[str] = set()
    for scope in (Scope("service", 1, 1), Scope("off", 1, 1), Scope("came-back-alone", 1, 0)):
        visited |= explore(make_system(code, scope), scope.start, limit=LIMIT, checks_liveness=False).visited
    assert visited >= read_tasks("failover")
