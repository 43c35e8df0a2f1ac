"""Hints for errors of flatc, which come before any rule of ours: what it said stays first."""

from __future__ import annotations

import pytest
from conftest import Workshop
from holler_gen import hints
from holler_gen.hints import ATTRIBUTES

INCLUDE = 'include "holler.fbs";\nnamespace robot;\n'

# What is wrong from the third line on; the line flatc names, the end of what it says, the hint.
CASES = {
    "misspelt attribute": (
        'struct A (topic: "a",\n  dept: 16) { a:int; }',
        4,
        "declared before use: dept",
        "did you mean `depth`? idl/holler.fbs declares and explains those of Holler: topic, of, ",
    ),
    "a flag with a value": (
        'struct A (topic: "a", latched: true) { a:int; }',
        3,
        "to value of <> type.",
        "`latched` and `reliable` take no value: name them, or leave them out.",
    ),
    "an array that is too long": (
        'struct A (topic: "a") {\n  a:[ubyte:4194304]; }',
        4,
        "fit to uint16_t type",
        "an array of a struct has 1 to 65535 elements; for more, make it a vector with `max_length`",
    ),
    "singular": (
        'struct A (topic: "a", max_subscriber: 3) { a:int; }',
        3,
        "declared before use: max_subscriber",
        "did you mean `max_subscribers`? ",
    ),
    "upper case": (
        'struct A (topic: "a", Latched) { a:int; }',
        3,
        "declared before use: Latched",
        "did you mean `latched`? ",
    ),
    "misspelt attribute of FlatBuffers": (
        "table A { a:string (requird); }",
        3,
        "declared before use: requird",
        "did you mean `required`? ",
    ),
    "attribute of nobody": (
        'struct A (topic: "a", colour: "red") { a:int; }',
        3,
        "declared before use: colour",
        'One of your own is declared by `attribute "colour";`.',
    ),
    "type of Rust": (
        "table A {\n  b:int;\n  a:i32;\n}",
        6,
        "(check namespace): i32, originally at: t.fbs:5",
        "FlatBuffers has no type `i32`; did you mean `int32`? Its own are bool, int8 to int64, ",
    ),
    "type of C": ("table A { a:[uint8_t]; }", 3, "uint8_t, originally at: t.fbs:3", "`uint8`?"),
    "another case": ("table A { a:Float64; }", 3, "Float64, originally at: t.fbs:3", "`float64`?"),
    "string in a struct": (
        'struct A (topic: "a") {\n  name:string;\n}',
        4,
        "structs may contain only scalar or struct fields",
        "a struct has a fixed size: no strings, vectors or tables; make it a table, or give it a "
        "fixed length, as in `name:[uint8:32]`.",
    ),
    "vector in a struct": (
        "struct A {\n  points : [ float ] ;\n}",
        4,
        "structs may contain only scalar or struct fields",
        "make it a table, or give it a fixed length, as in `points:[float:16]`.",
    ),
    "table in a struct": (
        "table T { a:int; } struct A { t:T; }",
        3,
        "structs may contain only scalar or struct fields",
        "make it a table. If `T` is a struct or an enum, check its name and its namespace",
    ),
    "foreign type in a struct": (
        "struct A { a:f64 (id: 0); }",
        3,
        "structs may contain only scalar or struct fields",
        "FlatBuffers has no type `f64`; did you mean `float64`?",
    ),
    "array of a foreign type": (
        "// é\nstruct B { /* é */ a:[u16:4]; }",
        4,
        "structs may contain only scalar or struct fields",
        "FlatBuffers has no type `u16`; did you mean `uint16`?",
    ),
    "include below a namespace": (
        'include "holler.fbs";',
        3,
        "includes must come before declarations",
        "move this `include` above the namespace, and above all that the file declares.",
    ),
    "number with a unit": (
        'table A (topic: "a", max_bytes: 64k) { a:string; }',
        3,
        "expecting: , instead got: k",
        "numbers have no units, separators or exponents; write plain digits: 65536.",
    ),
    "number and its unit, on a field": (
        "table A {\n  a:string (max_length: 2 MiB); }",
        4,
        "expecting: , instead got: MiB",
        "write plain digits: 2097152.",
    ),
    "number with separators": (
        'table A (topic: "a", max_bytes: 1_000_000) { a:string; }',
        3,
        "expecting: , instead got: _000_000",
        "write plain digits: 1000000.",
    ),
    "number with a unit of something else": (
        "table A { a:int = 3s; }",
        3,
        "expecting: ; instead got: s",
        "write plain digits: 3.",
    ),
    "number with an exponent": (
        'table A (topic: "a", max_bytes: 1e6) { a:string; }',
        3,
        "Cannot assign token starting with 'float constant' to value of <> type.",
        "numbers have no units, separators or exponents; write plain digits.",
    ),
}


@pytest.mark.parametrize("name", ["v.fbs", "sub/v.fbs"])
def test_an_include_that_is_not_found(workshop: Workshop, name: str) -> None:
    workshop.write("t.fbs", f'include "{name}";\ntable A {{ a:int; }}')
    run = workshop.run("t.fbs")
    assert f"error: unable to load include file: {name}\n" in run.err
    assert run.err.endswith(
        f"holler: name the folder that holds {name}: holler_add_topics(... INCLUDE_DIRS dir), or -I "
        "dir; or correct the name.\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        'include "holler.fbs"; table T (topic: "t", max_bytes: 5 depth: 3) { b:int; }',
        "table T { a:int = 5\n kb:int; }",
        "table T { a3 k:int; }",
        "enum E : byte { A = 3 B }",
    ],
)
def test_a_missing_comma_is_no_unit(workshop: Workshop, text: str) -> None:
    workshop.write("t.fbs", text)
    run = workshop.run("t.fbs")
    assert run.status == 1 and "expecting: " in run.err and "holler:" not in run.err


@pytest.mark.parametrize("case", CASES)
def test_hint(workshop: Workshop, case: str) -> None:
    text, line, said, hint = CASES[case]
    workshop.write("t.fbs", INCLUDE + text)
    run = workshop.run("t.fbs")
    assert run.status == 1
    first, *rest = [words for words in run.err.splitlines() if words.strip() not in ("", "error:")]
    assert f"t.fbs:{line}: " in first and first.endswith(said)
    assert len(rest) == 1 and rest[0].startswith("holler: ") and hint in rest[0]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_forgotten_include(workshop: Workshop, name: str) -> None:
    workshop.write("t.fbs", f"struct A ({name}: 1) {{ a:int; }}")
    run = workshop.run("t.fbs")
    assert f"t.fbs:1: {len(f'struct A ({name}')}: error: " in run.err
    assert f"must be declared before use: {name}\n" in run.err
    assert run.err.endswith(
        "holler: the attributes of topics are declared in holler.fbs: add `include "
        f'"holler.fbs";`. They are: {", ".join(ATTRIBUTES)}.\n'
    )


def test_an_error_in_an_included_file(workshop: Workshop) -> None:
    workshop.write("part.fbs", "struct Part {\n  name:string;\n}")
    workshop.write("t.fbs", 'include "part.fbs";\n' + "\n" * 9 + "table A { p:Part; }")
    run = workshop.run("t.fbs")
    assert "part.fbs:2: " in run.err and "`name:[uint8:32]`" in run.err


@pytest.mark.parametrize("text", ["struct A { a:Nope; }", "table A { a:g.Vec3; }", "table A { a }"])
def test_no_type_is_suggested_for_what_is_not_like_one(workshop: Workshop, text: str) -> None:
    workshop.write("t.fbs", text)
    run = workshop.run("t.fbs")
    assert run.status == 1 and "did you mean" not in run.err


@pytest.mark.parametrize(
    "said", ["", "error:", "x:1: 2: error: ", "x:9: 99: error: structs may contain only scalar or"]
)
def test_whatever_flatc_says(said: str) -> None:
    assert "did you mean" not in hints.hint(said, lambda path: "struct")
    long = f"x:9: 99: error: structs may contain only scalar or struct fields{said}"
    assert hints.hint(long, lambda path: "").endswith("make it a table.")
