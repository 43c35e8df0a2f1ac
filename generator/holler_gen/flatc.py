"""Driving the FlatBuffers compiler."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
from pathlib import Path

from holler_gen import comment, embedded

# Options that change the names of files or accessors, which the emitted code relies on.
FORBIDDEN_ARGS = (
    "-o",
    "-b",
    "--cpp-field-case-style",
    "--filename-ext",
    "--filename-suffix",
    "--gen-all",
    "--include-prefix",
    "--keep-prefix",
    "--no-includes",
    "--schema",
)


class FlatcError(Exception):
    """flatc could not be run, or refused; the text is what it said."""


@dataclasses.dataclass(frozen=True)
class Flatc:
    program: str
    include_dirs: tuple[Path, ...]  # absolute
    cpp_args: tuple[str, ...] = ()  # for the C++ headers only

    def described_schema(self, schema: Path) -> bytes:
        """The .bfbs with all that the generator wants to know."""
        return self._bfbs(schema, "--bfbs-comments", "--bfbs-builtins", "--bfbs-filenames", ".")

    def embedded_schema(self, schema: Path) -> bytes:
        """The .bfbs that a segment carries: the same wherever it is built.

        It has no file names: flatc leaves them out of a .bfbs when the schema is named without a
        folder. FlatBuffers' own attributes are in it only where readers need one of them: what a
        `nested_flatbuffer` names is part of the type.
        """
        with_attributes = self._bfbs(schema, "--bfbs-comments", "--bfbs-builtins")
        if b"nested_flatbuffer" in with_attributes:
            return embedded.with_full_names(with_attributes)
        return self._bfbs(schema, "--bfbs-comments")

    def headers(self, schemas: tuple[Path, ...]) -> tuple[dict[str, str], str]:
        """The text of each schema's *_generated.h by its name, and flatc's warnings."""
        with tempfile.TemporaryDirectory(prefix="holler_gen.") as folder:
            warnings = self._run(
                schemas[0].parent,
                *("--cpp", "--gen-mutable", *self.cpp_args, "-o", folder, *map(str, schemas)),
            )
            texts = {}
            for schema in schemas:
                name = f"{schema.stem}_generated.h"
                texts[name] = comment.clean_header(Path(folder, name).read_text("utf-8", "replace"))
            return texts, warnings

    def _bfbs(self, schema: Path, *args: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="holler_gen.") as folder:
            self._run(
                schema.parent,
                *("-b", "--schema", "--no-warnings", *args, "-o", folder, schema.name),
            )
            return Path(folder, f"{schema.stem}.bfbs").read_bytes()

    def _run(self, folder: Path, *args: str) -> str:
        """Runs flatc in `folder`. Returns what it said."""
        includes = [part for path in self.include_dirs for part in ("-I", os.fspath(path))]
        try:
            done = subprocess.run(
                [self.program, *includes, *args],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            raise FlatcError(
                f"cannot run flatc as {self.program!r}: {error.strerror}; "
                "install it (apt install flatbuffers-compiler), or name it with --flatc"
            ) from None
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode < 0:
            raise FlatcError(f"{said.strip()}\n{self.program} crashed (signal {-done.returncode})")
        if done.returncode > 0:
            raise FlatcError(said.strip() or f"{self.program} ended with {done.returncode}")
        return said
