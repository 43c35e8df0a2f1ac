"""Makes schemas, what Holler's generator emits for them, and C++ that calls it.

  generate.py --name batch_0 --seed S --first A --count N ...    random schemas
  generate.py --name everything --everything ...                 one with every construct

Writes into --out-dir: the schemas and what they include, their headers, and NAME.cc.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from property_gen import driver, everything, fbs, invent  # noqa: E402


def main() -> int:
    """Runs the command. Returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="of the source file to make")
    parser.add_argument("--everything", action="store_true", help="no random schemas")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="number of the first schema")
    parser.add_argument("--count", type=int, default=1, help="how many")
    parser.add_argument("--objects-every", type=int, default=13, help="of which one has objects")
    parser.add_argument("--generator", type=Path, required=True, help="holds holler_gen/")
    parser.add_argument("--idl", type=Path, required=True, help="holds holler.fbs")
    parser.add_argument("--flatc", required=True)
    parser.add_argument("--out-dir", type=Path, required=True)
    args = parser.parse_args()
    args.out_dir.mkdir(parents=True, exist_ok=True)

    # Imported here: one process for many schemas, as starting Python costs more than one of them.
    sys.path.insert(0, str(args.generator))
    from holler_gen import cli

    rng: random.Random | None = None
    if args.everything:
        schemas = [everything.everything()]
    else:
        rng = random.Random(f"{args.seed}/accessors/{args.first}")
        pools = invent.Pools.make(random.Random(f"{args.seed}/pools/{args.first}"))
        numbers = range(args.first, args.first + args.count)
        schemas = [invent.invent(args.seed, number, pools) for number in numbers]
    with_objects = {one.main.stem for one in schemas[:: args.objects_every]}
    for one in schemas:
        for name, text in fbs.texts(one).items():
            (args.out_dir / name).write_text(text, "utf-8")
        command = [str(args.out_dir / f"{one.main.stem}.fbs"), "-I", str(args.idl)]
        command += ["--flatc", args.flatc, "--out-dir", str(args.out_dir)]
        if one.main.stem in with_objects:
            command.append("--flatc-arg=--gen-object-api")
        with contextlib.redirect_stdout(io.StringIO()):  # The budgets of so many topics.
            status = cli.main(command)
        if status != 0:
            print(f"{one.main.stem}.fbs of seed {args.seed} was refused", file=sys.stderr)
            return 1
    text = driver.source(schemas, with_objects, rng)
    (args.out_dir / f"{args.name}.cc").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
