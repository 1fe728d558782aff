"""Does the campaign see anything? Each seeded defect of mutations.toml must make it fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from testbed.campaign.install import REPOSITORY

_COPIED = ("template.yaml", "functions", "layers", "statemachines")
_SAMPLE = 200


@dataclass(frozen=True)
class Mutation:
    """One thing changed in the controller, for the worse."""

    name: str
    what: str
    at: str
    """The cases that are to find it: a part of their names, or their class."""
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Finding:
    """What the campaign made of a mutation."""

    mutation: Mutation | None
    is_caught: bool
    first_words: str


def read_mutations() -> list[Mutation]:
    """Those of mutations.toml, in its order."""
    text = Path(__file__).with_name("mutations.toml").read_text()
    return [Mutation(name, **fields) for name, fields in tomllib.loads(text).items()]


@contextmanager
def mutated(mutation: Mutation) -> Iterator[Path]:
    """A copy of the controller with the mutation in it. Raises ValueError if the code has no such place any more."""
    with tempfile.TemporaryDirectory(prefix="garoon-mutation-") as directory:
        root = Path(directory)
        for name in _COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, root / name)
        file = root / mutation.file
        text = file.read_text()
        if text.count(mutation.old) != 1:
            raise ValueError(
                f"{mutation.name}: {mutation.file} has its text {text.count(mutation.old)} times, not once."
            )
        file.write_text(text.replace(mutation.old, mutation.new))
        yield root


def try_mutation(mutation: Mutation | None, seed: str) -> Finding:
    """Runs the campaign on the mutated controller until the first broken promise; None is the controller as it is."""
    with mutated(mutation) if mutation else nullcontext(REPOSITORY) as root:
        done = subprocess.run(
            [
                sys.executable, "-m", "testbed.campaign", "--root", str(root), "--sample", str(_SAMPLE),
                "--seed", seed, "--first", "--only", mutation.at if mutation else "",
            ],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
    words = [line.strip() for line in done.stdout.splitlines() if line.startswith(("BROKEN", "  promise"))]
    is_caught = done.returncode == 1 and bool(words) and "the campaign itself failed" not in done.stdout
    return Finding(mutation, is_caught, " - ".join(words[:2]) or done.stderr.strip()[-300:])
