#!/usr/bin/env python3
"""Counts the instructions of each step of the data path, and compares them with a baseline.

Runs count_instructions under valgrind's callgrind. Unlike times, counts are the same on a busy
machine and on an idle one, so a step that has become dearer shows in any run of the tests.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BASELINE = Path(__file__).resolve().parent / "instructions.json"
LOOP = "nothing"  # The operation that costs what the loop around the others costs.
TOLERANCE = 0.10
TIMEOUT = 300  # Seconds.
# memcpy and its like are the same on all CPUs then.
TUNABLES = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-ERMS,-FSRM"


class Failure(Exception):
    """What keeps the counts from being made, in words for the user."""


@dataclasses.dataclass(frozen=True)
class Operation:
    name: str
    times: int  # How often it was run.


@dataclasses.dataclass(frozen=True)
class Counts:
    """Instructions of each operation, and what they depend on."""

    compiler: str
    machine: str
    instructions: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Change:
    """One operation, then and now; None: there was none, or there is none any more."""

    name: str
    before: float | None
    now: float | None

    @property
    def ratio(self) -> float | None:
        if self.before is None or self.now is None:
            return None
        return self.now / self.before - 1

    @property
    def is_bad(self) -> bool:
        if self.before is None or self.now is None:
            return True
        return self.now > self.before * (1 + TOLERANCE)

    @property
    def is_better(self) -> bool:
        if self.before is None or self.now is None:
            return False
        return self.now < self.before * (1 - TOLERANCE)


def parse_program(text: str) -> tuple[str, list[Operation]]:
    """What count_instructions says: its compiler, and what it ran, in order."""
    compiler = re.search(r"^compiler (.+)$", text, re.MULTILINE)
    found = re.findall(r"^operation (\d+) (.+)$", text, re.MULTILINE)
    operations = [Operation(name, int(times)) for times, name in found]
    if compiler is None or not operations or operations[0].name != LOOP:
        raise Failure(f"this is not what count_instructions prints:\n{text}")
    if any(operation.times == 0 for operation in operations):
        raise Failure("an operation was not run at all")
    return compiler.group(1), operations


def parse_total(text: str) -> int:
    """The sum of one file of callgrind's."""
    total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
    if total is None:
        raise Failure("a file of callgrind's has no line \"totals:\"")
    return int(total.group(1))


def per_operation(operations: Sequence[Operation], totals: Sequence[int]) -> dict[str, float]:
    """Instructions of one run of each operation, without the loop around it."""
    if len(operations) != len(totals):
        raise Failure(f"{len(operations)} operations, but {len(totals)} files of callgrind's")
    each = [total / operation.times for operation, total in zip(operations, totals)]
    return {
        operation.name: round(cost - each[0], 1)
        for operation, cost in list(zip(operations, each))[1:]
    }


def count(program: Path, valgrind: str) -> Counts:
    """Runs the program under valgrind."""
    with tempfile.TemporaryDirectory(prefix="holler_instructions_") as folder:
        out = Path(folder) / "out"
        command = [valgrind, "-q", "--tool=callgrind", "--collect-atstart=no"]
        command += ["--toggle-collect=CountedRun", "--dump-after=CountedRun"]
        command += [f"--callgrind-out-file={out}", str(program)]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "GLIBC_TUNABLES": TUNABLES},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except OSError as error:
            raise Failure(f"cannot run {valgrind}: {error}") from error
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{program} was not done after {TIMEOUT} s under valgrind") from error
        if done.returncode != 0:
            raise Failure(f"{program} failed under valgrind:\n{done.stderr}{done.stdout}")
        compiler, operations = parse_program(done.stdout)
        parts = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        totals = [parse_total(part.read_text("utf-8")) for part in parts]
    return Counts(compiler, platform.machine(), per_operation(operations, totals))


def compare(before: Mapping[str, float], now: Mapping[str, float]) -> list[Change]:
    """Every operation of both, in the order of `now`; those that are gone come last."""
    gone = [name for name in before if name not in now]
    return [Change(name, before.get(name), now.get(name)) for name in [*now, *gone]]


def table(changes: Sequence[Change]) -> str:
    """A line for each operation."""

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:,.1f}"

    def difference(change: Change) -> str:
        return "" if change.ratio is None else f"{100 * change.ratio:+.1f} %"

    title = "instructions"
    width = max(len(title), *(len(change.name) for change in changes))
    lines = [f"{title:<{width}}  {'baseline':>10}  {'now':>10}"]
    for change in changes:
        line = f"{change.name:<{width}}  {number(change.before):>10}  {number(change.now):>10}"
        lines.append(f"{line}  {difference(change):>8}".rstrip())
    return "\n".join(lines)


def verdict(changes: Sequence[Change], program: Path) -> tuple[int, str]:
    """The exit status, and what to tell the user."""
    accept = f"bench/instructions.py {program} --accept 'REASON'"
    bad = [change for change in changes if change.is_bad]
    if bad:
        names = ", ".join(f'"{change.name}"' for change in bad)
        return 1, (
            f"FAILED: more than {100 * TOLERANCE:.0f} % dearer than the baseline, or not the same "
            f"operations: {names}.\nMend it; or, if it is worth it, make these the baseline, and "
            f"say why:\n  {accept}"
        )
    if any(change.is_better for change in changes):
        return 0, f"Cheaper than the baseline. For it to stay so, make this the baseline:\n  {accept}"
    return 0, "OK: as cheap as the baseline."


def read_baseline(path: Path) -> dict[str, Any]:
    """The baseline's file; empty if there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Failure(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("instructions", {}), dict):
        raise Failure(f"{path} is no baseline: it has no object \"instructions\"")
    return found


def accepted(baseline: Mapping[str, Any], counts: Counts, reason: str) -> dict[str, Any]:
    """The baseline that `counts` make, and why it changed."""
    changes = compare(baseline.get("instructions", {}), counts.instructions)
    differing = {
        change.name: [change.before, change.now]
        for change in changes
        if change.before != change.now
    }
    return {
        "compiler": counts.compiler,
        "machine": counts.machine,
        "instructions": dict(counts.instructions),
        "accepted": [*baseline.get("accepted", []), {"reason": reason, "changes": differing}],
    }


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/instructions.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0 as cheap as the baseline, or none for this compiler and machine; "
        "1 dearer; 2 it could not be counted.",
    )
    parser.add_argument("program", type=Path, help="count_instructions, as built by CMake")
    parser.add_argument("--baseline", type=Path, default=BASELINE, help="default: %(default)s")
    parser.add_argument("--accept", metavar="REASON", help="make these counts the baseline")
    parser.add_argument("--valgrind", default="valgrind", help="default: %(default)s")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        if shutil.which(args.valgrind) is None:
            raise Failure(f"there is no {args.valgrind}: scripts/deps installs it")
        counts = count(args.program, args.valgrind)
        baseline = read_baseline(args.baseline)
        if args.accept is not None:
            if not args.accept.strip():
                raise Failure("--accept needs a reason")
            text = json.dumps(accepted(baseline, counts, args.accept), indent=2)
            args.baseline.write_text(text + "\n", "utf-8")
    except (Failure, OSError) as failure:
        print(f"bench/instructions.py: {failure}", file=sys.stderr)
        return 2
    print(f"Built by {counts.compiler}, run on {counts.machine}.\n")
    made_with = (baseline.get("compiler"), baseline.get("machine"))
    if args.accept is None and made_with != (counts.compiler, counts.machine):
        print(table(compare({}, counts.instructions)))
        print(f"\nThe baseline is of {made_with[0]} on {made_with[1]}: nothing to compare with.")
        return 0
    changes = compare(baseline.get("instructions", {}), counts.instructions)
    print(table(changes))
    if args.accept is not None:
        print(f"\nThis is the baseline now: {args.baseline}")
        return 0
    status, words = verdict(changes, args.program)
    print(f"\n{words}")
    return status


if __name__ == "__main__":
    sys.exit(main())
