"""What is measured, and what came of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Half a round trip of a counter on one cache line, ns. Below: both CPUs share a cache ("near").
# Above: what one writes comes to the other by way of memory or another chip ("far").
NEAR_BELOW = 100.0
# Probes before and after a case that differ more than so were made on a machine that changed.
STEADY_WITHIN = 0.25
# A median of fewer times than so many may be off by much.
FEW = 100
# Systems that are one program's ways: which program, and which of its modes.
MODES = {"holler-shared": ("holler-shared", ""), "fastdds": ("fastdds", "shm"), "fastdds-ds": ("fastdds", "datasharing")}
# Of the floor, the faster of its ways counts where large messages go to and fro.
FLOORS = ("--mode=one", "--mode=four")
LARGE = 1 << 20


def program_of(system: str) -> str:
    """The name of the program that runs a system."""
    return "compare_" + (MODES[system][0] if system in MODES else system)


def mode_of(system: str) -> list[str]:
    """What says so on its command line."""
    mode = MODES[system][1] if system in MODES else ""
    return [f"--mode={mode}"] if mode else []


@dataclasses.dataclass(frozen=True)
class Case:
    """One run of one system's program."""

    system: str
    what: str
    bytes: int = 64
    waiting: str = "spin"
    work: str = "touched"
    others: int = 1
    hz: int = 1000
    batch: int = 1
    seconds: float = 1.0

    @property
    def key(self) -> str:
        """What the case is, whatever the system: the same for all in one row of a table."""
        parts = [self.what, f"{self.bytes}B", self.waiting, self.work]
        if self.what.startswith("fan"):
            parts += [f"x{self.others}", f"{self.hz}Hz"]
        if self.batch > 1:
            parts.append(f"by {self.batch}")
        return " ".join(parts)

    @property
    def ways(self) -> tuple[tuple[str, ...], ...]:
        """Arguments of each way that is to be tried, of which the fastest counts."""
        if (self.system, self.what) == ("floor", "latency") and self.bytes >= LARGE:
            return tuple((mode,) for mode in FLOORS)
        return ((),)

    @property
    def probe(self) -> str:
        """The probe that tells how fast the machine is at such a case."""
        return "probe-spin" if self.waiting == "spin" else "probe-wake"

    def arguments(self, seconds: float) -> list[str]:
        """The command line after the program's name."""
        return [
            self.what,
            f"--bytes={self.bytes}",
            f"--waiting={self.waiting}",
            f"--work={self.work}",
            f"--others={self.others}",
            f"--hz={self.hz}",
            f"--batch={self.batch}",
            f"--seconds={seconds}",
            *mode_of(self.system),
        ]


@dataclasses.dataclass(frozen=True)
class Result:
    """What a case came to. Without figures: it failed, for a reason."""

    case: Case
    figures: Mapping[str, float]
    probe_before: float
    probe_after: float
    failure: str = ""

    @property
    def probe(self) -> float:
        return (self.probe_before + self.probe_after) / 2

    @property
    def is_steady(self) -> bool:
        low, high = sorted((self.probe_before, self.probe_after))
        return high <= low * (1 + STEADY_WITHIN)

    @property
    def placement(self) -> str:
        """Where the two CPUs were: "near", "far", or "" where that is not known."""
        if self.case.probe != "probe-spin":
            return ""
        return "near" if self.probe < NEAR_BELOW else "far"

    @property
    def is_few(self) -> bool:
        """Whether so little was measured that a median says little."""
        return self.figures.get("count", FEW) < FEW

    def ratio(self, figure: str) -> float | None:
        """A figure in units of the probe."""
        value = self.figures.get(figure)
        return None if value is None or self.probe <= 0 else value / self.probe


@dataclasses.dataclass(frozen=True)
class Life:
    """What came of processes that start, meet and die. Without figures: nothing, for a reason."""

    system: str
    what: str
    count: int = 1  # Of topics or processes, where there are many.
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was measured."""

    machine: Mapping[str, str]
    results: Sequence[Result]
    lives: Sequence[Life] = ()
    writing: str = ""  # What bench_writer printed.


def to_json(report: Report) -> str:
    """All of it, to be read by read_json."""
    return json.dumps(dataclasses.asdict(report), indent=1) + "\n"


def read_json(path: Path) -> Report:
    """What to_json wrote. Raises OSError, or ValueError where it is something else."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    try:
        results = [
            dataclasses.replace(Result(**entry), case=Case(**entry["case"]))
            for entry in found["results"]
        ]
        lives = [Life(**entry) for entry in found["lives"]]
        return Report(found["machine"], results, lives, found["writing"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no report: {error!r}") from error
