"""The foreign loop examples: listeners inside plain epoll and inside Asio."""

from __future__ import annotations

import os
import signal
import subprocess
import unittest
from collections.abc import Callable
from pathlib import Path

from processes import TIMEOUT_S, Process, environment

TICKER = Path(os.environ["EVENT_LOOP_DIR"]) / "loop_ticker"
DIRECTORY = Path(os.environ["FOREIGN_LOOP_DIR"])


def write_line(listener: subprocess.Popen[str]) -> str:
    return listener.communicate("\n", timeout=TIMEOUT_S)[0]


def interrupt(listener: subprocess.Popen[str]) -> str:
    """As ^C does."""
    listener.send_signal(signal.SIGINT)
    listener.wait(TIMEOUT_S)  # Its standard input is still open.
    return listener.communicate(timeout=TIMEOUT_S)[0]


class ForeignLoopTest(unittest.TestCase):
    def check(self, name: str, end: Callable[[subprocess.Popen[str]], str]) -> None:
        """Has it tell three ticks, and then has `end` end it and return the rest of its output."""
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
                output = end(listener)
        numbers = [int(line.removeprefix("tick ")) for line in lines]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 3)))
        self.assertEqual(output.splitlines()[-1], "ended")
        self.assertEqual(listener.returncode, 0)

    def test_epoll(self) -> None:
        self.check("foreign_epoll_listener", write_line)
        self.check("foreign_epoll_listener", interrupt)

    def test_asio(self) -> None:
        self.check("foreign_asio_listener", write_line)
        self.check("foreign_asio_listener", interrupt)


if __name__ == "__main__":
    unittest.main()
