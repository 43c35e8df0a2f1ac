"""Counting instructions: what is parsed, computed, compared, and said."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import instructions  # noqa: E402
from instructions import Change, Counts, Failure, Operation  # noqa: E402

SAID = "compiler g++ 12 Release\noperation 100 nothing\noperation 10 loan a table, give it back\n"


def test_the_program_tells_what_it_ran_in_order() -> None:
    assert instructions.parse_program(SAID) == (
        "g++ 12 Release",
        [Operation("nothing", 100), Operation("loan a table, give it back", 10)],
    )


@pytest.mark.parametrize(
    "text",
    ["", "compiler g++ 12\n", SAID.replace("compiler", ""), SAID.replace("nothing", "something"),
     SAID.replace("operation 10 ", "operation 0 ")],
)  # fmt: skip
def test_what_is_no_program_of_this_kind_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        instructions.parse_program(text)


def test_a_file_of_callgrinds_has_a_total() -> None:
    assert instructions.parse_total("part: 1\ntotals: 123\n") == 123
    with pytest.raises(Failure):
        instructions.parse_total("part: 1\n")


def test_the_loop_is_taken_off() -> None:
    operations = [Operation("nothing", 100), Operation("a", 10), Operation("b", 3)]
    assert instructions.per_operation(operations, [300, 130, 40]) == {"a": 10.0, "b": 10.3}
    with pytest.raises(Failure):
        instructions.per_operation(operations, [300, 130])


def test_operations_of_either_side_are_compared() -> None:
    changes = instructions.compare({"a": 10, "gone": 5}, {"new": 1, "a": 11})
    assert changes == [Change("new", None, 1), Change("a", 10, 11), Change("gone", 5, None)]


@pytest.mark.parametrize(
    ("now", "is_bad", "is_better"),
    [(110, False, False), (111, True, False), (90, False, False), (89, False, True)],
)
def test_ten_percent_are_let_pass(now: float, is_bad: bool, is_better: bool) -> None:
    change = Change("a", 100, now)
    assert (change.is_bad, change.is_better) == (is_bad, is_better)


def test_what_only_one_side_has_is_bad() -> None:
    assert Change("a", None, 1).is_bad
    assert Change("a", 1, None).is_bad


def test_the_table_shows_all() -> None:
    text = instructions.table([Change("long name", 1000, 1100), Change("new", None, 2)])
    assert text.splitlines() == [
        "instructions    baseline         now",
        "long name        1,000.0     1,100.0   +10.0 %",
        "new                    -         2.0",
    ]


def test_a_new_baseline_remembers_why() -> None:
    counts = Counts("g++ 12 Release", "x86_64", {"a": 12.0, "b": 2.0})
    baseline = {"instructions": {"a": 10.0, "b": 2.0}, "accepted": [{"reason": "first"}]}
    made = instructions.accepted(baseline, counts, "it does more")
    assert made["instructions"] == {"a": 12.0, "b": 2.0}
    assert made["accepted"] == [
        {"reason": "first"},
        {"reason": "it does more", "changes": {"a": [10.0, 12.0]}},
    ]


class Workshop:
    """A program to count, a valgrind that counts what it is told, and a baseline."""

    def __init__(self, folder: Path) -> None:
        self.valgrind = folder / "valgrind"
        self.baseline = folder / "baseline.json"
        self.counts(300, 130)
        self.write(13.0 - 3.0)

    def write(self, instructions_of_a: float, compiler: str = "g++ 12 Release") -> None:
        text = {"compiler": compiler, "machine": os.uname().machine,
                "instructions": {"a": instructions_of_a}}  # fmt: skip
        self.baseline.write_text(json.dumps(text))

    def counts(self, *totals: int, status: int = 0) -> None:
        files = "".join(f"echo 'totals: {n}' > $out.{i}\n" for i, n in enumerate(totals, 1))
        self.valgrind.write_text(
            "#!/bin/sh\nfor arg; do case $arg in --callgrind-out-file=*) out=${arg#*=};; esac; done\n"
            f"{files}printf 'compiler g++ 12 Release\\noperation 100 nothing\\noperation 10 a\\n'\n"
            f"exit {status}\n"
        )
        self.valgrind.chmod(0o755)

    def run(self, *args: str) -> int:
        return instructions.main(
            ["program", "--valgrind", str(self.valgrind), "--baseline", str(self.baseline), *args]
        )


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_the_same_counts_pass(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert workshop.run() == 0
    assert "OK: as cheap as the baseline." in capsys.readouterr().out


def test_dearer_fails_and_says_what_to_do(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write(9.0)
    assert workshop.run() == 1
    out = capsys.readouterr().out
    assert '"a"' in out and "+11.1 %" in out and "--accept 'REASON'" in out


def test_a_reason_makes_it_the_baseline(workshop: Workshop) -> None:
    workshop.write(9.0)
    assert workshop.run("--accept", "it does more") == 0
    assert workshop.run() == 0
    assert "it does more" in workshop.baseline.read_text()
    assert workshop.run("--accept", " ") == 2


def test_cheaper_passes_and_says_how_to_keep_it(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write(20.0)
    assert workshop.run() == 0
    assert "Cheaper than the baseline" in capsys.readouterr().out


def test_another_compiler_is_not_compared(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write(1.0, compiler="clang 14 Release")
    assert workshop.run() == 0
    assert "nothing to compare with" in capsys.readouterr().out


def test_what_cannot_be_counted_is_an_error(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.counts(300, 130, status=3)
    assert workshop.run() == 2
    workshop.counts(300)
    assert workshop.run() == 2
    workshop.counts(300, 130)
    workshop.baseline.write_text("[]")
    assert workshop.run() == 2
    assert workshop.run("--valgrind", "/nowhere/valgrind") == 2
    assert "scripts/deps" in capsys.readouterr().err
