"""A notification's text, in the language or languages that operators read."""

from collections.abc import Sequence

from failover.messages import Language, Message, say
from failover.models import OutcomeKind
from failover.settings import Settings

_BETWEEN_LANGUAGES = "\n----------------------------------------\n\n"


def runbook(kind: OutcomeKind, url: str) -> Message:
    """Where it stands what the outcome means and what to do."""
    return Message("notice.runbook", url=url, anchor=f"outcome-{kind.lower()}")


def runbook_of_finding(identity: str, url: str) -> Message:
    """Where it stands what the finding means and what to do."""
    return Message("notice.runbook-of-finding", url=url, anchor=identity)


def write(lines: Sequence[str], settings: Settings) -> str:
    """The lines, messages or empty, in each language that operators read, one language after the other."""
    return _BETWEEN_LANGUAGES.join(_write(lines, language) for language in settings.notification_language.languages)


def _write(lines: Sequence[str], language: Language) -> str:
    return "".join(f"{say(line, language)}\n" for line in lines)
