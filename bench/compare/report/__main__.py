"""Measures Holler beside others, and writes a report.

Runs the programs compare_* of a folder, each system at each case in turn, and probes the bare
machine before and after each. scripts/bench builds the programs and runs this.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from daemon import roudi
from lifecycle import life_duration, life_plan, live_all
from machine import Ticks, description
from model import Case, Life, Report, Result, read_json, to_json
from page import page
from plan import ICEORYX_SYSTEMS, LINKED, SYSTEMS, duration, plan
from plots import draw_all
from runner import Failure, Runner
from tables import NAMES, OWN


def writing(program: Path) -> str:
    """What bench_writer prints, if it is there, or why it does not."""
    if not program.exists():
        return ""
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired as expired:
        return f"bench_writer was not done after {expired.timeout:.0f} s"
    return done.stdout if done.returncode == 0 else f"bench_writer failed: {done.stderr}"


def measure(runner: Runner, cases: Sequence[Case], later: float) -> Iterator[Result]:
    """All cases. Those that need iceoryx's daemon fail if that does."""
    needed = [case for case in cases if case.system in ICEORYX_SYSTEMS]
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(roudi(bool(needed)))
        except Failure as failure:
            yield from (Result(case, {}, 0, 0, str(failure)) for case in needed)
            cases = [case for case in cases if case.system not in ICEORYX_SYSTEMS]
        yield from runner.run_all(cases, later, OWN)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("programs", type=Path, help="the folder with compare_holler and others")
    parser.add_argument("--out", type=Path, required=True, help="where the report goes")
    parser.add_argument("--quick", action="store_true", help="fewer cases, and shorter ones")
    parser.add_argument(
        "--system", action="append", choices=SYSTEMS, help="only this one; may be repeated"
    )
    parser.add_argument(
        "--only-lives",
        action="store_true",
        help="only the starting and dying of processes, of all systems anew; all else stays as the "
        "report there has it",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    runner = Runner(args.programs)
    systems = [system for system in args.system or SYSTEMS if runner.has(system)]
    if not systems or not runner.has("probe"):
        print(f"compare: there are no programs compare_* in {args.programs}", file=sys.stderr)
        return 2
    cases = [] if args.only_lives else plan(systems, args.quick)
    lives_of = [*systems, LINKED] if "holler" in systems and runner.has(LINKED) else systems
    life_cases = life_plan(lives_of, args.quick)
    later = life_duration(life_cases, args.quick)
    runner.tell(
        f"{len(cases)} cases and {len(life_cases)} lives of {', '.join(systems)}: "
        f"{(duration(cases) + later) / 60:.0f} min"
    )
    machine = description()
    ticks = Ticks.read()
    results: list[Result] = []
    lives: list[Life] = []
    if args.only_lives:
        if args.system:
            print("compare: --only-lives renews those of all systems, to be compared", file=sys.stderr)
            return 2
        try:
            before = read_json(args.out / "results.json")
        except (OSError, ValueError) as error:
            print(
                f"compare: --only-lives renews a report that is there: {error}", file=sys.stderr
            )
            return 2
        if (before.machine["CPU"], before.machine["kernel"]) != (machine["CPU"], machine["kernel"]):
            print(f"compare: the report in {args.out} is of another machine", file=sys.stderr)
            return 2
        machine = dict(before.machine)
        results.extend(before.results)

    def save(written: str = "") -> Path:
        """The report of what there is so far."""
        args.out.mkdir(parents=True, exist_ok=True)
        # Systems keep their colours, whichever was measured last.
        in_order = sorted(lives, key=lambda life: list(NAMES).index(life.system))
        report = Report(machine, results, in_order, written)
        (args.out / "results.json").write_text(to_json(report), "utf-8")
        plots = draw_all(results, in_order, args.out)
        path: Path = args.out / "report.md"
        path.write_text(page(report, plots), "utf-8")
        return path

    try:
        for result in measure(runner, cases, later):
            results.append(result)
        if cases:
            stolen = Ticks.read().stolen_since(ticks)
            machine["CPU time that the host gave to others"] = f"{100 * stolen:.1f} %"
    finally:  # What there is by then is not to be lost.
        save()
    lives.extend(live_all(runner, life_cases, args.quick))
    print(save(writing(args.programs.parent / "bench_writer")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
