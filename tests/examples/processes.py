"""Starting the examples, and waiting for what they say."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

TIMEOUT_S = 30.0  # Of what takes milliseconds, on a machine that has other things to do.


def environment() -> dict[str, str]:
    """One's own domain, so that tests that run at the same time do not meet."""
    return dict(os.environ, HOLLER_DOMAIN=str(random.randrange(1000, 4900)))


class Process:
    """A program whose output is read while it runs."""

    def __init__(self, program: Path, *args: str, env: dict[str, str]) -> None:
        self._changed = threading.Condition()
        self.lines: list[str] = []
        self._popen = subprocess.Popen(
            [program, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
        )
        self.pid = self._popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()
        self._reader.join()

    def _read(self) -> None:
        with self._popen.stdout as stream:
            for line in stream:
                with self._changed:
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                    self._changed.notify_all()

    def wait_until(self, is_true, what: str) -> None:
        """Until `is_true(lines)`."""
        deadline = time.monotonic() + TIMEOUT_S
        with self._changed:
            while not is_true(self.lines):
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise AssertionError(f"no {what} in:\n" + "\n".join(self.lines))
                self._changed.wait(min(left, 0.2))

    def wait_for_text(self, text: str, after: int = 0) -> None:
        """Until a line beyond the first `after` ones contains it."""
        self.wait_until(lambda lines: any(text in line for line in lines[after:]), repr(text))

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        """The exit code; all output is in `lines` then."""
        code = self._popen.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_asleep(self) -> bool:
        """Whether every thread waits for something."""
        states = []
        for stat in Path(f"/proc/{self.pid}/task").glob("*/stat"):
            states.append(stat.read_text().rpartition(")")[2].split()[0])
        return states != [] and all(state == "S" for state in states)
