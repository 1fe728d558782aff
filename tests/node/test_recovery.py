"""A service is begun once, in a unit of its own, and waited for as long as it is on its way."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from tests.node.node import Cluster, Node, wait_for

DATABASE, SCHEDULER = "cyde_5_0", "cyss_cbgrn"


def starts(node: Node, service: str = DATABASE) -> int:
    """How often a process of the service was begun on the host."""
    log = node.host.files.root / f"var/log/{service}.log"
    return log.read_text().count(f"{service} begins") if log.exists() else 0


def replace_init_script(node: Node, service: str, text: str) -> Path:
    """Puts a bash script in the place of the service's; `real` in it is the one that was there."""
    script = node.host.files.root / "etc/init.d" / service
    real = script.with_name("real") / service
    if not real.is_symlink():
        real.parent.mkdir(exist_ok=True)
        script.rename(real)
    script.unlink(missing_ok=True)
    script.write_text(f"#!/bin/bash\nreal={real}\n{text}\n")
    script.chmod(0o755)
    return script


def test_a_recovery_that_takes_long_is_waited_for_and_begun_once(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.set_local(START_SECONDS="1", STALL_SECONDS="5", SERVICE_SECONDS="2")
    node.host.kill_service(DATABASE)
    node.host.set_fault("recovery_seconds", 8)
    began = starts(node)

    reports = [node.run("restart")]
    assert node.status()["services"][DATABASE] == "starting"
    while reports[-1].result == "pending":
        reports.append(node.run("restart"))

    assert len(reports) > 2
    for report in reports[:-1]:
        assert (report.exit_code, report.code) == (19, "recovering")
        assert re.search(r"\d+ s since its start, \d+ MiB read, \d+ MiB written", report.message)
    # What is said is older than the state beside it: the recovery may have ended in between.
    assert not any(report.state["isServing"] for report in reports[:-2])
    percents = [int(found[1]) for report in reports if (found := re.search(r"percents: (\d+)", report.message))]
    assert percents == sorted(percents)
    assert percents[-1] > 20
    assert reports[-1].state["isServing"], reports[-1]
    assert starts(node) == began + 1


def test_an_init_script_that_takes_longer_than_its_limit_is_never_signalled(active_cluster: Cluster) -> None:
    """What it started in its own process group would be signalled with it, and a second start would follow."""
    node = active_cluster.first
    node.set_local(START_SECONDS="1", STALL_SECONDS="5", SERVICE_SECONDS="1")
    mark = node.host.files.root / "var/log/begun"
    replace_init_script(
        node,
        DATABASE,
        f"""if [[ $1 == start ]]; then
    echo "$$" >>{mark}
    sleep 777 &
    echo "$!" >>{mark}
    sleep 6
fi
exec "$real" "$@\"""",
    )
    node.host.kill_service(DATABASE)

    assert node.run("restart").code == "recovering"
    assert node.run("restart").code == "recovering"
    wait_for("the start's end", lambda: node.run("restart").result == "done")

    _, left_running = mark.read_text().split()  # one start: two numbers
    assert Path(f"/proc/{left_running}").exists()
    os.kill(int(left_running), 9)


def test_a_database_that_dies_while_it_recovers_is_named_with_its_reason(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.set_local(START_SECONDS="1", STALL_SECONDS="5")
    node.host.kill_service(DATABASE)
    node.host.set_fault("recovery_seconds", 30)
    assert node.run("restart").code == "recovering"
    node.host.kill_service(DATABASE)

    wait_for("the start's end", lambda: node.status()["services"][DATABASE] == "stopped")
    node.host.set_fault("service_broken", [DATABASE])
    report = node.run("start")

    assert (report.exit_code, report.result) == (1, "failed")
    assert "its init script ended with code 1, and nothing of it runs" in report.message


def test_a_database_of_which_nothing_moves_is_given_up(active_cluster: Cluster) -> None:
    node = active_cluster.first
    node.set_local(START_SECONDS="1", STALL_SECONDS="3")
    node.host.kill_service(DATABASE)
    node.host.set_fault("database", "silent")

    reports = [node.run("restart")]
    deadline = time.monotonic() + 30
    while reports[-1].result == "pending":
        assert time.monotonic() < deadline
        reports.append(node.run("restart"))

    assert len(reports) > 1
    assert "nothing of it moves" in reports[-1].message


def test_a_recovering_database_is_stopped_before_the_volume_goes(active_cluster: Cluster) -> None:
    """Its init script says that it does not run; the process list knows better."""
    node = active_cluster.first
    node.set_local(START_SECONDS="1", STALL_SECONDS="5")
    node.host.kill_service(DATABASE)
    node.host.set_fault("recovery_seconds", 60)
    assert node.run("restart").code == "recovering"

    status = node.must("demote").state

    assert set(status["services"].values()) == {"stopped"}
    assert status["replication"]["role"] == "secondary"


def test_a_status_that_takes_long_is_no_word(active_cluster: Cluster) -> None:
    node = active_cluster.first
    for service in (DATABASE, SCHEDULER):
        replace_init_script(node, service, '[[ $1 == status ]] && sleep 15\nexec "$real" "$@"')

    assert node.status()["services"] == {DATABASE: "running", SCHEDULER: "running"}
    node.must("restart")
    assert (starts(node), starts(node, SCHEDULER)) == (1, 1)
    status = node.must("stop").state

    assert status["services"] == {DATABASE: "stopped", SCHEDULER: "stopped"}
    assert not node.host.files.service_mark(DATABASE).exists()


def test_a_stop_has_its_time(active_cluster: Cluster) -> None:
    node = active_cluster.first
    replace_init_script(node, DATABASE, '[[ $1 == stop ]] && sleep 4\nexec "$real" "$@"')

    began = time.monotonic()
    node.must("demote")

    assert time.monotonic() - began > 4
    assert not node.host.files.service_mark(DATABASE).exists()


def test_a_pid_file_of_a_dead_node_harms_nobody(active_cluster: Cluster) -> None:
    """It names a process that has nothing to do with the service; so would its init script."""
    node = active_cluster.first
    root = node.host.files.root
    innocent = root / "proc/7000777"
    (innocent / "fd").mkdir(parents=True)
    (innocent / "cmdline").write_text("/usr/sbin/crond\0-n\0")
    pid_file = node.host.files.volume / "cybozu/cyss/cyss.pid"
    pid_file.parent.mkdir(exist_ok=True)
    killed = root / "var/log/killed"
    replace_init_script(
        node,
        SCHEDULER,
        f"""pid={root}/mnt/DIR1/cybozu/cyss/cyss.pid
case $1 in
status) [[ -e $pid ]] || exec "$real" "$@" ;;
start) [[ -e $pid ]] || exec "$real" "$@" ;;
stop) [[ ! -e $pid ]] || cat "$pid" >>{killed}; exec "$real" "$@" ;;
esac""",
    )
    node.must("stop")
    pid_file.write_text("7000777\n")

    assert node.must("start").state["isServing"]
    assert starts(node, SCHEDULER) == 2
    assert pid_file.with_name("cyss.pid.left").exists()
    pid_file.write_text("7000777\n")
    node.must("stop")

    assert not killed.exists()


def test_a_pid_file_of_a_living_process_stays(active_cluster: Cluster) -> None:
    node = active_cluster.first
    number = node.host.files.service_process(DATABASE).name
    pid_file = node.host.files.volume / "cybozu/mysql-5.0/data/db.pid"
    pid_file.write_text(f"{number}\n")

    node.must("restart")

    assert pid_file.exists()


def test_services_live_in_units_of_their_own(active_cluster: Cluster) -> None:
    """Not in the environment, the folder or the process group of the command that started them."""
    node = active_cluster.first
    found = node.host.files.root / "var/log/found"
    replace_init_script(
        node,
        SCHEDULER,
        f"""if [[ $1 == start ]]; then
    {{ env; echo "FOLDER=$PWD"; echo "FILES=$(ulimit -n)"; echo "GROUP=$(ps -o pgid= $$)"; }} >{found}
fi
exec "$real" "$@\"""",
    )
    node.host.kill_service(SCHEDULER)

    node.must("restart", Epoch="1")

    lines = dict(line.partition("=")[::2] for line in found.read_text().splitlines())
    assert not [name for name in lines if name.startswith(("SSM_", "LC_"))]
    assert lines["FOLDER"] == "/"
    assert int(lines["FILES"]) >= 4096
    assert lines["SYSTEMCTL_SKIP_REDIRECT"] == lines["_SYSTEMCTL_SKIP_REDIRECT"] == "1"
    assert int(lines["GROUP"]) != os.getpgid(os.getpid())


def test_a_unit_that_something_refers_to_is_no_obstacle(active_cluster: Cluster) -> None:
    """systemd goes on knowing it when it has ended, and lets nobody make it anew."""
    node = active_cluster.first
    (node.host.files.root / "etc/systemd/system/other.service").write_text("[Unit]\nAfter=garoon-cyde_5_0.service\n")

    for _ in range(2):
        node.host.kill_service(DATABASE)
        node.must("restart")
        wait_for("db-01 in service", lambda: node.status()["isServing"])
    assert starts(node) == 3


def test_no_unit_of_ours_refers_to_a_service(active_cluster: Cluster) -> None:
    for file in (active_cluster.first.host.files.root / "etc/systemd/system").glob("garoon-node-*.service"):
        assert "garoon-cy" not in file.read_text()


def test_without_systemd_a_service_has_a_session_of_its_own(active_cluster: Cluster) -> None:
    node = active_cluster.first
    (node.host.files.root / "run/systemd/system").rmdir()
    node.host.kill_service(DATABASE)

    report = node.must("restart")

    assert report.state["isServing"]
    assert "no systemd here" in report.stderr
