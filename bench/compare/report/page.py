"""The report as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from life_tables import LIMITS, cpu_table, failure, life_table, scaling_table
from model import Report
from tables import LATENCY, NAMES, THROUGHPUT, comparison, markdown, target_lines

HOW_TO_READ = """
Times are medians of half a round trip, or of the way from one to all. In brackets: how many times
the bare probe made right before and after, which is a counter on a shared cache line where processes
spin, an eventfd where they sleep. `far`: the CPUs did not share a cache then; `~`: the probes before
and after differ by more than a quarter. The floor ring is a ring of slots in shared memory with a
counter, and nothing else: no discovery, no time stamps, one sender. Each process has one CPU for all
its threads. Holler, iceoryx and the floor have none of their own on a message's way; where others have,
and spin, they give the CPU away between two looks. Cyclone DDS goes by UDP in `throughput`, and by
iceoryx else.
`of 14 only`: the median of so few that it says little. A case's name has the bytes of a message;
whether receivers look again and again (`spin`) or sleep in between (`block`); whether the first bytes
of a message are written and read (`touched`) or all (`filled`); `by 64`: so many by one call; `x8`: so
many receivers (`fan-out`) or senders (`fan-in`); and messages a second of each sender.
"""


def targets(report: Report) -> str:
    lines = target_lines(report.results) + [limit.line(report) for limit in LIMITS]
    return markdown(["target", "measured", "limit", "CPUs", ""], lines)


def sections(report: Report, plots: Sequence[str]) -> Iterator[str]:
    yield "# Holler beside others\n"
    yield "\n".join(f"- {name}: {value}" for name, value in report.machine.items())
    yield HOW_TO_READ
    yield "## Targets\n"
    yield targets(report)
    yield "\n## Latency\n"
    yield comparison(report.results, lambda case: case.what == "latency", LATENCY)
    yield "\n## Throughput, nothing lost: messages a second\n"
    yield comparison(report.results, lambda case: case.what == "throughput", THROUGHPUT)
    yield "\n## One to many, many to one\n"
    yield comparison(report.results, lambda case: case.what.startswith("fan"), LATENCY)
    yield "\n## CPU of both sides, as a part of a core, beyond the floor ring's\n"
    yield cpu_table(report)
    if report.lives:
        yield "\n## Starting, dying, memory\n"
        yield life_table(report.lives)
    if any(life.what == "topics" for life in report.lives):
        yield "\n## Many topics between two processes\n"
        yield (
            "Until each topic had a sample; then CPU and memory of both (and of their daemon), while all "
            "topics but one are silent.\n"
        )
        yield scaling_table(report.lives, "topics", "topics")
    if any(life.what == "nodes" for life in report.lives):
        yield "\n## Many processes with one topic\n"
        yield (
            "Until the last of all had its first sample, which comes at 100 a second (of that, until all "
            "were started); then CPU and memory of all (and of their daemon), while each receives them.\n"
        )
        yield scaling_table(report.lives, "nodes", "processes")
    if report.writing:
        yield "\n## Writing a message\n"
        yield f"```\n{report.writing.strip()}\n```"
    failed = [f"{NAMES[r.case.system]}, {r.case.key}: {r.failure}" for r in report.results if r.failure]
    failed += [
        f"{NAMES[life.system]}, {life.what}, {life.count}: {life.failure}"
        for life in report.lives
        if life.failure and failure(life) != life.failure
    ]
    if failed:
        yield "\n## What failed\n"
        yield from (f"- {line}" for line in failed)
    yield from (f"\n![{name}]({name}.svg)" for name in plots)


def page(report: Report, plots: Sequence[str]) -> str:
    """All of it."""
    return "\n".join(sections(report, plots)) + "\n"
