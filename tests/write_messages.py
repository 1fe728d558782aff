"""Writes docs/messages.md: every message in both languages, with an example that a unit test produced.

python -m tests.write_messages [FOLDER]     with FOLDER, what the unit tests recorded there is shown
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from failover.catalogue import CATALOGUE
from failover.messages import Language, Message, say

from tests import record_messages

ROOT = Path(__file__).parents[1]
PAGE, EXAMPLES = ROOT / "docs/messages.md", ROOT / "tests/unit/message_examples.json"
_TITLES = {
    "outcome": "How an execution ended",
    "next": "What to do after it",
    "step": "What to do when a step has failed",
    "kind": "Kinds of outcomes",
    "decision": "What was found, and is done",
    "what": "What is wrong with the active node (parts of sentences)",
    "why": "Why the standby may not take over (parts of sentences)",
    "do": "What to do about it",
    "planned": "Planned moves and rejoins",
    "finding": "Findings of readiness",
    "action": "What to do about a finding",
    "error": "Errors",
    "proof": "Proofs (parts of sentences)",
    "opening": "What has begun, and what stands",
    "trigger": "Why an execution was started",
    "sign": "What calls for one (parts of sentences)",
    "question": "The question before a failover",
    "maintenance": "Maintenance",
    "notice": "The facts in a notification",
}
_HEAD = """# Messages

Every message that operators are told, in English and Japanese, by its code. Written by `make messages`. The examples
are what unit tests really produced, and a test holds the page to the catalogue in `layers/failover_core/failover/`.
The words are those of [the glossary](glossary.md). What stands in 「」 is a node's or AWS's own words.
"""


def read_examples() -> dict[str, dict[str, Any]]:
    examples: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text())
    return examples


def render(examples: Mapping[str, Mapping[str, Any]]) -> str:
    """The page."""
    return "\n".join([_HEAD, *_sections(examples)]).rstrip() + "\n"


def _sections(examples: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    order = [*_TITLES, *sorted({_area(code) for code in CATALOGUE} - _TITLES.keys())]
    codes = sorted(CATALOGUE, key=lambda code: order.index(_area(code)))
    for area, of_area in groupby(codes, _area):
        yield f"## {_TITLES.get(area, area.capitalize())}\n\n| code | English | Japanese |\n| --- | --- | --- |"
        for code in of_area:
            english, japanese = _both(code, examples[code])
            yield f'| <a id="{code}"></a>`{code}` | {english} | {japanese} |'
        yield ""


def _area(code: str) -> str:
    return code.partition(".")[0] if "." in code else "signs"


def _both(code: str, example: Mapping[str, Any]) -> tuple[str, str]:
    """As it was said."""
    message = Message.from_json({"code": code, "params": example["params"], "text": ""})
    return _cell(str(message)), _cell(say(message, Language.JAPANESE))


def _cell(text: str) -> str:
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|")):
        text = text.replace(sign, instead)
    return text


def main() -> None:
    if len(sys.argv) > 1:
        examples = record_messages.read(Path(sys.argv[1]))
        if missing := CATALOGUE.keys() - examples:
            sys.exit(f"No unit test produces these messages: {', '.join(sorted(missing))}.")
        EXAMPLES.write_text(json.dumps(examples, ensure_ascii=False, indent=1) + "\n")
    PAGE.write_text(render(read_examples()))


if __name__ == "__main__":
    main()
