"""Runs the programs of the comparison, one at a time."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import litter
from model import Case, Result, program_of
from plan import PROBE_SECONDS, duration

# A case that takes so many times as long as it should hangs.
PATIENCE = 5
SHORTEST_TIMEOUT = 15.0
# Keeps this measurement apart from others of the same machine at the same time.
INSTANCE = os.getpid() % 100
PAIR_TRIES = 6  # For what is held against each other.
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
        said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        why = f": {said[-1]}" if said else ""
        raise Failure(f"it was not done after {timeout:.0f} s{why}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Failure(said[-1] if said else f"it ended with status {done.returncode}")
    return parse_figures(done.stdout)


def two_cpus() -> tuple[str, ...]:
    """Arguments that name the first two CPUs that there are for us."""
    cpus = sorted(os.sched_getaffinity(0))
    return (f"--first-cpu={cpus[0]}", f"--other-cpu={cpus[min(1, len(cpus) - 1)]}")


def fastest(found: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Of the figures of several ways to do the same."""
    return found[0] if len(found) == 1 else min(found, key=lambda figures: figures["p50"])


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
        command = [program, way.removeprefix("probe-"), f"--seconds={PROBE_SECONDS}", *two_cpus()]
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
        command += [f"--instance={INSTANCE}", *two_cpus()]
        as_long = dataclasses.replace(case, seconds=seconds)
        timeout = max(SHORTEST_TIMEOUT, PATIENCE * duration([as_long]))
        files = litter.listing()
        before = after = 0.0
        try:
            before = after = self.probe(case.probe)
            figures = fastest([run_program([*command, *way], timeout) for way in case.ways])
            after = self.probe(case.probe)
        except Failure as failure:
            litter.remove_orphans(files)
            return Result(case, {}, before, after, str(failure))
        return Result(case, figures, before, after)

    def run_all(
        self, cases: Sequence[Case], later: float = 0, compared: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[Result]:
        """All of them, telling how far it is, with so many seconds to come after them. They are run
        again where CPUs were near each other for the first of a row, and far for the next; as is
        a case of Holler's that is held against another of its own (by their keys)."""
        start = time.monotonic()
        firsts: dict[str, Result] = {}  # Of each row.
        own: dict[str, Result] = {}  # Holler's.
        for index, case in enumerate(cases):
            left = duration(cases[index:]) + later
            self.tell(f"[{index + 1}/{len(cases)}, {left / 60:.0f} min left] {case.system}: {case.key}")
            result = self.run(case)
            if case.system == "holler" and compared.get(case.key) in own:
                result = self.bring_to(own[compared[case.key]], result, PAIR_TRIES)
            if case.key in firsts:
                tries = PAIR_TRIES if case.system == "holler" else 1
                result = self.bring_to(firsts[case.key], result, tries)
            firsts.setdefault(case.key, result)
            if case.system == "holler":
                own[case.key] = result
            if result.failure:
                self.tell(f"  failed: {result.failure}")
            yield result
        self.tell(f"measured for {(time.monotonic() - start) / 60:.1f} min")

    def bring_to(self, other: Result, result: Result, tries: int) -> Result:
        """A result of the same placement as another, if a few more runs bring that about."""
        for _ in range(tries):
            if other.failure or result.failure or other.placement == result.placement:
                break
            self.tell(f"  {result.placement}, and not {other.placement}: again")
            again = self.run(result.case)
            result = result if again.failure else again
        return result
