"""What people would rather see than read."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib  # type: ignore[import]

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # type: ignore[import]  # noqa: E402

from life_tables import CPU_RATES, cpu_beyond_floor, is_cpu_case  # noqa: E402
from model import Case, Life, Report, Result  # noqa: E402
from tables import NAMES  # noqa: E402


def systems_of(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.case.system for result in results))


def good(results: Sequence[Result], wanted: Callable[[Case], bool]) -> list[Result]:
    """Results that are there, of cases of a kind."""
    return [result for result in results if not result.failure and wanted(result.case)]


def draw_distribution(axes: Axes, results: Sequence[Result]) -> None:
    """How many of a hundred round trips are so fast."""
    found = good(results, lambda c: c.key == Case("", "latency").key)
    for result in found:
        percents = range(1, 100)
        times = [result.figures[f"c{percent}"] / 1000 for percent in percents]
        axes.plot(times, list(percents), label=NAMES[result.case.system])
    axes.set(xscale="log", xlabel="half a round trip, µs", ylabel="% of all are faster",
             title="64 bytes, spinning")  # fmt: skip


def draw_sizes(axes: Axes, results: Sequence[Result]) -> None:
    """Latency against size, all written and read."""
    found = good(
        results,
        lambda c: c.what == "latency"
        and c.waiting == "spin"
        and (c.work == "filled" or c.bytes == 64),
    )
    sizes = sorted({result.case.bytes for result in found})
    for system in systems_of(found):
        own = [result for result in found if result.case.system == system]
        times = {result.case.bytes: result.figures["p50"] / 1000 for result in own}
        # No line goes across what is missing.
        drawn = [times.get(size, math.nan) for size in sizes]
        (line,) = axes.plot(sizes, drawn, label=NAMES[system])
        for result in own:
            marker = "x" if result.placement == "far" else "o"
            axes.plot(result.case.bytes, result.figures["p50"] / 1000, marker, color=line.get_color())
    axes.set(xscale="log", yscale="log", xlabel="bytes, all written and read",
             ylabel="half a round trip, µs (median)",
             title="Latency against size (x: the CPUs were far from each other)")  # fmt: skip


def bars(axes: Axes, found: Sequence[Result], figure: str, scale: float) -> None:
    """A group of bars for each case, a bar for each system."""
    keys = list(dict.fromkeys(result.case.key for result in found))
    systems = systems_of(found)
    width = 0.8 / max(len(systems), 1)
    for index, system in enumerate(systems):
        own = {result.case.key: result for result in found if result.case.system == system}
        there = [(place, own[key]) for place, key in enumerate(keys) if key in own]
        drawn = axes.bar(
            [place + index * width for place, _ in there],
            [result.figures[figure] / scale for _, result in there],
            width,
            label=NAMES[system],
        )
        for bar, (_, result) in zip(drawn, there):
            bar.set_hatch("//" if result.placement == "far" else "")
    labels = [key.partition(" ")[2] for key in keys]  # What it is, the title says.
    axes.set_xticks([place + 0.4 for place in range(len(keys))], labels, fontsize="small")
    axes.set_yscale("log")


def draw_throughput(axes: Axes, results: Sequence[Result]) -> None:
    bars(axes, good(results, lambda c: c.what == "throughput"), "messages_per_second", 1)
    axes.set(ylabel="messages a second",
             title="Throughput, nothing lost (hatched: the CPUs were far from each other)")  # fmt: skip


def draw_fan_out(axes: Axes, results: Sequence[Result]) -> None:
    """Latency against receivers."""
    found = good(results, lambda c: c.what == "fan-out" and c.hz == 1000)
    for system in systems_of(found):
        own = [result for result in found if result.case.system == system]
        axes.plot(
            [result.case.others for result in own],
            [result.figures["p50"] / 1000 for result in own],
            marker="o",
            label=NAMES[system],
        )
    axes.set(xlabel="receivers", ylabel="from sender to receiver, µs (median)", yscale="log",
             title="One to many, 1 kHz, blocking")  # fmt: skip


def draw_cpu(axes: Axes, results: Sequence[Result]) -> None:
    """CPU of both sides, beyond what the floor takes."""
    report = Report({}, good(results, is_cpu_case))
    systems = [system for system in systems_of(report.results) if system != "floor"]
    width = 0.8 / max(len(systems), 1)
    for index, system in enumerate(systems):
        beyond = [cpu_beyond_floor(report, system, hz) for hz in CPU_RATES]
        known = [(place, 100 * share) for place, share in enumerate(beyond) if share is not None]
        axes.bar([place + index * width for place, _ in known], [share for _, share in known],
                 width, label=NAMES[system])  # fmt: skip
    axes.set_xticks([place + 0.4 for place in range(len(CPU_RATES))],
                    [f"{hz} messages a second" for hz in CPU_RATES])  # fmt: skip
    axes.set(ylabel="% of a core, both sides, beyond the floor ring",
             title="CPU, sleeping in between")  # fmt: skip


DRAWINGS: dict[str, Callable[[Axes, Sequence[Result]], None]] = {
    "latency_distribution": draw_distribution,
    "latency_size": draw_sizes,
    "throughput": draw_throughput,
    "fan_out": draw_fan_out,
    "cpu": draw_cpu,
}


def draw_start(axes: Axes, results: Sequence[Life]) -> None:
    """From start to first sample, in either order."""
    found = [life for life in results if life.what.endswith(" last") and not life.failure]
    systems = list(dict.fromkeys(life.system for life in found))
    for index, what in enumerate(("subscriber last", "publisher last")):
        own = {life.system: life.figures["median"] / 1e6 for life in found if life.what == what}
        places = [systems.index(system) + 0.4 * index for system in own]
        axes.bar(places, list(own.values()), 0.4, label=what)
    axes.set_xticks([place + 0.2 for place in range(len(systems))],
                    [NAMES[system] for system in systems], fontsize="small")  # fmt: skip
    axes.set(yscale="log", ylabel="ms (median)", title="From start to the first sample")


def draw_scaling(what: str, xlabel: str) -> Callable[..., None]:
    """The time to the first sample against a number of things."""

    def draw(axes: Axes, results: Sequence[Life]) -> None:
        found = [life for life in results if life.what == what and not life.failure]
        for system in dict.fromkeys(life.system for life in found):  # Those that could.
            own = sorted((life.count, life.figures["first"] / 1e6)
                         for life in found if life.system == system)  # fmt: skip
            axes.plot(*zip(*own), marker="o", label=NAMES[system])
        axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="ms to the first sample",
                 title=f"Many {xlabel}")  # fmt: skip

    return draw


LIFE_DRAWINGS: dict[str, Callable[..., None]] = {
    "start": draw_start,
    "topics": draw_scaling("topics", "topics"),
    "nodes": draw_scaling("nodes", "processes"),
}


def save(name: str, folder: Path, draw: Callable[[Axes], None]) -> str:
    """A drawing as SVG and PNG; returns its name."""
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    draw(axes)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    # The same figures give the same file, as a report may be kept under version control.
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png")
    pyplot.close(figure)
    return name


def draw_all(results: Sequence[Result], lives: Sequence[Life], folder: Path) -> list[str]:
    """All drawings; returns their names."""
    names = [save(n, folder, lambda axes: d(axes, results)) for n, d in DRAWINGS.items()]
    for name, draw in LIFE_DRAWINGS.items():
        if any(life.what == name or name == "start" for life in lives):
            names.append(save(name, folder, functools.partial(draw, results=lives)))
    return names
