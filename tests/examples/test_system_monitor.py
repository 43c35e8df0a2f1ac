"""The system monitor: what its watcher sees, with and without a terminal."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

from processes import TIMEOUT_S, Process, environment

DIRECTORY = Path(os.environ["SYSTEM_MONITOR_DIR"])
DEMO = Path(os.environ["DEMO"])
PUBLISHER = DIRECTORY / "system_publisher"
WATCHER = DIRECTORY / "system_watcher"
TOPICS = {f"system/{x}" for x in ("cpu", "memory", "load", "network", "disks", "processes")}


def events(lines: list[str], name: str, pid: int | None = None) -> dict[str, dict]:
    """The events of this name, by topic."""
    parsed = map(json.loads, lines)
    found = (e for e in parsed if e["event"] == name and (pid is None or e["pid"] == pid))
    return {event["topic"]: event for event in found}


class EventsTest(unittest.TestCase):
    def start_watcher(self, stack: contextlib.ExitStack, env: dict[str, str]) -> Process:
        return stack.enter_context(Process(WATCHER, "--events_json=-", env=env))

    def start_publisher(self, stack: contextlib.ExitStack, env: dict[str, str], *args) -> Process:
        return stack.enter_context(Process(PUBLISHER, *args, env=env))

    def wait_for_all(self, watcher: Process, name: str, pid: int) -> dict[str, dict]:
        watcher.wait_until(lambda x: set(events(x, name, pid)) == TOPICS, f"{name} of {pid}")
        return events(watcher.lines, name, pid)

    def check_sums(self, watcher: Process, samples: int) -> None:
        watcher.send(signal.SIGTERM)
        self.assertEqual(watcher.wait(), 0)
        sums = events(watcher.lines, "summary")
        self.assertEqual(set(sums), TOPICS)
        self.assertEqual([event["lost"] for event in sums.values()], [0] * len(TOPICS))
        self.assertEqual(sum(event["samples"] for event in sums.values()), samples)

    def test_publisher_is_killed_and_returns(self) -> None:
        env = environment()
        with contextlib.ExitStack() as stack:
            watcher = self.start_watcher(stack, env)
            samples = 0
            for _ in range(5):
                publisher = self.start_publisher(stack, env, "--rate=100")
                first = self.wait_for_all(watcher, "first_sample", publisher.pid)
                self.assertEqual({event["sequence"] for event in first.values()}, {1})
                killed = time.monotonic_ns()
                publisher.send(signal.SIGKILL)
                gone = self.wait_for_all(watcher, "publisher_gone", publisher.pid)
                for event in gone.values():
                    self.assertGreater(event["time_ns"], killed)
                    # All that it published was received.
                    self.assertEqual(event["samples"], event["last_sequence"])
                    samples += event["samples"]
            self.check_sums(watcher, samples)

    def test_publisher_first(self) -> None:
        env = environment()
        with contextlib.ExitStack() as stack:
            publisher = self.start_publisher(stack, env, "--count=20", "--rate=50")
            publisher.wait_for_text("asleep")
            watcher = self.start_watcher(stack, env)
            gone = self.wait_for_all(watcher, "publisher_gone", publisher.pid)
            self.assertEqual(publisher.wait(), 0)
            for event in gone.values():
                # Twenty at the ticks, and one before, for the first who listens.
                self.assertIn(event["samples"], (20, 21))
                self.assertEqual(event["samples"], event["last_sequence"])
            self.check_sums(watcher, sum(event["samples"] for event in gone.values()))

    def test_publisher_sleeps_when_nobody_listens(self) -> None:
        env = environment()
        with contextlib.ExitStack() as stack:
            publisher = self.start_publisher(stack, env, "--rate=100")
            for _ in range(3):
                before = len(publisher.lines)
                watcher = self.start_watcher(stack, env)
                self.wait_for_all(watcher, "first_sample", publisher.pid)
                publisher.wait_for_text("publishing")
                watcher.send(signal.SIGKILL)
                publisher.wait_for_text("asleep", before)
            # It would publish 600 samples meanwhile.
            used = publisher.cpu_seconds()
            time.sleep(1)
            self.assertLess(publisher.cpu_seconds() - used, 0.03)
            publisher.send(signal.SIGTERM)
            self.assertEqual(publisher.wait(), 0)

    def test_several_of_each(self) -> None:
        env = environment()
        with contextlib.ExitStack() as stack:
            publishers = [self.start_publisher(stack, env) for _ in range(2)]
            watchers = [self.start_watcher(stack, env) for _ in range(3)]
            for publisher in publishers:
                for watcher in watchers:
                    self.wait_for_all(watcher, "first_sample", publisher.pid)
            publishers[0].send(signal.SIGINT)
            self.assertEqual(publishers[0].wait(), 0)
            for watcher in watchers:
                self.wait_for_all(watcher, "publisher_gone", publishers[0].pid)
                self.assertEqual(events(watcher.lines, "publisher_gone", publishers[1].pid), {})
                watcher.send(signal.SIGINT)
                self.assertEqual(watcher.wait(), 0)

    def test_plain_lines(self) -> None:
        env = environment()
        with contextlib.ExitStack() as stack:
            watcher = stack.enter_context(Process(WATCHER, env=env))
            watcher.wait_for_text("no publisher for")
            publisher = self.start_publisher(stack, env)
            watcher.wait_for_text(f"system_publisher (pid {publisher.pid}) is there")
            watcher.wait_for_text("6 of 6 topics")
            watcher.wait_for_text("  CPU ")
            publisher.send(signal.SIGKILL)
            watcher.wait_for_text(f"system_publisher (pid {publisher.pid}) is gone, ")
            gone = next(line for line in watcher.lines if " is gone, " in line)
            self.assertRegex(gone, r"after the last of its \d+ samples; 0 lost$")
            watcher.send(signal.SIGINT)
            self.assertEqual(watcher.wait(), 0)

    def test_wrong_flags(self) -> None:
        for program, flag in ((PUBLISHER, "--rate=0"), (WATCHER, "--events_json=/no/such/file")):
            with Process(program, flag, env=environment()) as process:
                self.assertEqual(process.wait(), 2)
                self.assertEqual(len(process.lines), 1, process.lines)

    def test_duration(self) -> None:
        for program in (PUBLISHER, WATCHER):
            with Process(program, "--duration=0.05", env=environment()) as process:
                self.assertEqual(process.wait(), 0)


class Terminal:
    """A pseudo-terminal with a watcher in it."""

    ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
    LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
    FRAME = re.compile("\x1b\\[\\?2026h(.*?)\x1b\\[\\?2026l", re.DOTALL)
    STYLE = re.compile("\x1b\\[[0-9;]*m")

    def __init__(self, env: dict[str, str], columns: int, rows: int) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""  # All that was written.
        self._drawn = 0  # Of that: up to the end of the last frame.
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.screen: dict[int, str] = {}  # What can be seen, by row.
        self.process = subprocess.Popen(
            [WATCHER],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=dict(env, TERM="xterm-256color", LC_ALL="C.UTF-8"),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def _read(self, timeout: float) -> bool:
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        self.text += self._decoder.decode(os.read(self.master, 65536))
        while frame := self.FRAME.search(self.text, self._drawn):
            self._draw(frame.group(1))
            self._drawn = frame.end()
        return True

    def _draw(self, frame: str) -> None:
        for part in re.split("\x1b\\[(?=[0-9]+;1H|2J)", frame)[1:]:
            if part.startswith("2J"):
                self.screen.clear()
                continue
            row, _, line = part.partition(";1H")
            self.screen[int(row)] = self.STYLE.sub("", line)

    def wait_until(self, is_true, what: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not is_true():
            if time.monotonic() > deadline:
                seen = "\n".join(self.screen[row] for row in sorted(self.screen))
                raise AssertionError(f"{what}: not seen in\n{seen}")
            self._read(0.2)

    def wait_for(self, *patterns: str) -> None:
        """Until all can be seen at a time."""

        def is_true() -> bool:
            seen = "\n".join(self.screen.values())
            return all(re.search(pattern, seen) for pattern in patterns)

        self.wait_until(is_true, str(patterns))

    def wait_for_end(self) -> int:
        deadline = time.monotonic() + TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.01)
        while self._read(0):
            pass
        return self.process.wait(0)


class TerminalTest(unittest.TestCase):
    def check_is_restored(self, terminal: Terminal) -> None:
        self.assertEqual(terminal.wait_for_end(), 0)
        # Lines wrap again, the cursor is back, and so is the first screen; nothing comes after.
        self.assertEqual(terminal.text[-len(Terminal.LEAVE) :], Terminal.LEAVE)
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)

    def test_draws_and_restores(self) -> None:
        env = environment()
        with Process(PUBLISHER, env=env) as publisher, Terminal(env, 100, 40) as terminal:
            terminal.wait_for(
                "6 of 6 topics alive",
                *(f"● {topic} +[0-9.]+ Hz +[0-9]+ .* 0   system_publisher" for topic in TOPICS),
                " CPU +0 [━╸]*─* +[0-9]+ %",
                " MEMORY .* of .* [KMGT]iB",
                " LOAD +[0-9.]+ +[0-9.]+ +[0-9.]+ ",
                " NETWORK +IN +OUT +DISK +READ +WRITTEN +BUSY",
                "PID +CPU +MEMORY .*[1-9][0-9]* processes",
                rf"system_publisher \(pid {publisher.pid}\) is there",
            )
            self.assertTrue(terminal.text.startswith(Terminal.ENTER))
            self.assertNotEqual(termios.tcgetattr(terminal.slave), terminal.before)
            publisher.send(signal.SIGKILL)
            terminal.wait_for(
                "0 of 6 topics alive",
                *(f"○ {topic} +0.0 Hz .*absent for" for topic in TOPICS),
                rf"system_publisher \(pid {publisher.pid}\) is gone, .* samples; 0 lost",
            )
            with Process(PUBLISHER, env=env) as returned:
                terminal.wait_for("6 of 6 topics alive", rf"\(pid {returned.pid}\) is there")
            terminal.type(b"q")
            self.check_is_restored(terminal)

    def test_adapts_to_any_window(self) -> None:
        env = environment()
        with Process(PUBLISHER, env=env), Terminal(env, 100, 40) as terminal:
            terminal.wait_for("6 of 6 topics alive")
            for size in ((80, 24), (20, 5), (1, 1), (3, 40), (200, 2), (120, 50)):
                columns, rows = size
                terminal.resize(columns, rows)
                filled = {row: columns for row in range(1, rows + 1)}
                terminal.wait_until(
                    lambda: {row: len(line) for row, line in terminal.screen.items()} == filled,
                    f"a table of {columns} x {rows}",
                )
            terminal.wait_for("6 of 6 topics alive")
            terminal.type(b"\x03")  # Ctrl-C
            self.check_is_restored(terminal)

    def test_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number), Terminal(environment(), 80, 24) as terminal:
                terminal.wait_for("0 of 6 topics alive")
                terminal.process.send_signal(number)
                self.check_is_restored(terminal)

    def test_is_restored_while_stopped(self) -> None:
        with Terminal(environment(), 80, 24) as terminal:
            terminal.wait_for("0 of 6 topics alive")
            terminal.process.send_signal(signal.SIGTSTP)
            terminal.wait_until(lambda: terminal.text.endswith(Terminal.LEAVE), "the end of it")
            _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
            self.assertTrue(os.WIFSTOPPED(status))
            self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)
            terminal.screen.clear()
            terminal.process.send_signal(signal.SIGCONT)
            terminal.wait_for("0 of 6 topics alive")
            self.assertEqual(terminal.text.count(Terminal.ENTER), 2)
            terminal.type(b"q")
            self.check_is_restored(terminal)


class DemoTest(unittest.TestCase):
    def run_demo(self, *args: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-B", DEMO, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def test_succeeds(self) -> None:
        done = self.run_demo(str(DIRECTORY), "--rounds=3")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"CPU \d+ %  load")
        self.assertRegex(done.stdout, r"death seen after kill +median")
        self.assertIn("\nOK: ", done.stdout)

    def test_fails_without_programs(self) -> None:
        done = self.run_demo("/no/such/directory")
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED: there is no system_publisher", done.stderr)

    def test_fails_when_the_programs_are_others(self) -> None:
        """Programs that end at once are no publisher and no watcher."""
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for name in ("system_publisher", "system_watcher"):
                (folder / name).symlink_to("/bin/true")
            done = self.run_demo(str(folder))
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("FAILED: the watcher ended", done.stderr)


if __name__ == "__main__":
    unittest.main()
