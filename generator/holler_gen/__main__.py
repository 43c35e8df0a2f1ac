"""Runs the generator: `python3 -m holler_gen`, or `python3 <this folder>`."""

import sys
from pathlib import Path

if not __package__:  # Run as a folder: the package itself is not on the path yet.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from holler_gen.cli import main

sys.exit(main())
