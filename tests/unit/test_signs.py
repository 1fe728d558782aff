"""What the nodes write into their log of signs, and what of it calls for a look."""

import base64
import gzip
import json
from pathlib import Path

import pytest
from failover.errors import Failed
from failover.settings import Settings
from failover.signs import LogData, read_signs


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


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"node":"db-02","sign":"peerLost"}', "db-02 reaches db-01 on neither path"),
        ('{"node":"db-01","sign":"notServing"}', "db-01 says that it does not serve"),
    ],
)
def test_sign_that_calls_for_action_is_told_once_in_words(line: str, words: str, settings: Settings) -> None:
    assert read_signs(log_of(line, line), settings.node_a, settings) == [words]


def test_event_file_is_understood(settings: Settings) -> None:
    event = json.loads((Path(__file__).parents[2] / "events/node-sign.json").read_text())
    log = LogData.model_validate(event["awslogs"])
    assert read_signs(log, settings.node_a, settings) == ["db-02 reaches db-01 on neither path"]


@pytest.mark.parametrize(
    "line",
    [
        '{"node":"db-01","sign":"peerLost"}',
        '{"node":"db-02","sign":"notServing"}',
        '{"node":"db-09","sign":"peerLost"}',
        '{"node":"db-02","sign":"somethingNew"}',
        '{"node":"db-02","si',
    ],
    ids=[
        "the active lost the standby",
        "a standby does not serve",
        "no node of ours",
        "no sign of ours",
        "half a line",
    ],
)
def test_other_line_calls_for_nothing_and_hides_none_beside_it(line: str, settings: Settings) -> None:
    assert read_signs(log_of(line), settings.node_a, settings) == []
    beside = log_of(line, '{"node":"db-02","sign":"peerLost"}')
    assert read_signs(beside, settings.node_a, settings) == ["db-02 reaches db-01 on neither path"]


@pytest.mark.parametrize("data", ["?", "bm90IGd6aXA=", base64.b64encode(gzip.compress(b"{}", mtime=0)).decode()])
def test_batch_that_makes_no_sense_is_a_failure(data: str, settings: Settings) -> None:
    with pytest.raises(Failed, match="not a batch of log events"):
        read_signs(LogData(data=data), settings.node_a, settings)
