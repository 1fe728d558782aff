"""Each outcome and each finding has a place in the runbooks, in both languages, to which the message about it links."""

import re

import pytest
from failover.messages import Language, say
from failover.models import OutcomeKind
from failover.notice import runbook, runbook_of_finding
from failover.readiness import judge_readiness
from failover.settings import NotificationLanguage, Settings
from failover.steps.record_outcome import describe_outcome

from tests.unit import test_readiness, test_readiness_services
from tests.unit.fake_records import a_record
from tests.unit.test_readiness import evidence
from tests.write_findings import DOCS, WORDS, findings, render

URL = "docs"
LINK = re.compile(r"docs/(\S+\.md)#(\S+)$")


def assert_leads_somewhere(link: str) -> None:
    found = LINK.search(link)
    assert found, link
    assert f'<a id="{found[2]}"></a>' in (DOCS / found[1]).read_text(), link


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", OutcomeKind)
def test_each_outcome_has_its_place(kind: OutcomeKind, language: Language) -> None:
    assert_leads_somewhere(say(runbook(kind, URL), language))


@pytest.mark.parametrize("language", Language)
def test_each_finding_has_its_place(language: Language) -> None:
    causes = [change for change, _ in (*test_readiness.CAUSES.values(), *test_readiness_services.CAUSES.values())]
    ids = {one.id for change in causes for one in judge_readiness(evidence(**change))}
    ids |= {f"unknown-{source}" for source in test_readiness.SOURCES}
    assert len(ids) > 70
    for identity in ids:
        assert_leads_somewhere(say(runbook_of_finding(identity, URL), language))


@pytest.mark.parametrize("language", Language)
def test_the_page_of_findings_is_what_readiness_says(language: Language) -> None:
    assert (DOCS / WORDS[language].file).read_text() == render(language), "run `make messages`"
    assert set(re.findall(r'<a id="([^"]+)"></a>', render(language))) == set(findings())


def test_the_mail_of_an_outcome_links_to_its_place_in_its_language(settings: Settings) -> None:
    outcome = a_record().outcome
    assert outcome is not None
    told = describe_outcome(outcome, settings.model_copy(update={"runbook_url": URL}), [])
    assert "Runbook:   docs/operations.md#outcome-failedover\n" in told
    japanese = {"runbook_url": URL, "notification_language": NotificationLanguage.JAPANESE}
    told = describe_outcome(outcome, settings.model_copy(update=japanese), [])
    assert "docs/operations.ja.md#outcome-failedover\n" in told
