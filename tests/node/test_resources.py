"""What is in service is as configured: other services, their scripts, other exports, another port."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.conftest import running_cluster
from tests.node.node import Cluster, Node, wait_for
from tests.node.test_arguments import INSTALL, run

SERVICES = "cyde_5_0,cyss_cbgrn,/opt/search:on-failure=warn,/opt/mail:stop=5:check=1,index.service"
"""Cybozu's two, a search server that Garoon serves without, one that it needs, and a systemd unit."""
SCRIPTS = {
    "restore": 'echo "restore $0" >>"$GAROON_NODE_ROOT/run/calls"; touch "$GAROON_NODE_ROOT/run/is-up-NAME"',
    "remove": 'echo "remove $0" >>"$GAROON_NODE_ROOT/run/calls"; rm -f "$GAROON_NODE_ROOT/run/is-up-NAME"',
    "quickCheck": 'test -e "$GAROON_NODE_ROOT/run/is-up-NAME"',
    "recover": 'echo "recover $0" >>"$GAROON_NODE_ROOT/run/calls"; touch "$GAROON_NODE_ROOT/run/is-up-NAME"',
}


def write_script(node: Node, service: str, name: str, text: str) -> None:
    script = node.host.files.root / "opt" / service / name
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f"#!/bin/sh\n{text.replace('NAME', service)}\n")
    script.chmod(0o755)


def is_up(node: Node, service: str) -> Path:
    return node.host.files.root / "run" / f"is-up-{service}"


def calls(node: Node) -> list[str]:
    """Which scripts ran, as `restore search`."""
    file = node.host.files.root / "run/calls"
    lines = file.read_text().splitlines() if file.exists() else []
    return [f"{line.split()[0]} {Path(line.split()[1]).parent.name}" for line in lines]


@pytest.fixture
def shaped(serving_cluster: Cluster) -> Iterator[Cluster]:
    """The serving pair with all of SERVICES, each of them up."""
    for node in (serving_cluster.first, serving_cluster.second):
        for service in ("search", "mail"):
            for name, text in SCRIPTS.items():
                write_script(node, service, name, text)
        write_script(node, "index", "run", "exit 0")
        unit = node.host.files.root / "etc/systemd/system/index.service"
        unit.write_text("[Service]\nExecStart=/opt/index/run\n")
        node.set_local(SERVICES=SERVICES, START_SECONDS="60")
    serving_cluster.first.must("start")
    yield serving_cluster
    for node in (serving_cluster.first, serving_cluster.second):
        node.forget_local("SERVICES")
        root = node.host.files.root
        for service in ("search", "mail", "index"):
            shutil.rmtree(root / "opt" / service)
            is_up(node, service).unlink(missing_ok=True)
        (root / "etc/systemd/system/index.service").unlink()
        (root / "run/calls").unlink(missing_ok=True)


def test_every_kind_of_service_is_started_and_named_in_its_order(shaped: Cluster) -> None:
    status = shaped.first.status()

    assert list(status["services"]) == ["cyde_5_0", "cyss_cbgrn", "search", "mail", "index.service"]
    assert set(status["services"].values()) == {"running"}
    assert status["onlyWarning"] == ["search"]
    assert status["isServing"]
    assert calls(shaped.first) == ["restore search", "restore mail"]


def test_starting_again_runs_no_script_of_what_is_up(shaped: Cluster) -> None:
    shaped.first.must("start")
    shaped.first.must("restart")

    assert calls(shaped.first) == ["restore search", "restore mail"]


def test_what_only_warns_takes_nobody_out_of_service(shaped: Cluster) -> None:
    is_up(shaped.first, "search").unlink()

    status = shaped.first.status()

    assert status["services"]["search"] == "stopped"
    assert status["isServing"]


def test_what_only_warns_and_does_not_start_keeps_no_verb_from_its_end(shaped: Cluster) -> None:
    is_up(shaped.first, "search").unlink()
    write_script(shaped.first, "search", "recover", "exit 1")
    write_script(shaped.first, "search", "restore", "exit 1")

    assert shaped.first.must("restart").state["isServing"]
    assert shaped.first.must("demote").state["services"]["search"] == "stopped"
    shaped.first.must("promote")
    assert shaped.first.must("start").state["isServing"]


def test_a_needed_service_that_fails_is_brought_back_by_its_own_recover(shaped: Cluster) -> None:
    is_up(shaped.first, "mail").unlink()
    assert shaped.first.status()["isServing"] is False

    assert shaped.first.must("restart").state["isServing"]

    assert calls(shaped.first)[2:] == ["recover mail"]


def test_a_recover_that_says_no_is_believed(shaped: Cluster) -> None:
    """LifeKeeper moves the role then, and so does the controller when `restart` has failed."""
    is_up(shaped.first, "mail").unlink()
    write_script(shaped.first, "mail", "recover", "exit 1")

    report = shaped.first.run("restart")

    assert (report.exit_code, report.result) == (1, "failed")
    assert "mail does not start on db-01: its restore script ended with code 1" in report.message


def test_a_quick_check_that_takes_too_long_says_nothing(shaped: Cluster) -> None:
    """As under LifeKeeper, which then tries again and takes the resource for what it was."""
    write_script(shaped.first, "mail", "quickCheck", "exec sleep 60")

    status = shaped.first.status()

    assert status["services"]["mail"] == "unknown"
    assert status["isServing"] is None
    write_script(shaped.first, "mail", "quickCheck", SCRIPTS["quickCheck"])


def test_a_demoted_node_has_stopped_all_of_them_in_reverse(shaped: Cluster) -> None:
    status = shaped.first.must("demote").state

    assert set(status["services"].values()) == {"stopped"}
    assert calls(shaped.first)[2:] == ["remove mail", "remove search"]


def test_a_unit_that_the_system_starts_at_boot_is_told(shaped: Cluster) -> None:
    link = shaped.first.host.files.root / "etc/systemd/system/multi-user.target.wants/index.service"
    link.touch()

    assert shaped.first.status()["areServicesEnabledAtBoot"]
    link.unlink()
    assert not shaped.first.status()["areServicesEnabledAtBoot"]


EXPORTS = ("www/cgi-bin/cbgrn_01/sessiondata", "cybozu/files", "cybozu/archive")
IDENTIFIER = {
    "Services": "cyde_5_0_cbgrn_1,cyss_cbgrn,cyss_cbgrn_01",
    "DatabasePort": "3771",
    "Exports": ",".join(f"{path}:{number}" for number, path in enumerate(EXPORTS, 11)),
}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Cluster]:
    """An installation with another identifier: other names, another port, three exports."""
    shape = {"services": tuple(IDENTIFIER["Services"].split(",")), "exports": EXPORTS, "database_port": 3771}
    with running_cluster(tmp_path / "world", shape, **IDENTIFIER) as nodes:
        yield nodes


def exported(node: Node) -> list[str]:
    lines = (node.host.files.root / "var/lib/nfs/etab").read_text().splitlines()
    return sorted({line.split()[0] for line in lines})


def test_another_identifier_is_served_moved_and_restarted_as_ever(other: Cluster) -> None:
    other.activate()
    first, second = other.first, other.second
    assert first.status()["isServing"]
    assert exported(first) == sorted(f"/mnt/DIR1/{path}" for path in EXPORTS)
    assert first.say(3771, "PUT memo-1 5feceb66") == "OK"

    # Whose name begins with another's is another.
    mark = first.host.files.service_mark("cyss_cbgrn_01").stat().st_mtime_ns
    first.host.kill_service("cyss_cbgrn")
    assert first.must("restart").state["isServing"]
    assert first.host.files.service_mark("cyss_cbgrn_01").stat().st_mtime_ns == mark

    first.host.kill_service("cyss_cbgrn_01")
    assert first.status()["isServing"] is False
    assert first.must("restart").state["services"] == dict.fromkeys(IDENTIFIER["Services"].split(","), "running")

    first.must("demote", Epoch="2")
    other.activate(second, epoch="2")

    assert exported(first) == []
    assert second.say(3771, "GET memo-1") == "5feceb66"
    # What the new active node says after a boot is what it was installed with.
    second.host.power_off()
    second.host.boot()
    second.host.wait_until_ready()
    wait_for("the node up again", lambda: list(second.status()["services"]) == IDENTIFIER["Services"].split(","))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Services", "cyde_5_0,cyss_cbgrn,cyde_5_0", "Services names cyde_5_0 twice"),
        ("Services", "cyde_5_0,/opt/search,search", "Services names search twice"),
        ("Services", "cyde_5_0:on-failure=warn", "is the database, without which nothing serves"),
        ("Exports", "files:1,sessions:1", "the file system id 1 twice"),
        ("Exports", "files:1,files:2", "Exports names files twice"),
        ("Services", "cyde_5_0, cyss_cbgrn", "The value of Services is not allowed"),
        ("Services", "/opt/../etc", "The value of Services is not allowed"),
        ("Services", "cyss:check=60", "The value of Services is not allowed"),
        ("Services", "cyss:on-failure=ignore", "The value of Services is not allowed"),
        ("Exports", "../etc:1", "The value of Exports is not allowed"),
        ("Exports", "files", "The value of Exports is not allowed"),
    ],
)
def test_a_list_that_can_not_be_used_installs_nothing(tmp_path: Path, name: str, value: str, why: str) -> None:
    report = run(tmp_path, Verb="install", **{**INSTALL, name: value})

    assert (report.exit_code, report.code) == (2, "bad_arguments")
    assert why in report.message
    assert list(tmp_path.iterdir()) == []


def test_other_lists_reach_a_node_in_service_and_restart_nothing(active_cluster: Cluster) -> None:
    first, second = active_cluster.first, active_cluster.second
    marks = [first.host.files.service_mark(name) for name in ("cyde_5_0", "cyss_cbgrn")]
    before = [mark.stat().st_mtime_ns for mark in marks]
    for name, text in SCRIPTS.items():
        write_script(first, "mail", name, text)
        write_script(second, "mail", name, text)
    (first.host.files.volume / "cybozu/archive").mkdir()
    is_up(first, "mail").touch()
    lists = {"Services": "cyde_5_0,cyss_cbgrn,/opt/mail", "Exports": "cybozu/mysql-5.0/files:3772,cybozu/archive:3773"}

    for node in (first, second):
        assert node.install(**lists).result == "done"

    status = first.status()
    assert status["services"]["mail"] == "running"
    assert status["configured"] == {**lists, "DatabasePort": "3770"}
    assert status["isServing"]
    assert exported(first) == ["/mnt/DIR1/cybozu/archive", "/mnt/DIR1/cybozu/mysql-5.0/files"]
    assert [mark.stat().st_mtime_ns for mark in marks] == before
    assert calls(first) == []
    assert "mail" in second.status()["services"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Services", "cyde_5_0,cyss_cbgrn,cyss_cbgrn_01", "cyss_cbgrn_01 is stopped"),
        ("Exports", "cybozu/nowhere:1", "there is no directory /mnt/DIR1/cybozu/nowhere"),
        ("DatabasePort", "3771", "the database does not answer on port 3771"),
    ],
)
def test_a_node_in_service_takes_no_list_by_which_it_would_not_serve(
    serving_cluster: Cluster, name: str, value: str, why: str
) -> None:
    node = serving_cluster.first
    before = node.status()

    report = node.install(**{name: value})

    assert (report.exit_code, report.result) == (2, "refused")
    assert why in report.message
    assert "db-01 is active" in report.message
    after = node.status()
    assert after["configured"] == before["configured"]
    assert after["isServing"], after


def test_a_node_in_service_that_fails_is_installed_with_the_lists_it_has(serving_cluster: Cluster) -> None:
    """The daily installation must not be stopped by what the controller is about to repair."""
    node = serving_cluster.first
    node.host.kill_service("cyss_cbgrn")

    assert node.install().result == "done"


def test_a_node_in_service_of_before_there_were_lists_takes_the_default_ones_and_restarts_nothing(
    serving_cluster: Cluster,
) -> None:
    """An update of the stack: the settings that the script of before wrote name no services and no exports."""
    node = serving_cluster.first
    settings = node.host.files.root / "etc/garoon-node.conf"
    of_before = [line for line in settings.read_text().splitlines() if not line.startswith(("SERVICES=", "EXPORTS="))]
    settings.write_text("".join(f"{line}\n" for line in of_before))
    marks = [node.host.files.service_mark(name) for name in ("cyde_5_0", "cyss_cbgrn")]
    before = [mark.stat().st_mtime_ns for mark in marks], exported(node), node.status()["services"]

    report = node.install(
        Services="cyde_5_0,cyss_cbgrn",
        Exports="www/cgi-bin/cbgrn/sessiondata:3771,cybozu/mysql-5.0/files:3772",
    )

    assert report.result == "done"
    assert not [line for line in report.stderr.splitlines() if "starting" in line or "stopping" in line]
    assert ([mark.stat().st_mtime_ns for mark in marks], exported(node), node.status()["services"]) == before
    assert node.status()["configured"]["Services"] == "cyde_5_0,cyss_cbgrn"


def test_what_an_operator_has_set_on_the_node_is_no_new_list(active_cluster: Cluster) -> None:
    """Its own settings stand above the stack's: no installation asks for the stack's port, or withdraws its exports."""
    node = active_cluster.first
    before = exported(node)
    node.set_local(DATABASE_PORT="3770", EXPORTS="cybozu/mysql-5.0/files:3772")

    report = node.install(DatabasePort="3771", Exports="cybozu/archive:9")

    assert report.result == "done"
    assert exported(node) == before


def test_the_watch_tells_of_what_only_warns(active_cluster: Cluster) -> None:
    """The metric of an alarm that notifies; it is not sent where there is nothing of the kind."""
    node = active_cluster.first
    beats = node.host.files.root / "run/garoon-node-beats.log"
    wait_for("the watch at work", lambda: '"ServicesHealthy":1' in beats.read_text())
    assert "WarnedServicesHealthy" not in beats.read_text()
    for name, text in SCRIPTS.items():
        write_script(node, "search", name, text)
    is_up(node, "search").touch()

    assert node.install(Services="cyde_5_0,cyss_cbgrn,/opt/search:on-failure=warn").result == "done"

    wait_for("it up", lambda: '"WarnedServicesHealthy":1' in beats.read_text())
    is_up(node, "search").unlink()
    wait_for("it stopped", lambda: '"WarnedServicesHealthy":0' in beats.read_text())
    assert node.status()["isServing"]
