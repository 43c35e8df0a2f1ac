"""Names and comments of a schema, in C++."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from holler_gen import comment, names

CANDIDATES = """
alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break
case catch char char8_t char16_t char32_t class compl concept const consteval constexpr constinit
const_cast continue co_await co_return co_yield decltype default delete do double dynamic_cast else enum
explicit export extern false final float for friend goto if import inline int long module mutable
namespace new noexcept not not_eq nullptr operator or or_eq override private protected public register
reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch
synchronized template this thread_local throw true try typedef typeid typename union unsigned using
virtual void volatile wchar_t while xor xor_eq ordinary
""".split()


def test_identifiers_are_those_of_flatc(tmp_path: Path) -> None:
    """Field by field, against the flatc that is installed."""
    schema = tmp_path / "k.fbs"
    schema.write_text("struct S {" + "".join(f" {name}:int;" for name in CANDIDATES) + "}")
    subprocess.run(["flatc", "--cpp", "--gen-mutable", "-o", tmp_path, schema], check=True)
    header = (tmp_path / "k_generated.h").read_text()
    assert re.findall(r"void mutate_(\w+)\(", header) == [names.identifier(n) for n in CANDIDATES]


@pytest.mark.parametrize(
    ("full_name", "namespace", "expected"),
    [
        ("a.b.T", "a.b", "T"),
        ("T", "", "T"),
        ("a.b.T", "", "a::b::T"),
        ("a.b.T", "a", "a::b::T"),
        ("a.T", "a.b", "a::T"),
        ("c.T", "a.b", "c::T"),
        ("b.T", "a.b", "::b::T"),  # b:: alone would be a::b
        ("T", "a", "::T"),
        ("a.Message", "a", "::a::Message"),  # Message is a member of the emitted class
        ("Message", "", "::Message"),
        ("c.Start", "a", "::c::Start"),
    ],
)
def test_type_names(full_name: str, namespace: str, expected: str) -> None:
    assert names.type_name(full_name, namespace) == expected


def test_derived_names() -> None:
    assert names.camel_case("leg_states-v2.x") == "LegStatesV2X"
    assert names.macro("a.leg-states") == "A_LEG_STATES"
    assert names.simple_name("T") == "T" and names.namespace_of("T") == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (" plain", " plain"),
        (" trailing  \t", " trailing"),
        (" path C:\\", " path C:\\ ."),
        (" path C:\\ \t", " path C:\\ ."),
        (" what??/", " what??/ ."),
        (" a\rb\x00c\x1bd\u2028e", " abcde"),
        (" \u202eevil\u202c", " evil"),
        (" ends here */ int x;", " ends here */ int x;"),
        (" grüße 你好", " grüße 你好"),
    ],
)
def test_comments(line: str, expected: str) -> None:
    assert comment.clean(line) == expected


def test_doc_lines() -> None:
    assert comment.doc_lines((" One.", "", "   Indented.", "No space.")) == [
        "/// One.",
        "///",
        "///   Indented.",
        "/// No space.",
    ]


def test_only_comments_of_a_header_are_cleaned() -> None:
    text = '#define A \\\n  1\n  /// bad \\\n  int x;\nconst char* s = "/// \\\\";\n'
    assert comment.clean_header(text) == text.replace("bad \\", "bad \\ .")
