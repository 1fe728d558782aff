"""The commands that the documents tell to type: each operation of AWS's exists, and so does each of its options."""

import re
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ServiceModel

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_EVERY_COMMAND = {"query", "output", "region", "cli-binary-format", "max-items"}
RENAMED = {"task-output"}  # `--output` is the command line's own
OF_THE_COMMAND_LINE_ALONE = {("logs", "tail"), ("cloudformation", "wait"), ("cloudformation", "deploy")}
"""Commands that are no single operation."""


def commands() -> list[tuple[str, str, str, tuple[str, ...]]]:
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        for match in re.finditer(r"\baws ([a-z0-9]+) ([a-z-]+)((?: [^`\n|;)]*)?)", text):
            service, operation, rest = match.groups()
            unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", rest)
            options = tuple(re.findall(r"(?<= )--([a-z0-9-]+)", unquoted))
            found.append((page.name, service, operation, options))
    return found


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 30


@cache
def model_of(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


@pytest.mark.parametrize(("page", "service", "operation", "options"), commands())
def test_a_command_of_the_documents_exists(page: str, service: str, operation: str, options: tuple[str, ...]) -> None:
    if (service, operation) in OF_THE_COMMAND_LINE_ALONE:
        return
    model = model_of(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, f"{page}: aws {service} has no {operation}"
    shape = model.operation_model(operations[operation]).input_shape
    known = {xform_name(name, "-") for name in (shape.members if shape else ())} | OF_EVERY_COMMAND | RENAMED
    assert {option.removeprefix("no-") for option in options} <= known, f"{page}: aws {service} {operation}"


def test_each_line_of_the_list_for_a_real_account_says_what_to_type() -> None:
    section = (ROOT / "docs/operations.md").read_text().partition("\n## Check on a real account\n")[2]
    rows = [line.split(" | ") for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 8
    assert [row[0] for row in rows if not re.search(r"`[^`]+`|the same", row[1])] == []
