"""`garoon-failover verify` breaks nothing that nobody agreed to, and says of each line what it saw."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from failover.adapters import alarms, cluster_table, executions, isolation, routes
from failover.adapters.alarms import Alarm
from failover.adapters.execution_history import Execution, Step
from failover.adapters.isolation import SubnetAcl
from failover.adapters.routes import RouteEntry
from failover.errors import CloudUnavailable
from failover.finding import Finding, Severity
from failover.models import ClusterRecord, Outcome, OutcomeKind
from failover.readiness import alarm_names
from failover.settings import Settings, read_settings
from failover.steps.check_readiness import Readiness
from garoon_failover import drills, installation, output, verification
from garoon_failover import verify as command
from garoon_failover.drills import Probe, outages_of, run_drill
from garoon_failover.errors import CommandError, ExitCode, UsageError
from garoon_failover.verification import Line, verify

from tests.cli.conftest import run
from tests.unit.conftest import make_environment

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def a_line(*, is_as_expected: bool = True) -> Line:
    return Line(what="routes", expected="all | well", seen="seen", evidence="EC2", is_as_expected=is_as_expected)


def readiness(*findings: Finding) -> Readiness:
    return Readiness(
        is_ready=all(one.severity is not Severity.CRITICAL for one in findings),
        summary="A failover would work now.",
        checked_at=START,
        findings=list(findings),
    )


NO_STANDBY = Finding(id="node-off", about="db-02", severity=Severity.CRITICAL, meaning="It is off.", action="Start it.")


class Place:
    """An installation that is ready, as all the sources have it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings: Settings = read_settings(make_environment())
        self.record = ClusterRecord(active="db-01", epoch=3)
        self.findings: list[Finding] = []
        self.rights: dict[str, list[str]] = {"fence_node": []}
        self.acls = {
            node.name: [
                SubnetAcl(subnet_id=subnet, acl_id="acl-0", association_id=f"aclassoc-{subnet}", does_allow=True)
                for subnet in node.subnet_ids
            ]
            for node in self.settings.nodes
        }
        self.led_to = "eni-0a"
        self.alarms = {name: Alarm(state="OK", has_actions_on=True) for name in alarm_names(self.settings)}
        self.beat_age_seconds, self.beat_every_seconds, self.beats = 3.0, 5.0, 20
        self.found: Any = SimpleNamespace(
            settings=self.settings,
            stack=SimpleNamespace(outputs={"CheckReadinessFunctionName": "garoon-check-readiness"}),
            state_machine_arn=lambda workflow: f"arn:{workflow}",
        )
        set_ = monkeypatch.setattr
        set_(installation, "load", lambda: self.found)
        for module in (command, verification, drills):
            set_(module, "ask_readiness", lambda _found: readiness(*self.findings))
        set_(verification, "try_rights", lambda _settings: self.rights)
        set_(cluster_table, "read_record", lambda _settings: self.record)
        set_(routes, "read_entries", lambda _settings: self._entries())
        set_(isolation, "read_acls", lambda node: self.acls[node.name])
        set_(alarms, "read_alarms", lambda _names: self.alarms)
        set_(alarms, "read_beats", lambda *_arguments: self._beats())
        set_(verification, "_sign", lambda _found: (True, "seen"))
        set_(verification, "CHECKS", tuple(
            one._replace(look=verification._sign) if one.what == "signs arrive" else one for one in verification.CHECKS
        ))  # fmt: skip

    def _entries(self) -> list[RouteEntry]:
        return [
            RouteEntry(route_table_id=name, interface_id=self.led_to, exists=True, is_blackhole=False)
            for name in self.settings.route_table_ids
        ]

    def _beats(self) -> dict[str, list[datetime]]:
        newest = datetime.now(UTC) - timedelta(seconds=self.beat_age_seconds)
        beats = [newest - timedelta(seconds=self.beat_every_seconds * n) for n in range(self.beats)]
        return {node.name: beats for node in self.settings.nodes}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


# --- the lines --------------------------------------------------------------------------------------------------------


def amiss(place: Place) -> dict[str, str]:
    return {line.what: line.seen for line in verify(place.found) if not line.is_as_expected}


def test_all_is_as_expected_of_a_sound_installation(place: Place) -> None:
    assert amiss(place) == {}


def spoil(place: Place, what: str) -> None:
    match what:
        case "metrics arrive":
            place.beat_age_seconds = 40.0
        case "alarms see them":
            place.alarms["garoon-db-01-heartbeat-lost"] = Alarm(state="INSUFFICIENT_DATA", has_actions_on=True)
        case "every right to look is enough":
            place.findings.append(NO_STANDBY.model_copy(update={"id": "unknown-routes"}))
        case "every function runs, and might do its part":
            place.rights["fence_node"] = ["It may not."]
        case "routes":
            place.led_to = "eni-0b"
        case "network ACLs":
            isolated = {"acl_id": place.settings.isolation_acl_id, "does_allow": False}
            place.acls["db-02"][1] = place.acls["db-02"][1].model_copy(update=isolated)


@pytest.mark.parametrize("what", [check.what for check in verification.CHECKS if check.what != "signs arrive"])
def test_each_line_sees_what_it_is_about_and_no_other_does(what: str, place: Place) -> None:
    spoil(place, what)
    assert list(amiss(place)) == [what]


def test_beats_are_told_from_what_merely_arrives(place: Place) -> None:
    place.beats = 4
    assert amiss(place) == {}, "of a node that was installed a moment ago"
    place.beats = 2
    assert list(amiss(place)) == ["metrics arrive"], "one that beat once or twice"
    place.beats, place.beat_every_seconds = 4, 30.0
    assert list(amiss(place)) == ["metrics arrive"], "with the resolution of a minute or so"
    place.beats = 0
    assert list(amiss(place)) == ["metrics arrive"]


def test_a_source_that_does_not_answer_is_no_line_that_is_fine(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_settings: Settings) -> None:
        raise CloudUnavailable("AWS could not be reached.")

    monkeypatch.setattr(routes, "read_entries", fails)
    assert amiss(place) == {"routes": "It could not be seen: AWS could not be reached."}


# --- what it refuses --------------------------------------------------------------------------------------------------


def verified(tmp_path: Path, **changes: Any) -> None:
    given = {"drill": None, "agreed_cluster": None, "probe_url": None, "folder": tmp_path, "is_json": False}
    command.run(**given | changes)


def refusal(tmp_path: Path, **changes: Any) -> CommandError:
    with pytest.raises(CommandError) as refused:
        verified(tmp_path, **changes)
    assert list(tmp_path.glob("verify-*")) == []
    return refused.value


def test_a_cluster_that_is_not_ready_is_not_looked_at(place: Place, tmp_path: Path) -> None:
    place.findings = [NO_STANDBY]
    refused = refusal(tmp_path)
    assert (refused.code, refused.next_step) == (ExitCode.NO, "Start it. Then verify again.")


def test_nor_one_in_maintenance_or_at_work(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.record = place.record.model_copy(update={"maintenance_until": datetime.now(UTC) + timedelta(hours=1)})
    assert "Maintenance is on" in str(refusal(tmp_path))
    place.record = place.record.model_copy(update={"maintenance_until": None, "lock_owner": "arn:one"})
    monkeypatch.setattr(executions, "has_ended", lambda _arn: False)
    assert "An execution is at work" in str(refusal(tmp_path))


def test_a_failover_that_the_interval_forbids_is_not_waited_for(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {"id": "interval-running", "severity": Severity.WARNING, "meaning": "The interval runs."}
    place.findings = [NO_STANDBY.model_copy(update=running)]
    for drill in ("network-loss", "stop"):
        assert "The interval runs." in str(refusal(tmp_path, drill=drill, agreed_cluster="garoon"))
    monkeypatch.setattr(command, "run_drill", lambda *_arguments: iter([a_line()]))
    verified(tmp_path, drill="switchback", agreed_cluster="garoon")


@pytest.mark.usefixtures("place")
def test_nothing_is_broken_without_the_cluster_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> Iterator[Line]:
        raise AssertionError("something was broken")

    monkeypatch.setattr(command, "run_drill", broken)
    assert "nobody here to be asked" in str(refusal(tmp_path, drill="stop"))
    assert "'garon', and the cluster is garoon" in str(refusal(tmp_path, drill="stop", agreed_cluster="garon"))
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    for answers in (["n"], ["y", "garon"], ["y", ""]):
        said = iter(answers)
        monkeypatch.setattr("builtins.input", lambda _question, said=said: next(said))
        assert isinstance(refusal(tmp_path, drill="stop"), UsageError)


def test_the_name_typed_and_the_window_agreed_begin_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def begin(name: str, *_arguments: Any) -> Iterator[Line]:
        begun.append(name)
        yield a_line()

    monkeypatch.setattr(command, "run_drill", begin)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    said = iter(["y", "garoon"])
    monkeypatch.setattr("builtins.input", lambda _question: next(said))
    verified(tmp_path, drill="stop")
    verified(tmp_path, drill="rejoin", agreed_cluster="garoon")
    assert begun == ["stop", "rejoin"]
    assert place.record.active == "db-01"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--drill", "fire"], "There is no drill 'fire'"),
        (["--agreed", "garoon"], "Without --drill nothing is broken"),
        (["--drill", "stop", "--probe-url", "file:///etc/passwd"], "no address of a page"),
        (["--drill", "stop", "--probe-url", "elb.garoon-internal.local"], "no address of a page"),
    ],
)
def test_a_command_line_that_makes_no_sense(arguments: list[str], words: str) -> None:
    answer = run("verify", *arguments)
    assert (answer.code, words in answer.err) == (2, True), answer


@pytest.mark.usefixtures("place")
def test_a_page_that_does_not_come_cannot_be_measured(tmp_path: Path) -> None:
    refused = refusal(tmp_path, drill="stop", agreed_cluster="garoon", probe_url="http://127.0.0.1:9/")
    assert "does not come now" in str(refused)


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_report_has_every_line_for_people_and_for_programs(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.led_to = "eni-0b"
    with pytest.raises(SystemExit) as ended:
        verified(tmp_path)
    assert ended.value.code == 1
    [markdown], [program] = tmp_path.glob("verify-garoon-*.md"), tmp_path.glob("verify-garoon-*.json")
    text, said = markdown.read_text(), json.loads(program.read_text())
    assert "# garoon: NOT as expected" in text
    assert "| **no** | routes | each entry" in text
    assert "- what was deleted comes back" in text
    assert [line["what"] for line in said["lines"]] == [check.what for check in verification.CHECKS]
    assert "NOT AS EXPECTED  routes: rtb-0a, rtb-0b do not lead to db-01" in capsys.readouterr().out


@pytest.mark.usefixtures("place")
def test_what_was_seen_is_written_also_when_it_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: Any) -> Iterator[Line]:
        yield a_line()
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_drill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verified(tmp_path, drill="stop", agreed_cluster="garoon")
    [markdown] = tmp_path.glob("verify-garoon-*.md")
    assert "| yes | routes | all \\| well | seen | EC2 |" in markdown.read_text()


@pytest.mark.usefixtures("place")
def test_a_folder_that_takes_no_report_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        verified(tmp_path, folder=tmp_path / "file")


# --- drills -----------------------------------------------------------------------------------------------------------


def an_execution(kind: OutcomeKind, steps: tuple[Step, ...] = (), reason: str = "So it ended.") -> Execution:
    arn = f"arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:{kind}"
    outcome = Outcome(
        outcome=kind, verdict=None, reason=reason, next_step="None.", active_before="db-01", active_after="db-02",
        epoch_before=1, epoch_after=2, execution=arn, started_at=START, ended_at=START, outage_seconds=4.0,
    )  # fmt: skip
    return Execution(
        arn=arn, status="SUCCEEDED", started_at=START, ended_at=START, input={}, steps=steps, outcome=outcome
    )


class Story:
    """How the controller answers a drill: the executions that begin, and those of the workflows that are started."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        self.dealt_with: list[Execution] = []
        self.moves_back = OutcomeKind.SWITCHED_OVER
        self.did: list[str] = []
        self.told: list[str] = []
        self._known: dict[str, Execution] = {}
        monkeypatch.setattr(drills, "failovers", lambda _found: {"arn:earlier"})
        monkeypatch.setattr(drills, "wait_for_new", self._begin)
        monkeypatch.setattr(drills, "wait_for_end", lambda arn, _seconds, _tell: self._known[arn])
        monkeypatch.setattr(drills, "_start", self._start)
        monkeypatch.setattr(drills, "_stop_instance", lambda node: self.did.append(f"stop {node.name}"))

    def run(self, name: str) -> dict[str, Line]:
        return {line.what: line for line in run_drill(name, self.place.found, None, self.told.append)}

    def _begin(self, _found: Any, seen: set[str], _seconds: float) -> str | None:
        for execution in self.dealt_with:
            if execution.arn not in seen:
                if execution.outcome and execution.outcome.outcome is OutcomeKind.FAILED_OVER:
                    self._move("db-02")
                self._known[execution.arn] = execution
                return execution.arn
        return None

    def _start(self, machine: str, given: dict[str, str]) -> str:
        self.did.append(f"{machine} {given.get('target', '')}".strip())
        self._known[machine] = an_execution(self.moves_back)
        if self.moves_back is OutcomeKind.SWITCHED_OVER:
            self._move(given["target"])
        return machine

    def _move(self, name: str) -> None:
        self.place.record = self.place.record.model_copy(update={"active": name})
        self.place.led_to = self.place.settings.node(name).eth0_interface_id


@pytest.fixture
def story(place: Place, monkeypatch: pytest.MonkeyPatch) -> Story:
    return Story(place, monkeypatch)


FENCED = (Step(name="FenceNode", started_at=START, ended_at=START + timedelta(seconds=9)),)


def test_a_failover_is_seen_to_its_end_and_home_again(story: Story) -> None:
    story.dealt_with = [an_execution(OutcomeKind.NOTHING_TO_DO), an_execution(OutcomeKind.FAILED_OVER, FENCED)]
    lines = story.run("stop")
    assert [what for what, line in lines.items() if not line.is_as_expected] == []
    assert story.did == ["stop db-01", "arn:switchback db-01"]
    assert "FenceNode took 9.0 s" in lines["the rights to isolate"].seen


def test_a_fence_by_the_stop_alone_is_told(story: Story) -> None:
    reason = "db-01 was fenced by its stop alone."
    story.dealt_with = [an_execution(OutcomeKind.FAILED_OVER, FENCED, reason)]
    assert not story.run("network-loss")["the rights to isolate"].is_as_expected
    assert "On db-01 (i-0a), now, as root" in story.told[0]


def test_where_the_role_did_not_move_nothing_is_moved_back(story: Story) -> None:
    story.dealt_with = [an_execution(OutcomeKind.HALTED)]
    lines = story.run("stop")
    assert not lines["the failover"].is_as_expected
    assert story.did == ["stop db-01"]
    assert "nothing is moved back" in story.told[-2]
    assert "everything is back" in lines


def test_nobody_dealt_with_it(story: Story) -> None:
    assert story.run("network-loss")["the failover"].seen == "no execution began"


def test_a_service_is_restarted_and_nothing_moves(story: Story) -> None:
    story.dealt_with = [an_execution(OutcomeKind.SERVICES_RESTARTED)]
    lines = story.run("service")
    assert [what for what, line in lines.items() if not line.is_as_expected] == []
    assert story.did == []


def test_the_role_goes_there_and_back(story: Story) -> None:
    lines = story.run("switchback")
    assert [what for what, line in lines.items() if not line.is_as_expected] == []
    assert story.did == ["arn:switchback db-02", "arn:switchback db-01"]


def test_a_move_that_fails_is_not_followed_by_another(story: Story) -> None:
    story.moves_back = OutcomeKind.RESTORED
    assert not story.run("switchback")["the role moves"].is_as_expected
    assert story.did == ["arn:switchback db-02"]


def test_aws_that_fails_ends_the_drill_with_how_things_stand(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_node: object) -> None:
        raise CloudUnavailable("AWS could not be reached.")

    monkeypatch.setattr(drills, "_stop_instance", fails)
    lines = story.run("stop")
    assert lines["the drill"].seen == "AWS could not be reached."
    assert lines["everything is back"].is_as_expected


def test_each_step_of_what_is_waited_for_is_told_once_whatever_aws_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = an_execution(OutcomeKind.SWITCHED_OVER)
    begun = [Step(name=name, started_at=START) for name in ("KeepData", "StartNode")]
    running = [ended.model_copy(update={"status": "RUNNING", "steps": (step,)}) for step in begun]
    silent = CloudUnavailable("AWS could not be reached.")
    seen = iter([None, running[0], running[0], silent, running[1], ended])

    def read(_arn: str) -> Execution | None:
        said = next(seen)
        if isinstance(said, CloudUnavailable):
            raise said
        return said

    monkeypatch.setattr(verification, "read_execution", read)
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0)
    told: list[str] = []
    assert verification.wait_for_end(ended.arn, 60, told.append) is ended
    assert told == ["  failover: KeepData", "  failover: StartNode"]


# --- the user ---------------------------------------------------------------------------------------------------------


def test_an_outage_goes_from_the_first_failure_to_the_first_page() -> None:
    good, bad = True, False
    assert outages_of([]) == []
    assert outages_of([(0, 0.1, good), (0.5, 0.6, good)]) == []
    assert outages_of([(0, 0.1, good), (0.5, 2.5, bad), (1.0, 3.0, bad), (3.5, 3.75, good), (4, 4.1, good)]) == [3.25]
    assert outages_of([(0, 1, bad), (1, 1.5, good), (2, 3, bad), (3, 3.5, bad)]) == [1.5, 1.5]


class Page(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), type("APage", (Page,), {}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_page_is_fetched_until_it_is_over(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drills, "PROBE_EVERY_SECONDS", 0.01)
    probe = Probe(f"http://127.0.0.1:{server.server_port}/")
    with probe.running():
        wait_for(lambda: len(probe._visits) > 2)
        server.RequestHandlerClass.status = 503  # type: ignore[attr-defined]
        wait_for(lambda: not probe.fetch() and not all(visit[2] for visit in probe._visits))
        server.RequestHandlerClass.status = 200  # type: ignore[attr-defined]
        wait_for(lambda: len(probe.outages()) == 1 and probe._visits[-1][2])
    assert len(probe.outages()) == 1
    assert probe.outages()[0] > 0


def wait_for(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)
