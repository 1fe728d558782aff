"""In service, out of service, restarted in place; and what stands in the way of it."""

from __future__ import annotations

import time

from tests.node.node import Cluster, wait_for


def test_a_started_node_serves_and_says_so(serving_cluster: Cluster) -> None:
    status = serving_cluster.first.status()

    assert status["isServing"]
    assert status["services"] == {"cyde_5_0": "running", "cyss_cbgrn": "running"}
    assert status["replication"]["link"] == "connected"
    assert status["hasVirtualIp"]
    assert status["isExported"]


def test_starting_again_disturbs_nothing(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    marks = [node.host.files.service_mark(name) for name in ("cyde_5_0", "cyss_cbgrn")]
    before = [mark.stat().st_mtime_ns for mark in marks]

    node.must("start")
    node.must("restart")
    node.must("promote")

    assert [mark.stat().st_mtime_ns for mark in marks] == before


def test_a_standby_starts_nothing(serving_cluster: Cluster) -> None:
    for verb in ("start", "restart"):
        report = serving_cluster.second.run(verb)
        assert (report.exit_code, report.result) == (1, "failed")
        assert "secondary" in report.message
        assert set(report.state["services"].values()) == {"stopped"}
        assert not report.state["hasVirtualIp"]


def test_a_killed_service_is_restarted_in_place(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.host.kill_service("cyde_5_0")
    assert not node.status()["isServing"]

    assert node.must("restart").state["isServing"]


def test_a_service_that_does_not_start_is_named(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.host.set_fault("service_broken", ["cyss_cbgrn"])
    node.host.kill_service("cyss_cbgrn")

    report = node.run("restart")

    assert (report.exit_code, report.result) == (1, "failed")
    assert "cyss_cbgrn does not start" in report.message


def test_a_database_that_accepts_and_says_nothing_does_not_serve(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.set_local(START_SECONDS="2", STALL_SECONDS="0")
    node.host.set_fault("database", "silent")

    status = node.status()
    report = node.run("restart")

    assert status["services"]["cyde_5_0"] == "running"
    assert not status["databaseAnswers"]
    assert not status["isServing"]
    assert "does not answer on port 3770" in report.message


def test_a_node_with_a_hung_database_is_demoted(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.host.set_fault("database", "silent")

    status = node.must("demote").state

    assert status["replication"]["role"] == "secondary"
    assert not status["isMounted"]
    assert not status["hasVirtualIp"]
    assert not status["isExported"]
    assert not status["wasActive"]


def test_a_node_that_can_not_unmount_is_not_called_demoted(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    node.host.set_fault("unmount_fails", True)

    report = node.run("demote")

    assert (report.exit_code, report.result) == (1, "failed")
    assert "busy" in report.message
    assert report.state["replication"]["role"] == "primary"
    assert report.state["wasActive"]


def test_demoting_twice_is_demoting_once(serving_cluster: Cluster) -> None:
    serving_cluster.first.must("demote")
    serving_cluster.first.must("demote")


def test_a_stopped_node_keeps_its_role_and_its_volume(serving_cluster: Cluster) -> None:
    status = serving_cluster.first.must("stop").state

    assert set(status["services"].values()) == {"stopped"}
    assert not status["isExported"]
    assert status["isMounted"]
    assert status["wasActive"]


def test_what_was_acknowledged_is_there_after_a_move(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    assert first.say(3770, "PUT memo-1 5feceb66") == "OK"
    assert first.say(2049, "PUT test.txt aGVsbG8=") == "OK"

    first.must("demote", Epoch="2")
    active_cluster.activate(second, epoch="2")

    assert second.say(3770, "GET memo-1") == "5feceb66"
    assert second.say(2049, "GET test.txt") == "aGVsbG8="
    assert second.say(3770, "GET memo-2") == "NONE"


def test_what_was_acknowledged_is_there_after_a_crash(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    assert first.say(3770, "PUT memo-1 5feceb66") == "OK"

    first.host.power_off()
    active_cluster.activate(second, epoch="2")

    assert second.say(3770, "GET memo-1") == "5feceb66"


def test_a_daemon_that_keeps_its_output_open_does_not_hold_the_command(active_cluster: Cluster) -> None:
    """Run Command waits until nobody holds the command's output; a service must outlive it."""
    node = active_cluster.first
    script = node.host.files.root / "etc/init.d/cyss_cbgrn"
    real = script.with_name("real") / "cyss_cbgrn"
    real.parent.mkdir()
    script.rename(real)
    script.write_text(f'#!/bin/bash\n[[ $1 == start ]] && {{ sleep 300 & }}\nexec {real} "$@"\n')
    script.chmod(0o755)
    node.host.kill_service("cyss_cbgrn")
    began = time.monotonic()

    node.must("restart")

    assert time.monotonic() - began < 15
    # The lock must not have gone to the daemon either.
    node.must("start")


def test_two_commands_at_a_time_are_done_one_after_the_other(cluster: Cluster) -> None:
    node = cluster.first
    result = node.host.deliver(
        'promote() { SSM_Verb=promote "$GAROON_NODE_ROOT/usr/local/sbin/garoon-node"; }\n'
        "promote & promote & promote & wait",
        {},
        60,
    )

    assert result.stdout.count('"code":"done"') == 3, result
    assert cluster.mirror.read().replicas["db-01"].role == "primary"


def test_a_command_behind_a_stuck_one_is_told_that_the_node_is_busy(cluster: Cluster) -> None:
    node = cluster.first
    node.set_local(LOCK_WAIT_SECONDS="1")
    node.host.deliver('(flock 9; exec sleep 300 >/dev/null 2>&1) 9>>"$GAROON_NODE_ROOT/run/garoon-node.lock" &', {}, 5)

    report = node.run("promote")

    assert (report.exit_code, report.result, report.code) == (14, "refused", "busy")
    assert node.status()["replication"]["role"] == "secondary"


def test_a_verb_cut_off_halfway_is_finished_by_the_next_one(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    script = node.host.files.root / "usr/local/sbin/garoon-node"
    for milliseconds in (50, 120, 200, 300):
        node.host.deliver(f"timeout -s KILL 0.{milliseconds:03d} {script} demote", {}, 20)
        node.must("promote")
        assert node.must("start").state["isServing"]

    assert node.must("demote").state["replication"]["role"] == "secondary"
    wait_for("in sync", serving_cluster.is_in_sync)
