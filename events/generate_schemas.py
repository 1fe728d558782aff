"""Make the JSON Schema of each event that the controller sends: `make schemas`.

A file holds what EventBridge delivers as `detail` with that `detail-type`. Its name bears the version in the detail.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from failover.announcement import EVENTS, SOURCE, VERSION, Event

FOLDER = Path(__file__).parent / "schemas"


def path_of(event: type[Event]) -> Path:
    """Where the event's schema lies, e.g. schemas/execution-started.v1.json."""
    words = re.findall(r"\w+", event.TYPE.removeprefix("Garoon Failover "))
    return FOLDER / f"{'-'.join(words).lower()}.v{VERSION}.json"


def generate(event: type[Event]) -> str:
    """The schema's text."""
    schema = event.model_json_schema(by_alias=True, mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event.TYPE,
        "$comment": f"The detail of events with the source {SOURCE} and this detail-type.",
    }
    return json.dumps(head | _open(schema), indent=2) + "\n"


def _open(schema: object) -> dict[str, object]:
    """The same, without what forbids fields that a later version of the stack adds, and without made-up titles."""
    opened = json.loads(json.dumps(schema), object_hook=_without_limit)
    assert isinstance(opened, dict)
    return opened


def _without_limit(part: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in part.items() if name not in ("additionalProperties", "title")}


def main() -> None:
    """Write the schemas."""
    FOLDER.mkdir(exist_ok=True)
    for event in EVENTS:
        path_of(event).write_text(generate(event))
        print(path_of(event).name)


if __name__ == "__main__":
    main()
