"""Writes docs/findings.md and its Japanese twin: a section for each finding of readiness, to which messages link.

python -m tests.write_findings

What a section says are findings that the judgement of readiness really made, of the causes in the unit tests. The
order is that of the table in docs/operations.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from failover.finding import Finding, Severity
from failover.messages import Language, Message, say
from failover.node_script import DIGEST
from failover.readiness import judge_readiness

from tests.unit import test_readiness, test_readiness_services
from tests.unit.test_readiness import evidence

DOCS = Path(__file__).parents[1] / "docs"


class _Words(NamedTuple):
    file: str
    title: str
    other: str
    intro: str
    operations: str
    do: str
    unknown: str


WORDS = {
    Language.ENGLISH: _Words(
        file="findings.md", title="Findings", other="[日本語](findings.ja.md)",
        intro="Each finding of readiness: examples of what it says, and what to do. Written by `make messages`. Look "
        "again with `garoon-failover ready`. What is really so, the message says. [Is it ready?]"
        "(operations.md#is-it-ready) has all of them in one table.",
        operations="operations.md", do="Do", unknown="What could not be seen",
    ),
    Language.JAPANESE: _Words(
        file="findings.ja.md", title="検出事項の一覧", other="[English](findings.md)",
        intro="準備の確認で検出される事項ごとに、通知の例と対応を示します。`make messages` が作成します。"
        "もう一度確認するには `garoon-failover ready` を使います。実際の内容は通知にあります。"
        "[準備はできているか](operations.ja.md#is-it-ready)に一覧表があります。",
        operations="operations.ja.md", do="対応", unknown="見えなかったもの",
    ),
}  # fmt: skip


def findings() -> dict[str, list[Finding]]:
    """Of each kind, one for each thing that it may say."""
    changes = [change for change, _ in (*test_readiness.CAUSES.values(), *test_readiness_services.CAUSES.values())]
    found: dict[str, list[Finding]] = {}
    for change in [*changes, *test_readiness.SOURCES.values()]:
        for one in judge_readiness(evidence(**change)):
            of_kind = found.setdefault(one.id, [])
            said = {(other.meaning.code, other.action.code, other.severity) for other in of_kind}
            if (one.meaning.code, one.action.code, one.severity) not in said:
                of_kind.append(one)
    return found


def categories(language: Language) -> Iterator[tuple[str, list[str]]]:
    """What findings are about, each with their ids, as the table of the operations has them."""
    text = (DOCS / WORDS[language].operations).read_text()
    section = text.partition('<a id="is-it-ready"></a>' if language is Language.JAPANESE else "## Is it ready?")[2]
    for row in re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section.partition("\n### ")[0], re.MULTILINE):
        if ids := re.findall(r"`([a-z-]+)`", row[1]):
            yield row[0], ids


def render(language: Language) -> str:
    """The page."""
    words, found = WORDS[language], findings()
    lines = [f"# {words.title}", "", words.other, "", words.intro, ""]
    unknown = sorted(identity for identity in found if identity.startswith("unknown-"))
    for about, ids in [*categories(language), (words.unknown, unknown)]:
        lines += [f"## {about[0].upper()}{about[1:]}", ""]
        for identity in ids:
            lines += [f'<a id="{identity}"></a>', f"### `{identity}`", ""]
            lines += [f"- {_cell(one, words, language)}" for one in found[identity]] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _cell(one: Finding, words: _Words, language: Language) -> str:
    severity = say(Message(f"severity.{Severity(one.severity)}"), language)
    said = f"**{severity}**: {say(one.meaning, language)} {words.do}: {say(one.action, language)}"
    # The script's digest is another with each change to it, which the page is to outlive.
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), ("\n", " "), ("`", ""), (DIGEST, "0123456789ab")):
        said = said.replace(sign, instead)
    return said


def main() -> None:
    for language, words in WORDS.items():
        (DOCS / words.file).write_text(render(language))


if __name__ == "__main__":
    main()
