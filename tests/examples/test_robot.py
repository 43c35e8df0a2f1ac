"""The robot example: a sensor, a controller, a recorder and an operator, as processes."""

from __future__ import annotations

import os
import re
import signal
import unittest
from pathlib import Path

from processes import Process, environment

DIRECTORY = Path(os.environ["ROBOT_DIR"])


class RobotTest(unittest.TestCase):
    def setUp(self) -> None:
        self.env = environment()

    def start(self, program: str, *args: str) -> Process:
        process = Process(DIRECTORY / f"robot_{program}", *args, env=self.env)
        self.addCleanup(process.__exit__)
        return process

    def ask(self, speed: str) -> tuple[int, list[str]]:
        operator = self.start("operator", speed)
        return operator.wait(), operator.lines

    def wait_for_speed(self, recorder: Process, speed: float) -> None:
        def is_near(lines: list[str]) -> bool:
            found = re.search(r"s: (\S+) rad/s", lines[-1]) if lines else None
            return found is not None and abs(float(found[1]) - speed) < 0.3

        recorder.wait_until(is_near, f"speed of {speed}")

    def test_a_day_of_a_robot(self) -> None:
        controller = self.start("controller")
        controller.wait_for_text("stopped, no sensor")
        self.assertEqual(self.ask("11"), (1, ["operator: OUT_OF_RANGE: the server answered with an error"]))
        code, lines = self.ask("2.5")
        self.assertEqual(code, 0)
        self.assertEqual(
            lines, ["operator: from 0 to 2.5 rad/s, the robot is stopped, no sensor"])

        recorder = self.start("recorder")
        sensor = self.start("sensor")
        controller.wait_for_text("running")
        self.wait_for_speed(recorder, 2.4)  # Proportional control leaves some of it.

        # The motor does not go on when nobody drives it, as when the controller hangs.
        controller.send(signal.SIGSTOP)
        self.wait_for_speed(recorder, 0.0)
        controller.send(signal.SIGCONT)
        self.wait_for_speed(recorder, 2.4)

        seen = len(controller.lines)
        sensor.send(signal.SIGSTOP)
        controller.wait_for_text("stopped, sensor halted", after=seen)
        sensor.send(signal.SIGCONT)
        controller.wait_for_text("running", after=seen)

        seen = len(controller.lines)
        sensor.send(signal.SIGKILL)
        controller.wait_for_text("stopped, no sensor", after=seen)
        sensor.wait()
        self.start("sensor")
        controller.wait_for_text("running", after=seen)
        self.wait_for_speed(recorder, 2.4)

        # Nor when the controller is gone.
        controller.send(signal.SIGKILL)
        self.wait_for_speed(recorder, 0.0)

        recorder.send(signal.SIGTERM)
        self.assertEqual(recorder.wait(), 0)
        self.assertRegex(recorder.lines[-1], r"recorder: [1-9]\d+ recorded, 0 lost")

    def test_an_operator_without_a_controller(self) -> None:
        self.assertEqual(self.ask("1"), (1, ["operator: there is no controller"]))
        self.assertEqual(self.ask("fast")[0], 2)


if __name__ == "__main__":
    unittest.main()
