"""The decision records: none missing, each with its status and date, each in the list."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs/decisions"
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
