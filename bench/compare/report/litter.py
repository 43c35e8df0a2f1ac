"""What processes leave on disk when they are killed: whose it is, and how it is removed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

FOLDERS = ("/dev/shm", "/tmp", "/run", "/var/tmp", f"/run/user/{os.getuid()}")
# Names that the systems are known to leave. Nothing else is ever removed.
KNOWN = re.compile(
    r"fastrtps_\w+|fast_datasharing_[\w.-]+|sem\.fastrtps_\w+"  # Fast DDS.
    r"|(bench|iceoryx_rt)_\d+(_\d+)?(\.lock)?"  # iceoryx, and Cyclone DDS over it: with a pid.
)
SEMAPHORE = re.compile(r"sem\.(\w+)_mutex")
DAEMONS = re.compile(r"roudi(\.lock)?|iox-unique-roudi\.lock")  # Of iceoryx's, in /tmp.
PID = re.compile(r"(?:bench|iceoryx_rt)_(\d+)")


def is_in(path: Path, held: Collection[Path]) -> bool:
    """Whether a file is held. A semaphore goes with the file that it guards, for who creates one
    maps it by another name."""
    guarded = SEMAPHORE.fullmatch(path.name)
    return path in held or (guarded is not None and path.with_name(guarded[1]) in held)


@dataclasses.dataclass(frozen=True)
class Makers:
    """Processes that were killed, and the files that they held open or mapped before."""

    pids: Collection[int]
    held: Collection[Path]

    def has_made(self, path: Path) -> bool:
        """Whether one of them made what is new at `path`: it held it, or its pid is in the name."""
        named = PID.match(path.name)
        return is_in(path, self.held) or (named is not None and int(named[1]) in self.pids)


def listing() -> dict[Path, int]:
    """All files at the places for such, and the bytes that they take."""
    found: dict[Path, int] = {}
    for folder in FOLDERS:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    found[Path(entry.path)] = entry.stat(follow_symlinks=False).st_blocks * 512
    return found


def held_by(pid: int | str) -> set[Path]:
    """Files that a process has open or mapped. Of one that is gone, or is another user's: none."""
    found: set[Path] = set()
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8", errors="replace").splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith("/"):
                found.add(Path(fields[5]))
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("/"):
                    found.add(Path(target))
    return found


def bound_sockets() -> Iterator[Path]:
    """Names of Unix sockets which somebody alive has."""
    for line in Path("/proc/net/unix").read_text("utf-8", errors="replace").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7].startswith("/"):
            yield Path(fields[7])


def held_by_anyone() -> set[Path]:
    """Files that any process has open, mapped or bound."""
    found = set(bound_sockets())
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            found |= held_by(entry.name)
    return found


def left(before: Collection[Path], makers: Makers) -> dict[Path, int]:
    """Files that are new and in nobody's hands, and their sizes. Those that say in their names that
    other processes made them do not count; any other does, whoever made it."""
    new = {path: size for path, size in listing().items() if path not in before}
    if not new:
        return {}
    alive = held_by_anyone()
    return {
        path: size
        for path, size in new.items()
        if not is_in(path, alive) and (makers.has_made(path) or not PID.match(path.name))
    }


def remove(before: Collection[Path], makers: Makers) -> None:
    """Removes what these processes left, where it is known as what such leave."""
    for path in left(before, makers):
        if KNOWN.fullmatch(path.name) and makers.has_made(path):
            unlink(path)


def remove_orphans(before: Collection[Path]) -> None:
    """Removes what is new, in nobody's hands, and known as what such programs leave."""
    for path in left(before, dead_makers(before)):
        if KNOWN.fullmatch(path.name):
            unlink(path)


def remove_daemons(before: Collection[Path], held: Collection[Path]) -> None:
    """Removes what iceoryx's daemon held when it was ended, and what its clients left, which
    remove nothing themselves: all that is new, and in nobody's hands."""
    for path in left(before, Makers([], held)) | left(before, dead_makers(before)):
        if path in held or PID.match(path.name) or DAEMONS.fullmatch(path.name):
            unlink(path)


def dead_makers(before: Collection[Path]) -> Makers:
    """Processes that are gone, and said in the names of new files that they made them."""
    named = (PID.match(path.name) for path in listing() if path not in before)
    pids = {int(match[1]) for match in named if match is not None}
    return Makers({pid for pid in pids if not Path(f"/proc/{pid}").exists()}, ())


def unlink(path: Path) -> None:
    """Removes a file of this user, if it is there."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        if found.st_uid == os.getuid() and not stat.S_ISDIR(found.st_mode):
            path.unlink()
