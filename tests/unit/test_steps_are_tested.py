"""Every step has a unit test: one that calls it, not one that only mentions it."""

import ast
from pathlib import Path

from failover import steps

NO_STEPS = {"__init__", "proofs", "verbs"}
"""What the steps share; tested through them."""


def called_in(test: Path) -> set[str]:
    """The names of all functions that the file calls, or hands on to be called."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(ast.parse(test.read_text()))
        if isinstance(node, ast.Name | ast.Attribute)
    }


def test_every_step_is_called_by_a_unit_test() -> None:
    here = Path(__file__)
    called = set().union(*(called_in(test) for test in here.parent.glob("*.py") if test != here))
    modules = {path.stem for path in Path(str(steps.__file__)).parent.glob("*.py")} - NO_STEPS
    assert modules
    assert not modules - called, "steps that no unit test calls"
