"""What operators read, in their language: nothing untranslated, nobody's words obeyed, the same trouble known again."""

import ast
import copy
import json
import pickle
import re
import string
from pathlib import Path

import failover
import pytest
from failover.adapters.notifications import ascii_subject
from failover.catalogue import CATALOGUE
from failover.finding import Finding, Severity
from failover.messages import NOTHING, Language, Message, is_same, say, together
from failover.models import Decision, Outcome, OutcomeKind, Said, Verdict
from failover.notice import write
from failover.settings import NotificationLanguage, Settings

JA = Language.JAPANESE
HOSTILE = "<b>ok</b>\r\nNext step: none.\u2028 \u202egnp.exe\u2066 \x1b[31m \ud800 {active} %s"
_QUOTED = re.compile(r"\{\{.*?\}\}|\{[a-z_]+(:[^}]*)?\}|`[^`]+`")
"""What is no word of the sentence: an input, a parameter, a command."""
_WORD = re.compile(r"(?<![A-Za-z0-9_./-])[a-z]{2,}(?![A-Za-z0-9_./-])")
"""An ordinary word. A name has a capital, a digit or a sign in it: EC2, eth0, garoon-node, nfs-server.service."""
_NAMES = {"apart", "failover", "rejoin", "switchback", "chrony", "sshd"}
_SAME_IN_BOTH = {"text", "together", "as-is", "node.parts", "rehearsal.trouble", "chat.found"}


def parameters(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_message_says_the_same_in_both_languages(code: str) -> None:
    english, japanese = CATALOGUE[code]
    assert parameters(english) == parameters(japanese)
    assert english.isascii()
    assert set(_WORD.findall(_QUOTED.sub("", japanese))) <= _NAMES
    if code not in _SAME_IN_BOTH:
        assert not japanese.isascii()
        assert english.endswith((".", "?")) == japanese.endswith("。")


def test_a_message_is_its_english_sentence_and_knows_what_it_says() -> None:
    told = Message("next.bring-back-as-standby", active="db-01")
    assert told == "Bring db-01 back as an up-to-date standby: until then there is none."
    assert say(told, JA).startswith("db-01 を最新のスタンバイとして")
    assert json.loads(json.dumps(told.to_json())) == {
        "code": "next.bring-back-as-standby", "params": {"active": "db-01"}, "text": str(told),
    }  # fmt: skip
    for same in (copy.deepcopy(told), pickle.loads(pickle.dumps(told)), Message.from_json(told.to_json())):
        assert (same, same.code, dict(same.params)) == (told, told.code, dict(told.params))


def test_a_message_within_a_message_is_said_in_its_language() -> None:
    why = Message("maintenance.on", until=Message("maintenance.until-ended"))
    told = together(Message("outcome.step-failed", step="SwapRoute", why=why), NOTHING, Message("outcome.stayed-so"))
    assert told.startswith("SwapRoute did not succeed: Maintenance is on until it is ended")
    assert say(told, JA).startswith("ステップ SwapRoute が失敗しました: 終了操作までメンテナンス中です。")
    assert say(Message.from_json(json.loads(json.dumps(told.to_json()))), JA) == say(told, JA)
    assert [one.code for one in together(told, told).params["sentences"]] == [  # type: ignore[union-attr]
        "outcome.step-failed", "outcome.stayed-so", "outcome.step-failed", "outcome.stayed-so",
    ]  # fmt: skip


def test_words_without_a_code_are_quoted_and_stay_as_they_are() -> None:
    assert say("AWS said no.", JA) == "「AWS said no.」"
    assert (say("", JA), Decision(verdict=Verdict.HALT, reason="No.").to_json()["whyNoMove"]) == ("", "")


@pytest.mark.parametrize("data", [{"code": "of.tomorrow", "params": {}}, {"code": "outcome.put-back", "params": {}}])
def test_a_message_of_another_version_is_still_told(data: dict[str, object]) -> None:
    assert Message.from_json(data | {"text": "So it is."}) == "So it is."


@pytest.mark.parametrize("data", [1, None, [], {"code": "text"}])
def test_what_is_no_message_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="a message is"):
        Message.from_json(data)


@pytest.mark.parametrize("code", ["maintenance.reason", "outcome.crashed-with", "text"])
@pytest.mark.parametrize("language", Language)
def test_hostile_words_are_one_line_of_text(code: str, language: Language) -> None:
    told = say(Message(code, words=HOSTILE, cause=HOSTILE), language)
    assert told.isprintable()
    assert "\\u202egnp.exe\\u2066" in told
    assert "{active} %s" in told
    assert len(Message("text", words="x" * 9999)) < 2100


def test_the_same_trouble_is_known_by_codes_and_names() -> None:
    def failed(node: str, words: str, seconds: float = 1.0) -> Message:
        last_word = Message("outcome.last-word", active=node, seconds=seconds)
        return together(
            Message("outcome.undemoted-was-fenced", node=node, proof=Message("maintenance.reason", words=words)),
            last_word,
        )

    assert is_same(failed("db-01", "request 4711"), failed("db-01", "request 4712", 2.5))
    assert not is_same(failed("db-01", "it"), failed("db-02", "it"))
    assert not is_same(failed("db-01", "it"), Message("outcome.stayed-so"))
    assert not is_same("One thing.", "Another.")


def test_an_outcome_of_a_version_without_codes_is_read() -> None:
    now = "2026-11-28T12:00:00Z"
    old = {
        "outcome": "Halted", "verdict": None, "reason": "So it is.", "nextStep": "Look.", "activeBefore": None,
        "activeAfter": None, "epochBefore": None, "epochAfter": None, "execution": "arn", "startedAt": now,
        "endedAt": now, "acceptedLoss": "the replica is stale",
    }  # fmt: skip
    read = Outcome.model_validate(old)
    assert (read.messages.reason, read.accepted_loss) == ("So it is.", "the replica is stale")
    said = Said(reason=Message("outcome.aborted"), next_step=Message("next.nothing"))
    assert Outcome.model_validate(read.model_copy(update={"said": said}).to_json()).messages == said


def test_a_finding_goes_out_and_comes_back_with_its_codes() -> None:
    finding = Finding(
        id="node-silent", about="db-02", severity=Severity.CRITICAL,
        meaning=Message("finding.node-silent", node="db-02"), action=Message("action.node-silent", node="db-02"),
    )  # fmt: skip
    told = json.loads(json.dumps(finding.to_json()))
    assert (told["meaning"], told["said"]["meaning"]["code"]) == (str(finding.meaning), "finding.node-silent")
    assert say(Finding.model_validate(told).action, JA).startswith("db-02 の SSM Agent")


@pytest.mark.parametrize("subject", ["[garoon] フェイルオーバー", "x" * 300, f"[garoon] {HOSTILE}"])
def test_a_subject_is_what_sns_takes(subject: str) -> None:
    told = ascii_subject(subject)
    assert told.isascii()
    assert told.isprintable()
    assert len(told) < 100


def test_every_outcome_has_a_subject_that_needs_no_cut() -> None:
    for kind in OutcomeKind:
        subject = f"[{'g' * 31}] {kind}"
        assert ascii_subject(subject) == subject


def test_notifications_come_in_the_language_that_operators_read(settings: Settings) -> None:
    def told(language: NotificationLanguage) -> str:
        return write([Message("next.nothing"), ""], settings.model_copy(update={"notification_language": language}))

    assert told(NotificationLanguage.ENGLISH) == "Nothing.\n\n"
    assert told(NotificationLanguage.JAPANESE) == "対応は不要です。\n\n"
    both = told(NotificationLanguage.BOTH)
    assert 0 == both.index("対応は不要です。") < both.index("Nothing.")


ERRORS = {"Failed", "Refused", "NotYet", "StateUnknown", "CloudUnavailable", "InvalidInput", "LockHeld", "DataNotKept"}


def sentences_without_a_code(module: Path) -> int:
    raised = (node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call) and node.args)
    return sum(
        isinstance(call.func, ast.Name)
        and call.func.id in ERRORS
        and any(isinstance(part, ast.JoinedStr | ast.Constant) for part in (call.args[0], *_given(call.args[0])))
        for call in raised
    )


def _given(argument: ast.expr) -> list[ast.expr]:
    """What as_sentence is given."""
    is_wrapped = isinstance(argument, ast.Call) and ast.unparse(argument.func) == "as_sentence"
    return argument.args if is_wrapped else []  # type: ignore[attr-defined]


def test_every_error_has_a_code() -> None:
    """A sentence without one is told in English everywhere."""
    package = Path(failover.__file__).parent
    modules = [module for module in package.rglob("*.py") if sentences_without_a_code(module)]
    assert modules == []
