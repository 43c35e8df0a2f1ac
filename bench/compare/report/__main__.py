"""Measures Holler beside others, and writes a report.

Runs the programs compare_* of a folder, each system at each case in turn, and probes the bare
machine before and after each. scripts/bench builds the programs and runs this.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from daemon import roudi
from lifecycle import life_duration, life_plan, live_all
from machine import Ticks, description
from model import Life, Report, Result, read_json, to_json
from page import page
from plan import ICEORYX_SYSTEMS, SYSTEMS, duration, plan
from plots import draw_all
from runner import Failure, Runner


def writing(program: Path) -> str:
    """What bench_writer prints, if it is there."""
    if not program.exists():
        return ""
    done = subprocess.run([program], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout


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
        help="only the starting and dying of processes, anew; all else stays as the report there has it",
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
    life_cases = life_plan(systems, args.quick)
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
        try:
            before = read_json(args.out / "results.json")
        except (OSError, ValueError) as error:
            print(
                f"compare: --only-lives renews a report that is there: {error}", file=sys.stderr
            )
            return 2
        machine = dict(before.machine)
        results.extend(before.results)
        lives.extend(life for life in before.lives if life.system not in systems)

    def save(written: str = "") -> Path:
        """The report of what there is so far."""
        args.out.mkdir(parents=True, exist_ok=True)
        # Systems keep their colours, whichever was measured last.
        in_order = sorted(lives, key=lambda life: SYSTEMS.index(life.system))
        report = Report(machine, results, in_order, written)
        (args.out / "results.json").write_text(to_json(report), "utf-8")
        plots = draw_all(results, in_order, args.out)
        path: Path = args.out / "report.md"
        path.write_text(page(report, plots), "utf-8")
        return path

    try:
        with roudi(bool(cases) and not ICEORYX_SYSTEMS.isdisjoint(systems)):
            results.extend(runner.run_all(cases, later))
        if cases:
            stolen = Ticks.read().stolen_since(ticks)
            machine["CPU time that the host gave to others"] = f"{100 * stolen:.1f} %"
        save()
        lives.extend(live_all(runner, life_cases, args.quick))
    except Failure as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return 1
    print(save(writing(args.programs.parent / "bench_writer")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
