"""`garoon-failover verify`: docs/operations.md, "Check on a real account", run; with a drill if it is meant.

It refuses where a failover would not work, or something is at work already: nothing could be learned from it then.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from failover.adapters import cluster_table, executions
from failover.finding import Severity
from failover.models import Value

from garoon_failover import installation as deployed
from garoon_failover import output
from garoon_failover.drills import DRILLS, Probe, run_drill
from garoon_failover.errors import CommandError, ExitCode, UsageError
from garoon_failover.installation import Installation
from garoon_failover.verification import Line, ask_readiness, verify

BY_HAND = (
    "EventBridge reaches the operators",
    "what cannot be delivered is kept",
    "the question's token stays secret, with ConfirmFailover",
    "what was deleted comes back",
    "the protocol is changed without a break",
)
"""Lines of that list which nobody can see from here, or which change the stack."""


class Verified(Value):
    """The report."""

    cluster: str
    region: str
    drill: str | None
    started_at: datetime
    ended_at: datetime
    lines: list[Line]
    by_hand: tuple[str, ...] = BY_HAND

    @property
    def is_as_expected(self) -> bool:
        return all(line.is_as_expected for line in self.lines)


def run(*, drill: str | None, agreed_cluster: str | None, probe_url: str | None, folder: Path, is_json: bool) -> None:
    """Writes the report in any case. Exit code 1 if a line is not as expected, or the cluster is not ready."""
    if drill is not None and drill not in DRILLS:
        raise UsageError(f"There is no drill {drill!r}.", f"Drills are {', '.join(DRILLS)}.")
    if drill is None and (agreed_cluster or probe_url):
        raise UsageError("Without --drill nothing is broken, and nothing measured.", "Name a drill: --drill NAME.")
    probe = _probe(probe_url)
    found = deployed.load()
    _require_quiet(found, drill)
    if drill is not None:
        _require_agreement(drill, agreed_cluster, found)
        _require_page(probe)
    started_at = datetime.now(UTC)
    lines: list[Line] = []
    try:
        with probe.running() if probe else nullcontext():
            for line in _lines(drill, found, probe, is_quiet=is_json):
                lines.append(line)
                if not is_json:
                    _show(line)
    finally:
        # Also of a drill that somebody broke off: what was seen until then is what he needs now.
        report = Verified(
            cluster=found.settings.cluster_name,
            region=found.settings.failover_state_machine_arn.split(":")[3],
            drill=drill,
            started_at=started_at,
            ended_at=datetime.now(UTC),
            lines=lines,
        )
        written = _write(report, folder)
    if is_json:
        output.print_json(report.to_json())
    else:
        output.say(f"\nThe report is in {written} and {written.with_suffix('.json')}.")
        output.say(f"Left to be done by hand (docs/operations.md): {'; '.join(BY_HAND)}.")
    if not report.is_as_expected:
        raise SystemExit(int(ExitCode.NO))


def _lines(drill: str | None, found: Installation, probe: Probe | None, *, is_quiet: bool) -> Iterator[Line]:
    yield from verify(found)
    if drill is not None:
        tell = output.warn if is_quiet else output.say
        yield from run_drill(drill, found, probe, tell)


def _require_quiet(found: Installation, drill: str | None) -> None:
    """Raises CommandError if the cluster is not ready, in maintenance, at work, or would not fail over as it should."""
    readiness = ask_readiness(found)
    critical = [finding for finding in readiness.findings if finding.severity is Severity.CRITICAL]
    if critical:
        raise CommandError(readiness.summary, f"{critical[0].action} Then verify again.", ExitCode.NO)
    waits = [finding for finding in readiness.findings if finding.id == "interval-running"]
    if waits and drill is not None and DRILLS[drill].needs_automatic_failover:
        raise CommandError(waits[0].meaning, "Drill when the interval is over.", ExitCode.NO)
    record = cluster_table.read_record(found.settings)
    if record.maintenance_end(datetime.now(UTC)) is not None:
        raise CommandError(
            "Maintenance is on: nothing would happen automatically, which is what is to be seen.",
            "garoon-failover maintenance off, then verify again.",
            ExitCode.NO,
        )
    if record.lock_owner is not None and not executions.has_ended(record.lock_owner):
        raise CommandError("An execution is at work.", "Verify when it has ended: garoon-failover status.", ExitCode.NO)


def _require_agreement(drill: str, agreed_cluster: str | None, found: Installation) -> None:
    """Raises UsageError unless the cluster's name was typed: in the option, or here, with a yes to the question."""
    name = found.settings.cluster_name
    if agreed_cluster is not None:
        if agreed_cluster != name:
            raise UsageError(f"--agreed says {agreed_cluster!r}, and the cluster is {name}.", "Nothing was broken.")
        return
    if not output.is_terminal():
        raise UsageError(
            "There is nobody here to be asked whether a maintenance window is agreed.",
            f"Give --agreed {name} to say that it is.",
        )
    output.say(f"{DRILLS[drill].title} Users of {name} are away meanwhile.", style="bold red")
    is_agreed = output.confirm("Is a maintenance window agreed with them?", is_agreed=False)
    if not is_agreed or input(f"Type the cluster's name ({name}): ").strip() != name:
        raise UsageError("Nothing was broken.", "")


def _probe(url: str | None) -> Probe | None:
    if url is None:
        return None
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is no address of a page.", "Give --probe-url http://HOST/cgi-bin/cbgrn/grn.cgi.")
    return Probe(url)


def _require_page(probe: Probe | None) -> None:
    if probe is not None and not probe.fetch():
        raise UsageError(
            "The page of --probe-url does not come now, so its outage could not be measured.",
            "Open it from here first; it must answer without a login.",
        )


def _show(line: Line) -> None:
    mark, style = ("fine", "green") if line.is_as_expected else ("NOT AS EXPECTED", "bold red")
    output.say(f"{mark:<16} {line.what}: {line.seen}", style=style)
    if not line.is_as_expected:
        output.say(f"{'':<16} expected: {line.expected} ({line.evidence})")


def _write(report: Verified, folder: Path) -> Path:
    """The Markdown file's path; the JSON file lies beside it. Raises UsageError if the folder takes none."""
    path = folder / f"verify-{report.cluster}-{report.started_at:%Y%m%dT%H%M%SZ}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(as_markdown(report))
        path.with_suffix(".json").write_text(report.model_dump_json(by_alias=True, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"The report cannot be written: {error}.", "Name another folder: --report FOLDER.") from error
    return path


def as_markdown(report: Verified) -> str:
    """The report for whoever signs it."""

    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    verdict = "as expected" if report.is_as_expected else "NOT as expected"
    rows = [
        f"| {'yes' if line.is_as_expected else '**no**'} | {cell(line.what)} | {cell(line.expected)} | "
        f"{cell(line.seen)} | {cell(line.evidence)} |"
        for line in report.lines
    ]
    return "\n".join(
        [
            f"# {report.cluster}: {verdict}",
            "",
            f"{report.region}, {report.started_at:%Y-%m-%d %H:%M:%S} to {report.ended_at:%H:%M:%S} UTC; "
            f"drill: {report.drill or 'none'}.",
            "",
            "| as expected | what | expected | seen | evidence |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "Left to be done by hand (docs/operations.md, Check on a real account):",
            "",
            *(f"- {what}" for what in report.by_hand),
            "",
        ]
    )
