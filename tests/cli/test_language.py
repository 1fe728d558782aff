"""The command speaks the language of whoever calls it: complete, by option or locale, and out of the same catalogue."""

from __future__ import annotations

import ast
import io
import re
import string
from datetime import timedelta
from pathlib import Path
from typing import Any

import garoon_failover
import pytest
from failover.adapters.execution_history import name_of
from failover.execution_record import ExecutionRecord, make_record
from failover.messages import Message
from failover.models import Outcome, OutcomeKind, Said, Unknown
from failover.readiness import judge_readiness
from failover.status import judge
from failover.steps.check_readiness import Readiness
from garoon_failover import functions, history, installation, operate, ready, status
from garoon_failover.words import LANGUAGE_VARIABLE, WORDS, language_of
from rich.console import Console

from tests.cli.conftest import run
from tests.cli.test_operate import ARN, an_execution
from tests.cli.test_status import AT_WORK
from tests.unit.test_readiness import NOW, SETTINGS, evidence, record, replica_of, status_of

FOLDER = Path(garoon_failover.__file__).parent
_QUOTED = re.compile(r"\{[a-z_]+(:[^}]*)?\}|`[^`]+`|--[a-z]+|sam (build|deploy)|garoon-failover( [a-z]+)*|ID --\w+")
_WORD = re.compile(r"(?<![A-Za-z0-9_./-])[a-z]{3,}(?![A-Za-z0-9_./-])")
_NAMES = {"view", "operate"}
_SAME_IN_BOTH = {"outcome-of", "finding", "outcome-is", "yes-or-no", "work", "work-at"}


def parameters(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


@pytest.mark.parametrize("name", WORDS)
def test_everything_is_said_in_both_languages(name: str) -> None:
    english, japanese = WORDS[name]
    assert parameters(english) == parameters(japanese)
    assert english.isascii()
    if name not in _SAME_IN_BOTH:
        assert not japanese.isascii()
        assert set(_WORD.findall(_QUOTED.sub("", japanese))) <= _NAMES


SPOKEN = ("app", "functions", "history", "installation", "operate", "output", "ready", "session", "status")
"""Modules of what operators call. `discover`, `preflight`, `plan` and `verify` have labels in English."""
_SAYS = {"say", "warn", "confirm", "input", "CommandError", "NotFoundError", "UsageError", "add_row"}


def spoken_without_words(module: str) -> list[str]:
    """Literals with English words in what is printed, asked or raised."""
    found = []
    for call in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text())):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for part in call.args if name in _SAYS else ():
            literals = part.values if isinstance(part, ast.JoinedStr) else [part]
            found += [
                str(one.value)
                for one in literals
                if isinstance(one, ast.Constant) and re.search("[A-Za-z]{2}", str(one.value))
            ]
    return found


@pytest.mark.parametrize("module", SPOKEN)
def test_what_is_printed_is_in_the_catalogue(module: str) -> None:
    assert spoken_without_words(module) == []


def test_every_word_is_said_somewhere() -> None:
    code = "".join(path.read_text() for path in FOLDER.glob("*.py") if path.name != "words.py")
    assert [name for name in WORDS if f'"{name}"' not in code and f"'{name}'" not in code] == []


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", LANGUAGE_VARIABLE: "en"}, "en"),
        ({"LANG": "de_DE.UTF-8", LANGUAGE_VARIABLE: "ja"}, "ja"),
    ],
)
def test_the_language_is_the_callers(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_the_option_comes_first_and_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    told = run("--language", "ja", "history", "--markdown")
    assert (told.code, told.err.splitlines()[0]) == (2, "--markdown は 1 つの実行に対して指定します。")
    assert told.err.splitlines()[1].startswith("次の対応: ID を指定してください")
    assert run("--language", "fr", "history").code == 2


# --- each command ---------------------------------------------------------------------------------------------------

_ENGLISH = re.compile(r"(?<![A-Za-z0-9_./=-])[a-z]{4,}(?![A-Za-z0-9_./=-])")


def assert_japanese(text: str, *names: str) -> None:
    """No English word is left but names."""
    own = re.sub("「[^」]*」", "", text)  # somebody else's words
    words = set(_ENGLISH.findall(_QUOTED.sub("", own))) - {"failover", "switchback", "rejoin", *names}
    assert words == set(), text


@pytest.fixture
def in_japanese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LANGUAGE_VARIABLE, "ja")


def drawn(status_now: Any) -> str:
    paper = io.StringIO()
    Console(file=paper, width=240, force_terminal=False).print(status.render(status_now))
    return paper.getvalue()


OUTCOME = Outcome(
    outcome=OutcomeKind.FAILED_OVER, verdict=None, reason="db-01 is dead.", next_step="Look.",
    said=Said(reason=Message("outcome.aborted"), next_step=Message("next.bring-back-as-standby", active="db-01")),
    active_before="db-01", active_after="db-02", epoch_before=1, epoch_after=2, execution=ARN,
    started_at=NOW - timedelta(seconds=20), ended_at=NOW, outage_seconds=4.2, snapshot_id="snap-1",
)  # fmt: skip


@pytest.mark.usefixtures("in_japanese")
@pytest.mark.parametrize(
    "changes",
    [
        record(lock_owner=ARN, last_outcome=OUTCOME.to_json()),
        record(moving_to="db-02", maintenance_until=NOW + timedelta(hours=1)),
        replica_of("db-02", link="resyncing", data="stale", sync_percent=41.7),
        status_of("db-01", is_serving=False, is_exported=None, database_answers=False),
        {"record": Unknown(why=Message("error.lock-lost")), "routes": Unknown(why=Message("error.lock-lost"))},
    ],
)
@pytest.mark.parametrize("at_work", [None, AT_WORK])
def test_the_screen_is_japanese(changes: dict[str, Any], at_work: Any) -> None:
    found = evidence(**changes)
    shown = judge(found, judge_readiness(found), at_work)
    assert_japanese(drawn(shown), "garoon", "healthy", "da8566d2", "epoch")
    assert_japanese(status.one_line(shown))


def a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = type("Stack", (), {"outputs": {"CheckReadinessFunctionName": "f", "SetMaintenanceFunctionName": "m"}})
    found = type("Found", (), {"stack": stack, "settings": SETTINGS, "state_machine_arn": lambda _self, _name: "arn"})
    monkeypatch.setattr(installation, "load", lambda: found())


@pytest.mark.usefixtures("in_japanese")
def test_ready_is_japanese(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    a_stack(monkeypatch)
    found = judge_readiness(evidence(**replica_of("db-02", link="waiting")))
    answer = Readiness(is_ready=False, summary="A failover would not work.", checked_at=NOW, findings=found)
    monkeypatch.setattr(functions, "invoke", lambda _name, _request: answer.to_json())
    with pytest.raises(SystemExit):
        ready.run(is_json=False)
    assert_japanese(capsys.readouterr().out)


@pytest.mark.usefixtures("in_japanese")
def test_the_end_of_an_execution_is_japanese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = an_execution("SUCCEEDED", OutcomeKind.FAILED_OVER).model_copy(update={"outcome": OUTCOME})
    monkeypatch.setattr(operate, "read_execution", lambda _arn: ended)
    operate.follow(ARN, is_json=False)
    told = capsys.readouterr().out
    assert_japanese(told)
    assert "次の対応: db-01 を最新のスタンバイとして" in told
    monkeypatch.setattr(operate, "read_execution", lambda _arn: an_execution("ABORTED"))
    with pytest.raises(SystemExit):
        operate.follow(ARN, is_json=False)
    assert_japanese(capsys.readouterr().out, name_of(ARN))


@pytest.mark.usefixtures("in_japanese")
def test_the_report_of_an_execution_is_japanese() -> None:
    execution = an_execution("SUCCEEDED")
    kept = make_record(execution, OUTCOME)
    assert isinstance(kept, ExecutionRecord)
    found = type("Found", (), {"settings": SETTINGS})
    report = history.make_report(found, kept)  # type: ignore[arg-type]
    for text in (history.as_text(report), history.as_markdown(report)):
        assert_japanese(text, "garoon", "https", "text", "states", "execution")
        assert "次の対応" in text


def test_english_stays_as_it_was() -> None:
    told = run("history", "--markdown")
    assert (
        told.err == "--markdown is of one execution.\nNext step: Give its ID: garoon-failover history ID --markdown.\n"
    )
