"""`garoon-failover status`: one screen that says how the cluster is.

It judges readiness as the controller does, but for the functions' rehearsal: that is `garoon-failover ready`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from failover.adapters import cluster_table, instances, routes, targets
from failover.adapters.execution_history import name_of
from failover.errors import CloudUnavailable, Failed
from failover.finding import Finding, Severity
from failover.hierarchy import NodeView, State
from failover.models import UNTIL_ENDED, PeerPaths, Unknown
from failover.readiness import judge_readiness
from failover.settings import Settings
from failover.status import Status, judge
from failover.steps.check_readiness import gather_readiness
from failover.steps.show_cluster import look, read_at_work
from failover.widget_words import ENGLISH, JAPANESE, Words

from garoon_failover import installation as deployed
from garoon_failover import output
from garoon_failover.installation import Installation
from garoon_failover.words import code, said, tr

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_SECONDS = 2.0
FINDINGS_SHOWN = 6


def run(*, is_watching: bool, is_json: bool) -> None:
    """Shows the cluster once, or until Ctrl-C. Exit code 1 if it is not ready (not while watching)."""
    found = deployed.load()
    if is_watching:
        _watch(found, is_json=is_json)
        return
    evidence, at_work = look(found.settings)
    status = judge(evidence, judge_readiness(evidence), at_work)
    if is_json:
        output.print_json(status.to_json())
    else:
        output.console().print(render(status))
    if not status.is_ready:
        raise SystemExit(1)


# --- watching ----------------------------------------------------------------------------------------------------


class Watch:
    """Looks again and again, each source at the pace that it can take: a silent node holds nothing else up."""

    def __init__(self, found: Installation) -> None:
        self._found = found
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        evidence = gather_readiness(found.settings, datetime.now(UTC))
        self._evidence = evidence
        self._findings = judge_readiness(evidence)
        self._thread = threading.Thread(target=self._look_at_everything, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self._is_over.set()

    def status(self) -> Status:
        """What is cheap to ask is asked now; of the rest the newest answer counts."""
        fresh = _look_quickly(self._found.settings)
        with self._lock:
            evidence, findings = self._evidence.model_copy(update=fresh), self._findings
        evidence = evidence.model_copy(update={"nodes_said_at": datetime.now(UTC)})
        return judge(evidence, findings, read_at_work(evidence))

    def _look_at_everything(self) -> None:
        while not self._is_over.wait(REFRESH_SECONDS):
            evidence = gather_readiness(self._found.settings, datetime.now(UTC))
            findings = judge_readiness(evidence)
            with self._lock:
                self._evidence, self._findings = evidence, findings


def _look_quickly(settings: Settings) -> dict[str, object]:
    with ThreadPoolExecutor() as pool:
        record = pool.submit(_ask, lambda: cluster_table.read_record(settings))
        entries = pool.submit(_ask, lambda: routes.read_entries(settings))
        health = pool.submit(_ask, lambda: targets.read_target_health(settings))
        machines = {node.name: pool.submit(_ask, partial(instances.read_instance, node)) for node in settings.nodes}
    return {
        "record": record.result(),
        "routes": entries.result(),
        "targets": health.result(),
        "machines": {name: machine.result() for name, machine in machines.items()},
    }


def _ask(source: Callable[[], object]) -> object:
    try:
        return source()
    except (CloudUnavailable, Failed) as error:
        return Unknown(why=str(error))


def _watch(found: Installation, *, is_json: bool) -> None:
    from rich.live import Live

    with Watch(found) as watch:
        try:
            if is_json or not sys.stdout.isatty():
                while True:
                    status = watch.status()
                    print(json.dumps(status.to_json()) if is_json else one_line(status), flush=True)
                    time.sleep(REFRESH_SECONDS)
            with Live(render(watch.status()), console=output.console(), auto_refresh=False, screen=True) as live:
                while True:
                    time.sleep(REFRESH_SECONDS)
                    live.update(render(watch.status()), refresh=True)
        except KeyboardInterrupt:
            return


# --- the screen --------------------------------------------------------------------------------------------------

_STYLES = {
    State.ACTIVE: "bold green",
    State.STANDBY: "cyan",
    State.DEGRADED: "bold yellow",
    State.FAILED: "bold red",
    State.UNKNOWN: "magenta",
}
_SEVERITY_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def one_line(status: Status) -> str:
    """For a log."""
    work = tr("nothing-at-work" if status.is_record_known else "work-unknown")
    if status.at_work:
        work = tr("work-at", workflow=status.at_work.workflow, step=status.at_work.step)
    active = status.active or tr("unknown")
    return tr("one-line", time=status.at, active=active, work=work, ready=said(status.readiness))


def render(status: Status) -> RenderableType:
    """One screen of WIDTH_COLUMNS. Every colour has its word."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    words = _words()
    epoch = words.epoch.format(epoch=_or_unknown(status.epoch))
    head = Text(f"{status.cluster}   {status.at:%Y-%m-%d %H:%M:%S} UTC   {epoch}", "bold")
    nodes = Table(width=output.WIDTH_COLUMNS, pad_edge=False, expand=False)
    nodes.add_column("", width=13)
    for node in status.nodes:
        nodes.add_column(Text(f"{node.name}: {_role(node, words)}", "bold"), ratio=1, no_wrap=True, overflow="ellipsis")
    nodes.add_row(words.instance, *(Text(said(node.instance)) for node in status.nodes))
    nodes.add_row(words.says, *(Text(said(node.answer)) for node in status.nodes), end_section=True)
    for name in status.nodes[0].resources:
        nodes.add_row(
            name if words is ENGLISH else words.resources.get(name, name),
            *(_resource(node, name) for node in status.nodes),
        )
    nodes.add_section()
    nodes.add_row(words.sees_peer, *(_paths(node.paths) for node in status.nodes))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(width=12)
    facts.add_column(width=output.WIDTH_COLUMNS - 14)
    facts.add_row(tr("head.routes"), _routes(status))
    facts.add_row(tr("head.targets"), _targets(status))
    facts.add_row(tr("head.at-work"), _at_work(status))
    facts.add_row(tr("head.maintenance"), _maintenance(status))
    facts.add_row(tr("head.ready"), Text(said(status.readiness), "green" if status.is_ready else "bold red"))
    for finding in status.findings[:FINDINGS_SHOWN]:
        style = _SEVERITY_STYLES[finding.severity]
        facts.add_row("", Text(_finding(finding, words), style, overflow="ellipsis", no_wrap=True))
    if len(status.findings) > FINDINGS_SHOWN:
        facts.add_row("", tr("findings-more", count=len(status.findings) - FINDINGS_SHOWN))
    facts.add_row(tr("head.last-outcome"), _outcome(status))
    return Group(head, nodes, facts)


def _or_unknown(value: object) -> str:
    return tr("unknown") if value is None else str(value)


def _words() -> Words:
    """The widget's, for what both show."""
    return JAPANESE if code() == "ja" else ENGLISH


def _role(node: NodeView, words: Words) -> str:
    return node.role if words is ENGLISH else words.roles.get(node.role, node.role)


def _finding(finding: Finding, words: Words) -> str:
    return f"{words.severities[finding.severity]}: {said(finding.meaning)}"


def _resource(node: NodeView, name: str) -> RenderableType:
    from rich.text import Text

    resource = node.resources[name]
    text = Text(_words().states[resource.state], _STYLES[resource.state])
    return text.append(f"  {said(resource.detail)}", "dim") if resource.detail else text


def _paths(paths: PeerPaths) -> RenderableType:
    from rich.text import Text

    spoken = _words()
    words = {True: (spoken.alive, "green"), False: (spoken.dead, "bold red"), None: (spoken.unknown, "magenta")}
    text = Text()
    for path, is_alive in (("eth0", paths.eth0), ("eth1", paths.eth1)):
        text.append(f"{path} ").append(*words[is_alive]).append("   ")
    return text


def _routes(status: Status) -> RenderableType:
    from rich.text import Text

    if status.routes is None:
        return Text(tr("unknown"), "magenta")
    by_target: dict[str, list[str]] = {}
    for one in status.routes:
        by_target.setdefault(one.points_to, []).append(one.route_table_id)
    text = Text(overflow="ellipsis", no_wrap=True)
    for target, tables in by_target.items():
        style = "green" if target == status.active else "bold red"
        shown = " ".join(tables[:2]) + (f" {tr('and-more', count=len(tables) - 2)}" if len(tables) > 2 else "")
        text.append(tr("to", node=target), style).append(f"{shown}  ")
    return text


def _targets(status: Status) -> RenderableType:
    from rich.text import Text

    if status.targets is None:
        return Text(tr("unknown"), "magenta")
    text = Text(overflow="ellipsis", no_wrap=True)
    for one in status.targets:
        text.append(f"{one.target} ").append(one.state, "green" if one.state == "healthy" else "bold red")
        text.append(f" {one.reason}  " if one.reason else "  ")
    return text


def _at_work(status: Status) -> RenderableType:
    from rich.text import Text

    work = status.at_work
    if not status.is_record_known:
        return Text(tr("unknown"), "magenta")
    if work is None:
        if status.moving_to:
            return Text(tr("moving", node=status.moving_to), "bold red")
        return Text(tr("nothing"))
    seconds = work.seconds_at(status.at)
    since = "" if seconds is None else tr("since", seconds=seconds)
    step = work.step or tr("step-unknown")
    return Text(tr("work", workflow=work.workflow, name=name_of(work.execution), since=since, step=step), "bold yellow")


def _maintenance(status: Status) -> RenderableType:
    from rich.text import Text

    until = status.maintenance_until
    if not status.is_record_known:
        return Text(tr("unknown"), "magenta")
    if until is None:
        return Text(tr("off"))
    if until == UNTIL_ENDED:
        return Text(tr("on-until-ended"), "bold yellow")
    return Text(tr("on-until", time=f"{until:%Y-%m-%d %H:%M} UTC"), "bold yellow")


def _outcome(status: Status) -> RenderableType:
    from rich.text import Text

    outcome = status.last_outcome
    if not status.is_record_known:
        return Text(tr("unknown"), "magenta")
    if outcome is None:
        return Text(tr("none-on-record"))
    outage = tr("with-outage", seconds=outcome.outage_seconds) if outcome.outage_seconds is not None else ""
    reason = said(outcome.messages.reason)
    return Text(tr("outcome-of", time=outcome.ended_at, outcome=outcome.outcome, outage=outage, reason=reason))
