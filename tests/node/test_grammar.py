"""The script keeps to what bash 4.2 knows, the oldest that it meets (RHEL 7), as no machine here has one to try.

After bash's own NEWS: what came with 4.3 and later. What an old bash does with a here-string is tried in
test_failed_looks.
"""

from __future__ import annotations

import re

import pytest

from tests.node.node import SCRIPT

NEWER = {
    "a name reference (4.3)": r"\b(local|declare|typeset) -\w*n\b",
    "wait -n (4.3)": r"\bwait -\w*n",
    "a negative subscript that is assigned to or unset (4.3)": r"(^|\s|unset ['\"]?)\w+\[-\d+\](=|['\"]|$)",
    "[[ -v array[index] ]] (4.3)": r"\[\[ -v \w+\[",
    "a parameter's @-transformation (4.4)": r"\$\{[\w!]+(\[[^]]*\])?@[A-Za-z]\}",
    "mapfile -d (4.4)": r"\b(mapfile|readarray) [^|;]*-d",
    "local - (4.4)": r"\blocal -(\s|$)",
    "EPOCHSECONDS (5.0)": r"\bEPOCH(SECONDS|REALTIME)\b",
    "SRANDOM (5.1)": r"\bSRANDOM\b",
    "a file for a here-string or here-document, which needs room (before 5.1)": r"<<<",
    "an empty array's elements, unbound before 4.4": r"(?<!\+)\"\$\{(ours|MOUNTS|children)\[@\]\}\"",
}


@pytest.mark.parametrize("what", NEWER)
def test_the_script_uses_nothing_newer_than_bash_4_2(what: str) -> None:
    code = [line for line in SCRIPT.read_text().splitlines() if not line.lstrip().startswith("#")]

    found = [line for line in code if re.search(NEWER[what], line)]

    assert not found, what


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a name reference (4.3)", "    local -n target=$1"),
        ("wait -n (4.3)", "wait -n"),
        ("a parameter's @-transformation (4.4)", "printf '%s' ${text@Q}"),
        ("mapfile -d (4.4)", "mapfile -t -d '' lines"),
        ("EPOCHSECONDS (5.0)", "now=$EPOCHSECONDS"),
        ("a negative subscript that is assigned to or unset (4.3)", "stack[-1]=x"),
    ],
)
def test_the_lint_finds_what_is_newer(what: str, line: str) -> None:
    assert re.search(NEWER[what], line)
