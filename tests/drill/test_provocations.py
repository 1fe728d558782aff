"""The drill of readiness claims no more than it shows: each finding is provoked there, or is said not to be."""

import re
from pathlib import Path

from failover import readiness, readiness_services

from testbed.scenarios.readiness_findings import NOT_PROVOKED, PROVOCATIONS

SOURCES = [Path(str(module.__file__)).read_text() for module in (readiness, readiness_services)]
FINDINGS = {finding for source in SOURCES for finding in re.findall(r'\bid="([a-z-]+)"', source)}
PROVOKED = {finding for _, _, findings in PROVOCATIONS for finding in findings} | {"maintenance-on"}
UNIT_TESTS = "".join(file.read_text() for file in (Path(__file__).parents[1] / "unit").glob("test_readiness*.py"))


def test_every_finding_is_provoked_or_said_not_to_be() -> None:
    assert len(FINDINGS) > 40
    provoked = {finding for finding in PROVOKED if not finding.startswith("unknown-")}
    assert provoked | NOT_PROVOKED == FINDINGS
    assert not provoked & NOT_PROVOKED


def test_what_the_drill_does_not_provoke_a_unit_test_does() -> None:
    assert not [finding for finding in NOT_PROVOKED if f'"{finding}"' not in UNIT_TESTS]
