"""The foreign loop examples: listeners inside plain epoll and inside Asio."""

from __future__ import annotations

import os
import subprocess
import unittest
from pathlib import Path

from processes import TIMEOUT_S, Process, environment

TICKER = Path(os.environ["EVENT_LOOP_DIR"]) / "loop_ticker"
DIRECTORY = Path(os.environ["FOREIGN_LOOP_DIR"])


class ForeignLoopTest(unittest.TestCase):
    def check(self, name: str) -> None:
        program = DIRECTORY / name
        if not program.exists():
            self.skipTest(f"{name} was not built: its library is missing")
        env = environment()
        with Process(TICKER, env=env):
            listener = subprocess.Popen(
                [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
            )
            with listener:
                lines = [listener.stdout.readline() for _ in range(3)]
                output, _ = listener.communicate("\n", timeout=TIMEOUT_S)
        numbers = [int(line.removeprefix("tick ")) for line in lines]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 3)))
        self.assertEqual(output.splitlines()[-1], "ended")
        self.assertEqual(listener.returncode, 0)

    def test_epoll(self) -> None:
        self.check("foreign_epoll_listener")

    def test_asio(self) -> None:
        self.check("foreign_asio_listener")


if __name__ == "__main__":
    unittest.main()
