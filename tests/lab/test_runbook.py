"""The way over from LifeKeeper: what the lab runs is what the page says, and it can be read in no other way."""

import re
from fnmatch import fnmatch

import pytest

from testbed.garoon.installation import HOME, STANDBY
from testbed.lab.runbook import OPERATOR, PAGE, Command, RunbookError, read_runbook
from testbed.stack.deployment import REPOSITORY

STEP = """
## 1. Do it

**Do.** In good order.

```console
both# one
$ two
```

**Check.**

```console
db-02# three
```

**Back.** None.

## And so on

```console
# not a step's
```
"""


def test_a_step_says_who_runs_what() -> None:
    [step] = read_runbook(STEP)

    assert step.do == (Command(HOME, "one"), Command(STANDBY, "one"), Command(OPERATOR, "two"))
    assert step.check == (Command(STANDBY, "three"),)
    assert step.back == ()


@pytest.mark.parametrize(
    "change",
    [("## 1.", "## 2."), ("**Check.**", "**Look.**"), ("db-02# three", "three"), ("db-02# three\n", "")],
)
def test_what_cannot_be_run_as_it_is_written_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(RunbookError):
        read_runbook(STEP.replace(*change))


def test_every_step_of_the_page_but_the_waiting_has_its_way_back() -> None:
    steps = read_runbook()

    assert [step.number for step in steps if not step.back] == [6]
    assert steps[5].title == "Wait for db-02"


def test_the_table_of_the_page_has_its_steps() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert [f"{step.number}. {step.title}" for step in read_runbook()] == [row for row in rows if row[0].isdigit()]


def test_nothing_but_db_01_is_mounted_or_promoted_on_the_way() -> None:
    for command in (one for step in read_runbook() for one in step.do):
        is_serving = command.text.startswith(("drbdadm primary", "garoon-node promote", "garoon-node start"))
        assert not is_serving or command.place == HOME, command


def written_by_the_node_script() -> set[str]:
    """What it keeps on a node, but for what operators set there; /run is as new after the next boot."""
    text = (REPOSITORY / "node/garoon-node.sh").read_text()
    files = re.findall(r'"\$ROOT(/(?:etc|usr|var)/[^"$*]*garoon-node[^"$*]*)"', text)
    units = re.findall(r'"\$UNIT_DIRECTORY/([^"$*]*garoon-node[^"$*]*)"', text)
    return {*files, *(f"/etc/systemd/system/{unit}" for unit in units)} - {"/etc/garoon-node.local.conf"}


def test_nothing_of_the_stack_is_left_by_who_takes_it_away() -> None:
    written = written_by_the_node_script()
    assert len(written) >= 9
    for page in (PAGE, REPOSITORY / "docs/operations.md"):
        removals = re.findall(r"^(?:both)?# rm -r (.+)$", page.read_text(), re.MULTILINE)
        patterns = " ".join(removals).split()
        left = {path for path in written if not any(fnmatch(path, pattern) for pattern in patterns)}
        assert not left, f"{page.name} leaves {sorted(left)}"
