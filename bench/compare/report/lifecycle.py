"""Processes that start, meet and die: how soon, and what they cost and leave behind."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import litter
from daemon import SMALL, roudi
from halves import PATIENCE, Half, Halves, cpu_seconds, halves, pss
from model import Life
from plan import ICEORYX_SYSTEMS, LINKED
from runner import Failure, Runner

MEETING = 15.0  # Seconds in which two processes should have met.
UNTOLD = 25.0  # Seconds after which nobody tells any more of a death,
UNTOLD_QUICK = 2.0  # and after which there is no time for it.
STEADY = 1.0  # Seconds that what is there is looked at.
# Seconds for the first of two to be ready. Some are only once they have met the other.
SETTLED = 1.0
# Messages a second on all topics together, where the rate is not to delay the first of them.
BRISK = 20_000
BRISK_TOPICS = 50_000
# After so many seconds iceoryx's daemon has cleaned up after clients without a sign of life.
CLEANED = 3.0
REPEATS = 3  # Of runs with many processes or topics: their median counts.


@contextlib.contextmanager
def alone(system: str) -> Iterator[Halves]:
    """Processes of one run, with a daemon of their own if they need one: it hangs when one of them
    was killed that had a lock."""
    with roudi(system in ICEORYX_SYSTEMS, SMALL) as daemon, halves() as running:
        running.daemon = daemon
        yield running


def start_up(runner: Runner, system: str, last: str, times: int) -> Mapping[str, float]:
    """From the start of the last of the two to the first sample."""
    took: list[float] = []
    order = ["publish", "subscribe"] if last == "subscribe" else ["subscribe", "publish"]
    for _ in range(times):
        with alone(system) as running:
            both: dict[str, Half] = {}
            for what in order:
                more = {"hz": BRISK} if what == "publish" else {}
                both[what] = Half(runner, system, what, **more)
                running.append(both[what])
                if what != last:
                    both[what].await_moment("ready", SETTLED)
            first = both["subscribe"].await_moment("first", MEETING)
            if first is None:
                raise Failure(f"> {MEETING:.0f} s")
            took.append(first - both[last].started)
    return {"median": statistics.median(took), "max": max(took)}


def start_both(
    running: list[Half], runner: Runner, system: str, hz: int = 1_000, receiver: str = "subscribe"
) -> None:
    """A publisher and its subscriber. Each is in the list as soon as it runs."""
    running.append(Half(runner, system, "publish", hz=hz))
    running.append(Half(runner, system, receiver))


def death(
    runner: Runner, system: str, times: int, patience: float = UNTOLD
) -> Mapping[str, float]:
    """From the kill of a publisher until its subscriber is told. Once, if that takes long."""
    took: list[float] = []
    while len(took) < times and sum(took) < 1e9:
        with alone(system) as running:
            start_both(running, runner, system, receiver="watch")
            running[1].must_reach("first")
            running.note_files()
            killed = time.monotonic_ns()
            running[0].kill()
            gone = running[1].await_moment("gone", patience)
            if gone is None:
                raise Failure(f"> {patience:.0f} s")
            took.append(gone - killed)
    return {"median": statistics.median(took), "max": max(took)}


def left_behind(runner: Runner, system: str) -> Mapping[str, float]:
    """Files of two processes that were killed."""
    with alone(system) as running:
        start_both(running, runner, system)
        running[1].must_reach("first")
        running.note_files()
        for half in running:
            half.kill()
        if running.daemon is not None:
            time.sleep(CLEANED)
        left = litter.left(running.before, running.makers())
    return {"files": float(len(left)), "bytes": float(sum(left.values()))}


def memory(runner: Runner, system: str) -> Mapping[str, float]:
    """Of each of two processes with one topic of 64 bytes, and of the daemon that they need."""
    with alone(system) as running:
        start_both(running, runner, system, hz=100)
        running[1].must_reach("first")
        time.sleep(STEADY)
        found = {"publisher": pss(running[0].pid), "subscriber": pss(running[1].pid)}
        if running.daemon is not None:
            found["daemon"] = pss(running.daemon)
        return found


def topics(runner: Runner, system: str, count: int) -> Mapping[str, float]:
    """Two processes with many topics: how soon there was a message on each, and then what they cost
    while all but one are silent."""
    end = time.monotonic() + PATIENCE
    with alone(system) as running:
        running.append(Half(runner, system, "publish", topics=count, hz=BRISK_TOPICS // count))
        must_reach(running[0], "ready", end)
        running.append(Half(runner, system, "subscribe", topics=count))
        first = must_reach(running[1], "first", end) - running[1].started
    with alone(system) as running:
        running.append(Half(runner, system, "publish", topics=count, active=1, hz=1))
        must_reach(running[0], "ready", end)
        running.append(Half(runner, system, "subscribe", topics=count, active=1))
        must_reach(running[1], "second", end)
        return {"first": first, **steady(running)}


def nodes(runner: Runner, system: str, count: int) -> Mapping[str, float]:
    """One publisher, and subscribers in processes of their own, that start at once."""
    end = time.monotonic() + PATIENCE
    with alone(system) as running:
        running.append(Half(runner, system, "publish", hz=100))
        for _ in range(count - 1):
            running.append(Half(runner, system, "subscribe"))
        started = time.monotonic_ns() - running[0].started
        firsts = [half.await_moment("first", end - time.monotonic()) for half in running[1:]]
        met = [first for first in firsts if first is not None]
        if len(met) < len(firsts):
            raise Failure(f"> {PATIENCE:.0f} s: {len(met)} of {len(firsts)} have met")
        for half in running[1:]:  # They go on receiving while they are looked at.
            must_reach(half, "second", end)
        met_after = max(met) - running[0].started
        return {"first": met_after, "started": started, **steady(running)}


def must_reach(half: Half, name: str, end: float) -> int:
    """When it was; what is left of the case's time has to suffice."""
    moment = half.await_moment(name, end - time.monotonic())
    if moment is None:
        raise Failure(f"> {PATIENCE:.0f} s")
    return moment


def steady(running: Halves) -> Mapping[str, float]:
    """What they cost together when all have met, with their daemon if they need one."""
    pids = [half.pid for half in running]
    if running.daemon is not None:
        pids.append(running.daemon)
    time.sleep(STEADY)
    start = time.monotonic()
    before = sum(cpu_seconds(pid) for pid in pids)
    time.sleep(2 * STEADY)
    for half in running:
        half.must_live()
    used = sum(cpu_seconds(pid) for pid in pids) - before
    return {"cpu": used / (time.monotonic() - start), "memory": sum(pss(pid) for pid in pids)}


def middle(run: Callable[[], Mapping[str, float]], times: int) -> Mapping[str, float]:
    """The median of each figure of several runs."""
    found = [run() for _ in range(times)]
    return {name: statistics.median(figures[name] for figures in found) for name in found[0]}


@dataclasses.dataclass(frozen=True)
class LifeCase:
    """One row for one system."""

    system: str
    what: str
    count: int = 1


TOPICS = (1, 10, 100, 1_000)
NODES = (2, 10, 50, 200)


def life_plan(systems: Sequence[str], is_quick: bool) -> list[LifeCase]:
    """All of them. Nobody finds anybody at the floor."""
    shapes = [(what, 1) for what in ("subscriber last", "publisher last", "death", "left", "memory")]
    if not is_quick:
        shapes += [("topics", count) for count in TOPICS] + [("nodes", count) for count in NODES]
    cases = [LifeCase(system, what, count) for what, count in shapes for system in systems]
    return [case for case in cases if is_possible(case)]


def is_possible(case: LifeCase) -> bool:
    """Whether it says anything of the system."""
    if case.system == LINKED:
        return case.what in ("subscriber last", "publisher last", "memory")
    # ZeroMQ and nng tell messages of many topics apart by how these begin, on one socket.
    has_topics = case.system not in ("zeromq", "nng")
    return case.system != "floor" and (has_topics or case.what != "topics")


# About how long one takes, in seconds; for lives that are repeated, a turn.
LIFE_SECONDS = {"subscriber last": 0.5, "publisher last": 0.5, "death": UNTOLD / 4, "left": 2.0,
                "memory": 1.5, "topics": 12.0, "nodes": 15.0}  # fmt: skip
STARTS, STARTS_QUICK = 20, 3


def life_duration(cases: Sequence[LifeCase], is_quick: bool) -> float:
    """About how long they take, in seconds."""
    turns = STARTS_QUICK if is_quick else STARTS
    seconds = {**LIFE_SECONDS, **({"death": UNTOLD_QUICK} if is_quick else {})}
    return sum(seconds[case.what] * (turns if "last" in case.what else 1) for case in cases)


def live(runner: Runner, case: LifeCase, is_quick: bool) -> Life:
    """Runs one."""
    try:
        return Life(case.system, case.what, case.count, run_life(runner, case, is_quick))
    except Failure as failure:
        return Life(case.system, case.what, case.count, failure=str(failure))


def run_life(runner: Runner, case: LifeCase, is_quick: bool) -> Mapping[str, float]:
    """The figures of one."""
    match case.what:
        case "subscriber last":
            return start_up(runner, case.system, "subscribe", STARTS_QUICK if is_quick else STARTS)
        case "publisher last":
            return start_up(runner, case.system, "publish", STARTS_QUICK if is_quick else STARTS)
        case "death":
            patience = UNTOLD_QUICK if is_quick else UNTOLD
            return death(runner, case.system, 3 if is_quick else 10, patience)
        case "left":
            return left_behind(runner, case.system)
        case "memory":
            return memory(runner, case.system)
        case "topics":
            return middle(lambda: topics(runner, case.system, case.count), REPEATS)
        case "nodes":
            return middle(lambda: nodes(runner, case.system, case.count), REPEATS)
    raise ValueError(case.what)


def live_all(runner: Runner, cases: Sequence[LifeCase], is_quick: bool) -> Iterator[Life]:
    """All of them, telling how far it is."""
    for index, case in enumerate(cases):
        left = life_duration(cases[index:], is_quick) / 60
        number = f"{index + 1}/{len(cases)}"
        runner.tell(f"[{number}, {left:.0f} min left] {case.system}: {case.what} {case.count}")
        life = live(runner, case, is_quick)
        if life.failure:
            runner.tell(f"  {life.failure}")
        yield life
