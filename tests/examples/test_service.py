"""The service example: a client that asks, a server that answers or is gone."""

from __future__ import annotations

import os
import signal
import unittest
from pathlib import Path

from processes import Process, environment

DIRECTORY = Path(os.environ["SERVICE_DIR"])
SERVER = DIRECTORY / "service_server"
CLIENT = DIRECTORY / "service_client"
ANSWERS = [
    "100 / 3: 33, remainder 1",
    "100 / 7: 14, remainder 2",
    "100 / 0: INVALID_ARGUMENT: the server answered with an error",
    "-9223372036854775808 / -1: OUT_OF_RANGE: the server answered with an error",
]


class ServiceTest(unittest.TestCase):
    def check(self, client: Process) -> None:
        self.assertEqual(client.wait(), 0, client.lines)
        self.assertEqual(client.lines, ANSWERS)

    def test_server_first(self) -> None:
        env = environment()
        with Process(SERVER, env=env) as server:
            for _ in range(3):  # One server for all of them.
                with Process(CLIENT, env=env) as client:
                    self.check(client)
            server.send(signal.SIGTERM)
            self.assertEqual(server.wait(), 0, server.lines)
            self.assertEqual(server.lines, [])

    def test_client_first(self) -> None:
        for _ in range(10):
            env = environment()
            with Process(CLIENT, env=env) as client, Process(SERVER, env=env):
                self.check(client)

    def test_one_server_takes_over(self) -> None:
        """Another that stands by, when the first is killed."""
        env = environment()
        with Process(SERVER, env=env) as first:
            with Process(CLIENT, env=env) as client:
                self.check(client)
            with Process(SERVER, env=env):
                first.send(signal.SIGKILL)
                self.assertEqual(first.wait(), -signal.SIGKILL)
                with Process(CLIENT, env=env) as client:
                    self.check(client)


if __name__ == "__main__":
    unittest.main()
