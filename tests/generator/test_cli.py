"""The command: its files, its failures, its promises of determinism."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GENERATOR, IDL, Workshop

IMU = """\
include "holler.fbs";
namespace sensors;
struct Imu (topic: "sensors/imu", depth: 16) { stamp_ns:uint64; accel:[float:3]; }
table Log (topic: "log", max_bytes: 100000) { text:string; }
"""


def test_files_and_budget(workshop: Workshop) -> None:
    run = workshop.generate(IMU, name="imu.fbs")
    assert run.names() == [
        "holler_generated.h",
        "imu_generated.h",
        "imu_schema.h",
        "imu_topics.h",
    ]
    assert run.out == (
        "holler: sensors/imu (sensors.Imu): payload 24 B, slot 64 B, 82 slots, segment 8.0 KiB\n"
        "holler: log (sensors.Log): payload 98.7 KiB (max_bytes 100000, 1.1 KiB to build "
        "in), slot 98.8 KiB, 74 slots, segment 7.1 MiB\n"
    )
    assert run.err == ""


def test_a_large_segment_gets_a_warning(workshop: Workshop) -> None:
    """No error: only what is touched costs memory."""
    table = 'table Video (topic: "video", max_bytes: %d, max_samples: 3, depth: 5) { a:[uint8]; }\n'
    head = 'include "holler.fbs";\nnamespace n;\n'
    struct = "struct Block { a:[uint8:65535]; b:[uint8:65535]; }\n"
    blocks = 'table Blocks (topic: "blocks", of: "Block", depth: 9000) {}\n'
    run = workshop.generate(head + table % 20_000_000 + struct + blocks)
    assert run.err.splitlines() == [
        f'{workshop.dir}/t.fbs:3: warning: n.Video: topic "video" takes 2060115968 bytes of '
        "address space for each publisher: 103 slots of 20001088 bytes; slots: 5 `depth` + 32 "
        "`max_subscribers` x 3 `max_samples` + 2 `max_loans`; memory is used only where it is "
        "touched; to take less, lower one of those or `max_bytes`",
        f'{workshop.dir}/t.fbs:5: warning: n.Blocks: topic "blocks" takes 1188917248 bytes of '
        "address space for each publisher: 9066 slots of 131136 bytes; slots: 9000 `depth` + 32 "
        "`max_subscribers` x 2 `max_samples` + 2 `max_loans`; memory is used only where it is "
        "touched; to take less, lower one of those or the size of the message",
    ]
    assert "segment 1.9 GiB" in run.out


def test_a_segment_of_a_gibibyte_gets_none(workshop: Workshop) -> None:
    text = 'include "holler.fbs";\nstruct A (topic: "a", depth: %d) { a:[uint8:65512]; }\n'
    # 66 more slots of 65536 bytes; what precedes them takes more than one.
    assert workshop.generate(text % (2**14 - 67 - 1)).err == ""
    assert ": warning: A: topic " in workshop.generate(text % (2**14 - 66)).err


def test_no_topics(workshop: Workshop) -> None:
    run = workshop.generate("struct A { a:int; }")
    assert run.names() == ["t_generated.h", "t_schema.h", "t_topics.h"]
    assert "// t.fbs declares no topics." in run.text("t_topics.h")
    assert run.out == ""


def test_two_runs_are_equal(workshop: Workshop) -> None:
    first = workshop.generate(IMU)
    second = workshop.run("t.fbs", out="elsewhere/deeper")
    assert first.contents() == second.contents()


def test_where_the_schema_is_does_not_show(workshop: Workshop) -> None:
    """The same schema, included from and in other places, by another path."""
    outputs = []
    for place, include_dir in (("one", "one/inc"), ("two/deep/er", "two"), ("three", "x/y/z")):
        workshop.write(f"{include_dir}/part.fbs", "struct Part { a:int; }")
        text = 'include "part.fbs";\n' + IMU
        workshop.write(f"{place}/imu.fbs", text)
        run = workshop.run(
            f"{place}/imu.fbs", "-I", str(workshop.dir / include_dir), out=f"{place}/out"
        )
        assert run.status == 0, run.err
        outputs.append(run.contents())
    assert outputs[0] == outputs[1] == outputs[2]
    for content in outputs[0].values():
        for trace in (b"part.fbs", os.fsencode(workshop.dir.name), b"idl/holler"):
            assert trace not in content


def test_relative_paths_and_other_working_directories(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = workshop.generate(IMU)
    monkeypatch.chdir(workshop.dir)
    shutil.copy(IDL / "holler.fbs", workshop.dir / "holler.fbs")
    command = [sys.executable, "-B", str(GENERATOR / "holler_gen"), "t.fbs", "--out-dir", "o"]
    subprocess.run([*command, "-I", "."], check=True, capture_output=True)
    assert {p.name: p.read_bytes() for p in Path("o").iterdir()} == absolute.contents()


def test_order_of_includes(workshop: Workshop) -> None:
    """The embedded schema follows the text; what the classes are does not."""
    workshop.write("a.fbs", "struct A { a:int; }")
    workshop.write("b.fbs", "struct B { a:int; }")
    tail = 'include "holler.fbs"; table T (topic: "t", max_bytes: 9) { a:A; b:B; }'
    one = workshop.generate('include "a.fbs"; include "b.fbs";' + tail)
    topics = one.text("t_topics.h")
    workshop.write("t.fbs", 'include "b.fbs"; include "a.fbs";' + tail)
    other = workshop.run("t.fbs", out="other")
    assert other.text("t_topics.h") == topics


def test_unchanged_files_keep_their_time(workshop: Workshop) -> None:
    run = workshop.generate(IMU)
    for path in run.dir.iterdir():
        os.utime(path, ns=(1000, 1000))
    workshop.generate(IMU + "// A comment: the schema means the same.\n")
    assert {path.stat().st_mtime_ns for path in run.dir.iterdir()} == {1000}
    workshop.generate(IMU.replace("depth: 16", "depth: 17"))
    changed = {path.name for path in run.dir.iterdir() if path.stat().st_mtime_ns != 1000}
    assert changed == {"t_topics.h", "t_schema.h"}


@pytest.mark.parametrize(
    "broken",
    [
        IMU.replace("depth: 16", "depth: 0"),  # a rule of ours
        IMU.replace("uint64", "uint65"),  # a rule of flatc
        IMU.replace('include "holler.fbs";', ""),  # an undeclared attribute
        "",
    ],
)
def test_failure_leaves_everything_as_it_was(workshop: Workshop, broken: str) -> None:
    workshop.write("fresh.fbs", broken)
    run = workshop.run("fresh.fbs", "--depfile", str(workshop.dir / "out/d"), out="never")
    assert run.status == 1
    assert run.err and not run.out
    assert not run.dir.exists()
    before = workshop.generate(IMU).contents()
    workshop.write("t.fbs", broken)
    assert workshop.run("t.fbs").status == 1
    assert run.dir.with_name("out").exists()
    assert workshop.run("t.fbs").contents() == before


def test_failure_to_write_leaves_everything_as_it_was(workshop: Workshop) -> None:
    run = workshop.generate(IMU)
    (run.dir / "t_topics.h").unlink()
    (run.dir / "t_topics.h").mkdir()  # Cannot be replaced by a file.
    (run.dir / "t_topics.h" / "inside").touch()
    names = run.names()
    workshop.write("t.fbs", IMU)
    failed = workshop.run("t.fbs")
    assert failed.status == 1
    assert "t_topics.h" in failed.err and "Traceback" not in failed.err
    assert failed.names() == names


def test_errors_of_flatc_are_passed_on(workshop: Workshop) -> None:
    workshop.write("t.fbs", IMU.replace("accel:", "accel "))
    run = workshop.run("t.fbs")
    assert "t.fbs:3: 71: error: expecting: : instead got: [" in run.err
    assert "holler:" not in run.err


def test_undeclared_attribute_gets_a_hint(workshop: Workshop) -> None:
    workshop.write("t.fbs", IMU.replace('include "holler.fbs";', ""))
    run = workshop.run("t.fbs")
    assert "user define attributes must be declared before use: topic" in run.err
    assert 'topics are declared in holler.fbs: add `include "holler.fbs";`' in run.err


def test_our_errors_name_the_file_as_it_was_given(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("sub/t.fbs", IMU.replace("depth: 16", "depth: 0"))
    expected = 'sub/t.fbs:3: error: sensors.Imu: `depth` is "0"; write a number from 1 to 65536\n'
    assert workshop.run("sub/t.fbs").err == f"{workshop.dir}/{expected}"
    monkeypatch.chdir(workshop.dir)
    workshop.dir = Path()
    assert workshop.run("sub/t.fbs").err == expected


def test_warnings_of_flatc_are_passed_on_once(workshop: Workshop) -> None:
    run = workshop.generate(IMU.replace("stamp_ns", "stampNs"))
    assert run.err.count("field names should be lowercase snake_case, got: stampNs") <= 2
    assert "stampNs" in run.err


def test_flatc_args(workshop: Workshop) -> None:
    run = workshop.generate(IMU, "--flatc-arg=--gen-object-api")
    assert "struct LogT" in run.text("t_generated.h")


def test_flatc_is_missing(workshop: Workshop) -> None:
    workshop.write("t.fbs", IMU)
    run = workshop.run("t.fbs", "--flatc", "/nowhere/flatc")
    assert run.status == 1
    assert "cannot run flatc as '/nowhere/flatc': No such file or directory; install it" in run.err


def fake_flatc(workshop: Workshop, script: str) -> str:
    path = workshop.dir / "flatc"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_flatc_writes_garbage(workshop: Workshop) -> None:
    workshop.write("t.fbs", IMU)
    # The folder follows -o, which is the last option but one.
    script = 'while [ "$1" != -o ]; do shift; done; echo garbage > "$2/t.bfbs"'
    program = fake_flatc(workshop, script)
    run = workshop.run("t.fbs", "--flatc", program)
    assert run.status == 1
    assert run.err == (
        f"{workshop.dir}/t.fbs:1: error: t.fbs: flatc made a .bfbs of it that is malformed: it "
        f"lacks the file identifier 'BFBS'; check that {program} is FlatBuffers' own compiler\n"
    )
    assert not run.dir.exists()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo it hurts; kill -9 $$", "crashed (signal 9)"),
        ("exit 3", "ended with 3"),
        ("exit 0", "No such file or directory"),
    ],
)
def test_flatc_fails(workshop: Workshop, script: str, said: str) -> None:
    workshop.write("t.fbs", IMU)
    run = workshop.run("t.fbs", "--flatc", fake_flatc(workshop, script))
    assert run.status == 1
    assert said in run.err and "Traceback" not in run.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing.fbs"], "no such file"),
        (["a.txt"], "a schema's name ends in .fbs"),
        (["bad name.fbs"], "a schema's name ends in .fbs"),
        (["t.fbs", "-I", "nowhere"], "-I nowhere: no such folder"),
        (["t.fbs", "--flatc-arg=--keep-prefix"], "--keep-prefix: it would change names"),
        (["t.fbs", "--flatc-arg=--filename-ext=x"], "it would change names"),
        (["t.fbs", "--what"], "unrecognized arguments: --what"),
    ],
)
def test_wrong_usage(workshop: Workshop, args: list[str], said: str) -> None:
    workshop.write("t.fbs", IMU)
    run = workshop.run(args[0], *args[1:])
    assert run.status == 2
    assert said in run.err
    assert not run.dir.exists()


def test_depfile(workshop: Workshop) -> None:
    workshop.write("in c/deep.fbs", "struct Deep { a:int; }")
    workshop.write("in c/mid.fbs", 'include "deep.fbs"; struct Mid { a:Deep; }')
    workshop.write("t.fbs", 'include "mid.fbs";\n' + IMU)
    out = workshop.dir / "out"
    run = workshop.run(
        "t.fbs", "-I", str(workshop.dir / "in c"), "--depfile", str(out / "t.d"), "--stamp",
        str(out / "t $x.stamp"),
    )  # fmt: skip
    assert run.status == 0
    assert (out / "t $x.stamp").exists()
    target, _, prerequisites = run.text("t.d").partition(": ")
    assert target == f"{out}/t\\ $$x.stamp"
    listed = prerequisites.replace("\\ ", "\0").replace("\\\n", " ").split()
    paths = {Path(path.replace("\0", " ")) for path in listed}
    wanted = {workshop.dir / "t.fbs", workshop.dir / "in c/mid.fbs", workshop.dir / "in c/deep.fbs"}
    wanted |= {IDL / "holler.fbs", GENERATOR / "holler_gen/render.py"}
    wanted |= {GENERATOR / "holler_gen/templates/topics.h.j2", Path(shutil.which("flatc") or "")}
    assert wanted <= paths
    assert all(path.exists() for path in paths)


def test_stamp_is_touched_though_nothing_changes(workshop: Workshop) -> None:
    stamp = workshop.dir / "out/stamp"
    workshop.generate(IMU, "--stamp", str(stamp))
    os.utime(stamp, ns=(1000, 1000))
    workshop.generate(IMU, "--stamp", str(stamp))
    assert stamp.stat().st_mtime_ns > 1000


def test_includes_in_several_folders(workshop: Workshop) -> None:
    workshop.write("one/a.fbs", "namespace one; struct A { a:int; }")
    workshop.write("two/b.fbs", 'include "a.fbs"; namespace two; struct B { a:one.A; }')
    text = 'include "b.fbs";\ninclude "holler.fbs";\nstruct C (topic: "c") { b:two.B; }'
    run = workshop.generate(
        text, "-I", str(workshop.dir / "one"), "-I", str(workshop.dir / "two")
    )
    assert {"a_generated.h", "b_generated.h", "holler_generated.h"} <= set(run.names())
    assert '#include "b_generated.h"' in run.text("t_generated.h")


def test_a_schema_that_only_includes(workshop: Workshop) -> None:
    workshop.write("a.fbs", "struct A { a:int; }")
    run = workshop.generate('include "a.fbs";')
    assert {"a_generated.h", "t_generated.h", "t_topics.h"} <= set(run.names())


def test_symbolic_links(workshop: Workshop) -> None:
    """A schema that is a link to another folder, as build farms make them."""
    plain = workshop.generate(IMU).contents()
    linked = workshop.dir / "farm"
    linked.mkdir()
    (linked / "t.fbs").symlink_to(workshop.dir / "t.fbs")
    depfile = workshop.dir / "depfile"
    run = workshop.run("farm/t.fbs", "--depfile", str(depfile), out="linked")
    assert run.contents() == plain
    assert str(linked / "t.fbs") in depfile.read_text()


def test_help(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    run = workshop.run("t.fbs", "--help")
    assert run.status == 0
    for word in ("imu_topics.h", "--depfile", "--stamp", "exit status"):
        assert word in run.out


@pytest.mark.parametrize(
    "command", [[str(GENERATOR / "holler_gen")], ["-m", "holler_gen"]], ids=["folder", "module"]
)
def test_ways_to_start_it(command: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(GENERATOR)}
    if command[0] != "-m":
        del environment["PYTHONPATH"]
    done = subprocess.run(
        [sys.executable, "-B", *command, "--help"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "usage: holler_gen" in done.stdout
