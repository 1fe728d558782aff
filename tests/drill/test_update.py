"""A stack of before `Services` and `Exports` is updated while Garoon is in service, and nobody notices."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import scenarios
from testbed.garoon.installation import HOME, STANDBY
from testbed.run.bed import Testbed, running_testbed
from testbed.run.drill import run
from testbed.stack import deployment
from testbed.stack.deployment import REPOSITORY
from testbed.world.profiles import load_profile
from testbed.world.waiting import wait_until

BEFORE = "e5b319e"


@pytest.fixture
def bed_of_before(tmp_path: Path) -> Iterator[Testbed]:
    archive = subprocess.run(["git", "-C", str(REPOSITORY), "archive", BEFORE], capture_output=True)
    if archive.returncode:
        pytest.skip(f"This clone has no history that reaches back to {BEFORE}.")
    subprocess.run(["tar", "-x", "-C", str(tmp_path)], input=archive.stdout, check=True)
    with running_testbed(load_profile("fast"), print, product=tmp_path) as bed:
        yield bed


def test_a_stack_of_before_the_lists_is_updated_in_service(bed_of_before: Testbed) -> None:
    bed = bed_of_before
    drill = run(bed, scenarios.find("network-loss"))
    # The release of before mailed more than is news.
    more = ("asks for attention", "came beside our own message")
    assert [problem for problem in drill.problems if not any(words in problem for words in more)] == []
    bed.reset()
    files = bed.hosts[HOME].files
    marks = [files.service_mark(name) for name in ("cyde_5_0", "cyss_cbgrn")]
    started = [mark.stat().st_mtime_ns for mark in marks]
    before = bed._ask(HOME, "status")["status"]

    bed.stack = deployment.deploy(bed.clients, deployment.build(), {})

    def is_there() -> bool:
        return all("configured" in bed._ask(node, "status")["status"] for node in (HOME, STANDBY))

    wait_until(is_there, "the new script on both nodes", bed.patience_seconds)
    after = bed._ask(HOME, "status")["status"]
    assert [mark.stat().st_mtime_ns for mark in marks] == started, "nothing was restarted"
    assert after["isServing"]
    assert after["version"] != before["version"]
    assert not (set(before) - set(after)), "nothing that was told is missing"
    drill = run(bed, scenarios.find("network-loss"))
    assert drill.has_passed, drill.problems
