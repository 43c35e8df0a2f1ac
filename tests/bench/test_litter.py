"""Files that killed processes leave: whose they are, and which are removed."""

from __future__ import annotations

import mmap
import socket
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "compare" / "report"))

import litter  # noqa: E402


# A folder of nobody else's, which stands for /dev/shm and the like.
@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(litter, "FOLDERS", (str(tmp_path),))
    return tmp_path


def test_what_others_made_stays(place: Path) -> None:
    makers = litter.Makers([12], {place / "fastrtps_ours"})
    for name in ("fastrtps_ours", "fastrtps_theirs", "bench_12", "bench_12.lock", "bench_123", "bench_13",
                 "iceoryx_rt_12_345", "iceoryx_rt_13_12"):  # fmt: skip
        (place / name).touch()
    assert {path.name for path in litter.left({}, makers)} == {
        "fastrtps_ours", "fastrtps_theirs", "bench_12", "bench_12.lock", "iceoryx_rt_12_345"
    }  # fmt: skip
    litter.remove({}, makers)
    assert {path.name for path in place.iterdir()} == {
        "fastrtps_theirs", "bench_123", "bench_13", "iceoryx_rt_13_12"
    }  # fmt: skip


def test_a_semaphore_goes_with_what_it_guards(place: Path) -> None:
    port, semaphore = place / "fastrtps_port1", place / "sem.fastrtps_port1_mutex"
    semaphore.touch()
    (place / "sem.fastrtps_port2_mutex").touch()
    with open(port, "w"):
        assert semaphore not in litter.left({}, litter.Makers([], {port}))
    litter.remove({}, litter.Makers([], {port}))
    assert [path.name for path in place.iterdir()] == ["sem.fastrtps_port2_mutex"]


def test_what_the_daemon_and_its_dead_clients_leave_is_removed(place: Path) -> None:
    (place / "bench_1234567").touch()
    before = litter.listing()
    dead, alive = 4_999_999, 1  # The first is above any pid there can be.
    for name in ("iceoryx_mgmt", "theirs", f"bench_{dead}", f"bench_{dead}.lock", f"bench_{alive}",
                 f"iceoryx_rt_{dead}_1", "roudi", "roudi.lock"):  # fmt: skip
        (place / name).touch()
    with open(place / "iceoryx_mgmt"):
        litter.remove_daemons(before, {place / "iceoryx_mgmt"})
        assert (place / "iceoryx_mgmt").exists(), "somebody has it"
    litter.remove_daemons(before, {place / "iceoryx_mgmt", place / "bench_1234567"})
    assert {path.name for path in place.iterdir()} == {"bench_1234567", "theirs", f"bench_{alive}"}


def test_what_is_in_somebodys_hands_is_not_left(place: Path) -> None:
    makers = litter.Makers([12], {place / "fastrtps_open", place / "fastrtps_mapped"})
    (place / "fastrtps_mapped").write_bytes(bytes(4096))
    with (
        open(place / "fastrtps_open", "w"),
        open(place / "fastrtps_mapped", "r+b") as file,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound,
    ):
        mapped = mmap.mmap(file.fileno(), 4096)
        file.close()
        bound.bind(str(place / "bench_12"))
        assert litter.left({}, makers) == {}
        litter.remove({}, makers)
        mapped.close()
    assert {path.name for path in litter.left({}, makers)} == {
        "fastrtps_open", "fastrtps_mapped", "bench_12"
    }  # fmt: skip
    assert litter.left(litter.listing(), makers) == {}, "what was there before is not left"
