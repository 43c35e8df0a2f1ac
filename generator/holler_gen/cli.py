"""The command: one schema in, its headers out."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from holler_gen import check, flatc, hints, output, problems, render, schema, source
from holler_gen.bfbs import BfbsError

_DESCRIPTION = """\
Generates typed publishers, subscribers, clients and servers from a FlatBuffers schema.

For imu.fbs it writes into DIR:
  imu_topics.h       slot, topic, writer, publisher and subscriber of each topic in imu.fbs;
                     client and server of each method of its rpc_services
  imu_schema.h       the schema itself, which every segment of shared memory carries
  imu_generated.h    flatc's accessors
  X_generated.h      the same for each X.fbs that imu.fbs includes, directly or not

A struct or table becomes a topic by the attributes that idl/holler.fbs declares and documents:
  include "holler.fbs";
  struct Imu (topic: "sensors/imu", depth: 16) { stamp_ns:uint64; ... }
"""
_EPILOG = """\
Files are replaced all together, and only when their content changes; if anything is wrong, none is.
Prints what each topic takes: its payload, its slots, its segment of shared memory.

exit status: 0 done; 1 the schema is wrong (each error on a line of its own); 2 wrong usage
"""
_USABLE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.fbs")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command. Returns its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    problem = _usage_problem(args)
    if problem:
        parser.error(problem)
    try:
        return _generate(args)
    except flatc.FlatcError as error:
        print(error, file=sys.stderr)
        if hint := hints.hint(str(error), _text_if_any):
            print(hint, file=sys.stderr)
    except BfbsError as error:
        print(
            f"{args.schema}:1: error: {args.schema.name}: flatc made a .bfbs of it that is "
            f"malformed: {error}; check that {args.flatc} is FlatBuffers' own compiler",
            file=sys.stderr,
        )
    except OSError as error:
        print(f"error: {error.filename or args.out_dir}: {error.strerror}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="holler_gen",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("schema", type=Path, metavar="SCHEMA.fbs", help="the schema")
    parser.add_argument(
        "--out-dir", type=Path, required=True, metavar="DIR", help="where the headers go"
    )
    parser.add_argument(
        "-I",
        dest="include_dirs",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="where included schemas are looked for, beside the including one's folder; repeatable",
    )
    parser.add_argument(
        "--flatc", default="flatc", metavar="PROGRAM", help="the FlatBuffers compiler [flatc]"
    )
    parser.add_argument(
        "--flatc-arg",
        dest="flatc_args",
        action="append",
        default=[],
        metavar="ARG",
        help="passed on to flatc for *_generated.h, as in --flatc-arg=--gen-object-api; repeatable",
    )
    parser.add_argument(
        "--depfile", type=Path, metavar="FILE", help="receives a Make rule naming all that was read"
    )
    parser.add_argument(
        "--stamp",
        type=Path,
        metavar="FILE",
        help="touched on success, though no header may have changed; the depfile's target",
    )
    return parser


def _usage_problem(args: argparse.Namespace) -> str:
    """What is wrong with the arguments; empty for nothing."""
    if not _USABLE_NAME.fullmatch(args.schema.name):
        return (
            f"{args.schema}: a schema's name ends in .fbs, and has letters, digits, `_`, `-` and "
            "`.` before that"
        )
    if not args.schema.is_file():
        return f"{args.schema}: no such file"
    for folder in args.include_dirs:
        if not folder.is_dir():
            return f"-I {folder}: no such folder"
    for arg in args.flatc_args:
        if arg.partition("=")[0] in flatc.FORBIDDEN_ARGS:
            return f"--flatc-arg={arg}: it would change names that the generated code relies on"
    return ""


def _generate(args: argparse.Namespace) -> int:
    # flatc names files by their real paths; whoever reads a message knows the path he gave.
    real = Path(os.path.realpath(args.schema))
    folder = real.parent
    compiler = flatc.Flatc(
        program=args.flatc,
        include_dirs=tuple(Path(os.path.abspath(path)) for path in args.include_dirs),
        cpp_args=tuple(args.flatc_args),
    )
    model = schema.read(compiler.described_schema(real))
    embedded = compiler.embedded_schema(real)
    if real.name not in model.files:
        raise BfbsError(f"it does not list {real.name} among its files")
    files = {
        name: problems.File(
            path=_shown(args.schema, name), source=source.scan(_text(folder / name))
        )
        for name in model.files
    }
    result = check.check(model, real.name, files, len(embedded))
    if result.problems:
        for problem in result.problems:
            print(problem, file=sys.stderr)
        return 1
    read = (real, *(Path(os.path.normpath(folder / f)) for f in model.files if f != real.name))
    headers, warnings = compiler.headers(read)
    out = args.out_dir
    outputs = {out / name: text for name, text in headers.items()}
    outputs[out / f"{real.stem}_topics.h"] = render.topics_header(
        model, real.name, result.topics, result.calls
    )
    outputs[out / f"{real.stem}_schema.h"] = render.schema_header(
        real.name, result.topics, embedded, result.calls
    )
    if args.depfile:
        target = args.stamp or out / f"{real.stem}_topics.h"
        outputs[args.depfile] = _depfile(target, [args.schema, *read, *_own_files(args.flatc)])
    output.write_all(outputs)
    if args.stamp:
        args.stamp.touch()
    sys.stderr.write(warnings)
    for warning in result.warnings:
        print(warning, file=sys.stderr)
    halves = (half for call in result.calls for half in (call.request, call.reply))
    for topic, computed in (*result.topics, *halves):
        print(render.budget(topic, computed))
    return 0


def _shown(schema_path: Path, name: str) -> str:
    """How messages name the file that is called `name` relative to the schema's folder."""
    return os.path.normpath(schema_path.parent / name)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _text_if_any(path: str) -> str:
    try:
        return _text(Path(path))
    except OSError:
        return ""


def _own_files(program: str) -> list[Path]:
    """What a change of the generator or of flatc would change."""
    package = Path(__file__).resolve().parent
    found = shutil.which(program)
    return sorted(
        [*package.glob("*.py"), *package.glob("templates/*.j2")] + ([Path(found)] if found else [])
    )


def _depfile(target: Path, read: Sequence[Path]) -> str:
    paths = sorted({_escaped(path) for path in read})
    return f"{_escaped(target)}: \\\n" + " \\\n".join(f"  {path}" for path in paths) + "\n"


def _escaped(path: Path) -> str:
    """A path as Make reads it."""
    text = os.path.abspath(path).replace("$", "$$")
    return re.sub(r"([ #])", r"\\\1", text)
