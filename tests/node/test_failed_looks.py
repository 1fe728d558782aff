"""An unknown is never a state: what a look could not see is told as null or Unknown, and changes nothing."""

from __future__ import annotations

import pytest

from tests.node.node import Cluster, Node, wait_for

NO_TEMPORARY_FILES = {"BASH_COMPAT": "5.0", "TMPDIR": "/proc"}
"""As on RHEL 7 and 8 with a full /tmp: here-strings of bash before 5.1 need a file, and there is no room for one."""


@pytest.mark.parametrize("verb", ["status", "restart", "demote"])
def test_a_full_tmp_hides_nothing_from_an_old_bash(active_cluster: Cluster, verb: str) -> None:
    report = active_cluster.first.run(verb, NO_TEMPORARY_FILES)

    assert (report.exit_code, report.result) == (0, "done")
    assert report.state["replication"]["role"] == ("secondary" if verb == "demote" else "primary")
    assert report.state["isServing"] is (verb != "demote")
    assert "temp file" not in report.stderr


def test_an_old_bash_promotes_and_starts_with_a_full_tmp(cluster: Cluster) -> None:
    for verb in ("promote", "start"):
        assert cluster.first.run(verb, NO_TEMPORARY_FILES).result == "done"

    assert cluster.first.status()["isServing"]


def test_a_role_that_can_not_be_read_changes_nothing(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.host.set_fault("hanging_commands", ["drbdsetup"])
    wait_for("the role unreadable", lambda: node.status()["replication"]["role"] == "unknown")
    assert node.status()["isServing"] is None

    for verb in ("restart", "start", "demote"):
        report = node.run(verb)
        assert (report.exit_code, report.result, report.code) == (18, "failed", "unknown")
        assert "nothing was changed" in report.message

    node.host.clear_faults()
    wait_for("the node as it was", lambda: node.status()["isServing"])
    node.must("demote")


def test_a_virtual_ip_that_can_not_be_looked_for_is_neither_there_nor_gone(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.host.set_fault("hanging_commands", ["ip"])

    status = node.status()

    assert status["hasVirtualIp"] is None
    assert status["isServing"] is None
    assert node.run("stop").result == "failed"


def test_something_else_on_the_mount_point_is_not_the_volume(cluster: Cluster) -> None:
    node = cluster.first
    node.host.set_fault("mount_point_covered", True)
    wait_for("the tmpfs mounted", lambda: "tmpfs" in mountinfo(node))
    assert node.status()["isMounted"] is False

    assert node.must("promote").state["isMounted"] is True

    assert mountinfo(node).splitlines()[-1].split()[2] == "147:0"


def test_a_volume_that_is_covered_does_not_serve(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.host.set_fault("mount_point_covered", True)
    wait_for("the tmpfs mounted", lambda: "tmpfs" in mountinfo(node))

    assert (node.status()["isMounted"], node.status()["isServing"]) == (False, False)


def mountinfo(node: Node) -> str:
    return (node.host.files.root / "proc/self/mountinfo").read_text()
