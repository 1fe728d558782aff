"""Files that several processes read and write."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


def replace_file(path: Path, text: str) -> None:
    """Readers see the old text or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def copy_sparse(source: Path, target: Path) -> None:
    """Copies a disk image; what is a hole stays one."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(target)], check=True)


def is_in_image(image: Path, words: bytes) -> bool:
    """Whether a disk image has these bytes somewhere, in a row; its holes are not read."""
    with image.open("rb") as file:
        end = 0
        while end < image.stat().st_size:
            try:
                begin = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    break  # nothing but a hole from here on
                raise
            end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            if words in os.pread(file.fileno(), end - begin, begin):
                return True
    return False


def load_module(path: Path, name: str) -> ModuleType:
    """The module in this file, without bytecode beside it: of a function's folder the deployment takes everything."""
    module = ModuleType(name)
    module.__file__ = str(path)
    exec(compile(path.read_text(), path, "exec"), module.__dict__)
    return module


@contextmanager
def exclusively(lock: Path) -> Iterator[None]:
    """Of all that use this file so, one process and thread at a time; the others wait."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
