#!/usr/bin/env python3
"""What Holler does, in a quarter of a minute, without a terminal.

    demo.py DIRECTORY     where system_publisher and system_watcher were built

Starts both as separate processes, shows what the watcher receives, then kills the publisher with
SIGKILL and starts it again, several times, and measures how soon the watcher sees the death, and
how soon after the start it has samples again. Ends with a verdict: exit code 0 if all is well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

TOPICS = 6
TIMEOUT_S = 10.0  # For anything that takes milliseconds.
SHARED_FOLDERS = ("/dev/shm", "/tmp", "/run", os.environ.get("XDG_RUNTIME_DIR", ""))


class Failure(Exception):
    """The demo went wrong; the text says how."""


class Watcher:
    """system_watcher, and all it said so far."""

    def __init__(self, program: Path, environment: dict[str, str]) -> None:
        self._changed = threading.Condition()
        self._events: list[dict] = []
        self._lines: list[str] = []
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [program, "--plain", f"--events_json=/dev/fd/{write_end}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=[write_end],
            env=environment,
        )
        os.close(write_end)
        assert self.process.stdout is not None
        self._threads = [
            threading.Thread(target=self._read, args=(os.fdopen(read_end, "rb"), self._add_event)),
            threading.Thread(target=self._read, args=(self.process.stdout, self._lines.append)),
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def _add_event(self, line: str) -> None:
        self._events.append(json.loads(line))

    def _read(self, stream, add) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    add(line.decode("utf-8", "replace").rstrip("\n"))
                    self._changed.notify_all()

    def _wait(self, find, count: int, what: str) -> list:
        deadline = time.monotonic() + TIMEOUT_S
        with self._changed:
            while len(found := find()) < count:
                if self.process.poll() is not None:
                    raise Failure(f"the watcher ended, with code {self.process.returncode}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{what}: {len(found)} of {count} within {TIMEOUT_S:.0f} s")
                self._changed.wait(min(left, 0.2))
            return found

    def wait_for_event(self, name: str, pid: int) -> list[dict]:
        """This event of all topics of one publisher, in the order they happened."""

        def find() -> list[dict]:
            return [e for e in self._events if e["event"] == name and e["pid"] == pid]

        found = self._wait(find, TOPICS, f"{name} of publisher {pid}")
        return sorted(found, key=lambda event: event["time_ns"])

    def wait_for_lines(self, count: int) -> list[str]:
        """That many lines with content, once there is a CPU load to show."""

        def find() -> list[str]:
            return [line for line in self._lines if "  CPU " in line and "processes" in line]

        return self._wait(find, count, "lines of the watcher with values")[:count]

    def end(self) -> list[dict]:
        """Ends it as Ctrl-C would. Returns the sums of all topics."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failure("the watcher did not end when it was told to") from None
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        if code != 0:
            raise Failure(f"the watcher ended with code {code}")
        return [event for event in self._events if event["event"] == "summary"]


class Demo:
    def __init__(self, folder: Path, rounds: int) -> None:
        self._publisher_program = find_program(folder, "system_publisher")
        self._watcher_program = find_program(folder, "system_watcher")
        self._rounds = rounds
        # A domain of its own: whatever else uses Holler here does not meet it.
        self._environment = dict(os.environ, HOLLER_DOMAIN=str(random.randrange(1000, 5000)))
        self._publisher: subprocess.Popen | None = None
        self._watcher: Watcher | None = None
        self._pids: list[int] = []
        self._named_files: set[str] = set()
        self._lost = 0
        self._received = 0
        self._death_ms: list[float] = []
        self._first_ms: list[float] = []
        self._all_ms: list[float] = []

    def run(self) -> None:
        before = files_in_shared_folders()
        print("Holler demo: two processes that know nothing of each other\n")
        print("  system_publisher   publishes the state of this machine: 6 topics, 10 Hz")
        print("  system_watcher     receives it; no daemon, no configuration, no root\n")
        try:
            self._start_watcher()
            self._start_publisher()
            self._show_values()
            print("\nThe publisher is killed (SIGKILL) and started again:\n")
            print("   round   death seen   first sample   all 6 topics   samples   lost")
            print("           after kill    after start    after start")
            for number in range(1, self._rounds + 1):
                self._round(number)
            sums = self._watcher.end()
        finally:
            self._clean_up()
        self._report(sums, before)

    def _start_watcher(self) -> None:
        self._watcher = Watcher(self._watcher_program, self._environment)
        self._pids.append(self._watcher.process.pid)

    def _start_publisher(self) -> int:
        """Returns when, just before its process was made."""
        started_ns = time.monotonic_ns()
        self._publisher = subprocess.Popen(
            [self._publisher_program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=self._environment,
        )
        self._pids.append(self._publisher.pid)
        return started_ns

    def _show_values(self) -> None:
        print("What the watcher shows without a terminal, a line each second:\n")
        for count in range(1, 4):
            line = self._watcher.wait_for_lines(count)[-1]
            print("  " + re.sub(r"  (?=\d+ processes)", "\n" + 16 * " ", line))

    def _round(self, number: int) -> None:
        """Kills the publisher, and starts the next."""
        # At any time between two samples.
        time.sleep(random.uniform(0.15, 0.55))
        pid = self._publisher.pid
        self._named_files |= named_files(pid) | named_files(self._watcher.process.pid)
        killed_ns = time.monotonic_ns()
        self._publisher.kill()
        gone = self._watcher.wait_for_event("publisher_gone", pid)
        self._publisher.wait()

        started_ns = self._start_publisher()
        first = self._watcher.wait_for_event("first_sample", self._publisher.pid)

        death_ms = (gone[-1]["time_ns"] - killed_ns) * 1e-6
        first_ms = (first[0]["time_ns"] - started_ns) * 1e-6
        all_ms = (first[-1]["time_ns"] - started_ns) * 1e-6
        received = sum(event["samples"] for event in gone)
        # The watcher was there from the start, so each publisher's first sample is number 1.
        lost = sum(event["last_sequence"] - event["samples"] for event in gone)
        self._death_ms.append(death_ms)
        self._first_ms.append(first_ms)
        self._all_ms.append(all_ms)
        self._lost += lost
        self._received += received
        print(
            f"  {number:>6}  {death_ms:>8.2f} ms  {first_ms:>10.1f} ms  {all_ms:>10.1f} ms"
            f"  {received:>8}  {lost:>5}"
        )

    def _report(self, sums: list[dict], before: set[str]) -> None:
        print()
        for name, values, digits in (
            ("death seen after kill", self._death_ms, 2),
            ("first sample after start", self._first_ms, 1),
            ("all 6 topics after start", self._all_ms, 1),
        ):
            low, middle, high = (
                f"{value:.{digits}f}"
                for value in (min(values), statistics.median(values), max(values))
            )
            print(f"  {name:<26} median {middle:>6} ms   min {low:>6} ms   max {high:>6} ms")
        lost = self._lost + sum(event["lost"] for event in sums)
        print(f"  {'samples':<26} {self._received} of killed publishers received, {lost} lost")
        left = self._left_behind(before)
        print(f"  {'files in /dev/shm /tmp /run':<26} {', '.join(sorted(left)) or 'none'}")
        if len(sums) != TOPICS:
            raise Failure(f"the watcher summed up {len(sums)} of {TOPICS} topics")
        if lost != 0:
            raise Failure(f"{lost} samples were lost")
        if left:
            raise Failure("files were left behind, or used")

    def _left_behind(self, before: set[str]) -> set[str]:
        """Files of ours that are left, and those that were open or mapped meanwhile.

        Other programs make files there, too; these are ignored.
        """
        ours = ["holler", "system_publisher", "system_watcher", *map(str, self._pids)]
        left = files_in_shared_folders() - before
        return {path for path in left if any(name in path for name in ours)} | self._named_files

    def _clean_up(self) -> None:
        if self._publisher is not None:
            self._publisher.kill()
            self._publisher.wait()
        if self._watcher is not None:
            self._watcher.process.kill()
            self._watcher.process.wait()


def find_program(folder: Path, name: str) -> Path:
    for place in (folder, folder / "system_monitor", folder / "examples/system_monitor"):
        if (place / name).is_file():
            return (place / name).resolve()
    raise Failure(f"there is no {name} in {folder}; build it first")


def files_in_shared_folders() -> set[str]:
    files = set()
    for folder in filter(None, SHARED_FOLDERS):
        try:
            files.update(f"{folder}/{name}" for name in os.listdir(folder))
        except OSError:
            pass  # Not every system has each.
    return files


def named_files(pid: int) -> set[str]:
    """Files in the shared folders that a process has open or mapped of its own accord."""
    own = open_files(os.getpid()) | {os.path.realpath(f"/proc/{pid}/exe")}  # Inherited; itself.
    folders = tuple(f"{folder}/" for folder in SHARED_FOLDERS if folder)
    paths = {path for path in open_files(pid) | mapped_files(pid) if path.startswith(folders)}
    # Libraries may well be there, and ThreadSanitizer maps a file of its own.
    return {path for path in paths - own if ".so" not in path and "/tsan." not in path}


def open_files(pid: int) -> set[str]:
    paths = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            paths.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass  # Closed meanwhile.
    return paths


def mapped_files(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/maps").read_text("utf-8", "replace").splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if "/" in line}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("directory", type=Path, help="with the programs that were built")
    parser.add_argument("--rounds", type=int, default=8, help="how often to kill (default: 8)")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # Also where it is no terminal.
    try:
        Demo(arguments.directory, max(arguments.rounds, 1)).run()
    except Failure as failure:
        print(f"\nFAILED: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("\nOK: every death seen, every restart found, nothing lost, nothing left behind.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
