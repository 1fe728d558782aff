"""The decision records: each number once, each with status and date, each in the list. One README in two languages."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/decisions"
RECORDS = sorted(FOLDER.glob("0*.md"))
STATUS = re.compile(r"(Accepted|Replaced by \[\d{4}\]\([\w-]+\.md\)), \d{4}-\d{2}-\d{2}\b.*\.")


def test_no_number_is_taken_twice() -> None:
    assert len({record.name[:4] for record in RECORDS}) == len(RECORDS)


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
        # But for the one that leads to the other language.
        links = re.findall(r"(?<!\[English)(?<!\[日本語)\]\(([^)]+)\)", prose)
        self.links = Counter(link.replace(".ja.md", ".md") for link in links)
        rows = [line.strip("|").split("|") for line in prose.splitlines() if line.startswith("|")]
        self.rows = [(len(row), *re.findall(r"`[^`]+`", row[0])) for row in rows]
        # A parameter's default.
        self.values = [row[1] for row in rows if len(row) > 2 and re.fullmatch(r" (`\w+`(, )?)+ ", row[0])]
        self.items = len(re.findall(r"^(?:- |\d+\. )", prose, re.MULTILINE))


JAPANESE = [*ROOT.glob("*.ja.md"), *ROOT.glob("docs/*.ja.md")]


def english_of(japanese: Path) -> Path:
    return japanese.with_name(japanese.name.replace(".ja.", "."))


@pytest.mark.parametrize("japanese", JAPANESE, ids=lambda path: path.name)
@pytest.mark.parametrize("part", ["headings", "fences", "code", "links", "rows", "values", "items"])
def test_the_japanese_document_has_all_of_the_english_one(japanese: Path, part: str) -> None:
    ours, theirs = (Bones(path.read_text()) for path in (japanese, english_of(japanese)))
    assert getattr(ours, part) == getattr(theirs, part)


@pytest.mark.parametrize("japanese", JAPANESE, ids=lambda path: path.name)
def test_both_languages_lead_to_each_other(japanese: Path) -> None:
    english = english_of(japanese)
    assert f"[日本語]({japanese.name})" in english.read_text()[:100]
    assert f"[English]({english.name})" in japanese.read_text()[:100]


@pytest.mark.parametrize("japanese", JAPANESE, ids=lambda path: path.name)
def test_a_link_leads_to_the_same_place_in_both_languages(japanese: Path) -> None:
    """A heading in Japanese has another anchor, so the English one stands before it."""
    for file, anchor in re.findall(r"\]\(([\w./-]*\.ja\.md)?#([^)]+)\)", japanese.read_text()):
        assert f'<a id="{anchor}"></a>' in (japanese.parent / (file or japanese.name)).read_text()
