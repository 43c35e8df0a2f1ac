"""The report in words: tables of figures and ratios, and which targets are met."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from model import Case, Result

NAMES = {
    "floor": "floor ring",
    "holler": "Holler",
    "holler-shared": "Holler, shared libraries",
    "iceoryx": "iceoryx",
    "cyclone": "Cyclone DDS",
    "fastdds": "Fast DDS",
    "fastdds-ds": "Fast DDS, data sharing",
    "zeromq": "ZeroMQ",
    "nng": "nng",
    "lcm": "LCM",
}


def time(ns: float) -> str:
    """A time in the unit that suits it."""
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= scale:
            return f"{ns / scale:.3g} {unit}" if ns / scale < 1000 else f"{ns / scale:.0f} {unit}"
    return f"{ns:.0f} ns"


def amount(value: float) -> str:
    """A number of things in a second."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f}"


@dataclasses.dataclass(frozen=True)
class Figure:
    """What a table shows of each result."""

    name: str
    show: Callable[[float], str]


LATENCY = Figure("p50", time)
THROUGHPUT = Figure("messages_per_second", amount)


def cell(result: Result | None, figure: Figure) -> str:
    """One result: the figure and its ratio to the probe; marked if it is to be taken with care."""
    if result is None:
        return "-"
    if result.failure:
        return "failed"
    value = result.figures[figure.name]
    text = figure.show(value)
    ratio = result.ratio(figure.name)
    if figure is LATENCY and ratio is not None:
        text += f" ({ratio:.2f})"
    if result.is_few:
        text += f", of {result.figures['count']:.0f} only"
    if result.figures.get("lost", 0) > 0:
        text += f", {result.figures['lost']:.0f} lost"
    if result.placement == "far":
        text += " far"
    return text if result.is_steady else text + " ~"


def rows(results: Sequence[Result], wanted: Callable[[Case], bool]) -> dict[str, dict[str, Result]]:
    """Results of a kind: by case, then by system, both in the order in which they were made."""
    found: dict[str, dict[str, Result]] = {}
    for result in results:
        if wanted(result.case):
            found.setdefault(result.case.key, {})[result.case.system] = result
    return found


def markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    all_lines = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in all_lines)


def comparison(
    results: Sequence[Result], wanted: Callable[[Case], bool], figure: Figure
) -> str:
    """All systems side by side, at all cases of a kind."""
    found = rows(results, wanted)
    systems = list(dict.fromkeys(system for row in found.values() for system in row))
    lines = [
        [key, *(cell(row.get(system), figure) for system in systems)] for key, row in found.items()
    ]
    return markdown(["case", *(NAMES.get(system, system) for system in systems)], lines)


def target_line(
    what: str, value: float | None, shown: str, limit: tuple[float, str, bool], where: str = ""
) -> list[str]:
    """Target, figure, limit, where the CPUs were, verdict. A limit: what, how that is written, and
    whether the figure is to be at least that."""
    most, limit_text, at_least = limit
    is_met = value is not None and (value >= most if at_least else value <= most)
    verdict = "not measured" if value is None else "met" if is_met else "MISSED"
    sign = ">=" if at_least else "<="
    return [what, "-" if value is None else shown, f"{sign} {limit_text}", where or "-", verdict]


@dataclasses.dataclass(frozen=True)
class Target:
    """What Holler is to reach: a figure of a case, at most (or at least) so many times another's."""

    what: str
    figure: str
    case: Case
    against: Case
    limit: float
    at_least: bool = False

    @property
    def is_by_probe(self) -> bool:
        """Whether it is one line's way between CPUs that takes the time, as it does in the probe."""
        return self.figure == "p50" and (self.case.waiting, self.case.work) == ("spin", "touched")

    def line(self, by_case: Mapping[tuple[str, str], Result]) -> list[str]:
        """Target, figure, limit, where the CPUs were, verdict."""
        holler = by_case.get((self.case.system, self.case.key))
        other = by_case.get((self.against.system, self.against.key))
        limit = (self.limit, f"{self.limit:g}", self.at_least)
        if holler is None or other is None or holler.failure or other.failure:
            return target_line(self.what, None, "", limit)
        if holler.placement != other.placement:
            line = target_line(self.what, None, "", limit, "one near, one far")
            return [*line[:-1], "not comparable"]
        ratio = raw = holler.figures[self.figure] / other.figures[self.figure]
        shown = f"{raw:.2f}"
        if self.is_by_probe:  # Each by its own: the machine may have changed from one to the other.
            ratio *= other.probe / holler.probe
            shown = f"{ratio:.2f} (without the probes: {raw:.2f})"
        return target_line(self.what, ratio, shown, limit, holler.placement)


def case_of(system: str, what: str, **more: object) -> Case:
    return dataclasses.replace(Case(system, what), **more)


def against_floor(what: str, limit: float, kind: str, **more: object) -> Target:
    """Holler's p50 in a case, against the floor's in the same."""
    return Target(what, "p50", case_of("holler", kind, **more), case_of("floor", kind, **more), limit)


TARGETS = (
    against_floor("64 B touched, spinning / floor ring", 1.5, "latency"),
    Target(
        "4 MiB touched, spinning / its own 64 B",
        "p50",
        case_of("holler", "latency", bytes=4_194_304),
        case_of("holler", "latency"),
        1.15,
    ),
    against_floor("64 KiB filled, spinning / floor ring", 1.1, "latency", bytes=65_536, work="filled"),
    against_floor("4 MiB filled, spinning / floor ring", 1.05, "latency", bytes=4_194_304, work="filled"),
    against_floor("64 B blocking / floor ring's futex", 1.0, "latency", waiting="block"),
    Target(
        "1 MiB filled, messages a second / floor ring",
        "messages_per_second",
        case_of("holler", "throughput", bytes=1_048_576, work="filled"),
        case_of("floor", "throughput", bytes=1_048_576, work="filled"),
        0.95,
        at_least=True,
    ),
    # Where these limits come from, a floor ring made 196 M/s, and the targets were 20 and 80 M/s.
    Target(
        "64 B one way, one by one, messages a second / floor ring",
        "messages_per_second",
        case_of("holler", "throughput"),
        case_of("floor", "throughput"),
        0.10,
        at_least=True,
    ),
    Target(
        "64 B one way, 64 by one call, messages a second / floor ring",
        "messages_per_second",
        case_of("holler", "throughput", batch=64),
        case_of("floor", "throughput"),
        0.41,
        at_least=True,
    ),
    against_floor("1 to 8 at 1 kHz, blocking / floor ring", 1.0, "fan-out", waiting="block", others=8),
)


# Cases of Holler's that are held against others of its own, by their keys.
OWN = {
    target.case.key: target.against.key for target in TARGETS if target.against.system == "holler"
}


def target_lines(results: Sequence[Result]) -> list[list[str]]:
    """Which targets are met."""
    by_case = {(result.case.system, result.case.key): result for result in results}
    return [target.line(by_case) for target in TARGETS]
