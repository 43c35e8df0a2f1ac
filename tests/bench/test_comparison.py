"""The programs of the comparison: each does all that the report asks of it. Their figures are not
looked at: the machine has other things to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "compare" / "report"))

import halves  # noqa: E402
import plan  # noqa: E402
import runner  # noqa: E402
from model import Case  # noqa: E402

PROGRAMS = Path(os.environ.get("HOLLER_COMPARISON", "."))
RUNNER = runner.Runner(PROGRAMS, tell=lambda line: None)
INSTANCE = f"--instance={runner.INSTANCE}"
SECONDS = 0.05
FIGURES = {
    "latency": {"min", "p50", "p99", "max", "count", "c1", "c99"},
    "throughput": {"messages_per_second", "bytes_per_second", "lost"},
    "fan-out": {"p50", "lost", "cpu_sender", "cpu_receivers"},
    "fan-in": {"p50", "lost", "cpu_sender", "cpu_receivers"},
}

pytestmark = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="two processes that spin need two CPUs"
)


def cases(system: str) -> list[Case]:
    found = {case.key: case for case in plan.plan([system], is_quick=False)}
    return list(found.values())


@pytest.mark.parametrize(
    "case", [*cases("floor"), *cases("holler")], ids=lambda case: f"{case.system} {case.key}"
)
def test_a_case(case: Case) -> None:
    command = [str(PROGRAMS / f"compare_{case.system}"), *case.arguments(SECONDS), INSTANCE]
    figures = runner.run_program(command, 60)
    assert FIGURES[case.what] <= figures.keys()
    assert figures.get("lost", 0) == 0 or case.what.startswith("fan")


@pytest.mark.parametrize("way", ["spin", "wake"])
def test_the_probe(way: str) -> None:
    figures = runner.run_program([str(PROGRAMS / "compare_probe"), way, "--seconds=0.02"], 60)
    assert figures["min"] <= figures["p50"] <= figures["max"]


def start(running: halves.Halves, system: str, *whats: str, **more: object) -> None:
    for what in whats:
        running.append(halves.Half(RUNNER, system, what, **more))


def test_the_life_of_two_processes() -> None:
    with halves.halves() as running:
        start(running, "holler", "publish", "watch", topics=3)
        ready = running[1].must_reach("ready")
        assert running[1].started < ready < running[1].must_reach("first")
        os.kill(running[0].pid, signal.SIGKILL)
        assert running[1].must_reach("gone") > ready


def test_silent_topics_are_not_waited_for() -> None:
    with halves.halves() as running:
        start(running, "holler", "publish", "subscribe", topics=3, active=1)
        assert running[1].must_reach("first") < running[1].must_reach("second")


# Those that are installed here, but for those which need a daemon.
OTHERS = [
    system
    for system in plan.SYSTEMS
    if system not in ("floor", "holler", *plan.ICEORYX_SYSTEMS) and RUNNER.has(system)
]


@pytest.mark.parametrize("system", OTHERS)
def test_others_send_and_receive(system: str) -> None:
    case = Case(system, "latency", waiting="block", seconds=SECONDS)
    result = RUNNER.run(case)
    assert not result.failure and result.figures["count"] > 0


@pytest.mark.parametrize("system", OTHERS)
def test_others_go_on_receiving(system: str) -> None:
    with halves.halves() as running:
        start(running, system, "publish", "subscribe")
        assert running[1].must_reach("first") < running[1].must_reach("second")


def test_bad_arguments_are_told() -> None:
    for arguments in (["nonsense"], ["latency", "--bytes=65"], ["fan-out", "--others=0"]):
        done = subprocess.run([PROGRAMS / "compare_holler", *arguments], capture_output=True, text=True)
        assert done.returncode != 0 and done.stderr


def test_what_the_floor_cannot_do_is_told() -> None:
    with pytest.raises(runner.Failure, match="one sender"):
        runner.run_program([str(PROGRAMS / "compare_floor"), "fan-in"], 60)
