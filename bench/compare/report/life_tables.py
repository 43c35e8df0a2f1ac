"""The life of processes, in tables, and which of its targets are met."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from model import Case, Life, Report, Result
from tables import NAMES, case_of, markdown, target_line, time


def mib(value: float) -> str:
    return f"{value / 2**20:.1f} MiB"


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def files(life: Life) -> str:
    """What was left on disk."""
    count = int(life.figures["files"])
    return f"{count} files, {mib(life.figures['bytes'])}" if count else "0"


def memory(life: Life) -> str:
    """Of both ends, and of the daemon where there is one."""
    text = both(mib, "publisher", "subscriber")(life)
    return text + (f" / {mib(life.figures['daemon'])}" if "daemon" in life.figures else "")


def both(show: Callable[[float], str], first: str, second: str) -> Callable[[Life], str]:
    return lambda life: f"{show(life.figures[first])} / {show(life.figures[second])}"


ROWS: tuple[tuple[str, str, Callable[[Life], str]], ...] = (
    ("subscriber last", "start to first sample, subscriber last: median / most",
     both(time, "median", "max")),
    ("publisher last", "the same, publisher last", both(time, "median", "max")),
    ("death", "publisher killed, subscriber told: median / most", both(time, "median", "max")),
    ("left", "left on disk by two that were killed", files),
    ("memory", "memory (PSS): publisher / subscriber / daemon", memory),
)  # fmt: skip


def systems_in(lives: Sequence[Life]) -> list[str]:
    return list(dict.fromkeys(life.system for life in lives))


def table(
    lives: Sequence[Life], rows: Sequence[tuple[str, Callable[[Life], bool], Callable[[Life], str]]]
) -> str:
    """A row for each case, a column for each system that has any of them."""
    systems = systems_in([life for life in lives if any(wanted(life) for _, wanted, _ in rows)])
    lines = []
    for title, wanted, show in rows:
        found = {life.system: life for life in lives if wanted(life)}
        cells = [found.get(system) for system in systems]
        lines.append(
            [title, *("-" if c is None else failure(c) or show(c) for c in cells)]
        )  # fmt: skip
    return markdown(["", *(NAMES[system] for system in systems)], lines)


SHORT = 45  # Letters of a failure that fit into a table.


def failure(life: Life) -> str:
    """Why there are no figures, if that is said in few words; the page tells the others."""
    return life.failure if len(life.failure) <= SHORT else "fails"


def is_of(what: str, count: int = 1) -> Callable[[Life], bool]:
    return lambda life: (life.what, life.count) == (what, count)


def life_table(lives: Sequence[Life]) -> str:
    return table(lives, [(title, is_of(what), show) for what, title, show in ROWS])


def scaling_table(lives: Sequence[Life], what: str, title: str) -> str:
    """First sample, CPU and memory, against a number of things."""
    counts = sorted({life.count for life in lives if life.what == what})

    def show(life: Life) -> str:
        figures = life.figures
        started = f" ({time(figures['started'])})" if "started" in figures else ""
        first = time(figures["first"]) + started
        return f"{first}, {percent(figures['cpu'])}, {mib(figures['memory'])}"

    return table(lives, [(f"{count} {title}", is_of(what, count), show) for count in counts])


# ---- CPU ----

CPU_RATES = (100, 1_000)  # Messages a second.


def is_cpu_case(case: Case) -> bool:
    return (case.what, case.others) == ("fan-out", 1)


def cpu_share(result: Result) -> float:
    """Both sides' part of a core, of one to one at a rate."""
    spent = result.figures["cpu_sender"] + result.figures["cpu_receivers"]
    return spent * result.case.hz / 1e9


def cpu_beyond_floor(report: Report, system: str, hz: int) -> float | None:
    """The same, less what the bare work takes; None: not measured."""
    shares = {
        result.case.system: cpu_share(result)
        for result in report.results
        if not result.failure and is_cpu_case(result.case) and result.case.hz == hz
    }
    if system not in shares or "floor" not in shares:
        return None
    return shares[system] - shares["floor"]


def cpu_table(report: Report) -> str:
    systems = list(dict.fromkeys(result.case.system for result in report.results))
    lines = []
    for hz in CPU_RATES:
        beyond = [cpu_beyond_floor(report, system, hz) for system in systems]
        if any(value is not None for value in beyond):
            cells = ["-" if value is None else f"{100 * value:+.2f} %" for value in beyond]
            lines.append([f"{hz} messages a second", *cells])
    return markdown(["", *(NAMES[system] for system in systems)], lines)


# ---- Targets ----


@dataclasses.dataclass(frozen=True)
class Limit:
    """What one of Holler's figures is to be at most, or at least."""

    what: str
    figure: Callable[[Report], float | None]
    limit: float
    show: Callable[[float], str]
    at_least: bool = False
    case: Case | None = None  # Whose figure it is, where that depends on the CPUs' places.

    def line(self, report: Report) -> list[str]:
        """Target, figure, limit, where the CPUs were, verdict."""
        result = None if self.case is None else result_of(report, self.case)
        where = "" if result is None else result.placement
        value = self.figure(report)
        shown = "" if value is None else self.show(value)
        limit = (self.limit, self.show(self.limit), self.at_least)
        line = target_line(self.what, value, shown, limit, where)
        return [*line[:-1], "judged near only"] if where == "far" else line


def of_life(what: str, *names: str) -> Callable[[Report], float | None]:
    """The largest of some figures of Holler's."""

    def find(report: Report) -> float | None:
        for life in report.lives:
            if (life.system, life.what) == ("holler", what) and not life.failure:
                return max(life.figures[name] for name in names)
        return None

    return find


def result_of(report: Report, case: Case) -> Result | None:
    """What a case came to; None: it is not there, or failed."""
    for result in report.results:
        if (result.case.system, result.case.key) == (case.system, case.key) and not result.failure:
            return result
    return None


def rate(what: str, batch: int, least: float) -> Limit:
    """Messages of 64 bytes in a second."""
    case = case_of("holler", "throughput", batch=batch)

    def find(report: Report) -> float | None:
        result = result_of(report, case)
        return None if result is None else result.figures["messages_per_second"]

    return Limit(what, find, least, millions, at_least=True, case=case)


def millions(value: float) -> str:
    return f"{value / 1e6:.3g} M"


LIMITS = (
    rate("64 B one way, lossless, one by one: messages a second", 1, 20e6),
    rate("64 B one way, lossless, 64 by one call: messages a second", 64, 80e6),
    Limit("CPU at 1 kHz, both sides, of a core, beyond the floor ring",
          lambda report: cpu_beyond_floor(report, "holler", 1_000), 0.003,
          lambda value: f"{100 * value:.2f} %"),
    Limit("start to first sample, subscriber last", of_life("subscriber last", "median"), 3e6, time),
    Limit("start to first sample, publisher last", of_life("publisher last", "median"), 3e6, time),
    Limit("a peer's death known", of_life("death", "median"), 2e6, time),
    Limit("files left on disk after kill -9", of_life("left", "files"), 0, lambda n: f"{n:.0f}"),
    Limit("memory (PSS) of a process with one topic of 64 B",
          of_life("memory", "publisher", "subscriber"), 1.8 * 2**20, mib),
)  # fmt: skip
