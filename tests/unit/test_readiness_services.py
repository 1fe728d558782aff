"""Readiness of services and exports: as configured, and as found on the nodes."""

import re
from pathlib import Path
from typing import Any

import pytest
from failover import readiness_services
from failover.finding import Severity
from failover.models import Answer
from failover.readiness import is_ready, judge_readiness

from tests.unit.test_readiness import CRITICAL, SETTINGS, WARNING, a_survey, evidence, of, status_of

CAUSES: dict[str, tuple[dict[str, Any], list[tuple[str, str, Severity]]]] = {
    "services at boot": (
        status_of("db-02", are_services_enabled_at_boot=True),
        [("services-start-at-boot", "db-02", WARNING)],
    ),
    "services at boot not told": (
        status_of("db-02", are_services_enabled_at_boot=None),
        [("services-start-at-boot", "db-02", WARNING)],
    ),
    "a service that only warns": (
        status_of("db-01", services={"cyde_5_0": "running", "search": "stopped"}, only_warning=("search",)),
        [("service-stopped", "db-01", WARNING)],
    ),
    "a service that only warns, on its way": (
        status_of("db-01", services={"cyde_5_0": "running", "search": "starting"}, only_warning=("search",)),
        [],
    ),
    "other lists than the stack's": (
        {
            **status_of("db-02", configured={"Services": "cyde_5_0", "Exports": "files:1", "DatabasePort": "3770"}),
            "settings": SETTINGS.model_copy(
                update={"services": "cyde_5_0,cyss_cbgrn", "exports": "files:1", "database_port": "3771"}
            ),
        },
        [("configuration-differs", "db-02", WARNING)],
    ),
    "the stack's lists": (
        {
            **status_of("db-02", configured={"Services": "cyde_5_0", "Exports": "files:1", "DatabasePort": "3770"}),
            "settings": SETTINGS.model_copy(update={"services": "cyde_5_0", "exports": "files:1"}),
        },
        [],
    ),
    "a service that nobody starts": (
        {
            **of("surveys", "db-02", a_survey(services=("cyde_5_0", "cyss_cbgrn", "cyss_cbgrn_01.service"))),
            "settings": SETTINGS.model_copy(update={"services": "cyde_5_0,cyss_cbgrn"}),
        },
        [("service-not-configured", "db-02", WARNING)],
    ),
    "units and init scripts that are configured": (
        {
            **of("surveys", "db-02", a_survey(services=("cyde_5_0.service", "cyss_cbgrn"))),
            "settings": SETTINGS.model_copy(update={"services": "cyde_5_0,cyss_cbgrn.service:stop=120"}),
        },
        [],
    ),
    "a service that cannot be started": (
        of("surveys", "db-02", a_survey(missing=("cyss_cbgrn",))),
        [("service-missing", "db-02", CRITICAL)],
    ),
    "another port in my.ini": (
        {
            **of("surveys", "db-01", a_survey(database_ports=("3771",))),
            "settings": SETTINGS.model_copy(update={"database_port": "3770"}),
        },
        [("port-differs", "db-01", WARNING)],
    ),
    "the port in my.ini": (
        {
            **of("surveys", "db-01", a_survey(database_ports=("3770",))),
            "settings": SETTINGS.model_copy(update={"database_port": "3770"}),
        },
        [],
    ),
    "no my.ini": (
        {
            "settings": SETTINGS.model_copy(update={"database_port": "3771"}),
            "surveys": {"db-01": a_survey(database_ports=None), "db-02": a_survey(database_ports=())},
        },
        [],
    ),
    "an export by hand": (
        {
            **of("surveys", "db-01", a_survey(exports=("files", "by/hand"))),
            **status_of("db-02", configured={"Services": SETTINGS.services, "Exports": "files:1"}),
        },
        [("export-missing-on-standby", "db-02", WARNING)],
    ),
    "exports that the standby knows": (
        {
            **of("surveys", "db-01", a_survey(exports=("files",))),
            **status_of("db-02", configured={"Services": SETTINGS.services, "Exports": "archive:2,files:1"}),
        },
        [],
    ),
    "a node that was not surveyed": ({"surveys": {}}, []),
    "a silent node": (of("surveys", "db-02", Answer.NONE), []),
}


@pytest.mark.parametrize(("changes", "expected"), CAUSES.values(), ids=CAUSES.keys())
def test_each_cause_gives_its_finding_and_no_other(
    changes: dict[str, Any], expected: list[tuple[str, str, Severity]]
) -> None:
    findings = judge_readiness(evidence(**changes))
    assert [(finding.id, finding.about, finding.severity) for finding in findings] == expected
    assert is_ready(findings) == all(severity is not CRITICAL for _, _, severity in expected)
    assert all(finding.meaning.endswith(".") and finding.action.endswith(".") for finding in findings)


def test_every_finding_has_its_cause_here() -> None:
    known = set(re.findall(r'id="([a-z-]+)"', Path(readiness_services.__file__).read_text()))
    assert known == {identity for _, expected in CAUSES.values() for identity, _, _ in expected}
