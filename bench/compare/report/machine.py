"""What it is measured on, and what else that has to do meanwhile."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
import subprocess
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Ticks:
    """CPU time of the whole machine so far, in ticks (proc(5), /proc/stat)."""

    all: int
    stolen: int  # Its CPUs had work, and the host ran somebody else.

    @staticmethod
    def read(path: Path = Path("/proc/stat")) -> Ticks:
        with path.open(encoding="utf-8") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
        return Ticks(sum(fields), fields[7])

    def stolen_since(self, before: Ticks) -> float:
        """The part of the time since then."""
        return (self.stolen - before.stolen) / max(self.all - before.all, 1)


# Debian's packages of the systems.
PACKAGES = {
    "iceoryx": "iceoryx", "Cyclone DDS": "cyclonedds-dev", "Fast DDS": "libfastrtps-dev",
    "ZeroMQ": "libzmq3-dev", "nng": "libnng-dev", "LCM": "liblcm-dev",
}  # fmt: skip


def versions() -> str:
    """Of those that are there, as Debian's packages name them."""
    if shutil.which("dpkg-query") is None:
        return "unknown"
    found = []
    for name, package in PACKAGES.items():
        command = ["dpkg-query", "-W", "-f", "${Version}", package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout:
            found.append(f"{name} {done.stdout.partition('-')[0].partition('+')[0]}")
    return ", ".join(found)


def description() -> dict[str, str]:
    """What it is, and how busy it is now. To be asked before anything is measured."""
    cpu = ""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return {
        "CPU": f"{cpu or platform.machine()}, {os.cpu_count()} of them",
        "kernel": platform.release(),
        "versions": versions(),
        "load before (processes that wanted a CPU, mean of a minute)": f"{os.getloadavg()[0]:.2f}",
    }
