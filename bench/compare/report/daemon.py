"""iceoryx's daemon, which has to run for it, and for Cyclone DDS over it, to work."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence

import litter
from runner import Failure

READY = "RouDi is ready for clients"
SECONDS = 20.0
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Chunks of each size of message, with room for iceoryx's headers.
ALL_SIZES = ((256, 10_000), (2_048, 1_000), (66_560, 1_000), (1_049_600, 100), (4_195_328, 30))
SMALL = ((256, 10_000),)


def config(chunks: Sequence[tuple[int, int]]) -> str:
    """Of the daemon: so many chunks of each size."""
    pools = (f"[[segment.mempool]]\nsize = {size}\ncount = {count}\n" for size, count in chunks)
    return "[general]\nversion = 1\n[[segment]]\n" + "".join(pools)


@contextlib.contextmanager
def roudi(
    is_wanted: bool, chunks: Sequence[tuple[int, int]] = ALL_SIZES
) -> Iterator[int | None]:
    """Runs the daemon meanwhile, if it is wanted: its pid, or None."""
    program = shutil.which("iox-roudi")
    if not is_wanted or program is None:
        yield None
        return
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as settings, tempfile.TemporaryFile(
        "w+"
    ) as said:
        settings.write(config(chunks))
        settings.flush()
        before = litter.listing()
        process = subprocess.Popen(
            [program, "-c", settings.name],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            await_ready(process, said.fileno())
            yield process.pid
        finally:
            held = litter.held_by(process.pid)
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:  # It waits for processes that are gone.
                process.kill()
                process.wait()
            litter.remove_daemons(before, held)


def in_one_line(said: str) -> str:
    """What a program said last, without its colours, fit for a table."""
    return " ".join(COLOUR.sub("", said).split())[-200:]


def await_ready(process: subprocess.Popen[bytes], said: int) -> None:
    """Waits until the daemon says that it is ready."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with open(f"/proc/self/fd/{said}", encoding="utf-8", errors="replace") as file:
            text = file.read()
        if READY in text:
            return
        if process.poll() is not None:
            raise Failure(f"iox-roudi ended at once: {in_one_line(text)}")
        time.sleep(0.05)
    raise Failure(f"iox-roudi was not ready after {SECONDS:.0f} s")
