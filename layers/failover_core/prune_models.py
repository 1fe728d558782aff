"""Keeps of botocore's data what the functions use: called by the Makefile that builds the layer.

    python prune_models.py LAYER_FOLDER

EC2's model alone has some 700 operations, and reading them is more than half of what it costs to make its client, at
every cold start. An operation stays when its method's name stands in failover/adapters, with the shapes that it needs,
without what is only read by people. The endpoints of all of AWS's services, which the first client reads, take more
memory than all else that it reads: those of the services that stay, stay.
"""

import gzip
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any


def prune(layer: Path) -> None:
    """Rewrites LAYER_FOLDER/botocore/data. Raises SystemExit if nothing would be left of it."""
    sys.path.insert(0, str(layer))
    from botocore import xform_name

    words = set()
    for adapter in (layer / "failover/adapters").glob("*.py"):
        words |= set(re.findall(r"\w+", adapter.read_text()))
    kept = set()
    data = layer / "botocore/data"
    for service in [folder for folder in data.iterdir() if folder.is_dir()]:
        # The newest version is the one that botocore takes.
        *older, newest = sorted(folder for folder in service.iterdir() if folder.is_dir())
        file = newest / "service-2.json.gz"
        model = json.loads(gzip.decompress(file.read_bytes()))
        used = {name: operation for name, operation in model["operations"].items() if xform_name(name) in words}
        for folder in older if used else [service]:
            shutil.rmtree(folder)
        if used:
            kept.add(model["metadata"]["endpointPrefix"])
            model = _undocumented(_only(model, used))
            file.write_bytes(gzip.compress(json.dumps(model).encode(), mtime=0))
            (newest / "examples-1.json").unlink(missing_ok=True)  # for documentation alone
    if not kept:
        raise SystemExit(f"{layer}: no adapter calls any service, so this is not the layer's folder.")
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in kept}
    (data / "endpoints.json").write_text(json.dumps(endpoints))


def _only(model: dict[str, Any], operations: dict[str, Any]) -> dict[str, Any]:
    """The model with these operations and the shapes that they lead to."""
    shapes: dict[str, Any] = {}
    wanted = _shape_names(operations)
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            wanted |= _shape_names(shapes[name])
    # In the order of their names: a set gives them in another order in each process, and two builds would differ.
    return {**model, "operations": operations, "shapes": dict(sorted(shapes.items()))}


def _undocumented(value: Any, *, are_names: bool = False) -> Any:
    """Without documentation. Under `members` and `shapes` the keys are AWS's names, and one may be `documentation`."""
    if isinstance(value, list):
        return [_undocumented(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _undocumented(each, are_names=not are_names and key in ("members", "shapes", "operations"))
        for key, each in value.items()
        if are_names or key != "documentation"
    }


def _shape_names(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_shape_names, value))
    if not isinstance(value, dict):
        return set()
    own = {value["shape"]} if isinstance(value.get("shape"), str) else set()
    return own.union(*map(_shape_names, value.values()))


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
