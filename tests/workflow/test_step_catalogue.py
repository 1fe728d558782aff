"""A step is added in five places, and one that is missing somewhere is named with the place."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from failover.step_catalogue import BY_STATE, STEPS, Step

from tests.workflow.step_gaps import CORE, ROOT, find_gaps

COPIED = ("functions", "layers", "node", "pyproject.toml", "statemachines", "template.yaml", "testbed", "tests")
LINE = """    Step(
        "AnnounceMove", "announce_move", "Tells that the role moves.", changes=True, phase="announce",
        retries=(waits(1, 5),), next_step="See the topic.",
    ),
"""
MODULE = '''"""Tell that the role moves."""

from failover.adapters import cluster_table
from failover.models import Value
from failover.runtime import StepInput
from failover.settings import Settings


class AnnounceMoveInput(StepInput):
    node: str


class Announced(Value):
    node: str


def announce_move(request: AnnounceMoveInput, settings: Settings) -> Announced:
    """Everybody knows. Raises LockLost."""
    cluster_table.require_lock(settings, request.execution)
    return Announced(node=request.node)
'''
HANDLER = """from failover.runtime import lambda_step
from failover.steps.announce_move import AnnounceMoveInput, announce_move

handler = lambda_step(AnnounceMoveInput)(announce_move)
"""


def add_line(root: Path) -> None:
    insert_before(root / CORE / "step_catalogue.py", '    Step(\n        "PromoteReplica"', LINE)


def add_module(root: Path) -> None:
    (root / CORE / "steps/announce_move.py").write_text(MODULE)


def add_folder(root: Path) -> None:
    (root / "functions/announce_move").mkdir()
    (root / "functions/announce_move/app.py").write_text(HANDLER)


def add_to_template(root: Path) -> None:
    """A function with its role, and the right to call it, as those of a step that changes nothing in AWS have them."""
    template = root / "template.yaml"
    text = template.read_text()
    text = re.sub(
        r"( +)(- !GetAtt |)PromoteReplica(FunctionArn: !GetAtt PromoteReplica|)Function\.Arn\n", _doubled, text
    )
    [function] = re.findall(r"^  CheckTargetsFunction:\n.*?(?=^  ConfirmStopFunction:)", text, re.MULTILINE | re.DOTALL)
    own = function.replace("CheckTargets", "AnnounceMove").replace("check_targets", "announce_move")
    own = own.replace("check-targets", "announce-move").replace(
        "elasticloadbalancing:DescribeTargetHealth", "dynamodb:GetItem"
    )
    own = own.replace('                  - "*"', "                  - !GetAtt ClusterTable.Arn")
    template.write_text(text.replace(function, own + function))


def _doubled(line: re.Match[str]) -> str:
    return line[0].replace("PromoteReplica", "AnnounceMove") + line[0]


def add_to_flows(root: Path) -> None:
    for flow in ("failover", "switchback"):
        insert_before(
            root / f"statemachines/src/{flow}.py",
            '            step(\n                "PromoteReplica"',
            '            step("AnnounceMove", {"node": "$target"}),\n',
        )


def insert_before(path: Path, place: str, text: str) -> None:
    content = path.read_text()
    assert content.count(place) == 1
    path.write_text(content.replace(place, text + place))


PLACES: dict[str, Callable[[Path], None]] = {
    "step_catalogue.py": add_line,
    "steps/announce_move.py": add_module,
    "functions/announce_move/app.py": add_folder,
    "template.yaml": add_to_template,
    "statemachines/src": add_to_flows,
}


def copy_with_step(root: Path, left_out: str = "") -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "lab"))
        else:
            shutil.copy(source, root / name)
    for place, add in PLACES.items():
        if place != left_out:
            add(root)


def run(root: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", *command], cwd=root, env={"PYTHONPATH": f"{root}/layers/failover_core", "PATH": "/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout.strip()


def test_no_step_is_missing_anywhere() -> None:
    assert find_gaps() == []


@pytest.mark.parametrize("left_out", PLACES)
def test_a_place_that_was_forgotten_is_named_and_no_other(left_out: str, tmp_path: Path) -> None:
    copy_with_step(tmp_path, left_out)
    gaps = run(tmp_path, "-m", "tests.workflow.step_gaps").splitlines()
    assert gaps
    assert all(left_out in gap and re.search("AnnounceMove|announce_move", gap) for gap in gaps), gaps


def test_a_step_that_stands_in_its_five_places_is_everywhere(tmp_path: Path) -> None:
    """Nothing else names it: those who know steps have it from the catalogue, and the tests of steps test it."""
    copy_with_step(tmp_path)
    assert run(tmp_path, "-m", "tests.workflow.step_gaps") == ""
    run(tmp_path, "-m", "statemachines.generate_workflows")
    run(tmp_path, "-c", KNOWS_IT)
    tests = (
        "tests/workflow/test_definition.py", "tests/workflow/test_permissions.py", "tests/unit/test_steps.py",
        "tests/unit/test_rehearsal.py",
    )  # fmt: skip
    told = run(
        tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k",
        "AnnounceMove or fresh or every_step or rehearsed_by_its_name or substituted",
    )  # fmt: skip
    assert int(re.findall(r"(\d+) passed", told)[0]) > 10


KNOWS_IT = """
from testbed.run import drill
from testbed.judges import oracle
from testbed.judges import phases
from testbed.stack.steps import CHANGING_STEPS, sample_input
from failover.conclusion import Progress, conclude
from failover.failure import Failure
from failover.steps.rehearse import REHEARSED
assert "AnnounceMove" in drill.CHANGING_STEPS and "AnnounceMove" in oracle.CHANGING_STEPS
assert phases._STEPS["AnnounceMove"] == "announce"
assert "announce_move" in REHEARSED
assert sample_input(CHANGING_STEPS["AnnounceMove"], execution="e", node="db-01", started_at="")["node"] == "db-01"
failure = Failure(step="AnnounceMove", error="Failed", cause="No.")
assert conclude(None, failure, Progress()).next_step == "See the topic."
"""


@pytest.mark.parametrize("step", STEPS, ids=BY_STATE)
def test_what_the_catalogue_says_of_a_step_is_what_its_module_does(step: Step) -> None:
    source = (ROOT / CORE / f"steps/{step.function}.py").read_text()
    orders = "obey(" in source or "bring_into_service(" in source
    assert step.changes == (orders or "require_lock(" in source), "whoever changes something looks at the lock first"
    assert step.orders_node == orders, "a node that is given an order may not see how it is"
    assert step.begins_epoch == ("begin_move(" in source)


def test_nothing_else_keeps_a_list_of_steps() -> None:
    """Four in one file are a list that the next step would be missing in."""
    order_of_a_seeded_defect = {"testbed/model/defects.py"}
    what_the_command_would_do = {"cli/garoon_failover/plan.py"}
    found = set()
    for folder in ("layers/failover_core/failover", "testbed", "benchmarks", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            names = {step.state for step in STEPS if f'"{step.state}"' in text}
            names |= {step.function for step in STEPS if f'"{step.function}"' in text}
            if len(names) >= 4:
                found.add(str(path.relative_to(ROOT)))
    assert found == {f"{CORE}/step_catalogue.py"} | order_of_a_seeded_defect | what_the_command_would_do
