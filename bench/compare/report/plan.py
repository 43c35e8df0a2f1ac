"""Which cases there are, and how long they take."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from model import Case

# In the order of the tables' columns; the floor is what the machine gives.
SYSTEMS = (
    "floor",
    "holler",
    "iceoryx",
    "cyclone",
    "fastdds",
    "fastdds-ds",
    "zeromq",
    "nng",
    "lcm",
)
# Holler as it is linked by default: only that it starts and how much memory it needs differ.
LINKED = "holler-shared"
# What works by way of iceoryx, and so needs its daemon.
ICEORYX_SYSTEMS = frozenset(("iceoryx", "cyclone"))
SIZES = (64, 1_024, 65_536, 1_048_576, 4_194_304)
RECEIVERS = (1, 2, 4, 8)
# For each case: two probes, two processes that start and meet, a fifth of the time to warm up.
PROBE_SECONDS = 0.1
OVERHEAD_SECONDS = 0.6


def is_possible(case: Case) -> bool:
    """Whether the system can do it at all."""
    if case.batch > 1:  # Others have no such call, or make batches of their own accord.
        return case.system == "holler"
    if case.system == "floor":  # One sender for each ring.
        return case.what != "fan-in"
    if case.system == "lcm":  # It cuts messages into datagrams, and loses some if there are many.
        return case.what != "throughput" and case.bytes <= 1_024
    return True


def shapes(seconds: float, is_quick: bool) -> Iterator[Case]:
    """What is done with each system."""
    sizes = (64, 65_536, 1_048_576) if is_quick else SIZES
    for size in sizes:
        yield Case("", "latency", bytes=size, seconds=seconds)
        if size > 64:
            yield Case("", "latency", bytes=size, work="filled", seconds=seconds)
    yield Case("", "latency", waiting="block", seconds=seconds)
    if not is_quick:
        yield Case("", "latency", bytes=1_048_576, waiting="block", seconds=seconds)
    for size in (64, 1_048_576):
        work = "touched" if size == 64 else "filled"
        for waiting in ("spin", "block"):
            yield Case("", "throughput", bytes=size, waiting=waiting, work=work, seconds=seconds)
    yield Case("", "throughput", batch=64, seconds=seconds)
    for others in (1, 8) if is_quick else RECEIVERS:
        yield Case("", "fan-out", waiting="block", others=others, seconds=seconds)
    if not is_quick:
        yield Case("", "fan-out", waiting="block", others=1, hz=100, seconds=3 * seconds)
        yield Case("", "fan-in", waiting="block", others=8, hz=125, seconds=seconds)


def plan(systems: Sequence[str], is_quick: bool) -> list[Case]:
    """All cases: all systems take turns at each, so that the machine's moods hit them alike."""
    seconds = 0.2 if is_quick else 2.0
    cases = [
        dataclasses.replace(shape, system=system)
        for shape in shapes(seconds, is_quick)
        for system in systems
    ]
    return [case for case in cases if is_possible(case)]


def duration(cases: Sequence[Case]) -> float:
    """About how long they take, in seconds."""
    return sum(1.2 * case.seconds + 2 * PROBE_SECONDS + OVERHEAD_SECONDS for case in cases)
