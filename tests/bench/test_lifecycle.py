"""Processes that start and die, and their tables, with programs that only pretend."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "compare" / "report"))

import daemon  # noqa: E402
import halves  # noqa: E402
import life_tables  # noqa: E402
import lifecycle  # noqa: E402
import litter  # noqa: E402
import model  # noqa: E402
from model import Case, Life, Report, Result  # noqa: E402
from runner import Failure, Runner  # noqa: E402

# Finds the other by a file in a folder of its own, and sees by its pid whether it lives.
FAKE = f"""#!{sys.executable}
import os, sys, time
folder = FOLDER
def say(name): print(name, time.monotonic_ns(), flush=True)
BEHAVIOUR
if sys.argv[1] == "publish":
    open(f"{{folder}}/publisher", "w").write(str(os.getpid()))
    say("ready")
    time.sleep(60)
say("ready")
while not (os.path.exists(f"{{folder}}/publisher") and open(f"{{folder}}/publisher").read()): time.sleep(0.001)
say("first")
if sys.argv[1] == "subscribe":
    say("second")
    time.sleep(60)
pid = int(open(f"{{folder}}/publisher").read())
def lives():
    try: return open(f"/proc/{{pid}}/stat").read().split()[2] != "Z"
    except OSError: return False
while lives(): time.sleep(0.001)
os.unlink(f"{{folder}}/publisher")
say("gone")
time.sleep(60)
"""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path, tell=lambda line: None)


def write_program(folder: Path, behaviour: str = "") -> None:
    meeting = folder / "meeting"
    meeting.mkdir(exist_ok=True)
    path = folder / "compare_holler"
    path.write_text(FAKE.replace("FOLDER", repr(str(meeting))).replace("BEHAVIOUR", behaviour))
    path.chmod(0o755)


@pytest.mark.parametrize("last", ["subscribe", "publish"])
def test_the_last_one_starts_the_clock(runner: Runner, last: str) -> None:
    write_program(runner.programs, f'if sys.argv[1] == {last!r}: time.sleep(0.1)')
    figures = lifecycle.start_up(runner, "holler", last, 1)
    assert 0.1e9 < figures["median"] <= figures["max"] < 10e9


def test_a_death_is_told(runner: Runner) -> None:
    write_program(runner.programs)
    assert 0 < lifecycle.death(runner, "holler", 3)["median"] < 10e9


def test_a_death_that_is_not_told(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "UNTOLD_QUICK", 0.2)
    write_program(runner.programs, "lives = lambda: True\n")
    source = (runner.programs / "compare_holler").read_text()
    (runner.programs / "compare_holler").write_text(source.replace("while lives()", "while True"))
    life = lifecycle.live(runner, lifecycle.LifeCase("holler", "death"), is_quick=True)
    assert life.failure == "> 0 s" and not life.figures


def test_who_ends_early_tells_why(runner: Runner) -> None:
    write_program(runner.programs, 'if sys.argv[1] == "subscribe": sys.exit("no room")')
    life = lifecycle.live(runner, lifecycle.LifeCase("holler", "subscriber last"), is_quick=True)
    assert life.failure == "no room"


def test_who_takes_too_long_is_ended(runner: Runner) -> None:
    write_program(runner.programs, "time.sleep(60)")
    half = halves.Half(runner, "holler", "publish")
    try:
        with pytest.raises(Failure, match="not ready after"):
            half.must_reach("ready", 0.1)
    finally:
        half.kill()
    assert not Path(f"/proc/{half.pid}").exists()


def test_nobody_is_left_running(runner: Runner) -> None:
    write_program(runner.programs)
    pids: list[int] = []
    with pytest.raises(Failure), halves.halves() as running:
        running += [halves.Half(runner, "holler", "publish") for _ in range(3)]
        pids = [half.pid for half in running]
        raise Failure("whatever")
    assert len(pids) == 3
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


# A folder of nobody else's, which stands for /dev/shm and the like.
@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "place"
    found.mkdir()
    monkeypatch.setattr(litter, "FOLDERS", (str(found),))
    return found


def test_what_is_left_is_counted_and_known_litter_removed(runner: Runner, place: Path) -> None:
    (place / "bench_1").write_text("here before")
    write_program(
        runner.programs,
        f"""
name = {str(place)!r} + "/bench_" + str(os.getpid())
open(name, "w").write("x" * 5000)
held = open({str(place)!r} + f"/fastrtps_{{os.getpid()}}", "w")
other = open({str(place)!r} + f"/mine_{{os.getpid()}}", "w")
""",
    )
    figures = lifecycle.left_behind(runner, "holler")
    assert figures == {"files": 6.0, "bytes": 2.0 * 8192}
    kept = sorted(path.name.partition("_")[0] for path in place.iterdir())
    assert kept == ["bench", "mine", "mine"], "only what is known to be litter is removed"
    assert (place / "bench_1").exists()


def test_nothing_left_is_nothing(runner: Runner, place: Path) -> None:
    write_program(runner.programs)
    assert lifecycle.left_behind(runner, "holler") == {"files": 0.0, "bytes": 0.0}


def test_who_is_ready_only_when_they_met_is_waited_for(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SETTLED", 0.2)
    write_program(runner.programs, """
if sys.argv[1] == "subscribe":
    while not os.path.exists(f"{folder}/publisher"): time.sleep(0.001)
""")
    assert lifecycle.start_up(runner, "holler", "publish", 1)["median"] > 0


def test_who_never_meets_is_told_so(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MEETING", 0.2)
    monkeypatch.setattr(lifecycle, "PATIENCE", 0.2)
    write_program(runner.programs, 'if sys.argv[1] == "subscribe": time.sleep(60)')
    for what in ("subscriber last", "topics", "nodes"):
        life = lifecycle.live(runner, lifecycle.LifeCase("holler", what, 2), is_quick=True)
        assert life.failure == ("> 0 s: 0 of 1 have met" if what == "nodes" else "> 0 s")


@pytest.mark.parametrize("what", ["subscriber last", "death", "left", "memory", "topics", "nodes"])
def test_what_goes_wrong_is_told_and_ends_nothing(runner: Runner, what: str) -> None:
    case = lifecycle.LifeCase("holler", what, 2)
    assert lifecycle.live(runner, case, True).failure.startswith("it does not start")
    write_program(runner.programs, 'print("oh my", flush=True)')
    assert "no moment" in lifecycle.live(runner, case, True).failure


def test_memory_and_cpu_of_a_process() -> None:
    assert halves.pss(os.getpid()) > 1e6
    before = halves.cpu_seconds(os.getpid())
    while halves.cpu_seconds(os.getpid()) < before + 0.02:
        pass


def test_who_dies_while_it_is_looked_at_tells_why(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "STEADY", 0.05)
    write_program(runner.programs)
    program = runner.programs / "compare_holler"
    program.write_text(program.read_text().replace('say("first")', 'say("first"); sys.exit("no more")'))
    for what in ("topics", "nodes"):
        assert lifecycle.live(runner, lifecycle.LifeCase("holler", what, 2), True).failure == "no more"


def test_who_says_much_is_not_stopped_by_it(runner: Runner) -> None:
    write_program(runner.programs, 'print("oh my" * 100_000, file=sys.stderr)')
    assert lifecycle.start_up(runner, "holler", "subscribe", 1)["median"] > 0


def test_of_a_process_that_is_gone_there_is_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for look in (halves.pss, halves.cpu_seconds):
        with pytest.raises(Failure, match=f"of process {gone.pid}"):
            look(gone.pid)


@pytest.mark.parametrize(("system", "is_told"), [("iceoryx", True), ("holler", False)])
def test_memory_of_the_daemon(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, system: str, is_told: bool
) -> None:
    monkeypatch.setattr(lifecycle, "STEADY", 0.01)
    monkeypatch.setattr(
        lifecycle, "roudi",
        lambda is_wanted, chunks: contextlib.nullcontext(os.getpid() if is_wanted else None)
    )
    write_program(runner.programs)
    (runner.programs / "compare_holler").rename(runner.programs / f"compare_{system}")
    figures = lifecycle.memory(runner, system)
    assert min(figures.values()) > 1e6
    assert ("daemon" in figures) == is_told


def test_many_processes(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "STEADY", 0.01)
    write_program(runner.programs)
    figures = lifecycle.nodes(runner, "holler", 4)
    assert figures["first"] > 0 and figures["memory"] > 4e6
    (runner.programs / "meeting" / "publisher").unlink(missing_ok=True)
    assert lifecycle.topics(runner, "holler", 2)["first"] > 0


def test_the_plan_leaves_out_the_floor() -> None:
    cases = lifecycle.life_plan(["floor", "holler", "nng"], is_quick=True)
    assert {case.system for case in cases} == {"holler", "nng"}
    assert len({(case.system, case.what, case.count) for case in cases}) == len(cases)
    assert len(cases) < len(lifecycle.life_plan(["floor", "holler", "nng"], is_quick=False))


def test_what_the_daemon_says_fits_in_a_table() -> None:
    assert daemon.in_one_line("\x1b[0;90mnow \x1b[0;1;31;103m[ Error ]\x1b[m: still\n  there\n") == (
        "now [ Error ]: still there"
    )


# ---- Tables ----

LIVES = [
    Life("holler", "subscriber last", 1, {"median": 2.7e6, "max": 4e6}),
    Life("nng", "subscriber last", 1, {}, "> 30 s"),
    Life("holler", "publisher last", 1, {"median": 3.2e6, "max": 4e6}),
    Life("holler", "left", 1, {"files": 0.0, "bytes": 0.0}),
    Life("nng", "left", 1, {"files": 2.0, "bytes": 2.0 * 2**20}),
    Life("holler", "memory", 1, {"publisher": 1.5 * 2**20, "subscriber": 1.75 * 2**20}),
    Life("nng", "memory", 1, {"publisher": 2**20, "subscriber": 2**20, "daemon": 2**23}),
    Life("holler", "topics", 100, {"first": 5e6, "cpu": 0.02, "memory": 3.0 * 2**20}),
]


def test_lives_in_a_table() -> None:
    lines = life_tables.life_table(LIVES).splitlines()
    assert lines[0] == "|  | Holler | nng |"
    assert "| 2.7 ms / 4 ms | > 30 s |" in lines[2]
    assert "| 0 | 2 files, 2.0 MiB |" in lines[5]
    assert "| 1.5 MiB / 1.8 MiB | 1.0 MiB / 1.0 MiB / 8.0 MiB |" in lines[6]
    assert "| 5 ms, 2.0 %, 3.0 MiB |" in life_tables.scaling_table(LIVES[:1] + LIVES[7:], "topics", "topics")


def cpu(system: str, ns: float) -> Result:
    case = Case(system, "fan-out", waiting="block", others=1, hz=1_000)
    return Result(case, {"cpu_sender": ns / 2, "cpu_receivers": ns / 2}, 1.0, 1.0)


def test_cpu_beyond_the_floor() -> None:
    report = Report({}, [cpu("floor", 30_000), cpu("holler", 32_000)])
    beyond = life_tables.cpu_beyond_floor(report, "holler", 1_000)
    assert beyond == pytest.approx(0.002)
    assert life_tables.cpu_beyond_floor(report, "nng", 1_000) is None
    assert "| +0.00 % | +0.20 % |" in life_tables.cpu_table(report)


def test_limits_are_met_or_missed() -> None:
    lines = {line[0]: line[1:] for line in (limit.line(Report({}, [], LIVES)) for limit in life_tables.LIMITS)}
    assert lines["start to first sample, subscriber last"] == ["2.7 ms", "<= 3 ms", "-", "met"]
    assert lines["start to first sample, publisher last"] == ["3.2 ms", "<= 3 ms", "-", "MISSED"]
    assert lines["files left on disk after kill -9"] == ["0", "<= 0", "-", "met"]
    assert lines["a peer's death known"][-1] == "not measured"
    fast = Result(Case("holler", "throughput"), {"messages_per_second": 19e6}, 1.0, 1.0)
    (line,) = [limit.line(Report({}, [fast])) for limit in life_tables.LIMITS if "one by one" in limit.what]
    assert line[1:] == ["19 M", ">= 20 M", "near", "MISSED"]


def test_json_comes_back(tmp_path: Path) -> None:
    report = Report({"CPU": "some"}, [cpu("holler", 1.0)], LIVES, "written")
    path = tmp_path / "results.json"
    path.write_text(model.to_json(report))
    assert model.read_json(path) == report
