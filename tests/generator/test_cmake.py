"""holler_add_topics: what is built anew when something changes, and what it says to wrong calls.

The programs include only what needs no runtime, so that each compiles in a moment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

GENERATORS = [
    name
    for name, tool in (("Ninja", "ninja"), ("Unix Makefiles", "make"))
    if shutil.which("cmake") and shutil.which(tool)
]
PROJECT = """\
cmake_minimum_required(VERSION 3.20)
project(user CXX)
add_subdirectory(holler)
holler_add_topics(topics SCHEMAS imu.fbs "sub dir/log.fbs" INCLUDE_DIRS inc FLATC_ARGS
                  --gen-object-api --gen-compare)
add_executable(app app.cc)
target_link_libraries(app PRIVATE topics)
add_executable(other other.cc)
target_link_libraries(other PRIVATE topics)
"""
# As a CMakeLists.txt of Holler does, which may be a folder of the user's project.
HOLLER = """\
add_library(holler INTERFACE)
add_library(holler::holler ALIAS holler)
target_compile_features(holler INTERFACE cxx_std_20)
set(HOLLER_GENERATOR_DIR "${CMAKE_CURRENT_SOURCE_DIR}/generator")
set(HOLLER_IDL_DIR "${CMAKE_CURRENT_SOURCE_DIR}/idl")
include(cmake/HollerAddTopics.cmake)
"""


class Project:
    """A user's project, with a copy of Holler in it."""

    def __init__(self, folder: Path, generator: str = "Ninja") -> None:
        self.dir = folder
        self.generator = generator
        for part in ("generator", "idl", "cmake"):
            shutil.copytree(
                ROOT / part, folder / "holler" / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        self.write("CMakeLists.txt", PROJECT)
        self.write("holler/CMakeLists.txt", HOLLER)
        self.write("inc/vec.fbs", "struct Vec { x:float; }")
        self.write(
            "imu.fbs",
            'include "holler.fbs";\ninclude "vec.fbs";\nstruct Imu (topic: "imu") { v:Vec; }',
        )
        self.write(
            "sub dir/log.fbs",
            'include "holler.fbs";\ntable Log (topic: "log", max_bytes: 100) { text:string; }',
        )
        self.write("app.cc", '#include "imu_generated.h"\n#include "imu_schema.h"\nint main() {}\n')
        self.write(
            "other.cc",
            '#include "log_generated.h"\n#include "log_schema.h"\nint main() { LogT l; (void)l; }\n',
        )

    def write(self, name: str, text: str) -> None:
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def configure(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["cmake", "-G", self.generator, "-S", ".", "-B", "build",
             f"-DHOLLER_PYTHON={sys.executable}", *args],
            cwd=self.dir, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def build(self) -> set[str]:
        """Builds. Returns what was made: schemas generated, programs compiled."""
        # The clock of files may be coarse, and Make compares times of change.
        time.sleep(0.02)
        done = subprocess.run(
            ["cmake", "--build", "build"], cwd=self.dir, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.said = done.stdout
        made = {"imu.fbs", "log.fbs", "app.cc.o", "other.cc.o"}
        steps = re.findall("^.*(?:Generating|Building).*$", done.stdout, re.MULTILINE)
        return {name for name in made if any(name in step for step in steps)}


@pytest.fixture(params=GENERATORS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    return Project(tmp_path, request.param)


def test_what_a_change_builds_anew(project: Project) -> None:
    configured = project.configure()
    assert configured.returncode == 0, configured.stderr
    assert project.build() == {"imu.fbs", "log.fbs", "app.cc.o", "other.cc.o"}
    assert "holler: imu (Imu): payload 4 B" in project.said
    assert "holler: log (Log): payload" in project.said
    assert project.build() == set()

    os.utime(project.dir / "inc/vec.fbs")  # Touched, though nothing changed.
    assert project.build() == {"imu.fbs"}
    assert project.build() == set()

    project.write("inc/vec.fbs", "struct Vec { x:float; y:float; }")
    assert project.build() == {"imu.fbs", "app.cc.o"}
    assert "holler: imu (Imu): payload 8 B" in project.said

    template = project.dir / "holler/generator/holler_gen/templates/schema.h.j2"
    template.write_text(template.read_text().replace("Do not edit", "Never edit"))
    assert project.build() == {"imu.fbs", "log.fbs", "app.cc.o", "other.cc.o"}
    assert project.build() == set()

    (project.dir / "build/topics/imu.stamp").unlink()
    assert project.build() == {"imu.fbs"}


def test_one_object_is_enough_to_generate(project: Project) -> None:
    """Whatever is built first, headers are there before it."""
    project.configure()
    done = subprocess.run(
        ["cmake", "--build", "build", "--target", "other"],
        cwd=project.dir, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_schema_fails_the_build(project: Project) -> None:
    wrong = 'include "holler.fbs";\nstruct Imu (topic: "imu", depth: 0) { a:int; }'
    project.write("imu.fbs", wrong)
    project.configure()
    done = subprocess.run(
        ["cmake", "--build", "build"], cwd=project.dir, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    message = f'{project.dir}/imu.fbs:2: error: Imu: `depth` is "0"; write a number from 1 to 65536'
    assert message in done.stdout + done.stderr


def test_a_schema_that_nobody_links_does_not_hide_its_errors(project: Project) -> None:
    project.write("lone.fbs", 'include "holler.fbs";\nstruct L (topic: "l", depth: 0) { a:int; }')
    project.write("CMakeLists.txt", PROJECT + "holler_add_topics(lone SCHEMAS lone.fbs)\n")
    project.configure()
    build = ["cmake", "--build", "build"]
    done = subprocess.run(build, cwd=project.dir, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert 'lone.fbs:2: error: L: `depth` is "0"' in done.stdout + done.stderr
    build += ["--target", "app"]
    done = subprocess.run(build, cwd=project.dir, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("(t)", "holler_add_topics(t ...): no schemas; name at least one: SCHEMAS file.fbs"),
        ("(t imu.fbs)", 'unknown argument "imu.fbs"; schemas are named after SCHEMAS'),
        ("(t SCHEMAS gone.fbs)", "/gone.fbs; correct SCHEMAS"),
        ("(t SCHEMAS imu.fbs INCLUDE_DIRS gone)", "/gone; correct INCLUDE_DIRS"),
        ("(t SCHEMAS imu.fbs inc/../imu.fbs)", "two schemas would become imu_topics.h"),
        (
            "(t SCHEMAS imu.fbs)\nholler_add_topics(t SCHEMAS imu.fbs)",
            "holler_add_topics(t ...): there is a target t already; take another name",
        ),
        (
            "(t_generate SCHEMAS imu.fbs)\nholler_add_topics(t SCHEMAS imu.fbs)",
            "holler_add_topics(t ...): there is a target t_generate already; take another name",
        ),
    ],
)
def test_wrong_calls(tmp_path: Path, call: str, said: str) -> None:
    project = Project(tmp_path)
    project.write(
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.20)\nproject(user CXX)\nadd_subdirectory(holler)\n"
        f"holler_add_topics{call}\n",
    )
    done = project.configure("-DCMAKE_CXX_COMPILER_WORKS=1")
    assert done.returncode != 0
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("-DHOLLER_PYTHON=/nowhere/python3", "/nowhere/python3: "),
        ("-DHOLLER_PYTHON=/bin/false", "/bin/false: 1"),
        ("-DHOLLER_PYTHON=false", "false: 1"),
    ],
)
def test_no_python(tmp_path: Path, setting: str, said: str) -> None:
    done = Project(tmp_path).configure(setting, "-DCMAKE_CXX_COMPILER_WORKS=1")
    assert done.returncode != 0
    assert said in done.stderr
    assert "apt install python3-jinja2" in " ".join(done.stderr.split())


def test_a_python_without_jinja2_is_passed_over(tmp_path: Path) -> None:
    """The first python3 of the PATH is often an environment's."""
    project = Project(tmp_path)
    bare = tmp_path / "bin/python3"
    project.write("bin/python3", f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    path = f"{bare.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", ".", "-B", "build"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert project.build() >= {"imu.fbs", "log.fbs"}


def test_missing_settings(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("holler/CMakeLists.txt", HOLLER.replace("/generator", "/generador"))
    done = project.configure("-DCMAKE_CXX_COMPILER_WORKS=1")
    assert done.returncode != 0
    assert "HOLLER_GENERATOR_DIR is" in done.stderr
