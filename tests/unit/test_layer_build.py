"""The layer's build: the same bytes wherever it is made, and what it says (SAM shows its standard output alone)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers/failover_core"


@pytest.mark.parametrize(
    ("compiler", "told", "has_bytecode"),
    [(sys.executable, "The layer has bytecode", True), ("python9.9", "The layer has NO bytecode", False)],
)
def test_build_tells_whether_the_layer_has_bytecode(
    tmp_path: Path, compiler: str, told: str, has_bytecode: bool
) -> None:
    """It was told on standard error, which SAM drops when a build succeeds."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python/module.py").write_text("")
    arguments = ["bytecode", f"ARTIFACTS_DIR={tmp_path}", f"COMPILER={compiler}"]
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=LAYER, capture_output=True, text=True, check=True
    )
    [line] = done.stdout.splitlines()
    assert line.startswith(told)
    assert bool(list(tmp_path.rglob("*.pyc"))) == has_bytecode


def test_nothing_of_the_project_s_leaves_bytecode_beside_a_function() -> None:
    """`sam build` takes a function's folder as it is, and Lambda's Python would not read the bytecode of this one's."""
    beside = [path for path in (LAYER.parents[1] / "functions").glob("*/*") if path.name != "app.py"]
    assert beside == [], "what makes these must run Python with -B, or load by testbed.world.files.load_module"


def test_build_ends_with_telling_it() -> None:
    [recipe] = [part for part in (LAYER / "Makefile").read_text().split("\n\n") if "\nbuild-FailoverCoreLayer:" in part]
    assert recipe.endswith("bytecode")


# What pip does, without the network: two of botocore's models, code whose bytecode depends on the order of sets and on
# its folder, and the record of a script whose first line is the path of the Python that installed.
INSTALLS = """
import hashlib, shutil, sys
from pathlib import Path
import botocore

target = Path(sys.argv[sys.argv.index("--target") + 1])
installed = Path(botocore.__file__).parent
for service in ("sns", "dynamodb"):
    shutil.copytree(installed / "data" / service, target / "botocore/data" / service)
shutil.copy(installed / "data/endpoints.json", target / "botocore/data")
for module in installed.glob("*.py"):
    shutil.copy(module, target / "botocore")
(target / "botocore/words.py").write_text("def f(word):\\n    return word in {'a', 'bc', 'def', 'ghij'}\\n")
(target / "bin").mkdir()
(target / "bin/jp.py").write_text(f"#!{target.parents[1]}/python")
(target / "words-1.0.dist-info").mkdir()
record = hashlib.sha256((target / "bin/jp.py").read_bytes()).hexdigest()
(target / "words-1.0.dist-info/RECORD").write_text(f"../../bin/jp.py,sha256={record},1")
(target / "words-1.0.dist-info/METADATA").write_text("Name: words")
"""


def test_two_builds_in_two_folders_have_the_same_bytes(tmp_path: Path) -> None:
    """Else each `sam deploy` of an unchanged stack makes a new layer version and updates every function."""
    installer = tmp_path / "installer.py"
    installer.write_text(INSTALLS)
    folders = [tmp_path / "one/artifacts", tmp_path / "another/of a longer path/artifacts"]
    for seed, folder in enumerate(folders, start=1):
        folder.mkdir(parents=True)
        subprocess.run(
            [
                *("make", "--no-print-directory", "build-FailoverCoreLayer", "LAYER_TARGET=host"),
                *(f"ARTIFACTS_DIR={folder}", f"PIP={sys.executable} {installer}", f"COMPILER={sys.executable}"),
            ],
            cwd=LAYER,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
        )
    first, second = (
        {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        for folder in folders
    )
    assert first.keys() == second.keys()
    assert [str(file) for file in first if first[file] != second[file]] == []
    suffixes = [file.suffix for file in first]
    assert suffixes.count(".pyc") > 20
    assert suffixes.count(".gz") > 2
