"""Putting files in place: all or none, and only those that changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def write_all(files: Mapping[Path, str]) -> None:
    """Gives each path its text. A file that has it already keeps its time of change.

    Every new text is written beside its place before the first is moved there, so that a full disk
    or a missing permission leaves everything as it was. A file is replaced in one step: whoever
    reads it meanwhile sees the old text or the new one.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, text in files.items():
            data = text.encode()
            if _read(path) == data:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            staged.append((beside, path))
            beside.write_bytes(data)
        for beside, path in staged:
            os.replace(beside, path)
    finally:
        for beside, _ in staged:
            beside.unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
