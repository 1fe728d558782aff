"""What the nodes write into their log of signs, and what of it calls for a look."""

import base64
import gzip
import io
import json
from pathlib import Path

import pytest
from failover import runtime
from failover.errors import Failed
from failover.log_batch import LogData
from failover.settings import Settings
from failover.signs import read_signs


def log_of(*lines: str) -> LogData:
    """As CloudWatch Logs hands them on (CloudWatch Logs User Guide, "Subscription filters with AWS Lambda")."""
    batch = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/garoon-failover/garoon/signs",
        "logStream": "db-02",
        "subscriptionFilters": ["all"],
        "logEvents": [{"id": str(index), "timestamp": 1, "message": line} for index, line in enumerate(lines)],
    }
    return LogData(data=base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode())


def line_of(settings: Settings, node: str, sign: str, instance: str | None = None) -> str:
    """As the node's `raise_sign` writes it."""
    own = {each.name: each.instance_id for each in settings.nodes}
    return json.dumps({"node": node, "instance": own.get(node, "i-09") if instance is None else instance, "sign": sign})


@pytest.mark.parametrize(
    ("node", "sign", "words"),
    [
        ("db-02", "peerLost", "db-02 reaches db-01 on neither path"),
        ("db-01", "notServing", "db-01 says that it does not serve"),
    ],
)
def test_sign_that_calls_for_action_is_told_once_in_words(node: str, sign: str, words: str, settings: Settings) -> None:
    line = line_of(settings, node, sign)
    assert read_signs(log_of(line, ".", line, "."), settings.node_a, settings) == [words]


def test_event_file_is_understood(settings: Settings) -> None:
    event = json.loads((Path(__file__).parents[2] / "events/node-sign.json").read_text())
    log = LogData.model_validate(event["awslogs"])
    node_b = settings.node_b.model_copy(update={"instance_id": "i-0a1b2c3d4e5f60002"})
    owner = settings.model_copy(update={"node_b": node_b})
    assert read_signs(log, owner.node_a, owner) == ["db-02 reaches db-01 on neither path"]


@pytest.mark.parametrize(
    ("node", "sign"),
    [("db-01", "peerLost"), ("db-02", "notServing"), ("db-09", "peerLost"), ("db-02", "somethingNew"), ("", "")],
    ids=[
        "the active lost the standby",
        "a standby does not serve",
        "no node of ours",
        "no sign of ours",
        "half a line",
    ],
)
def test_other_line_calls_for_nothing_and_hides_none_beside_it(node: str, sign: str, settings: Settings) -> None:
    line = line_of(settings, node, sign) if node else '{"node":"db-02","si'
    assert read_signs(log_of(line), settings.node_a, settings) == []
    beside = log_of(line, line_of(settings, "db-02", "peerLost"))
    assert read_signs(beside, settings.node_a, settings) == ["db-02 reaches db-01 on neither path"]


@pytest.mark.parametrize("instance", ["i-0123456789abcdef0", ""])
def test_sign_of_a_copy_of_a_node_is_ignored_with_a_warning(
    instance: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(runtime.logger.handlers[0], "stream", log)
    line = line_of(settings, "db-02", "peerLost", instance)
    assert read_signs(log_of(line), settings.node_a, settings) == []
    assert "not that node's instance" in log.getvalue()


@pytest.mark.parametrize("data", ["?", "bm90IGd6aXA=", base64.b64encode(gzip.compress(b"{}", mtime=0)).decode()])
def test_batch_that_makes_no_sense_is_a_failure(data: str, settings: Settings) -> None:
    with pytest.raises(Failed, match="not a batch of log events"):
        read_signs(LogData(data=data), settings.node_a, settings)
