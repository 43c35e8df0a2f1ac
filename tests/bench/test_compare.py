"""The comparison's report: plan, runs, tables and plots, with programs that only pretend."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "bench" / "compare" / "report"
sys.path.insert(0, str(REPORT))

import machine  # noqa: E402
import model  # noqa: E402
import page  # noqa: E402
import plan  # noqa: E402
import runner  # noqa: E402
import tables  # noqa: E402
from model import Case, Life, Report, Result  # noqa: E402
from runner import Failure, Runner  # noqa: E402


def need_matplotlib() -> None:
    pytest.importorskip("matplotlib", reason="scripts/deps --bench installs it")


def load_main():  # type: ignore[no-untyped-def]
    need_matplotlib()
    spec = importlib.util.spec_from_file_location("compare_main", REPORT / "__main__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FIGURES = {"p50": 200.0, "lost": 0.0, "cpu_sender": 1.0, "cpu_receivers": 2.0} | {
    f"c{percent}": 100.0 + percent for percent in range(1, 100)
}


def result(system: str = "holler", what: str = "latency", p50: float = 200.0, probe: float = 50.0,
           **more: object) -> Result:  # fmt: skip
    case = dataclasses.replace(Case(system, what), **more)
    return Result(case, {**FIGURES, "p50": p50, "messages_per_second": 1e6}, probe, probe)


def targets(results: list[Result]) -> str:
    return page.targets(Report({}, results))


# ---- Plan ----


def test_all_systems_take_turns_at_each_case() -> None:
    cases = plan.plan(["floor", "holler"], is_quick=True)
    assert [case.system for case in cases[:4]] == ["floor", "holler", "floor", "holler"]
    assert cases[0].key == cases[1].key
    assert len({(case.system, case.key) for case in cases}) == len(cases)


def test_every_target_is_in_the_whole_plan() -> None:
    cases = {(case.system, case.key) for case in plan.plan(plan.SYSTEMS, is_quick=False)}
    for target in tables.TARGETS:
        assert (target.case.system, target.case.key) in cases, target.what
        assert (target.against.system, target.against.key) in cases, target.what


def test_quick_is_quick() -> None:
    dds = ("cyclone", "fastdds", "fastdds-ds")
    systems = [system for system in plan.SYSTEMS if system not in dds]
    assert plan.duration(plan.plan(systems, is_quick=True)) < 3 * 60
    whole = plan.duration(plan.plan(systems, is_quick=False))
    assert 3 * 60 < whole < 30 * 60


def test_what_a_system_cannot_do_is_left_out() -> None:
    cases = plan.plan(["lcm", "floor"], is_quick=False)
    assert not [case for case in cases if case.system == "lcm" and case.what == "throughput"]
    assert not [case for case in cases if case.system == "floor" and case.what == "fan-in"]


def test_two_systems_may_be_one_program() -> None:
    assert model.program_of("holler") == "compare_holler"
    assert model.program_of("fastdds") == model.program_of("fastdds-ds") == "compare_fastdds"
    assert "--mode=shm" in Case("fastdds", "latency").arguments(1)
    assert "--mode=datasharing" in Case("fastdds-ds", "latency").arguments(1)
    assert not [text for text in Case("holler", "latency").arguments(1) if "mode" in text]


def test_every_system_has_a_name() -> None:
    assert set(tables.NAMES) == {*plan.SYSTEMS, plan.LINKED}


# ---- Results ----


def test_a_figure_in_units_of_its_probe() -> None:
    one = result(p50=200, probe=50)
    assert one.ratio("p50") == 4.0
    assert one.ratio("nothing") is None
    assert one.placement == "near"
    assert result(probe=150).placement == "far"
    assert result(waiting="block", probe=11_000).placement == ""


def test_a_machine_that_changed_meanwhile_is_told() -> None:
    assert dataclasses.replace(result(), probe_before=100.0, probe_after=124.0).is_steady
    assert not dataclasses.replace(result(), probe_before=126.0, probe_after=100.0).is_steady


def test_json_comes_back(tmp_path: Path) -> None:
    results = [result(), Result(Case("nng", "latency"), {}, 1.0, 1.0, "it does not start")]
    path = tmp_path / "results.json"
    path.write_text(model.to_json(Report({"CPU": "some"}, results)))
    assert model.read_json(path) == Report({"CPU": "some"}, results, [])


# ---- Tables ----


@pytest.mark.parametrize(
    ("ns", "text"),
    [(85.4, "85 ns"), (1_500, "1.5 us"), (212_345, "212 us"), (4_000_000, "4 ms"), (2e9, "2 s")],
)
def test_times_are_readable(ns: float, text: str) -> None:
    assert tables.time(ns) == text


def test_a_row_for_each_case_and_a_column_for_each_system() -> None:
    text = tables.comparison(
        [result("floor", p50=60), result(p50=110), result(bytes=1024, p50=150, probe=200)],
        lambda case: True,
        tables.LATENCY,
    )
    assert text.splitlines() == [
        "| case | floor ring | Holler |",
        "| --- | --- | --- |",
        "| latency 64B spin touched | 60 ns (1.20) | 110 ns (2.20) |",
        "| latency 1024B spin touched | - | 150 ns (0.75) far |",
    ]


def test_what_is_to_be_taken_with_care_is_marked() -> None:
    unsteady = dataclasses.replace(result(), probe_after=90.0)
    assert tables.cell(unsteady, tables.LATENCY).endswith("~")
    lossy = dataclasses.replace(result(), figures={**FIGURES, "lost": 7.0})
    assert "7 lost" in tables.cell(lossy, tables.LATENCY)
    few = dataclasses.replace(result(), figures={**FIGURES, "count": 14.0})
    assert tables.cell(few, tables.LATENCY).endswith(", of 14 only")
    failed = dataclasses.replace(result(), failure="it hangs")
    assert tables.cell(failed, tables.LATENCY) == "failed"


@pytest.mark.parametrize(
    ("p50", "verdict"), [(89.0, "met"), (91.0, "MISSED")]
)  # fmt: skip
def test_targets_are_met_or_missed(p50: float, verdict: str) -> None:
    text = targets([result("floor", p50=60), result(p50=p50)])
    (line,) = [line for line in text.splitlines() if line.startswith("| 64 B touched")]
    assert line.endswith(f"| {verdict} |")
    assert "not measured" in text


def test_near_and_far_are_not_compared() -> None:
    text = targets([result("floor", p50=60, probe=50), result(p50=300, probe=230)])
    (line,) = [line for line in text.splitlines() if line.startswith("| 64 B touched")]
    assert line.endswith("| one near, one far | not comparable |")


def test_targets_take_the_machines_moods_into_account() -> None:
    slow = result(p50=160, probe=90)
    text = targets([result("floor", p50=60, probe=50), slow])
    (line,) = [line for line in text.splitlines() if line.startswith("| 64 B touched")]
    assert "| 1.48 (without the probes: 2.67) | <= 1.5 | near | met |" in line


def test_memory_takes_its_time_however_fast_lines_are() -> None:
    more = {"bytes": 65_536, "work": "filled"}
    text = targets([result("floor", p50=100, probe=50, **more), result(p50=105, probe=60, **more)])
    (line,) = [line for line in text.splitlines() if line.startswith("| 64 KiB filled")]
    assert "| 1.05 | <= 1.1 | near | met |" in line


def test_absolute_targets_tell_where_the_cpus_were() -> None:
    text = targets([result(what="throughput", probe=230), result("floor", "throughput", probe=230)])
    (one,) = [line for line in text.splitlines() if "one by one: messages" in line]
    assert one == "| 64 B one way, lossless, one by one: messages a second | 1 M | >= 20 M | far | judged near only |"
    (ratio,) = [line for line in text.splitlines() if "one by one, messages" in line]
    assert ratio.endswith("| 1.00 | >= 0.1 | far | met |")


LIVES = [
    Life("holler", "subscriber last", 1, {"median": 2.7e6}),
    Life("holler", "publisher last", 1, {"median": 2.7e6}),
    *(Life("holler", "topics", n, {"first": n * 1e6, "cpu": 0, "memory": 1}) for n in (1, 10)),
    Life("holler", "nodes", 2, {}, "it hangs"),
]


def test_plots_are_drawn(tmp_path: Path) -> None:
    need_matplotlib()
    import plots

    results = [
        result(system, what, waiting=waiting, p50=p50)
        for system, p50 in (("floor", 60.0), ("holler", 110.0))
        for what, waiting in (("latency", "spin"), ("throughput", "spin"), ("fan-out", "block"))
    ]
    for name in plots.draw_all(results, LIVES, tmp_path):
        assert (tmp_path / f"{name}.svg").stat().st_size > 5_000
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000


# ---- Runs ----

FAKE = f"""#!{sys.executable}
import sys, time
case = dict(a[2:].split("=") for a in sys.argv[1:] if a.startswith("--"))
if sys.argv[1] in ("publish", "subscribe", "watch"): sys.exit("not alive today")
BEHAVIOUR
print("p50", 100)
for name in ("lost", "cpu_sender", "cpu_receivers", "messages_per_second"): print(name, 1)
for percent in range(1, 100): print(f"c{{percent}}", percent)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("probe", "floor", "holler"):
        write_program(folder, name)
    return folder


def write_program(folder: Path, name: str, behaviour: str = "") -> None:
    path = folder / f"compare_{name}"
    path.write_text(FAKE.replace("BEHAVIOUR", behaviour))
    path.chmod(0o755)


def quiet(folder: Path) -> Runner:
    return Runner(folder, tell=lambda line: None)


def test_a_case_is_run_between_two_probes(programs: Path) -> None:
    found = quiet(programs).run(Case("holler", "latency"))
    assert found.figures["p50"] == 100
    assert (found.probe_before, found.probe_after) == (100, 100)
    assert not found.failure


def test_a_program_that_fails_tells_why(programs: Path) -> None:
    write_program(programs, "holler", 'sys.exit("no room")')
    assert quiet(programs).run(Case("holler", "latency")).failure == "no room"


def test_a_mode_is_run_by_its_program(programs: Path) -> None:
    write_program(programs, "fastdds", 'sys.exit(case["mode"])')
    assert quiet(programs).has("fastdds-ds")
    assert quiet(programs).run(Case("fastdds-ds", "latency")).failure == "datasharing"


def test_a_program_that_prints_nonsense_fails(programs: Path) -> None:
    write_program(programs, "holler", 'print("oh my")')
    assert "no figure" in quiet(programs).run(Case("holler", "latency")).failure


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(Failure, match="not done after"):
        runner.run_program([sys.executable, "-c", "import time; time.sleep(1000)"], 0.2)


def test_too_few_messages_are_measured_for_longer(programs: Path) -> None:
    write_program(programs, "holler", 'print("count", int(float(case["seconds"]) * 60))')
    found = quiet(programs).run(Case("holler", "latency", seconds=1))
    assert found.figures["count"] == 300


def test_few_messages_stay_few_where_time_does_not_help(programs: Path) -> None:
    write_program(programs, "holler", 'print("count", 1)')
    found = quiet(programs).run(Case("holler", "latency"))
    assert found.is_few and not found.failure


def test_what_fails_is_tried_once_more(programs: Path) -> None:
    write_program(programs, "holler", 'if float(case["seconds"]) < 2: sys.exit("no message came")')
    found = quiet(programs).run(Case("holler", "latency", seconds=1))
    assert not found.failure and found.figures["p50"] == 100


def test_near_and_far_are_run_again(programs: Path) -> None:
    """The first of a row is near, the next first far, then near."""
    count = programs / "count"
    write_program(programs, "probe", f"""
import pathlib
path = pathlib.Path({str(count)!r})
number = int(path.read_text()) if path.exists() else 0
path.write_text(str(number + 1))
print("p50", 200 if number in (2, 3) else 50)
sys.exit()
""")
    cases = [Case("floor", "latency"), Case("holler", "latency")]
    found = list(quiet(programs).run_all(cases))
    assert [one.placement for one in found] == ["near", "near"]
    assert int(count.read_text()) == 6


def test_a_case_compared_with_another_of_its_own_is_run_again(programs: Path) -> None:
    """The first of Holler's is near; the other far at first, and near then."""
    count = programs / "count"
    write_program(programs, "probe", f"""
import pathlib
path = pathlib.Path({str(count)!r})
number = int(path.read_text()) if path.exists() else 0
path.write_text(str(number + 1))
print("p50", 200 if number in (2, 3) else 50)
sys.exit()
""")
    cases = [Case("holler", "latency"), Case("holler", "latency", bytes=4_194_304)]
    assert tables.OWN == {cases[1].key: cases[0].key}
    found = list(quiet(programs).run_all(cases, 0, tables.OWN))
    assert [one.placement for one in found] == ["near", "near"]
    assert int(count.read_text()) == 6


def test_the_machine_is_described() -> None:
    assert {"CPU", "kernel"} <= machine.description().keys()


def test_what_the_host_took_is_told(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu 10 1 9 70 5 2 3 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    before = machine.Ticks.read(stat)
    stat.write_text("cpu 60 1 9 90 5 2 3 30 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert machine.Ticks.read(stat).stolen_since(before) == 0.30
    assert machine.Ticks.read().all > 0


def test_the_whole_report(programs: Path, tmp_path: Path) -> None:
    write_program(programs, "holler", 'if sys.argv[1] == "throughput": sys.exit("no room")')
    out = tmp_path / "out"
    assert load_main().main([str(programs), "--out", str(out), "--quick"]) == 0
    text = (out / "report.md").read_text()
    for expected in ("## Targets", "## Latency", "Holler", "floor ring", "100 ns (1.00)",
                     "no room", "(latency_size.svg)"):  # fmt: skip
        assert expected in text
    assert (out / "latency_size.svg").exists()
    report = model.read_json(out / "results.json")
    assert len(report.results) > 10 and "CPU" in report.machine
    assert "%" in report.machine["CPU time that the host gave to others"]
    assert {life.failure for life in report.lives} == {"not alive today"}
    write_program(programs, "floor", 'sys.exit("must not be asked again")')
    again = [str(programs), "--out", str(out), "--quick", "--only-lives"]
    assert load_main().main(again) == 0
    assert model.read_json(out / "results.json") == report
    other = dataclasses.replace(report, machine={**report.machine, "kernel": "another"})
    (out / "results.json").write_text(model.to_json(other))
    assert load_main().main(again) == 2


def test_what_was_measured_is_not_lost(programs: Path, tmp_path: Path) -> None:
    """The probe fails in the middle of it all, and so do all cases from then on."""
    count = programs / "count"
    write_program(programs, "probe", f"""
import pathlib
path = pathlib.Path({str(count)!r})
number = int(path.read_text()) if path.exists() else 0
path.write_text(str(number + 1))
if number > 20: sys.exit("no more")
""")
    out = tmp_path / "out"
    assert load_main().main([str(programs), "--out", str(out), "--quick"]) == 0
    results = model.read_json(out / "results.json").results
    assert [one for one in results if not one.failure]
    assert {one.failure for one in results if one.failure} == {"no more"}


def test_a_daemon_that_fails_fails_those_that_need_it(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = load_main()

    @contextlib.contextmanager
    def broken(is_wanted: bool) -> Iterator[None]:
        if is_wanted:
            raise Failure("no daemon today")
        yield

    monkeypatch.setattr(main, "roudi", broken)
    cases = [Case(system, "latency") for system in ("floor", "iceoryx")]
    found = {one.case.system: one.failure for one in main.measure(quiet(programs), cases, 0)}
    assert found == {"floor": "", "iceoryx": "no daemon today"}


def test_lives_are_renewed_together(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only = [str(programs), "--out", str(tmp_path), "--only-lives", "--system", "holler"]
    assert load_main().main(only) == 2
    assert "all systems" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "", "[]", '{"results": [1]}'])
def test_lives_need_a_report(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    assert load_main().main([str(programs), "--out", str(tmp_path), "--only-lives"]) == 2
    assert "--only-lives renews a report" in capsys.readouterr().err


def test_without_programs_there_is_no_report(tmp_path: Path) -> None:
    assert load_main().main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
