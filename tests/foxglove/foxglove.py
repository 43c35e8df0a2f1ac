"""Foxglove's schemas, untouched, as topics: what README.md beside this file tells.

Exit status: 0 passed, 1 failed, 77 skipped: without npm, or a registry it can reach, there are no
schemas.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77  # ctest's SKIP_RETURN_CODE.
# What npm calls a network that is not there.
NO_NETWORK = re.compile(
    r"\b(EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT|"
    r"ERR_SOCKET_TIMEOUT|E5\d\d|E403|E429)\b"
)


class Failure(Exception):
    """What is wrong, for whoever reads the test's output."""


class Skipped(Exception):
    """Why nothing can be tested here."""


def run(command: Sequence[str | Path], **kwargs: object) -> str:
    """Its output, if it succeeds."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **kwargs,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        raise Failure(f"{shlex.join(map(str, command))}: {done.returncode}\n{done.stdout}")
    return str(done.stdout)


# ---- Getting the schemas ----


def install(folder: Path) -> Path:
    """The pinned package in folder/node_modules: installed once, until the lock changes."""
    modules, lock = folder / "node_modules", folder / "package-lock.json"
    if modules.is_dir() and lock.read_text() == (HERE / "package-lock.json").read_text():
        return modules
    if not shutil.which("npm") or not shutil.which("node"):
        raise Skipped("there is no npm; scripts/deps installs it")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    quiet = ("--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier")
    patience = ("--fetch-retries=1", "--fetch-timeout=20000")
    try:
        run(["npm", "ci", *quiet, *patience, "--cache", folder / "cache"], cwd=folder)
    except Failure as failure:
        shutil.rmtree(folder)
        if why := NO_NETWORK.search(str(failure)):
            raise Skipped(f"npm reaches no registry: {why[0]}") from None
        raise
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return modules


# ---- Every schema through the generator ----


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    type: str  # without the brackets of a vector
    is_vector: bool


_TABLE = re.compile(r"^table (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+):(\[?)(?:foxglove\.)?(\w+)\]?", re.MULTILINE)


def tables_in(schemas: Path) -> dict[str, tuple[Field, ...]]:
    """The tables, as Foxglove prints them."""
    return {
        table[1]: tuple(Field(f[1], f[3], bool(f[2])) for f in _FIELD.finditer(table[2]))
        for path in sorted(schemas.glob("*.fbs"))
        for table in _TABLE.finditer(path.read_text())
    }


def bounds_of(root: str, tables: dict[str, tuple[Field, ...]]) -> list[str]:
    """A bound for all that may grow in `root`, by the type that holds it."""
    found, waiting, seen = [], [root], {root}
    while waiting:
        table = waiting.pop()
        for field in tables[table]:
            if field.type == "string" or field.is_vector:
                size = "4x8" if field.type == "string" and field.is_vector else "8"
                found.append(f"foxglove.{table}.{field.name}: {size}")
            if field.type in tables and field.type not in seen:
                seen.add(field.type)
                waiting.append(field.type)
    return found


def topics_of_all(tables: dict[str, tuple[Field, ...]]) -> str:
    """A schema with two topics for each table: one bounded, one built by FlatBufferBuilder."""
    lines = [f'include "{name}.fbs";' for name in tables]
    lines += ['include "holler.fbs";', "namespace all;"]
    for name in tables:
        of = f'of: "foxglove.{name}"'
        bounds = bounds_of(name, tables)
        given = f', bounds: "{", ".join(bounds)}"' if bounds else ""
        lines.append(f'table {name}Bounded (topic: "bounded/{name}", {of}{given}) {{}}')
        lines.append(f'table {name}Built (topic: "built/{name}", {of}, max_bytes: 65536) {{}}')
    return "\n".join(lines) + "\n"


def generate_all(schemas: Path, work: Path, source: Path, python: str) -> None:
    tables = tables_in(schemas)
    if len(tables) < 40:
        raise Failure(f"only {len(tables)} tables were found in {schemas}")
    path = work / "all.fbs"
    path.write_text(topics_of_all(tables))
    generator = source / "generator/holler_gen"
    includes = ("-I", source / "idl", "-I", schemas)
    said = run([python, "-B", generator, *includes, "--out-dir", work / "all", path])
    topics = re.findall(r"^holler: (bounded|built)/", said, re.MULTILINE)
    if len(topics) != 2 * len(tables):
        raise Failure(f"{len(topics)} topics of {len(tables)} tables:\n{said}")
    print(f"generated: {len(tables)} tables, each bounded and with max_bytes")


# ---- A project with ten topics ----


def build(schemas: Path, work: Path, holler: Path, cmake_args: Sequence[str]) -> Path:
    """The project, built as somebody does who has installed Holler."""
    project = work / "project"
    run(["cmake", "--install", holler, "--prefix", work / "installed"])
    where = [f"-DCMAKE_PREFIX_PATH={work / 'installed'}", f"-DFOXGLOVE_SCHEMAS={schemas}"]
    run(["cmake", "-S", HERE / "project", "-B", project, *where, *cmake_args])
    run(["cmake", "--build", project, "--parallel", "2"])
    return project


def compile_with_others(compilers: Sequence[str], project: Path) -> None:
    """What the project's compiler accepts without a warning, others must, too."""
    commands = json.loads((project / "compile_commands.json").read_text())
    command = next(c for c in commands if c["file"].endswith("/written.cc"))
    words = shlex.split(command["command"])
    flags = words[next(i for i, word in enumerate(words) if word.startswith("-")) :]
    ours = os.path.realpath(words[words.index(flags[0]) - 1])
    for compiler in compilers:
        found = shutil.which(compiler)
        if found is None:
            print(f"not compiled with {compiler}, which is not installed")
        elif os.path.realpath(found) != ours:
            run([compiler, *flags, "-fsyntax-only"], cwd=command["directory"])
            print(f"also compiled by {compiler}, without a warning")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="kept, so that npm runs once")
    parser.add_argument("--source", type=Path, required=True, help="Holler's source tree")
    parser.add_argument("--build", type=Path, required=True, help="Holler's build tree")
    parser.add_argument("--python", required=True, help="for the generator")
    parser.add_argument("cmake_args", nargs="*")
    args = parser.parse_args()
    work = args.work.resolve()
    try:
        modules = install(work / "npm")
        for stale in ("schemas", "all", "installed", "project"):
            shutil.rmtree(work / stale, ignore_errors=True)
        schemas = work / "schemas"
        run(["node", HERE / "print_schemas.cjs", modules, schemas])
        generate_all(schemas, work, args.source, args.python)
        os.environ["CCACHE_BASEDIR"] = str(work)
        project = build(schemas, work, args.build, args.cmake_args)
        print(run([project / "round_trips"]), end="")
        compile_with_others(("g++", "clang++"), project)
    except Skipped as why:
        print(f"SKIPPED: {why}")
        return SKIPPED
    except Failure as failure:
        print(f"FAILED: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
