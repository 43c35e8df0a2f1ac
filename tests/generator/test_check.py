"""Every rule that a schema can break: its file, line, type, what is wrong, and the remedy."""

from __future__ import annotations

import pytest
from conftest import Workshop

NAME_REMEDY = "use letters, digits, `_`, `-` and `.`, in parts separated by one `/`"
MANY_FIELDS = "".join(f"f{i}:int; " for i in range(400))
LONG_TOPIC = "t" * 128
LONG_TYPE = "T" * 192

# What each schema breaks, after an include of holler.fbs on line 1.
RULES = {
    "topic without a name": (
        "struct A (topic) { a:int; }",
        "t.fbs:2: error: A: its topic has no name; write `topic: \"some/name\"`",
    ),
    "topic with an empty name": (
        'struct A (topic: "") { a:int; }',
        't.fbs:2: error: A: its topic has no name; write `topic: "some/name"`',
    ),
    "topic name with a space": (
        'struct A (\n  topic: "a b") { a:int; }',
        f't.fbs:3: error: A: its topic cannot be named "a b"; {NAME_REMEDY}',
    ),
    "topic name that starts with a slash": (
        'struct A (topic: "/a") { a:int; }',
        f't.fbs:2: error: A: its topic cannot be named "/a"; {NAME_REMEDY}',
    ),
    "topic name with an empty part": (
        'struct A (topic: "a//b") { a:int; }',
        f't.fbs:2: error: A: its topic cannot be named "a//b"; {NAME_REMEDY}',
    ),
    "topic name that would break out of its literal": (
        r'struct A (topic: "a\"\n;") { a:int; }',
        rf't.fbs:2: error: A: its topic cannot be named "a\"\n;"; {NAME_REMEDY}',
    ),
    "topic name beyond ASCII": (
        'struct A (topic: "ä") { a:int; }',
        rf't.fbs:2: error: A: its topic cannot be named "\xe4"; {NAME_REMEDY}',
    ),
    "topic name too long": (
        f'struct A (topic: "{LONG_TOPIC}") {{ a:int; }}',
        "t.fbs:2: error: A: its topic's name has 128 bytes; use at most 127",
    ),
    "type name too long": (
        f'struct {LONG_TYPE} (topic: "a") {{ a:int; }}',
        f"t.fbs:2: error: {LONG_TYPE}: the name of its type has 192 bytes; use at most 191",
    ),
    "attribute given twice": (
        'struct A (topic: "a",\n topic: "b") { a:int; }',
        "t.fbs:3: error: A: `topic` is given 2 times; keep one",
    ),
    "depth too small": (
        'struct A (topic: "a", depth: 0) { a:int; }',
        't.fbs:2: error: A: `depth` is "0"; write a number from 1 to 65536',
    ),
    "depth too large": (
        'struct A (topic: "a",\n\n depth: 65537) { a:int; }',
        't.fbs:4: error: A: `depth` is "65537"; write a number from 1 to 65536',
    ),
    "depth negative": (
        'struct A (topic: "a", depth: -1) { a:int; }',
        't.fbs:2: error: A: `depth` is "-1"; write a number from 1 to 65536',
    ),
    "depth without a value": (
        'struct A (topic: "a", depth) { a:int; }',
        't.fbs:2: error: A: `depth` is "0"; write a number from 1 to 65536',
    ),
    "depth no number": (
        'struct A (topic: "a", depth: "deep") { a:int; }',
        't.fbs:2: error: A: `depth` is "deep"; write a number from 1 to 65536',
    ),
    "max_subscribers": (
        'struct A (topic: "a", max_subscribers: 1025) { a:int; }',
        't.fbs:2: error: A: `max_subscribers` is "1025"; write a number from 1 to 1024',
    ),
    "max_samples": (
        'struct A (topic: "a", max_samples: 64) { a:int; }',
        't.fbs:2: error: A: `max_samples` is "64"; write a number from 1 to 63',
    ),
    "max_loans": (
        'struct A (topic: "a", max_loans: 65) { a:int; }',
        't.fbs:2: error: A: `max_loans` is "65"; write a number from 1 to 64',
    ),
    "max_bytes too large": (
        'table A (topic: "a", max_bytes: 2147479553) { a:int; }',
        't.fbs:2: error: A: `max_bytes` is "2147479553"; write a number from 1 to 2147479552',
    ),
    "latched with a value": (
        'struct A (topic: "a", latched: 0) { a:int; }',
        "t.fbs:2: error: A: `latched` takes no value; write `latched` alone, or remove it for a "
        "topic that is not",
    ),
    "reliable with a value": (
        'struct A (topic: "a", reliable: "yes") { a:int; }',
        "t.fbs:2: error: A: `reliable` takes no value; write `reliable` alone, or remove it for a "
        "topic that is not",
    ),
    "reliable with more loans than depth": (
        'struct A (topic: "a", reliable, depth: 1) { a:int; }',
        "t.fbs:2: error: A: it is `reliable`, and has 2 `max_loans` but a `depth` of 1; lower "
        "`max_loans`, or raise `depth`",
    ),
    "attribute on a type that is no topic": (
        "struct A (depth: 3) { a:int; }",
        "t.fbs:2: error: A: `depth` is on a type that is not a topic; add `topic: \"some/name\"`, "
        "or remove `depth`",
    ),
    "attribute on a field": (
        'namespace n;\nstruct A (topic: "a") {\n  a:int;\n  b:int (depth: 3);\n}',
        "t.fbs:5: error: n.A.b: `depth` is on a field; put it on the struct or table, or remove "
        "`depth`",
    ),
    "attribute on an enum": (
        'enum A : int (topic: "a") { X }',
        "t.fbs:2: error: A: `topic` is on an enum, which cannot be a topic; put it on a struct or a "
        "table, or remove `topic`",
    ),
    "union field named like a keyword": (
        "table T {}\nunion U { T }\ntable A {\n  class:U;\n  int:[U]; }",
        "t.fbs:5: error: A.class: flatc's C++ of a union with the name of a keyword does not compile; "
        "rename it",
        "t.fbs:6: error: A.int: flatc's C++ of a union with the name of a keyword does not compile; "
        "rename it",
    ),
    "vector of unions of another namespace": (
        "namespace n;\ntable T {}\nunion U { T }\nnamespace n.m;\ntable Fine { u:[U]; }\n"
        "namespace o;\ntable A {\n u:[n.U]; one:n.U; }",
        "t.fbs:9: error: o.A.u: flatc's C++ of a vector of unions of another namespace does not "
        "compile; declare union n.U in the namespace of the table",
    ),
    "attribute on a union": (
        'table T {}\nunion A (topic: "a") { T }',
        "t.fbs:3: error: A: `topic` is on a union, which cannot be a topic; put it on a struct or a "
        "table, or remove `topic`",
    ),
    "struct with max_bytes": (
        'struct A (topic: "a", max_bytes: 100) { a:int; }',
        "t.fbs:2: error: A: a struct always has its own size, here 4 bytes; remove `max_bytes`",
    ),
    "of a struct, with max_bytes": (
        'struct A { a:int; }\ntable B (topic: "b", of: "A", max_bytes: 100) {}',
        "t.fbs:3: error: B: a struct always has its own size, here 4 bytes; remove `max_bytes`",
    ),
    "of an unknown type": (
        'namespace n;\ntable B (topic: "b", of: "Nothing") {}',
        't.fbs:3: error: n.B: there is no type "Nothing"; correct the name, or include the file '
        "that declares it",
    ),
    "of a misspelled type": (
        'namespace n;\nstruct Image { a:int; }\ntable B (topic: "b", of: "n.Imaeg") {}',
        't.fbs:4: error: n.B: there is no type "n.Imaeg" (did you mean n.Image?); correct the name, '
        "or include the file that declares it",
    ),
    "of an enum": (
        'enum A : int { X }\ntable B (topic: "b", of: "A") {}',
        "t.fbs:3: error: B: A is an enum; name a struct or a table in `of`",
    ),
    "of a union": (
        'table T {}\nunion A { T }\ntable B (topic: "b", of: "A") {}',
        "t.fbs:4: error: B: A is a union; name a struct or a table in `of`",
    ),
    "of itself of another": (
        "struct A { a:int; }\n"
        'table B (topic: "b", of: "A") {}\n'
        'table C (topic: "c", of: "B") {}',
        't.fbs:4: error: C: B is itself `of` another type; write `of: "A"`',
    ),
    "of on a struct, whatever else that makes wrong": (
        "table A { s:string; class:int; }\n"
        'struct B (topic: "b c", of: "A", max_bytes: 9, bounds: "x: 3", depth: 0) { a:int; }',
        "t.fbs:3: error: B: `of` names the message, and yet it has fields; `of` belongs on an empty "
        "table: make it one, or remove `of`",
    ),
    "of with fields, whatever else that makes wrong": (
        'table A { s:string; t:string; }\ntable B (topic: "b", of: "C") { a:string; }',
        "t.fbs:3: error: B: `of` names the message, and yet it has fields; remove the fields, or "
        "remove `of`",
    ),
    "of with fields": (
        'struct A { a:int; }\ntable B (topic: "b", of: "A") { a:int; }',
        "t.fbs:3: error: B: `of` names the message, and yet it has fields; remove the fields, or "
        "remove `of`",
    ),
    "of without topic": (
        'struct A { a:int; }\ntable B (of: "A") {}',
        't.fbs:3: error: B: `of` is on a type that is not a topic; add `topic: "some/name"`, or '
        "remove `of`",
    ),
    "one name for two topics": (
        'struct A (topic: "a") { a:int; }\nstruct B (topic: "a") { a:int; }',
        't.fbs:3: error: B: topic "a" is that of A already; give it another name',
    ),
    "a type named like a generated class": (
        'namespace n;\nstruct A (topic: "a") { a:int; }\nenum ASlot : int { X }',
        "t.fbs:3: error: n.A: its class n.ASlot would have the name of a type; rename either",
    ),
    "slot too large": (
        'table A (topic: "a", max_bytes: 2147479552) { ' + MANY_FIELDS + "}",
        "t.fbs:2: error: A: a slot has 2147483840 bytes, and may have 2147483648; make the message "
        "smaller",
    ),
    "segment too large": (
        'table A (topic: "a", max_bytes: 2147000000, max_subscribers: 1024) { a:int; }',
        "t.fbs:2: error: A: its segment has 4418528243712 bytes, and may have 1099511627776; make "
        "the message smaller, or lower `depth`, `max_subscribers` or `max_samples`",
    ),
    "keyword as a field": (
        "struct A {\n  consteval:int;\n}",
        "t.fbs:3: error: A.consteval: its name is a keyword of C++; rename it",
    ),
    "keyword as a type": (
        "struct class { a:int; }",
        "t.fbs:2: error: class: its name is a keyword of C++; rename it",
    ),
    "keyword as an enum": (
        "enum constinit : int { X }",
        "t.fbs:2: error: constinit: its name is a keyword of C++; rename it",
    ),
    "keyword as a namespace": (
        "namespace a.class;\nstruct A { a:int; }\nstruct B { a:int; }",
        "t.fbs:2: error: namespace a.class: `class` is a keyword of C++; rename the namespace",
    ),
    "namespace that hides another": (
        "namespace a.std;\nstruct A { a:int; }",
        "t.fbs:2: error: namespace a.std: `std` in it hides the namespace ::std; rename the "
        "namespace",
    ),
    "comment that flatc crashes on": (
        "/// Fine: }} before {{.\nstruct A {\n  /// A {{template}}.\n  a:int;\n}",
        "t.fbs:5: error: A.a: its comment has `{{` and then `}}`, on which flatc crashes; write it with "
        "spaces, as in `{ {`",
    ),
    "file_identifier with a quote": (
        'table A { a:int; }\nroot_type A;\nfile_identifier "a\\"bc";',
        't.fbs:4: error: file_identifier: it is "a\\"bc"; use letters, digits and other printable '
        "ASCII, but no quotes or backslashes",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_rule(workshop: Workshop, rule: str) -> None:
    text, *messages = RULES[rule]
    result = workshop.check(f'include "holler.fbs";\n{text}')
    assert [str(problem) for problem in result.problems] == messages


def test_all_errors_at_once(workshop: Workshop) -> None:
    text = """\
include "holler.fbs";
namespace n.std;
struct X { a:int; }
namespace n;
struct A (topic: "a b", depth: 0,
   latched: 0) { consteval:int; x:int (depth: 3); }
struct B (topic, max_bytes: 12) { a:int; }
struct BWriter { a:int; }
table C (topic: "c", topic: "d") { a:string; }
table D (topic: "d", of: "n.X", max_samples: 99) {}
table E (of: "A") { x:int; }
enum M : int (topic: "q") { A }
file_identifier "a\\"bc";
"""
    problems = workshop.check(text).problems
    assert [(p.line, p.where, p.what.split(";")[0]) for p in problems] == [
        (2, "namespace n.std", "`std` in it hides the namespace ::std"),
        (5, "n.A", '`depth` is "0"'),
        (5, "n.A", 'its topic cannot be named "a b"'),
        (6, "n.A.consteval", "its name is a keyword of C++"),
        (6, "n.A.x", "`depth` is on a field"),
        (6, "n.A", "`latched` takes no value"),
        (7, "n.B", "a struct always has its own size, here 4 bytes"),
        (7, "n.B", "its class n.BWriter would have the name of a type"),
        (7, "n.B", "its topic has no name"),
        (9, "n.C.a", "it may grow without bound"),
        (9, "n.C", "`topic` is given 2 times"),
        (10, "n.D", '`max_samples` is "99"'),
        (10, "n.D", 'there is no type "n.X" (did you mean n.E?)'),
        (11, "n.E", "`of` is on a type that is not a topic"),
        (12, "n.M", "`topic` is on an enum, which cannot be a topic"),
        (13, "file_identifier", 'it is "a\\"bc"'),
    ]


def test_embedded_schema_too_large(workshop: Workshop) -> None:
    text = 'include "holler.fbs"; struct A (topic: "a") { a:int; }'
    assert not workshop.check(text, schema_bytes=2**20).problems
    (problem,) = workshop.check(text, schema_bytes=2**20 + 1).problems
    assert str(problem) == (
        "t.fbs:1: error: t.fbs: its .bfbs has 1048577 bytes, and a segment holds at most 1048576 of "
        "them; include fewer types"
    )


def test_included_files_of_one_name(workshop: Workshop) -> None:
    workshop.write("a/vec.fbs", "struct V { a:int; }")
    workshop.write("b/vec.fbs", "struct W { a:int; }")
    text = 'include "a/vec.fbs";\ninclude "b/vec.fbs";\nstruct S { a:int; }'
    (problem,) = workshop.check(text).problems
    assert str(problem) == (
        "t.fbs:2: error: b/vec.fbs: it and a/vec.fbs would both become vec_generated.h; rename one"
    )


def test_names_of_included_files_are_checked_there(workshop: Workshop) -> None:
    workshop.write("sub/inc.fbs", "namespace a;\nstruct V {\n  constinit:int;\n}")
    (problem,) = workshop.check('include "sub/inc.fbs";').problems
    assert (problem.path, problem.line, problem.where) == ("sub/inc.fbs", 3, "a.V.constinit")


def test_topics_of_included_files_are_left_to_them(workshop: Workshop) -> None:
    workshop.write("inc.fbs", 'include "holler.fbs"; table I (topic: "i") { a:int; }')
    result = workshop.check('include "inc.fbs"; struct A (topic: "a") { a:int; }')
    assert not result.problems
    assert [topic.name for topic, _ in result.topics] == ["a"]


@pytest.mark.parametrize("name", ["depth", "max_subscribers", "max_samples", "max_loans"])
def test_bounds_themselves_are_allowed(workshop: Workshop, name: str) -> None:
    highest = {"depth": 65536, "max_subscribers": 1024, "max_samples": 63, "max_loans": 64}[name]
    for value in (1, highest):
        text = f'include "holler.fbs"; struct A (topic: "a", {name}: {value}) {{ a:int; }}'
        ((topic, computed),) = workshop.check(text).topics
        assert getattr(topic, name) == getattr(computed, name) == value


@pytest.mark.parametrize("name", ["a", "A-1/b_2.c/d", "0", "t" * 127])
def test_topic_names(workshop: Workshop, name: str) -> None:
    text = f'include "holler.fbs"; struct A (topic: "{name}") {{ a:int; }}'
    ((topic, _),) = workshop.check(text).topics
    assert topic.name == name


def test_of_is_looked_up_from_within_outward(workshop: Workshop) -> None:
    workshop.write("other.fbs", "namespace other;\nstruct T { a:byte; }")
    text = """\
include "holler.fbs";
include "other.fbs";
struct T { a:int; }
struct U { a:int; }
namespace a;
struct T { a:uint; }
struct Mid { a:uint; }
namespace a.b;
struct T { a:float; }
table Own (topic: "own", of: "T") {}
table Middle (topic: "middle", of: "Mid") {}
table Outer (topic: "outer", of: "a.T") {}
table Global (topic: "global", of: "U") {}
table Other (topic: "other", of: "other.T") {}
namespace c;
table None (topic: "none", of: "T") {}
"""
    result = workshop.check(text)
    assert not result.problems
    assert [(t.name, t.declared_as, t.message.name) for t, _ in result.topics] == [
        ("own", "a.b.Own", "a.b.T"),
        ("middle", "a.b.Middle", "a.Mid"),
        ("outer", "a.b.Outer", "a.T"),
        ("global", "a.b.Global", "U"),
        ("other", "a.b.Other", "other.T"),
        ("none", "c.None", "T"),
    ]
