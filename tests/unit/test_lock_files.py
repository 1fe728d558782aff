"""The lock files hold what their .in files ask for, each file by its hash; else an install is not what was tested."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/failover_core/requirements.in"
ASKED = [LAYER, *sorted((ROOT / "requirements").glob("*.in"))]
PIN = re.compile(
    r"^([A-Za-z0-9_.-]+)==(\S+)(?: ; [^\\\n]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def read_pins(lock: Path) -> dict[str, set[Version]]:
    """Versions by package; a package that one Python needs in another version than the next has two."""
    pins: dict[str, set[Version]] = defaultdict(set)
    for name, version, _ in PIN.findall(lock.read_text()):
        pins[canonicalize_name(name)].add(Version(version))
    return pins


def read_requirements(asked: Path) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in asked.read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


@pytest.mark.parametrize("asked", ASKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_lock_file_answers_what_is_asked(asked: Path) -> None:
    """`make lock` was forgotten where this fails."""
    pins = read_pins(asked.with_suffix(".txt"))
    requirements = read_requirements(asked)
    assert requirements
    for requirement in requirements:
        versions = pins[canonicalize_name(requirement.name)]
        assert versions, f"{requirement.name} is not in {asked.stem}.txt"
        assert all(version in requirement.specifier for version in versions), f"{requirement}: locked is {versions}"


@pytest.mark.parametrize("asked", ASKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_in_a_lock_file_has_hashes(asked: Path) -> None:
    """pip refuses the whole file else, where it is installed; here it is told at once."""
    text = asked.with_suffix(".txt").read_text()
    assert len(PIN.findall(text)) == len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE))


def test_what_is_deployed_is_what_is_tested() -> None:
    tested = read_pins(ROOT / "requirements/dev.txt")
    deployed = read_pins(LAYER.with_suffix(".txt"))
    assert {name: tested[name] for name in deployed} == deployed
