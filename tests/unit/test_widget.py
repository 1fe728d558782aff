"""The dashboard's widget shows what the evidence says, an unknown as unknown, and everybody's words as text."""

from __future__ import annotations

import re
import string
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from failover.execution_record import ExecutionRecord
from failover.finding import Finding, Severity
from failover.hierarchy import RESOURCES, Resource, State
from failover.markup import BADGES, Markup
from failover.messages import Language, say
from failover.models import UNTIL_ENDED, Answer, ClusterRecord, InstanceState, OutcomeKind, StatusChecks, Unknown
from failover.readiness import judge_readiness
from failover.status import AtWork, RouteView, Status, TargetView, judge
from failover.widget import MAXIMUM_BYTES, render_widget
from failover.widget_words import ENGLISH, JAPANESE, Words

from tests.unit.fake_records import a_record
from tests.unit.test_readiness import NOW, SETTINGS, a_status, an_entry, evidence, of, record, replica_of, status_of

ARN = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-failover:da8566d2"
ENDPOINT = "arn:aws:lambda:ap-northeast-1:123456789012:function:garoon-operate"
AT_WORK = AtWork(execution=ARN, workflow="failover", step="FenceNode", started_at=NOW - timedelta(seconds=12))
ENDED = a_record(ARN, started_at=NOW, outage_seconds=17.46)
HOSTILE = "<script>alert('1')</script>\" onload=\"x\r\n\u2028& \u202egnp.exe\u2066 \x1b[31m \ud800 </td></table>"
TOKYO = timezone(timedelta(hours=9))


class Page(HTMLParser):
    """What a browser would make of it: the text, each element's class, and no element left open."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.classes: list[str] = []
        self.attributes: set[str] = set()
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.classes += [value or "" for name, value in attrs if name == "class"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text.append(data)
            if {"td", "th"} & set(self._open):
                self.rows[-1][-1] += data

    def row(self, name: str) -> list[str]:
        [row] = [row[1:] for row in self.rows if row[0] == name]
        return [cell.strip() for cell in row]


def status_with(**changes: Any) -> Status:
    found = evidence(**changes)
    return judge(found, judge_readiness(found), None)


def shown(
    status: Status | None = None, outcomes: Any = (), words: Words = ENGLISH, zone: Any = UTC, **changes: Any
) -> Page:
    given = outcomes if isinstance(outcomes, Unknown) else list(outcomes)
    return Page(render_widget(status or status_with(**changes), given, words, zone, ENDPOINT))


def running(**changes: str) -> dict[str, str]:
    return {"cyde_5_0": "running", "cyss_cbgrn": "running"} | changes


# --- each state -----------------------------------------------------------------------------------------------------


def test_a_sound_pair_is_seen_at_a_glance() -> None:
    changes = of("statuses", "db-01", a_status("db-01", services=running()))
    changes["statuses"]["db-02"] = a_status("db-02", services=dict.fromkeys(running(), "stopped"))
    page = shown(**changes)
    assert page.row("resource") == ["db-01: active", "db-02: standby"]
    for name in RESOURCES:
        assert page.row(ENGLISH.resources[name]) == ["● active", "○ standby"]
    assert page.row("sees its peer") == ["eth0 ● alive eth1 ● alive"] * 2
    assert page.row("routes") == ["● to db-01 rtb-0a rtb-0b"]
    assert page.row("targets") == ["i-1 ● healthy i-2 ● healthy"]
    assert page.row("at work") == ["nothing"]
    assert page.row("maintenance") == ["off"]
    assert "● ready for a failover" in page.text


@pytest.mark.parametrize(
    ("name", "cells", "changes"),
    [
        ("database", "✖ failed", status_of("db-01", services=running(cyde_5_0="stopped"))),
        ("database", "▲ degraded starting", status_of("db-01", services=running(cyde_5_0="starting"))),
        ("scheduling service", "? unknown", status_of("db-01", services=running(cyss_cbgrn="unknown"))),
        ("file system", "✖ failed takes no write", status_of("db-01", is_writable=False)),
        ("virtual IP", "? unknown no answer", of("statuses", "db-01", Answer.NONE)),
        ("virtual IP", "? unknown Throttled.", of("statuses", "db-01", Unknown(why="Throttled."))),
        ("says", "Throttled.", of("statuses", "db-01", Unknown(why="Throttled."))),
        ("route", "✖ failed 1 of 2 tables", {"routes": [an_entry("rtb-0a"), an_entry("rtb-0b", "eni-0b")]}),
        ("instance", "stopped", of("machines", "db-01", (InstanceState.OFF, StatusChecks.UNKNOWN))),
        ("instance", "unknown", of("machines", "db-01", Unknown(why="Throttled."))),
        ("sees its peer", "eth0 ? unknown eth1 ? unknown", of("probes", "db-01", Answer.NONE)),
    ],
)
def test_each_state_of_a_node_has_its_word_and_its_sign(name: str, cells: str, changes: dict[str, Any]) -> None:
    assert shown(**changes).row(name)[0] == cells


def test_a_resync_shows_how_far_it_is() -> None:
    page = shown(**replica_of("db-02", link="resyncing", data="stale", sync_percent=41.7))
    assert page.row("replication")[1].startswith("▲ degraded resyncing, data stale")
    assert page.row("replication")[1].endswith("42 % synchronised")


def test_who_holds_the_lock_is_told_with_its_step_and_since_when() -> None:
    found = evidence(**record(active="db-01", epoch=7, lock_owner=ARN))
    html = render_widget(judge(found, judge_readiness(found), AT_WORK), [], ENGLISH, UTC, ENDPOINT)
    assert Page(html).row("at work") == ["failover da8566d2 for 17 s: ▲ FenceNode"]
    assert (
        f'href="https://ap-northeast-1.console.aws.amazon.com/states/home?region=ap-northeast-1#/v2/executions/details/{ARN}"'
        in html
    )
    assert "epoch 7" in html


def test_a_holder_of_the_lock_that_cannot_be_read_is_told_as_far_as_it_is_known() -> None:
    found = evidence(**record(active="db-01", epoch=7, lock_owner="x"))
    unread = AtWork(execution="x", workflow="", step=None, started_at=None)
    assert shown(judge(found, [], unread)).row("at work")[0].endswith("x: ▲ step unknown")


def test_a_move_that_is_unfinished_and_that_nobody_works_at_stands_out() -> None:
    assert shown(**record(active="db-01", epoch=1, moving_to="db-02")).row("at work") == [
        "✖ a move to db-02 is unfinished"
    ]


@pytest.mark.parametrize(
    ("until", "told"),
    [
        (NOW + timedelta(hours=1), "▲ on until 2026-11-24 13:00:00 UTC: nothing happens by itself"),
        (UNTIL_ENDED, "▲ on until it is ended: nothing happens by itself"),
        (NOW - timedelta(hours=1), "off"),
    ],
)
def test_maintenance_is_told_with_its_end(until: datetime, told: str) -> None:
    assert shown(**record(active="db-01", maintenance_until=until)).row("maintenance") == [told]


def test_a_finding_is_told_with_what_to_do() -> None:
    page = shown(subscribers=0)
    [finding] = [row for row in page.rows if "nobody-told" in " ".join(row)]
    assert finding[0].startswith(("✖", "▲"))
    assert finding[2]


def test_outcomes_are_told_with_their_outage_in_the_dashboard_s_time() -> None:
    halted = a_record(ARN, OutcomeKind.HALTED, started_at=NOW, reason="Both are down.")
    aborted = a_record(ARN, None, started_at=NOW, status="ABORTED")
    page = shown(outcomes=[ENDED, halted, aborted], zone=TOKYO)
    assert page.rows[-3:] == [
        ["2026-11-24 21:00:00 UTC+09:00", "failover", "FailedOver", "17.5 s", "db-01 is dead."],
        ["2026-11-24 21:00:00 UTC+09:00", "failover", "Halted", "", "Both are down."],
        ["2026-11-24 21:00:00 UTC+09:00", "failover", "ABORTED", "", ""],
    ]
    assert shown().rows[-1] == ["none on record"]


def test_services_that_are_not_the_usual_ones_bear_their_own_names() -> None:
    settings = SETTINGS.model_copy(update={"services": "cyde_5_0,cyss_cbgrn_01,/opt/search:on-failure=warn"})
    services = dict.fromkeys(("cyde_5_0", "cyss_cbgrn_01", "search"), "running")
    page = shown(**status_of("db-01", services=services, only_warning=("search",)), settings=settings)
    assert page.row("search") == ["● active", "? unknown"]
    assert page.row("scheduling service")[0] == "● active"


# --- what could not be seen -----------------------------------------------------------------------------------------


def test_without_the_record_nothing_that_stands_in_it_is_told() -> None:
    page = shown(record=Unknown(why="AccessDenied"))
    assert page.row("at work") == page.row("maintenance") == ["? unknown"]
    assert page.row("resource") == ["db-01: role unknown", "db-02: role unknown"]
    assert {cell.split()[1] for name in RESOURCES for cell in page.row(ENGLISH.resources[name])} == {"unknown"}
    assert page.row("routes")[0].startswith("? to db-01"), "whether that is right is not known either"


@pytest.mark.parametrize(
    ("name", "changes"),
    [("routes", {"routes": Unknown(why="x")}), ("targets", {"targets": Unknown(why="x")})],
)
def test_a_source_that_fails_is_shown_as_unknown(name: str, changes: dict[str, Any]) -> None:
    assert shown(**changes).row(name) == ["? unknown"]


def test_outcomes_that_cannot_be_listed_are_no_empty_list() -> None:
    assert shown(outcomes=Unknown(why="AWS answered Query with AccessDenied.")).rows[-1] == [
        "? unknown AWS answered Query with AccessDenied."
    ]


def test_no_target_at_all_is_trouble() -> None:
    assert shown(targets=[]).row("targets") == ["✖ none registered"]


# --- hostile words, and too many of them ----------------------------------------------------------------------------


def hostile_status(text: str, count: int) -> Status:
    """Every word in it is `text`, every list has `count` entries."""
    sound = status_with()
    node = sound.nodes[0].model_copy(
        update={
            "name": text,
            "instance": text,
            "answer": text,
            "resources": {name: Resource(state=State.FAILED, detail=text) for name in RESOURCES},
            "sync_percent": 1e9,
        }
    )
    return sound.model_copy(
        update={
            "cluster": text,
            "nodes": [node, node],
            "routes": [RouteView(route_table_id=text, points_to=f"{text}{index}") for index in range(count)],
            "targets": [TargetView(target=text, state=text, reason=text)] * count,
            "at_work": AtWork(execution=text, workflow=text, step=text, started_at=NOW),
            "readiness": text,
            "findings": [Finding(id=text, about=text, severity=Severity.CRITICAL, meaning=text, action=text)] * count,
        }
    )


def hostile_outcomes(text: str, count: int) -> list[ExecutionRecord]:
    return [a_record(text, reason=text, started_at=NOW), a_record(text, None, status=text, started_at=NOW)] * count


ALLOWED_TAGS = {"div", "style", "p", "b", "span", "table", "caption", "tr", "th", "td", "a", "cwdb-action"}
ALLOWED_ATTRIBUTES = {"class", "lang", "style", "href", "action", "display", "confirmation", "endpoint"}


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=lambda words: words.language)
def test_hostile_words_are_shown_as_text(words: Words) -> None:
    page = shown(hostile_status(HOSTILE, 2), hostile_outcomes(HOSTILE, 1), words)
    assert page.tags <= ALLOWED_TAGS
    assert page.attributes <= ALLOWED_ATTRIBUTES
    told = "<script>alert('1')</script>\" onload=\"x   & \\u202egnp.exe\\u2066 \\u001b[31m \\ud800 </td></table>"
    text = "".join(page.text)
    assert text.count(told) >= 20
    assert not re.search("[\u0000-\u001f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


def test_ordinary_words_of_any_language_stay_as_they_are() -> None:
    assert Markup(400).text("待機系 db-02 é ½") == "待機系 db-02 é ½"


def test_an_execution_that_is_none_is_no_link() -> None:
    for arn in ("javascript:alert(1)", "arn:aws:states:evil.example/x:1:execution:a:b", f"{ARN}\n", f'{ARN}"x'):
        status = status_with().model_copy(update={"at_work": AT_WORK.model_copy(update={"execution": arn})})
        assert "href" not in shown(status).attributes


@pytest.mark.parametrize("text", ['"' * 10_000, "漢" * 10_000, "\u202e" * 10_000, HOSTILE * 100, ""])
@pytest.mark.parametrize("count", [0, 1, 7, 400])
def test_it_fits_whatever_comes(text: str, count: int) -> None:
    html = render_widget(hostile_status(text, count), hostile_outcomes(text, count), JAPANESE, UTC, ENDPOINT)
    assert len(html.encode()) <= MAXIMUM_BYTES
    Page(html)


def test_what_is_left_out_is_counted() -> None:
    status = status_with().model_copy(update={"findings": hostile_status("x", 400).findings})
    assert ["", "and 360 more: garoon-failover ready", ""] in shown(status).rows


def test_an_ordinary_bad_day_is_shown_whole() -> None:
    status = status_with(
        record=ClusterRecord(active="db-02", epoch=3, lock_owner=ARN),
        statuses={"db-01": Unknown(why="x" * 300), "db-02": Answer.NONE},
        routes=[an_entry(f"rtb-{number:017x}") for number in range(100)],
        unconfigured_tables=[f"rtb-{number:017x}" for number in range(50)],
    )
    html = render_widget(status, [ENDED] * 10, JAPANESE, UTC, ENDPOINT)
    assert all(Markup(400).text(say(finding.meaning, Language.JAPANESE)) in html for finding in status.findings)
    assert html.count("FailedOver") == 10
    assert len(html.encode()) <= 30_000


# --- words and colours ----------------------------------------------------------------------------------------------


def pairs(english: Words, japanese: Words) -> list[tuple[str, str, str]]:
    found = []
    for field in fields(Words):
        ours, theirs = getattr(english, field.name), getattr(japanese, field.name)
        if isinstance(ours, dict):
            assert ours.keys() == theirs.keys(), field.name
            found += [(f"{field.name} {key}", ours[key], theirs[key]) for key in ours]
        else:
            found.append((field.name, ours, theirs))
    return found


def test_both_languages_say_everything_with_the_same_parts() -> None:
    for name, english, japanese in pairs(ENGLISH, JAPANESE):
        parts = [{part for _, part, _, _ in string.Formatter().parse(words) if part} for words in (english, japanese)]
        assert parts[0] == parts[1], name
        assert english.isascii(), name
        assert english
        assert japanese


def test_japanese_has_no_english_left_but_names() -> None:
    names = (
        "NFS", "IP", "ID", "garoon-failover ready", "ja", "CloudTrail", "CloudWatch", "MinimumFailoverIntervalSeconds",
        "OperatePolicy",
    )  # fmt: skip
    for name, _, japanese in pairs(ENGLISH, JAPANESE):
        rest = re.sub(r"\{\w+\}", "", japanese)
        for one in names:
            rest = rest.replace(one, "")
        assert not re.search("[A-Za-z]", rest), f"{name}: {japanese}"


def test_every_state_and_every_resource_has_its_word() -> None:
    for words in (ENGLISH, JAPANESE):
        assert words.states.keys() == set(State)
        assert words.severities.keys() == set(Severity)
        assert tuple(words.resources) == RESOURCES
    assert BADGES.keys() == {*State, *Severity}


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("kind", BADGES)
def test_words_on_colours_can_be_read(kind: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1. A badge has both its colours itself, so the theme does not matter."""
    _, back, front = BADGES[kind]
    light, dark = sorted((luminance(back), luminance(front)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize("kinds", [list(State), list(Severity)])
def test_signs_and_colours_tell_apart_what_words_tell_apart(kinds: list[str]) -> None:
    for part in (0, 1):
        assert len({BADGES[kind][part] for kind in kinds}) == len(kinds)


def test_text_has_the_theme_s_colour() -> None:
    """Outside the badges no colour of text or background is set, so it is readable on light and on dark."""
    html = render_widget(status_with(), [ENDED], ENGLISH, UTC, ENDPOINT)
    style = html[html.index("<style>") : html.index("</style>")]
    rules = dict(re.findall(r"\.gf ([\w ,.]+)\{([^}]*)\}", style))
    coloured = {name for name, rule in rules.items() if re.search(r"(?<!-)\bcolor:|background", rule)}
    assert coloured == {f".{kind}" for kind in BADGES} | {".p span"}
