"""What is started goes on whatever becomes of the terminal, and its end decides the exit code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from failover.adapters.execution_history import Execution, Step
from failover.models import Outcome, OutcomeKind
from garoon_failover import operate

ARN = "arn:aws:states:ap-northeast-1:123456789012:execution:garoon-switchback:da8566d2"
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def an_execution(status: str, kind: OutcomeKind | None = None) -> Execution:
    outcome = kind and Outcome(
        outcome=kind, verdict=None, reason="So it ended.", next_step="Look.", active_before="db-01",
        active_after="db-02", epoch_before=1, epoch_after=2, execution=ARN, started_at=START,
        ended_at=START + timedelta(seconds=9), outage_seconds=4.2,
    )  # fmt: skip
    steps = (
        Step(name="AcquireLock", started_at=START, ended_at=START + timedelta(seconds=1)),
        Step(
            name="DemoteNode", started_at=START + timedelta(seconds=1), ended_at=None if status == "RUNNING" else START
        ),
    )
    return Execution(
        arn=ARN, status=status, started_at=START, ended_at=None, input={}, steps=steps, outcome=outcome or None
    )


@pytest.mark.parametrize("kind", OutcomeKind)
def test_the_exit_code_says_whether_it_did_what_was_called_for(
    kind: OutcomeKind, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operate, "read_execution", lambda _arn: an_execution("SUCCEEDED", kind))
    is_bad = kind in ("Warned", "Restored", "Skipped", "Halted", "Refused", "Failed")
    if is_bad:
        with pytest.raises(SystemExit) as ended:
            operate.follow(ARN, is_json=False)
        assert ended.value.code == 1
    else:
        operate.follow(ARN, is_json=False)
    told = capsys.readouterr().out
    assert f"{kind}: So it ended." in told
    assert "Outage: 4.2 s" in told
    assert "Next step: Look." in told


def test_an_execution_that_recorded_nothing_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operate, "read_execution", lambda _arn: an_execution("ABORTED"))
    with pytest.raises(SystemExit) as ended:
        operate.follow(ARN, is_json=False)
    assert ended.value.code == 1
    assert "garoon-failover history da8566d2" in capsys.readouterr().out


def test_ctrl_c_ends_the_watching_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operate, "read_execution", lambda _arn: an_execution("RUNNING"))

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    with pytest.raises(SystemExit) as ended:
        operate.follow(ARN, is_json=False)
    assert ended.value.code == 130
    told = capsys.readouterr()
    assert "The execution goes on: garoon-failover history da8566d2" in told.err
    assert "AcquireLock" in told.out
    assert "DemoteNode" not in told.out, "it has not ended, and a file gets no line for it"
