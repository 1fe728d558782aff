"""Which messages the tests produce, with which parameters: what docs/messages.md shows is what was really said.

`make messages` runs the unit tests with RECORD_MESSAGES naming a folder, into which each process writes what it saw.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from failover import messages

VARIABLE = "RECORD_MESSAGES"
_OF_THE_CATALOGUE = "tests/unit/test_messages.py"
"""It says every message there is; a message that nobody else says has no example."""


def begin(folder: Path) -> dict[str, dict[str, Any]]:
    """From now on every message that a running test says is noted; of several examples the shortest."""
    seen: dict[str, dict[str, Any]] = {}
    say = messages._say

    def noting(code: str, params: Any, language: messages.Language) -> str:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0].partition("[")[0]
        said = say(code, params, language)
        if test and not test.startswith(_OF_THE_CATALOGUE):
            data = {name: messages._to_plain(value) for name, value in params.items()}
            example = {"params": data, "by": test}
            if code not in seen or _size(example) < _size(seen[code]):
                seen[code] = example
        return said

    messages._say = noting
    folder.mkdir(parents=True, exist_ok=True)
    return seen


def _size(example: dict[str, Any]) -> tuple[int, int, str]:
    """An example of messages within is better than one of a test's own words."""
    text = json.dumps(example, sort_keys=True)
    return text.count(f'"code": "{messages.TEXT}"'), len(text), text


def write(seen: dict[str, dict[str, Any]], folder: Path) -> None:
    (folder / f"{os.getpid()}.json").write_text(json.dumps(seen))


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """What all processes saw."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        for code, example in json.loads(file.read_text()).items():
            if code not in found or _size(example) < _size(found[code]):
                found[code] = example
    return dict(sorted(found.items()))
