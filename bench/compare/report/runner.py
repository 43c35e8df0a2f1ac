"""Runs the programs of the comparison, one at a time."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from model import Case, Result, program_of
from plan import PROBE_SECONDS, duration

# A case that takes so many times as long as it should hangs.
PATIENCE = 5
SHORTEST_TIMEOUT = 15.0
TRIES = 3  # For a machine that changes between the probes, or too few messages.
LONGER = 5  # Times: the next try, where there were too few.


class Failure(Exception):
    """A program failed: why, in one line."""


def parse_figures(text: str) -> dict[str, float]:
    """Lines of a name and a number each."""
    figures: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        try:
            figures[name] = float(value)
        except ValueError as error:
            raise Failure(f"it printed {line!r}, which is no figure") from error
    return figures


def run_program(command: Sequence[str], timeout: float) -> dict[str, float]:
    """The figures it prints. What it started dies with it."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise Failure(f"it does not start: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"it was not done after {timeout:.0f} s") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Failure(said[-1] if said else f"it ended with status {done.returncode}")
    return parse_figures(done.stdout)


@dataclasses.dataclass(frozen=True)
class Runner:
    """Runs cases with the programs in a folder."""

    programs: Path
    tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)

    def has(self, system: str) -> bool:
        return (self.programs / program_of(system)).exists()

    def probe(self, way: str) -> float:
        """How fast the machine is now, ns."""
        program = str(self.programs / "compare_probe")
        command = [program, way.removeprefix("probe-"), f"--seconds={PROBE_SECONDS}"]
        return run_program(command, SHORTEST_TIMEOUT)["p50"]

    def run(self, case: Case) -> Result:
        """One case, between two probes; again if the machine changed meanwhile, and for longer if
        that was too short for it."""
        result = self.run_once(case, case.seconds)
        seconds = case.seconds
        for _ in range(TRIES - 1):
            is_short = result.is_few or bool(result.failure)
            if not is_short and result.is_steady:
                break
            if is_short and seconds > case.seconds:  # It is not for want of time.
                break
            seconds *= LONGER if is_short else 1
            self.tell(f"  {result.failure or self.doubt(result)}: again, for {seconds:g} s")
            result = self.run_once(case, seconds)
        return result

    @staticmethod
    def doubt(result: Result) -> str:
        """Why a result is not good."""
        if result.is_few:
            return f"only {result.figures['count']:.0f} messages"
        return f"the machine changed ({result.probe_before:.0f} and {result.probe_after:.0f} ns)"

    def run_once(self, case: Case, seconds: float) -> Result:
        """One run of so many seconds."""
        command = [str(self.programs / program_of(case.system)), *case.arguments(seconds)]
        as_long = dataclasses.replace(case, seconds=seconds)
        timeout = max(SHORTEST_TIMEOUT, PATIENCE * duration([as_long]))
        before = self.probe(case.probe)
        try:
            figures = run_program(command, timeout)
        except Failure as failure:
            return Result(case, {}, before, before, str(failure))
        return Result(case, figures, before, self.probe(case.probe))

    def run_all(self, cases: Sequence[Case], later: float = 0) -> list[Result]:
        """All of them, telling how far it is, with so many seconds to come after them. Holler and the floor, which are compared, are run
        again where their CPUs were near each other for one, and far for the other."""
        start = time.monotonic()
        results: list[Result] = []
        floors: dict[str, int] = {}  # Where its results are.
        for index, case in enumerate(cases):
            left = duration(cases[index:]) + later
            self.tell(f"[{index + 1}/{len(cases)}, {left / 60:.0f} min left] {case.system}: {case.key}")
            result = self.run(case)
            if case.system == "floor":
                floors[case.key] = len(results)
            elif case.system == "holler" and case.key in floors:
                at = floors[case.key]
                results[at], result = self.bring_together(results[at], result)
            if result.failure:
                self.tell(f"  failed: {result.failure}")
            results.append(result)
        self.tell(f"measured for {(time.monotonic() - start) / 60:.1f} min")
        return results

    def bring_together(self, first: Result, second: Result) -> tuple[Result, Result]:
        """Two results of one placement, if a few more runs bring that about."""
        for turn in range(2 * TRIES):
            if first.failure or second.failure or first.placement == second.placement:
                break
            self.tell(f"  one {first.placement}, one {second.placement}: again")
            if turn % 2 == 0:
                second = self.run(second.case)
            else:
                first = self.run(first.case)
        return first, second
