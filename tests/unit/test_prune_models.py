"""The layer's service models: what the adapters call is there, and works."""

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.regions import EndpointResolver
from botocore.session import Session
from botocore.stub import Stubber

from layers.failover_core.prune_models import _undocumented, prune

DATA = Path(botocore.__file__).parent / "data"


def make_layer(folder: Path, adapter: str) -> Path:
    """SNS and SQS, whole, all endpoints, and one adapter."""
    for service in ("sns", "sqs"):
        shutil.copytree(DATA / service, folder / "botocore/data" / service)
    shutil.copy(DATA / "endpoints.json", folder / "botocore/data")
    (folder / "failover/adapters").mkdir(parents=True)
    (folder / "failover/adapters/notifications.py").write_text(adapter)
    return folder


def test_what_is_called_stays_and_works_and_the_rest_goes(tmp_path: Path) -> None:
    layer = make_layer(tmp_path, 'client("sns").publish(TopicArn=arn, Message=text, MessageAttributes=attributes)')
    prune(layer)

    assert sorted(each.name for each in (layer / "botocore/data").iterdir()) == ["endpoints.json", "sns"]
    [file] = (layer / "botocore/data/sns").glob("*/service-2.json.gz")
    model: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    assert list(model["operations"]) == ["Publish"]
    session = Session()
    session.get_component("data_loader").search_paths.insert(0, str(layer / "botocore/data"))
    client: Any = session.create_client(
        "sns", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    assert not hasattr(client, "subscribe")
    attributes = {"attention": {"DataType": "String", "StringValue": "needed"}}
    with Stubber(client) as stubber:
        stubber.add_response("publish", {"MessageId": "1"})
        assert client.publish(TopicArn="arn", Message="text", MessageAttributes=attributes)["MessageId"] == "1"


def test_what_stays_has_the_endpoints_it_had_in_every_region(tmp_path: Path) -> None:
    layer = make_layer(tmp_path, 'client("sns").publish(TopicArn=arn)')
    whole = json.loads((DATA / "endpoints.json").read_text())
    prune(layer)
    pruned = json.loads((layer / "botocore/data/endpoints.json").read_text())

    before, after = EndpointResolver(whole), EndpointResolver(pruned)
    regions = [region for partition in whole["partitions"] for region in partition["regions"]]
    assert len(regions) > 30
    for region in regions:
        assert after.construct_endpoint("sns", region) == before.construct_endpoint("sns", region)
    assert after.construct_endpoint("sns", "ap-far-9") == before.construct_endpoint("sns", "ap-far-9")
    assert {name for partition in pruned["partitions"] for name in partition["services"]} == {"sns"}


def test_documentation_goes_and_a_member_of_that_name_stays() -> None:
    """A member, or a shape, may have any name."""
    named = {"shape": "Text", "documentation": "for people"}
    shape = {"type": "structure", "documentation": "for people", "members": {"documentation": named, "members": named}}
    shapes = {"documentation": shape, "Text": {"type": "string", "documentation": "for people"}}
    assert _undocumented({"documentation": "for people", "shapes": shapes, "required": ["documentation"]}) == {
        "shapes": {
            "documentation": {
                "type": "structure",
                "members": {"documentation": {"shape": "Text"}, "members": {"shape": "Text"}},
            },
            "Text": {"type": "string"},
        },
        "required": ["documentation"],
    }


def test_a_folder_that_is_no_layer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="not the layer's folder"):
        prune(make_layer(tmp_path, "nothing is called here"))


def test_the_layer_keeps_the_model_of_each_service_that_an_adapter_calls_and_of_no_other() -> None:
    folder = Path(__file__).parents[2] / "layers/failover_core"
    called = {
        service
        for adapter in (folder / "failover/adapters").glob("*.py")
        for service in re.findall(r'\bclient\("(\w+)"\)', adapter.read_text())
    }
    [kept] = re.findall(r"^SERVICES = (.+)$", (folder / "Makefile").read_text(), re.MULTILINE)
    assert set(kept.split()) == called
