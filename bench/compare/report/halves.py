"""A program's two ends as processes of their own, which are started, watched and killed."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import litter
from model import mode_of, program_of
from runner import INSTANCE, Failure, Runner

PATIENCE = 30.0  # Seconds for one case, whatever happens.


class Half:
    """A program's `publish` or `subscribe`, which prints the moments of its life."""

    def __init__(self, runner: Runner, system: str, what: str, **more: object) -> None:
        settings: dict[str, object] = {"instance": INSTANCE, **more}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [str(runner.programs / program_of(system)), what, "--waiting=block", *options]
        self._lines: dict[str, int] = {}
        self._rest = b""
        self._said = tempfile.TemporaryFile()  # A pipe that nobody reads would stop it when full.
        self.started = time.monotonic_ns()
        try:
            self._process = subprocess.Popen(
                [*command, *mode_of(system)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
                close_fds=False,
            )
        except OSError as error:
            self._said.close()
            raise Failure(f"it does not start: {error.strerror}") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def await_moment(self, name: str, seconds: float) -> int | None:
        """When it was, by CLOCK_MONOTONIC; None: not within so many seconds."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while name not in self._lines:
                if not selector.select(max(0.0, end - time.monotonic())):
                    return None
                found = os.read(self._process.stdout.fileno(), 4096)
                if not found:
                    raise Failure(self._last_words())
                *lines, self._rest = (self._rest + found).split(b"\n")
                for line in lines:
                    self._note(line.decode(errors="replace"))
        return self._lines[name]

    def must_reach(self, name: str, seconds: float = PATIENCE) -> int:
        moment = self.await_moment(name, seconds)
        if moment is None:
            raise Failure(f"not {name} after {seconds:.0f} s")
        return moment

    def must_live(self) -> None:
        if self._process.poll() is not None:
            raise Failure(self._last_words())

    def shoot(self) -> None:
        """Ends it at once, without a chance to clean up. To be followed by kill."""
        self._process.kill()

    def kill(self) -> None:
        """Ends it likewise, and waits until it is gone."""
        self.shoot()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()

    def _note(self, line: str) -> None:
        name, _, value = line.partition(" ")
        if not value.isdecimal():
            raise Failure(f"it printed {line!r}, which is no moment")
        self._lines.setdefault(name, int(value))

    def _last_words(self) -> str:
        self._process.kill()
        self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip().splitlines()
        # Which program it was, stands beside it.
        return re.sub(r"^compare_\w+: ", "", said[-1]) if said else "it ended before its time"


class Halves(list[Half]):
    """Processes of one run, and what they have in their hands."""

    def __init__(self) -> None:
        super().__init__()
        self.before = litter.listing()
        self.daemon: int | None = None  # The process that they need besides.
        self._held: set[Path] = set()

    def note_files(self) -> None:
        """To be called before any of them is killed: afterwards nobody knows whose a file was."""
        for half in self:
            self._held |= litter.held_by(half.pid)

    def makers(self) -> litter.Makers:
        return litter.Makers([half.pid for half in self], self._held)


@contextlib.contextmanager
def halves() -> Iterator[Halves]:
    """A list whose processes are killed in the end, and swept up after."""
    running = Halves()
    try:
        yield running
    finally:
        running.note_files()
        for half in running:  # First all: hundreds that spin would slow the end of each.
            half.shoot()
        for half in running:
            half.kill()
        litter.remove(running.before, running.makers())


def pss(pid: int) -> float:
    """Memory of a process in bytes: what it shares counts in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    except OSError as error:
        raise Failure(f"no memory of process {pid} to look at: {error.strerror}") from error
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024.0
    raise Failure(f"the kernel does not tell the memory of process {pid}")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, all its threads (proc(5): /proc/PID/schedstat, in ns)."""
    spent = 0
    try:
        for task in os.scandir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError):  # It has ended meanwhile.
                spent += int(Path(task.path, "schedstat").read_text("utf-8").split()[0])
    except (OSError, ValueError) as error:
        raise Failure(f"no CPU time of process {pid} to look at: {error}") from error
    return spent / 1e9
