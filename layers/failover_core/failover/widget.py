"""The cluster as HTML for a custom widget of CloudWatch's: a pure function.

CloudWatch documents no limit of a widget's size or time beyond Lambda's own; MAXIMUM_BYTES is this project's.
"""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from failover.adapters.execution_history import name_of
from failover.buttons import Offer, offer
from failover.execution_record import ExecutionRecord
from failover.finding import Finding
from failover.hierarchy import NodeView, State
from failover.markup import LONGEST_LIST, STYLE, Html, Markup
from failover.messages import say
from failover.models import UNTIL_ENDED, Unknown
from failover.status import Status
from failover.widget_words import Words

MAXIMUM_BYTES = 60_000
_MOST_ROUTE_TARGETS = 4


class Limits(NamedTuple):
    """What is left out of a widget that would become too long."""

    findings: int
    outcomes: int
    characters: int
    """Of one text."""


_LIMITS = (Limits(40, 10, 400), Limits(12, 6, 200), Limits(4, 3, 100), Limits(4, 3, 50))
"""The first that lets the widget fit; the last one always does."""


_ANSWER = Markup(1000)
_BUTTONS = Markup(400)
"""No question is cut, whatever else is."""


def render_widget(
    status: Status, outcomes: list[ExecutionRecord] | Unknown, words: Words, zone: tzinfo, endpoint: str
) -> str:
    """The whole widget in one language, at most MAXIMUM_BYTES of UTF-8. Its buttons call the function `endpoint`."""
    whole = ""
    for limits in _LIMITS:
        whole = _Widget(status, outcomes, words, zone, endpoint, limits).render()
        if len(whole.encode()) <= MAXIMUM_BYTES:
            break
    return whole


def render_answer(words: Words, state: State, told: str, sentence: str, by_whom: str) -> str:
    """What a button's popup shows: whether it was done, what that means, and who it was."""
    html = _ANSWER
    return html.tag(
        "div",
        Html(f"<style>{STYLE}</style>"),
        html.tag("p", html.badge(state, told), f" {sentence}"),
        html.tag("p", by_whom, class_="d"),
        class_="gf",
        lang=words.language,
    )


class _Widget:
    def __init__(
        self,
        status: Status,
        outcomes: list[ExecutionRecord] | Unknown,
        words: Words,
        zone: tzinfo,
        endpoint: str,
        limits: Limits,
    ) -> None:
        self._status, self._outcomes, self._words, self._zone, self._limits = status, outcomes, words, zone, limits
        self._endpoint = endpoint
        self._html = Markup(limits.characters)

    def render(self) -> str:
        parts = (
            Html(f"<style>{STYLE}</style>"),
            self._head(),
            self._nodes(),
            self._facts(),
            self._findings(self._limits.findings),
            self._ended(self._limits.outcomes),
        )
        return self._html.tag("div", *parts, class_="gf", lang=self._words.language)

    def _head(self) -> Html:
        status, words = self._status, self._words
        is_seen = status.is_record_known
        epoch = words.epoch.format(epoch=status.epoch if is_seen else words.unknown)
        ready = State.ACTIVE if status.is_ready else State.FAILED
        return self._html.tag(
            "p",
            self._html.tag("b", status.cluster),
            f" {words.as_of.format(time=self._time(status.at))}, {epoch} ",
            self._html.badge(ready, words.ready if status.is_ready else words.not_ready),
            f" {self._said(status.readiness)}",
        )

    # --- the nodes ---

    def _nodes(self) -> Html:
        words, nodes = self._words, self._status.nodes
        rows = [self._html.row("th", words.resource, *(f"{node.name}: {words.roles[node.role]}" for node in nodes))]
        rows += [
            self._html.row("td", words.resources.get(name, name), *(self._resource(node, name) for node in nodes))
            for name in nodes[0].resources
        ]
        rows.append(self._html.row("td", words.sees_peer, *(self._paths(node) for node in nodes)))
        rows.append(self._html.row("td", words.instance, *(self._said(node.instance) for node in nodes)))
        rows.append(self._html.row("td", words.says, *(self._said(node.answer) for node in nodes)))
        return self._html.tag("table", *rows)

    def _resource(self, node: NodeView, name: str) -> Html:
        resource = node.resources[name]
        parts = [self._html.badge(resource.state, self._words.states[resource.state])]
        if resource.detail:
            parts.append(self._html.tag("span", f" {self._said(resource.detail)}", class_="d"))
        if name == "replication" and node.sync_percent is not None:
            parts.append(self._progress(node.sync_percent))
        return self._html.together(*parts)

    def _progress(self, percent: float) -> Html:
        shown = f"{min(max(percent, 0), 100):.0f}"
        bar = self._html.tag("span", self._html.tag("span", style=f"width:{shown}%"), class_="p")
        return self._html.tag("div", bar, f" {self._words.synchronised.format(percent=shown)}")

    def _paths(self, node: NodeView) -> Html:
        words = {True: self._words.alive, False: self._words.dead, None: self._words.unknown}
        states = {True: State.ACTIVE, False: State.FAILED, None: State.UNKNOWN}
        paths = (("eth0", node.paths.eth0), ("eth1", node.paths.eth1))
        return self._html.together(
            *(
                part
                for name, is_alive in paths
                for part in (f"{name} ", self._html.badge(states[is_alive], words[is_alive]), " ")
            )
        )

    # --- the facts ---

    def _facts(self) -> Html:
        words = self._words
        return self._html.tag(
            "table",
            self._html.row("td", words.routes, self._routes()),
            self._html.row("td", words.targets, self._targets()),
            self._html.row("td", words.at_work, self._at_work()),
            self._html.row("td", words.maintenance, self._maintenance()),
            self._html.row("td", words.operate, self._buttons()),
        )

    def _unknown(self, why: str = "") -> Html:
        told = [f" {why}"] if why else []
        return self._html.together(self._html.badge(State.UNKNOWN, self._words.unknown), *told)

    def _routes(self) -> Html:
        if self._status.routes is None:
            return self._unknown()
        by_target: dict[str, list[str]] = {}
        for one in self._status.routes:
            by_target.setdefault(one.points_to, []).append(one.route_table_id)
        lines = []
        for target, tables in list(by_target.items())[:_MOST_ROUTE_TARGETS]:
            active = self._status.active
            state = State.UNKNOWN if active is None else State.ACTIVE if target == active else State.FAILED
            lines.append(
                self._html.tag(
                    "div", self._html.badge(state, self._words.routes_to.format(node=target)), self._html.listed(tables)
                )
            )
        return self._html.together(*lines)

    def _targets(self) -> Html:
        targets = self._status.targets
        if targets is None:
            return self._unknown()
        lines = [
            self._html.tag(
                "div",
                f"{one.target} ",
                self._html.badge(State.ACTIVE if one.state == "healthy" else State.FAILED, one.state),
                f" {one.reason}",
            )
            for one in targets[:LONGEST_LIST]
        ]
        if len(targets) > LONGEST_LIST:
            lines.append(self._html.tag("div", f"+{len(targets) - LONGEST_LIST}"))
        return self._html.together(*lines) if lines else self._html.badge(State.FAILED, self._words.no_targets)

    def _at_work(self) -> Html:
        status, words = self._status, self._words
        if not status.is_record_known:
            return self._unknown()
        work = status.at_work
        if work is None:
            if status.moving_to is None:
                return self._html.together(words.nothing_at_work)
            return self._html.badge(State.FAILED, words.unfinished.format(node=status.moving_to))
        seconds = work.seconds_at(status.at)
        since = f" {words.since.format(seconds=round(seconds))}" if seconds is not None else ""
        link = self._html.link(work.execution, name_of(work.execution))
        step = self._html.badge(State.DEGRADED, words.asks if work.is_asking else work.step or words.step_unknown)
        return self._html.together(f"{work.workflow} ", link, f"{since}: ", step)

    def _maintenance(self) -> Html:
        status, words = self._status, self._words
        if not status.is_record_known:
            return self._unknown()
        until = status.maintenance_until
        if until is None:
            return self._html.together(words.off)
        told = words.on_until_ended if until == UNTIL_ENDED else words.on_until.format(time=self._time(until))
        return self._html.badge(State.DEGRADED, told)

    def _buttons(self) -> Html:
        return self._html.together(
            *(self._button(one) for one in offer(self._status)),
            _BUTTONS.tag("div", self._words.who_may, class_="d"),
        )

    def _button(self, one: Offer) -> Html:
        words, press = self._words, one.press
        names = {
            "active": (self._status.active or "")[:64],
            "node": press.node or "",
            "execution": press.execution or "",
        }
        return _BUTTONS.button(
            words.buttons[press.action].format(**names),
            words.confirmations[press.action].format(**names),
            self._endpoint,
            {"press": {name: value for name, value in press.to_json().items() if value is not None}},
            is_primary=one.is_primary,
        )

    # --- findings and outcomes ---

    def _findings(self, shown: int) -> Html:
        words, findings = self._words, self._status.findings
        if not findings:
            return self._html.tag(
                "table", self._html.row("th", words.findings), self._html.row("td", words.no_findings)
            )
        rows = [self._html.row("th", words.findings, "", words.what_to_do)]
        rows += [self._html.row("td", *self._finding(finding)) for finding in findings[:shown]]
        if len(findings) > shown:
            rows.append(self._html.row("td", "", words.more.format(count=len(findings) - shown), ""))
        return self._html.tag("table", *rows)

    def _finding(self, finding: Finding) -> Iterator[str]:
        yield self._html.badge(finding.severity, self._words.severities[finding.severity])
        yield f"{self._said(finding.meaning)} [{finding.id}, {finding.about}]"
        yield self._said(finding.action)

    def _ended(self, shown: int) -> Html:
        words, outcomes = self._words, self._outcomes
        if isinstance(outcomes, Unknown):
            return self._html.tag(
                "table",
                self._html.row("th", words.outcomes),
                self._html.row("td", self._unknown(self._said(outcomes.why))),
            )
        if not outcomes:
            return self._html.tag(
                "table", self._html.row("th", words.outcomes), self._html.row("td", words.no_outcomes)
            )
        head = self._html.tag("caption", words.outcomes)
        names = self._html.row("th", words.started, words.workflow, words.outcome, words.outage, words.reason)
        return self._html.tag("table", head, names, *(self._outcome(one) for one in outcomes[:shown]))

    def _outcome(self, ended: ExecutionRecord) -> Html:
        seconds = ended.outage_seconds
        outage = "" if seconds is None else self._words.seconds.format(seconds=f"{seconds:.1f}")
        link = self._html.link(ended.execution, ended.workflow)
        reason = self._said(ended.reason)
        return self._html.row("td", self._time(ended.started_at), link, ended.came_to, outage, reason)

    def _said(self, message: str) -> str:
        return say(message, self._words.language)

    def _time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S %Z}"
