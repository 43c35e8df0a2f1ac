"""generated/ holds what the generator emits for idl/ now; scripts/regenerate refreshes it."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
from pathlib import Path

from conftest import IDL, ROOT


def emitted(folder: Path) -> dict[str, str]:
    """The emitted files in a folder, by their path within."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for pattern in ("*_topics.h", "*_schema.h")
        for path in folder.rglob(pattern)
    }


def regenerate(root: Path, *args: str) -> str:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(root / "scripts/regenerate"), *args],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_generated_is_up_to_date(tmp_path: Path) -> None:
    regenerate(ROOT, str(tmp_path))
    fresh, committed = emitted(tmp_path), emitted(ROOT / "generated")
    differences = [
        line
        for name in sorted(fresh.keys() | committed.keys())
        for line in difflib.unified_diff(
            committed.get(name, "").splitlines(),
            fresh.get(name, "").splitlines(),
            f"generated/{name}",
            "what the generator emits now",
            lineterm="",
        )
    ]
    assert not differences, "\n".join(["run scripts/regenerate:", *differences[:40]])


def test_regenerate_mirrors_idl(tmp_path: Path) -> None:
    """In a copy of the tree: folders as in idl/, only schemas with topics, nothing stale."""
    for folder in ("scripts", "generator"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "idl/deep/er").mkdir(parents=True)
    shutil.copy(IDL / "holler.fbs", tmp_path / "idl/holler.fbs")
    (tmp_path / "idl/deep/er/part.fbs").write_text("struct Part { a:int; }")
    (tmp_path / "idl/deep/er/t.fbs").write_text(
        'include "holler.fbs"; include "part.fbs"; struct T (topic: "t") { p:Part; }'
    )
    stale = tmp_path / "generated/gone_topics.h"
    stale.parent.mkdir()
    stale.touch()
    kept = tmp_path / "generated/README.md"
    kept.touch()
    said = regenerate(tmp_path)
    assert said.startswith("holler: t (T): ") and said.count("\n") == 1
    assert set(emitted(tmp_path / "generated")) == {"deep/er/t_topics.h", "deep/er/t_schema.h"}
    assert kept.exists()
