"""The hello example: two programs that meet in any order."""

from __future__ import annotations

import os
import re
import time
import unittest
from pathlib import Path

from processes import TIMEOUT_S, Process, environment

DIRECTORY = Path(os.environ["HELLO_DIR"])
PUBLISHER = DIRECTORY / "hello_publisher"
SUBSCRIBER = DIRECTORY / "hello_subscriber"


def wait_until_asleep(process: Process) -> None:
    """Until its node runs, and all its threads wait for somebody."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if process.is_asleep() and len(os.listdir(f"/proc/{process.pid}/task")) > 1:
            return
        time.sleep(0.001)
    raise AssertionError("it does not sleep")


class HelloTest(unittest.TestCase):
    def check(self, publisher: Process, subscriber: Process) -> None:
        self.assertEqual(publisher.wait(), 0, publisher.lines)
        self.assertEqual(subscriber.wait(), 0, subscriber.lines)
        self.assertEqual(publisher.lines, [])
        said = [re.fullmatch(r"hello number (\d), sample (\d), .*", x) for x in subscriber.lines]
        self.assertTrue(all(said), subscriber.lines)
        # All five, and not one lost, though the publisher ended at once.
        self.assertEqual([m.groups() for m in said], [(str(i), str(i)) for i in range(1, 6)])

    def test_subscriber_first(self) -> None:
        env = environment()
        with Process(SUBSCRIBER, env=env) as subscriber:
            wait_until_asleep(subscriber)
            with Process(PUBLISHER, env=env) as publisher:
                self.check(publisher, subscriber)

    def test_publisher_first(self) -> None:
        env = environment()
        with Process(PUBLISHER, env=env) as publisher:
            wait_until_asleep(publisher)
            with Process(SUBSCRIBER, env=env) as subscriber:
                self.check(publisher, subscriber)

    def test_both_at_once(self) -> None:
        for number in range(20):
            env = environment()
            first, second = (PUBLISHER, SUBSCRIBER) if number % 2 else (SUBSCRIBER, PUBLISHER)
            with self.subTest(first=first.name), Process(first, env=env) as a:
                with Process(second, env=env) as b:
                    self.check(*((a, b) if number % 2 else (b, a)))


if __name__ == "__main__":
    unittest.main()
