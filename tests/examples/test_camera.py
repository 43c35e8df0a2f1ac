"""The camera example: images of a bounded table, in any order of starting."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

from processes import Process, environment

DIRECTORY = Path(os.environ["CAMERA_DIR"])
PUBLISHER = DIRECTORY / "camera_publisher"
SUBSCRIBER = DIRECTORY / "camera_subscriber"
# What the README shows.
SEEN = [
    f"image {i}: 640 x 480 mono8, 1600 bright pixels, spot at {100 * i}, {60 * i}"
    for i in range(1, 6)
]


class CameraTest(unittest.TestCase):
    def check(self, first: Path, second: Path) -> None:
        env = environment()
        with Process(first, env=env) as a, Process(second, env=env) as b:
            publisher, subscriber = (a, b) if first == PUBLISHER else (b, a)
            self.assertEqual(publisher.wait(), 0, publisher.lines)
            self.assertEqual(subscriber.wait(), 0, subscriber.lines)
            self.assertEqual(publisher.lines, [])
            self.assertEqual(subscriber.lines, SEEN)

    def test_subscriber_first(self) -> None:
        self.check(SUBSCRIBER, PUBLISHER)

    def test_publisher_first(self) -> None:
        self.check(PUBLISHER, SUBSCRIBER)

    def test_readme_shows_what_is_printed(self) -> None:
        readme = (Path(os.environ["CAMERA_SOURCE"]) / "README.md").read_text("utf-8")
        self.assertIn("\n".join(SEEN), readme)


if __name__ == "__main__":
    unittest.main()
