"""The decision records: none missing, each with status and date, each in the list. One README in two languages."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/decisions"
RECORDS = sorted(FOLDER.glob("0*.md"))
STATUS = re.compile(r"(Accepted|Replaced by \[\d{4}\]\([\w-]+\.md\)), \d{4}-\d{2}-\d{2}\b.*\.")


def test_no_number_is_missing() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_a_title_and_a_status_with_its_date_and_stands_in_the_list(record: Path) -> None:
    title, between, status = record.read_text().splitlines()[:3]
    assert between == ""
    assert STATUS.fullmatch(status), f"{record.name}: the third line is to be like: Accepted, 2026-11-28."
    line = f"{int(record.name[:4])}. [{title.removeprefix('# ')}]({record.name})"
    assert line in (FOLDER / "README.md").read_text().splitlines()


# --- the same document in two languages ----------------------------------------------------------------------------


class Bones:
    """What of a document is the same in every language: its structure, and what a reader would type or follow."""

    def __init__(self, text: str) -> None:
        fences = re.findall(r"```.*?```", text, re.DOTALL)
        self.fences = [re.sub(r"\s+# .*", "", fence) for fence in fences]
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        self.headings = re.findall(r"^#+(?= )", prose, re.MULTILINE)
        self.code = Counter(re.findall(r"`[^`]+`", prose))
        self.links = Counter(link for link in re.findall(r"\]\(([^)]+)\)", prose) if not link.startswith("README"))
        rows = [line.strip("|").split("|") for line in prose.splitlines() if line.startswith("|")]
        self.rows = [(len(row), row[0], row[1] if len(row) > 2 else "") for row in rows if "`" in row[0]]
        self.items = len(re.findall(r"^(?:- |\d+\. )", prose, re.MULTILINE))


@pytest.mark.parametrize("part", ["headings", "fences", "code", "links", "rows", "items"])
def test_the_japanese_readme_says_what_the_english_one_says(part: str) -> None:
    english, japanese = (Bones((ROOT / name).read_text()) for name in ("README.md", "README.ja.md"))
    assert getattr(japanese, part) == getattr(english, part)


def test_the_readmes_lead_to_each_other() -> None:
    assert "(README.ja.md)" in (ROOT / "README.md").read_text()[:100]
    assert "(README.md)" in (ROOT / "README.ja.md").read_text()[:100]
