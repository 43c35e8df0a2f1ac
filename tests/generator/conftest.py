"""What the tests of the generator share."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.dont_write_bytecode = True  # The generator's folder is a source folder, and may be read-only.
ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "generator"
IDL = ROOT / "idl"
STUB = Path(__file__).resolve().parent / "stub"
sys.path.insert(0, str(GENERATOR))

from holler_gen import cli, layout, problems, schema, source  # noqa: E402
from holler_gen.check import Result, check  # noqa: E402
from holler_gen.flatc import Flatc  # noqa: E402

COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the command."""

    status: int
    out: str
    err: str
    dir: Path  # of the outputs

    def text(self, name: str) -> str:
        return (self.dir / name).read_text("utf-8")

    def names(self) -> list[str]:
        return sorted(path.name for path in self.dir.iterdir()) if self.dir.exists() else []

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.dir.iterdir()}


class Workshop:
    """A folder with schemas, and the generator at work on them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.dir = folder
        self._capsys = capsys

    def write(self, name: str, text: str) -> Path:
        """Writes a schema; one that declares topics includes holler.fbs by itself."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def run(self, name: str, *args: str, out: str = "out") -> Run:
        """Runs the command on the schema `name`, with holler.fbs to be found."""
        self._capsys.readouterr()
        folder = self.dir / out
        try:
            status = cli.main(
                [str(self.dir / name), "-I", str(IDL), "--out-dir", str(folder), *args]
            )
        except SystemExit as stopped:  # argparse ends so.
            assert isinstance(stopped.code, int)
            status = stopped.code
        said = self._capsys.readouterr()
        return Run(status, said.out, said.err, folder)

    def generate(self, text: str, *args: str, name: str = "t.fbs") -> Run:
        """Runs the command on a schema of this text, which must be right."""
        self.write(name, text)
        run = self.run(name, *args)
        assert run.status == 0, run.err
        return run

    def bfbs(self, text: str, name: str = "t.fbs") -> bytes:
        """The .bfbs of a schema, as the generator reads it."""
        return Flatc("flatc", (IDL,)).described_schema(self.write(name, text))

    def schema(self, text: str, name: str = "t.fbs") -> schema.Schema:
        """The model of a schema."""
        return schema.read(self.bfbs(text, name))

    def check(self, text: str, name: str = "t.fbs", schema_bytes: int = 1000) -> Result:
        """What the rules say about a schema."""
        model = self.schema(text, name)
        files = {
            file: problems.File(file, source.scan((self.dir / file).read_text("utf-8")))
            for file in model.files
        }
        return check(model, name, files, schema_bytes)

    def topic(self, text: str, schema_bytes: int = 1000) -> tuple[layout.Topic, layout.Layout]:
        """The only topic of a schema."""
        result = self.check(text, schema_bytes=schema_bytes)
        assert not result.problems
        ((topic, computed),) = result.topics
        return topic, computed


@pytest.fixture
def workshop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Workshop:
    return Workshop(tmp_path, capsys)


@pytest.fixture(params=COMPILERS)
def compiles(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Compiles a program against the headers of a run, with each compiler there is."""

    def compile_(run: Run, program: str, *args: str) -> subprocess.CompletedProcess[str]:
        main = tmp_path / "main.cc"
        main.write_text(program)
        includes = [f"-I{path}" for path in (STUB, ROOT / "runtime", run.dir)]
        args = args or ("-fsyntax-only",)
        done = subprocess.run(
            [request.param, *WARNINGS, *includes, *args, str(main)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    yield compile_
