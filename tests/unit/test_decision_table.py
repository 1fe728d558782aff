"""docs/architecture.md shows the table by which it is decided: every row, in its order, in its words."""

from collections.abc import Iterator
from pathlib import Path

from failover.decision import TABLE

PAGE = Path(__file__).parents[2] / "docs/architecture.md"


def table_lines() -> Iterator[str]:
    yield "| situation | what else the evidence says | what follows |"
    yield "| --- | --- | --- |"
    for part in TABLE:
        for number, row in enumerate(part.rows):
            yield f"| {part.says if number == 0 else ''} | {row.says} | {row.then.words} |"


def test_the_page_shows_the_table_as_it_is() -> None:
    table = "\n".join(table_lines())
    assert f"\n\n{table}\n\n" in PAGE.read_text(), f"docs/architecture.md should have this table:\n\n{table}\n"
