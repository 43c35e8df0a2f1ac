"""How much each part of a bounded table may hold: what a schema may say, and what is wrong."""

from __future__ import annotations

import pytest
from conftest import Workshop

from holler_gen.bounds import BoundedField, BoundedTable, FieldKind
from holler_gen.layout import PayloadKind

# A schema that one does not own: v.fbs, included by those below.
VENDOR = """\
namespace v;
table Point { x:double; label:string; }
table Cloud { points:[Point]; names:[string]; best:Point; data:[ubyte]; }
table Box { label:string; }
union Any { Point, Box, Words:string }
table Holder { any:Any; all:[Any]; }
table Letter { body:[ubyte] (nested_flatbuffer: "Point"); }
struct Vec { x:int; }
table Mixed { vec:Vec; number:int; gone:string (deprecated); text:string; }
"""
OF = 'table T (topic: "t", of: "v.Cloud", bounds: "%s") {}'
ENOUGH = "points: 2, v.Point.label: 3, names: 4x5, data: 6"
SYNTAX = (
    'write `bounds: "name: 64, points: 100, points.label: 16, labels: 8x32"`, with numbers from 1 '
    "to 2147483647"
)

# What each schema breaks, after two includes on lines 1 and 2.
RULES = {
    "a string and a vector without a bound": (
        'table T (topic: "t") { a:int;\n s:string;\n n:[string] (max_length: 3); }',
        "t.fbs:4: error: T.s: it may grow without bound; add `max_length: N`, "
        "or `max_bytes: N` to the topic",
        "t.fbs:5: error: T.n: it may grow without bound; add "
        "`max_string_length: N`, or `max_bytes: N` to the topic",
    ),
    "a table of one's own, far below": (
        'table A { s:[string]; }\ntable B { a:A; }\ntable T (topic: "t") { b:[B] (max_length: 1); }',
        "t.fbs:3: error: A.s: topic T holds it, and it may grow without bound; add `max_length: N` "
        "and `max_string_length: N`, or `max_bytes: N` to the topic",
    ),
    "types that one does not own": (
        'table T (topic: "t", of: "v.Cloud") {}',
        't.fbs:3: error: T: field "data" may grow without bound; add `bounds: "data: N"`, or '
        "`max_bytes: N`",
        't.fbs:3: error: T: field "names" may grow without bound; add `bounds: "names: NxM"`, or '
        "`max_bytes: N`",
        't.fbs:3: error: T: field "points" may grow without bound; add `bounds: "points: N"`, or '
        "`max_bytes: N`",
        't.fbs:3: error: T: field "points.label", among others, may grow without bound; add '
        '`bounds: "v.Point.label: N"`, or `max_bytes: N`',
    ),
    "members of a union that one does not own": (
        'table T (topic: "t", of: "v.Holder") {}',
        't.fbs:3: error: T: field "all" may grow without bound; add `bounds: "all: NxM"`, or '
        "`max_bytes: N`",
        't.fbs:3: error: T: field "any.Box.label", among others, may grow without bound; add '
        '`bounds: "v.Box.label: N"`, or `max_bytes: N`',
        't.fbs:3: error: T: field "any.Point.label", among others, may grow without bound; add '
        '`bounds: "v.Point.label: N"`, or `max_bytes: N`',
        't.fbs:3: error: T: field "any.Words" may grow without bound; add `bounds: "any.Words: N"`, '
        "or `max_bytes: N`",
    ),
    "a type that contains itself": (
        'table Tree { children:[Tree] (max_length: 2); }\ntable T (topic: "t") { tree:Tree; }',
        't.fbs:4: error: T: type Tree contains itself through "tree.children", so it cannot be '
        "bounded; add `max_bytes: N`",
    ),
    "types that contain each other by a union": (
        'union U { A }\ntable A { u:U; }\ntable T (topic: "t", of: "A") {}',
        't.fbs:5: error: T: type A contains itself through "u.A", so it cannot be bounded; add '
        "`max_bytes: N`",
    ),
    "a message that is nested in itself": (
        'table T (topic: "t") { t:[ubyte] (nested_flatbuffer: "T"); }',
        't.fbs:3: error: T: type T contains itself through "t", so it cannot be bounded; add '
        "`max_bytes: N`",
    ),
    "a nested_flatbuffer that has to be there, and is assigned": (
        'table A {}\ntable T (topic: "t") { '
        'a:[ubyte] (required, nested_flatbuffer: "A", max_length: 9); }',
        't.fbs:4: error: T: field "a" is required, and an empty nested_flatbuffer is no message; '
        "remove its length, so that the message within is bounded by itself",
    ),
    "a nested_flatbuffer of a struct": (
        'struct A { a:int; }\ntable T (topic: "t") { a:[ubyte] (nested_flatbuffer: "A"); }',
        't.fbs:4: error: T: field "a" nests "A", which is not a table; name a table in '
        "`nested_flatbuffer`",
    ),
    "a flexbuffer": (
        'table T (topic: "t") { a:[ubyte] (flexbuffer, max_length: 9); }',
        't.fbs:3: error: T: field "a" is a flexbuffer, which has no bound; add `max_bytes: N`',
    ),
    "a union without members that has to be there": (
        'union U {}\ntable T (topic: "t") { u:U (required); }',
        't.fbs:4: error: T: field "u" of T can hold nothing, as its union U is empty; give the union '
        "a member, or add `max_bytes: N`",
    ),
    "a union without members": (
        'union U {}\ntable A { all:[U] (max_length: 2); }\ntable T (topic: "t") { a:A; }',
        't.fbs:5: error: T: field "a.all" of A can hold nothing, as its union U is empty; give the '
        "union a member, or add `max_bytes: N`",
    ),
    "a deprecated union without members": ('union U {}\ntable T (topic: "t") { u:U (deprecated); }',),
    "bounds that cannot be read": (
        OF % ENOUGH.replace("names: 4x5", "names 4"),
        f"t.fbs:3: error: T: `bounds` cannot be understood at `names 4`; {SYNTAX}",
    ),
    "a bound of zero": (
        OF % ENOUGH.replace("points: 2", "points: 0"),
        f"t.fbs:3: error: T: `bounds` cannot be understood at `points: 0`; {SYNTAX}",
    ),
    "a bound beyond all bounds": (
        OF % ENOUGH.replace("points: 2", "points: 2147483648"),
        f"t.fbs:3: error: T: `bounds` cannot be understood at `points: 2147483648`; {SYNTAX}",
    ),
    "no bounds in bounds": (
        'table T (topic: "t", bounds: "") { x:int; }',
        f"t.fbs:3: error: T: `bounds` misses something; {SYNTAX}",
    ),
    "all that is wrong with bounds, some of which cannot be read": (
        OF % "pints: 32, , data 3, points: 2, names: 4x, best: 0, v.Point.labl: 64k, $",
        "t.fbs:3: error: T: `bounds` cannot be understood at `data 3` and `names: 4x` and `best: 0` "
        f"and `v.Point.labl: 64k` and `$`; {SYNTAX}",
        't.fbs:3: error: T: `bounds` gives "best", which is a table; bound its fields instead',
        't.fbs:3: error: T: `bounds` gives "pints", but there is no field "pints" in v.Cloud (did '
        "you mean points?); correct or remove it",
        't.fbs:3: error: T: `bounds` gives "v.Point.labl", but there is no field "labl" in v.Point '
        "(did you mean label?); correct or remove it",
        f"t.fbs:3: error: T: `bounds` misses something; {SYNTAX}",
        't.fbs:3: error: T: field "points.label", among others, may grow without bound; add '
        '`bounds: "v.Point.label: N"`, or `max_bytes: N`',
    ),
    "bounds of types that are not there": (
        OF % (ENOUGH + ", v.Pont.label: 3, w.Point.label: 4, Piont.label: 5, v.Unlike.x: 6"),
        't.fbs:3: error: T: `bounds` gives "Piont.label", but there is no type "Piont" (did you '
        "mean v.Point?); correct or remove it",
        't.fbs:3: error: T: `bounds` gives "v.Pont.label", but there is no type "v.Pont" (did you '
        "mean v.Point?); correct or remove it",
        't.fbs:3: error: T: `bounds` gives "v.Unlike.x", but there is no type "v.Unlike"; correct '
        "or remove it",
        't.fbs:3: error: T: `bounds` gives "w.Point.label", but there is no type "w.Point" (did you '
        "mean v.Point?); correct or remove it",
    ),
    "bounds of a union by its type": (
        OF % (ENOUGH + ", v.Any.label: 3"),
        't.fbs:3: error: T: `bounds` gives "v.Any.label", but there is no table "v.Any"; correct or '
        "remove it",
    ),
    "bounds of a field of a field that is not there, near one that is": (
        OF % (ENOUGH + ", point.label: 3, name.x: 3"),
        't.fbs:3: error: T: `bounds` gives "name.x", but there is no field "name" in v.Cloud (did '
        "you mean names?); correct or remove it",
        't.fbs:3: error: T: `bounds` gives "point.label", but there is no field "point" in v.Cloud '
        "(did you mean points?); correct or remove it",
    ),
    "bounds of a field that is not there": (
        OF % (ENOUGH + ", point: 3"),
        't.fbs:3: error: T: `bounds` gives "point", but there is no field "point" in v.Cloud (did '
        "you mean points?); correct or remove it",
    ),
    "bounds of a field of a field that is not there": (
        OF % (ENOUGH + ", points.lable: 3"),
        't.fbs:3: error: T: `bounds` gives "points.lable", but there is no field "lable" in v.Point '
        "(did you mean label?); correct or remove it",
    ),
    "bounds within a string": (
        OF % (ENOUGH + ", points.label.x: 3"),
        't.fbs:3: error: T: `bounds` gives "points.label.x", but there is nothing within '
        '"points.label"; correct or remove it',
    ),
    "bounds of a field by its type that is not there": (
        OF % (ENOUGH + ", v.Point.lable: 3"),
        't.fbs:3: error: T: `bounds` gives "v.Point.lable", but there is no field "lable" in v.Point '
        "(did you mean label?); correct or remove it",
    ),
    "bounds of a type that the topic does not hold": (
        OF % (ENOUGH + ", v.Box.label: 3"),
        't.fbs:3: error: T: `bounds` gives "v.Box.label", which bounds nothing; remove it',
    ),
    "bounds by type where paths bound all": (
        OF % "points: 2, points.label: 1, best.label: 1, v.Point.label: 3, names: 4x5, data: 6",
        't.fbs:3: error: T: `bounds` gives "v.Point.label", which bounds nothing; remove it',
    ),
    "bounds given twice": (
        OF % (ENOUGH + ", data: 7"),
        't.fbs:3: error: T: `bounds` gives "data" twice; keep one',
    ),
    "bounds of a number and of a table": (
        OF % (ENOUGH + ", best: 3, points.x: 4"),
        't.fbs:3: error: T: `bounds` gives "best", which is a table; bound its fields instead',
        't.fbs:3: error: T: `bounds` gives "points.x", which is of fixed size; remove it',
    ),
    "two numbers for one": (
        OF % ENOUGH.replace("data: 6", "data: 6x7"),
        't.fbs:3: error: T: `bounds` gives "data" two numbers; give one',
    ),
    "bounds of what is deprecated": (
        'table T (topic: "t", of: "v.Mixed", bounds: "text: 3, gone: 4") {}',
        't.fbs:3: error: T: `bounds` gives "gone", which is deprecated; remove it',
    ),
    "bounds of a union, and of members that are not there": (
        'table T (topic: "t", of: "v.Holder", bounds: "any: 3, any.Words: 4, any.Word: 5, '
        'any.Words.x: 6, any.Box: 7, all: 2x3, v.Point.label: 1, v.Box.label: 1") {}',
        't.fbs:3: error: T: `bounds` gives "any", which is a union; bound its members instead',
        't.fbs:3: error: T: `bounds` gives "any.Box", which is a table; bound its fields instead',
        't.fbs:3: error: T: `bounds` gives "any.Word", but there is no member "Word" of v.Any (did '
        "you mean Words?); correct or remove it",
        't.fbs:3: error: T: `bounds` gives "any.Words.x", which bounds nothing; remove it',
    ),
    "bounds beside max_bytes": (
        'table T (topic: "t", of: "v.Cloud", max_bytes: 99, bounds: "data: 6") {}',
        "t.fbs:3: error: T: it has `bounds`, and `max_bytes` bounds the message; remove `bounds`",
    ),
    "lengths beside max_bytes": (
        'table T (topic: "t", max_bytes: 99) {\n a:string (max_length: 3);\n b:string;\n'
        " c:[T] (max_length: 2);\n d:[string] (max_string_length: 9); }",
        "t.fbs:4: error: T.a: it has `max_length`, and `max_bytes` bounds the message; remove "
        "`max_length`, or remove `max_bytes` and bound every field",
        "t.fbs:6: error: T.c: it has `max_length`, and `max_bytes` bounds the message; remove "
        "`max_length`, or remove `max_bytes` and bound every field",
        "t.fbs:7: error: T.d: it has `max_string_length`, and `max_bytes` bounds the message; remove "
        "`max_string_length`, or remove `max_bytes` and bound every field",
    ),
    "bounds on a struct": (
        'struct T (topic: "t", bounds: "x: 6") { x:int; }',
        "t.fbs:3: error: T: it has `bounds`, and a struct needs none; remove `bounds`",
    ),
    "bounds without a topic": (
        'table T (bounds: "x: 6") { x:int; }',
        "t.fbs:3: error: T: `bounds` is on a type that is not a topic; add `topic: \"some/name\"`, or "
        "remove `bounds`",
    ),
    "a length on a number": (
        'table T (topic: "t") { x:int (max_length: 3); }',
        "t.fbs:3: error: T.x: `max_length` is for a string or vector; remove `max_length`",
    ),
    "a length on a table": (
        'table A {}\ntable T (topic: "t") { x:A (max_length: 3); }',
        "t.fbs:4: error: T.x: `max_length` is for a string or vector; remove `max_length`",
    ),
    "a length in a struct": (
        "struct S { x:[int:3] (max_length: 3); }",
        "t.fbs:3: error: S.x: `max_length` is for a string or vector; remove `max_length`",
    ),
    "a string's length on a string": (
        'table T (topic: "t") { x:string (max_length: 3, max_string_length: 3); }',
        "t.fbs:3: error: T.x: `max_string_length` is for the strings of a vector; remove "
        "`max_string_length`",
    ),
    "a length on a type": (
        'table T (topic: "t", max_length: 3) { x:int; }',
        "t.fbs:3: error: T: `max_length` is on a type; put it on a string or a vector",
    ),
    "a length that is none": (
        'table T (topic: "t", max_bytes: 9) { x:string (max_length: "many"); y:[int] (max_length: 0); }',
        't.fbs:3: error: T.x: `max_length` is "many"; write a number from 1 to 2147483647',
        't.fbs:3: error: T.y: `max_length` is "0"; write a number from 1 to 2147483647',
    ),
}


def with_vendor(workshop: Workshop, text: str) -> str:
    workshop.write("v.fbs", VENDOR)
    return f'include "holler.fbs";\ninclude "v.fbs";\n{text}'


@pytest.mark.parametrize("rule", RULES)
def test_rule(workshop: Workshop, rule: str) -> None:
    text, *messages = RULES[rule]
    result = workshop.check(with_vendor(workshop, text))
    assert [str(problem) for problem in result.problems] == messages


def bounded(workshop: Workshop, text: str) -> BoundedTable:
    """The table of the last topic of a schema."""
    result = workshop.check(with_vendor(workshop, text))
    assert not result.problems, [str(problem) for problem in result.problems]
    topic, computed = result.topics[-1]
    assert topic.bounded and computed.payload_kind is PayloadKind.TABLE_AT_START
    return topic.bounded.root.bounded


def field(table: BoundedTable | None, name: str) -> BoundedField:
    assert table
    return next(f for f in table.fields if f and f.field.name == name)


def test_bounds_of_a_type_that_one_does_not_own(workshop: Workshop) -> None:
    cloud = bounded(workshop, OF % "points: 2, points.label: 3, best.label: 7, names: 4x5, data: 6")
    points, best = field(cloud, "points"), field(cloud, "best")
    names, data = field(cloud, "names"), field(cloud, "data")
    assert points.capacity == 2
    assert field(points.table, "label").capacity == 3
    assert field(best.table, "label").capacity == 7
    assert (names.capacity, names.string_capacity) == (4, 5)
    assert data.capacity == 6


def test_a_path_precedes_a_type_precedes_an_attribute(workshop: Workshop) -> None:
    mine = "namespace m; table A { s:string (max_length: 1); } table B { one:A; two:A; }\n"
    of = 'table T (topic: "t", of: "B"%s) {}'
    plain = bounded(workshop, mine + of % "")
    typed = bounded(workshop, mine + of % ', bounds: "A.s: 2"')
    both = bounded(workshop, mine + of % ', bounds: "m.A.s: 2, two.s: 3"')
    found = [
        [field(field(table, name).table, "s").capacity for name in ("one", "two")]
        for table in (plain, typed, both)
    ]
    assert found == [[1, 1], [2, 2], [2, 3]]
    assert field(plain, "one").table is field(plain, "two").table
    assert field(both, "one").table is not field(both, "two").table


def test_one_type_under_several_bounds(workshop: Workshop) -> None:
    other = OF.replace("T", "U").replace('"t"', '"u"') % ENOUGH.replace("6", "60")
    result = workshop.check(with_vendor(workshop, f"{OF % ENOUGH}\n{other}"))
    assert not result.problems
    sizes = [topic.bounded.size for topic, _ in result.topics if topic.bounded]
    assert sizes[0] < sizes[1]


def test_bounds_of_unions(workshop: Workshop) -> None:
    paths = "any.Words: 4, any.Box.label: 5, v.Box.label: 6, v.Point.label: 7, all: 2x3"
    holder = bounded(workshop, f'table T (topic: "t", of: "v.Holder", bounds: "{paths}") {{}}')
    one, many = field(holder, "any"), field(holder, "all")
    assert [m.kind for m in one.members] == [FieldKind.TABLE, FieldKind.TABLE, FieldKind.STRING]
    assert [m.capacity for m in one.members] == [0, 0, 4]
    assert [m.capacity for m in many.members] == [0, 0, 3]
    assert (many.capacity, field(holder, "all_type").capacity) == (2, 2)
    labels = [
        field(m.table, "label").capacity for f in (one, many) for m in f.members if m.table
    ]
    assert labels == [7, 5, 7, 6]


def test_a_nested_flatbuffer_is_bounded_or_assigned(workshop: Workshop) -> None:
    of = 'table T (topic: "t", of: "v.Letter", bounds: "%s") {}'
    inside = field(bounded(workshop, of % "body.label: 5"), "body")
    whole = field(bounded(workshop, of % "body: 500"), "body")
    assert inside.kind is FieldKind.NESTED_MESSAGE
    assert field(inside.table, "label").capacity == 5
    assert (whole.kind, whole.capacity) == (FieldKind.NESTED_BYTES, 500)


def test_attributes_of_files_that_know_holler(workshop: Workshop) -> None:
    workshop.write("mine.fbs", 'include "holler.fbs"; table A { s:string (max_length: 4); }')
    table = bounded(workshop, 'include "mine.fbs"; table T (topic: "t", of: "A") {}')
    assert field(table, "s").capacity == 4


def test_a_table_without_strings_needs_no_bounds(workshop: Workshop) -> None:
    table = bounded(workshop, 'table T (topic: "t") { a:int; v:v.Vec; e:Empty; } table Empty {}')
    assert [f.kind for f in table.fields if f] == [
        *(FieldKind.SCALAR, FieldKind.STRUCT, FieldKind.TABLE)
    ]


@pytest.mark.parametrize(
    "sharer",
    [
        'table U (topic: "u", of: "T") {}',
        'table U (topic: "u") { t:T; }',
        'union Any { T } table U (topic: "u") { all:[Any] (max_length: 2); }',
    ],
)
def test_lengths_that_another_topic_heeds(workshop: Workshop, sharer: str) -> None:
    text = f'table T (topic: "t", max_bytes: 99) {{ s:string (max_length: 4); }}\n{sharer}'
    result = workshop.check(with_vendor(workshop, text))
    assert not result.problems
    assert [computed.payload_kind for _, computed in result.topics] == [
        *(PayloadKind.TABLE_AT_END, PayloadKind.TABLE_AT_START)
    ]


def test_max_bytes_leaves_lengths_of_other_types_alone(workshop: Workshop) -> None:
    text = """table A { s:string (max_length: 4); }
table T (topic: "t", max_bytes: 99) { a:A; t:[string]; }
table U (topic: "u", of: "A", max_bytes: 99) {}"""
    result = workshop.check(with_vendor(workshop, text))
    assert not result.problems
    assert {computed.payload_kind for _, computed in result.topics} == {PayloadKind.TABLE_AT_END}


@pytest.mark.parametrize(
    ("type_", "default", "is_lost"),
    [
        ("ulong", "", False),
        ("ulong", "= 0", False),
        ("ulong", "= 9223372036854775807", False),
        ("ulong", "= 9223372036854775808", True),
        ("ulong", "= 18446744073709551615", True),
        ("double", "", False),
        ("double", "= 0.0", False),
        ("double", "= -0.5", False),
        ("double", "= -0.0", True),
        ("float", "= -0", True),
    ],
)
def test_defaults_that_flatc_loses(
    workshop: Workshop, type_: str, default: str, is_lost: bool
) -> None:
    """Their fields are absent until they are set, so that readers find the right value."""
    table = bounded(workshop, f'table T (topic: "t") {{ n:{type_} {default}; m:{type_}; }}')
    assert field(table, "n").may_be_absent is is_lost
    assert not field(table, "m").may_be_absent


def test_many_paths_to_few_types_take_no_time(workshop: Workshop) -> None:
    """As many ways as grains of rice on a chessboard, and one type under one bound at the end."""
    tables = "".join(f"table L{i} {{ a:L{i + 1}; b:L{i + 1}; }}\n" for i in range(14))
    text = f'{tables}table L14 {{ s:string; }}\ntable T (topic: "t", bounds: "L14.s: 3") {{ a:L0; }}'
    table = bounded(workshop, text)
    for _ in range(15):
        table = next(f.table for f in table.fields if f and f.table)
    assert field(table, "s").capacity == 3
