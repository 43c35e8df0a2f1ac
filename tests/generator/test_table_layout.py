"""Where the parts of a bounded table lie: no two in one place, each aligned, none too large."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from conftest import ROOT, Workshop

from holler_gen import table_layout
from holler_gen.bounds import FieldKind
from holler_gen.schema import SCALAR_BYTES, align_up
from holler_gen.table_layout import PlacedField, PlacedMessage, PlacedTable


def placed(workshop: Workshop, text: str) -> PlacedMessage:
    """The message of the only topic of a schema."""
    topic, _ = workshop.topic(f'include "holler.fbs";\n{text}')
    assert topic.bounded
    return topic.bounded


def field(table: PlacedTable, name: str) -> PlacedField:
    return next(f for f in table.fields if f and f.bounded.field.name == name)


def test_a_small_message(workshop: Workshop) -> None:
    """Drawn in docs/static_table.md."""
    message = placed(
        workshop,
        'table Scan (topic: "scan") { stamp:ulong; frame:string (max_length: 8); '
        "ranges:[float] (max_length: 4); quality:ubyte; }",
    )
    root = message.root
    assert (root.vtable_bytes, root.table_bytes) == (12, 21)
    # 4 for the root's offset and 12 for the vtable are 16; 4 more put `stamp` on a multiple of 8.
    assert message.head == 20
    assert field(root, "stamp").at == 4
    assert field(root, "frame").at == 12
    assert field(root, "ranges").at == 16
    assert field(root, "quality").at == 20
    # 20 + 21 = 41, so the first room is at 44.
    assert field(root, "frame").room == 24
    assert field(root, "ranges").room == 24 + 16
    assert message.size == align_up(20 + 40 + 4 + 16, 8)
    assert message.align == 8


def test_an_identifier_takes_four_bytes(workshop: Workshop) -> None:
    text = 'table T (topic: "t") { a:int; } root_type T;'
    plain = placed(workshop, text)
    identified = placed(workshop, text + ' file_identifier "TTTT";')
    assert (plain.head, identified.head) == (12, 16)


def test_the_table_has_no_holes(workshop: Workshop) -> None:
    root = placed(
        workshop,
        'struct W (force_align: 16) { x:int; } table T (topic: "t") '
        "{ a:byte; b:W; c:short; d:double; e:bool; f:int; g:string (max_length: 1); }",
    ).root
    assert root.table_bytes == 4 + 16 + 8 + 4 + 4 + 2 + 1 + 1
    order = sorted((f for f in root.fields if f), key=lambda f: f.at)
    assert [f.bounded.field.name for f in order] == ["b", "d", "f", "g", "c", "a", "e"]


def test_small_rooms_come_first(workshop: Workshop) -> None:
    root = placed(
        workshop,
        'table T (topic: "t") { image:[ubyte] (max_length: 1000000); name:string (max_length: 9); }',
    ).root
    assert field(root, "name").room < field(root, "image").room < 64


def test_what_is_deprecated_takes_no_room(workshop: Workshop) -> None:
    text = 'table U { a:int; } union A { U } table T (topic: "t") { %s b:int; }'
    gone = "s:string (deprecated); u:A (deprecated); i:long (deprecated);"
    root = placed(workshop, text % gone).root
    assert root.fields[:4] == (None, None, None, None)
    assert root.vtable_bytes == 4 + 2 * 5
    assert root.table_bytes == 8


@pytest.mark.parametrize(("size", "room"), [(1, 8), (3, 8), (4, 12), (7, 12), (8, 16)])
def test_rooms_of_strings(workshop: Workshop, size: int, room: int) -> None:
    """Length, characters and a zero, to a multiple of four."""
    text = f'table T (topic: "t") {{ s:[string] (max_length: 2, max_string_length: {size}); }}'
    strings = field(placed(workshop, text).root, "s")
    assert strings.stride == room
    assert strings.elements == strings.room + 4 + 2 * 4


def test_a_union_has_room_for_its_largest_member(workshop: Workshop) -> None:
    text = """
struct S { a:[long:9]; } table A { a:int; } table B { a:string (max_length: 99); }
union U { A, B, S, Words:string }
table T (topic: "t") { u:U (max_string_length: 5); v:[U] (max_length: 3, max_string_length: 6); }
"""
    root = placed(workshop, text).root
    one, many = field(root, "u"), field(root, "v")
    table = one.members[1].table
    assert table and many.stride == align_up(table.end, 8)
    assert {member.at for member in one.members if not member.table} == {0}


def test_tables_and_depth_are_counted(workshop: Workshop) -> None:
    text = """
table A { a:int; } table B { a:[A] (max_length: 10); b:A; } union U { A, B }
table T (topic: "t") { b:[B] (max_length: 5); u:U; us:[U] (max_length: 2);
  n:[ubyte] (nested_flatbuffer: "B"); }
"""
    root = placed(workshop, text).root
    # A nested message is verified by itself.
    assert root.tables == 1 + 5 * 12 + 12 + 2 * 12
    assert root.depth == 3


CONSTRUCTS = (ROOT / "tests/runtime/idl/bounded.fbs").read_text("utf-8")


def test_parts_do_not_overlap(workshop: Workshop) -> None:
    """In messages with every construct, under random bounds."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    parts = (ROOT / "tests/runtime/idl/bounded_parts.fbs").read_text("utf-8")
    workshop.write("bounded_parts.fbs", parts)
    for _ in range(30):
        text = re.sub(
            r"(length|label\.text|labels\.text): \d+",
            lambda match: f"{match[1]}: {rng.randint(1, 40)}",
            CONSTRUCTS,
        )
        result = workshop.check(text)
        assert not result.problems
        for topic, computed in result.topics:
            assert topic.bounded
            check_places(topic.bounded)
            assert computed.payload_capacity == topic.bounded.size
            assert computed.payload_offset % topic.bounded.align == 0


def check_places(message: PlacedMessage) -> None:
    for table in table_layout.tables_of(message.root):
        check_block(table)
    root = message.root
    assert message.head % root.align == root.head % root.align
    assert message.head - root.vtable_bytes >= 4
    assert message.size >= message.head - root.head + root.end
    assert message.size % 8 == 0


def check_block(table: PlacedTable) -> None:
    """Every byte of a block is of one part only; each part is aligned if the block is."""
    taken = bytearray(table.end)

    def take(start: int, size: int, align: int) -> None:
        assert start % align == 0, (start, align)
        assert start >= 0 and start + size <= table.end
        assert not any(taken[start : start + size])
        taken[start : start + size] = b"\1" * size

    head = table.head
    take(head - table.vtable_bytes, table.vtable_bytes, 2)
    take(head, 4, 4)
    for place in filter(None, table.fields):
        for start, size, align in parts_of(place):
            assert table.align % align == 0
            take(head + start, size, align)
    assert taken[head - table.vtable_bytes : head + table.table_bytes].count(0) == 0


def parts_of(place: PlacedField) -> Iterator[tuple[int, int, int]]:
    """Place, size and alignment of all that a field takes in its block."""
    bounded, kind = place.bounded, place.bounded.kind
    if kind in (FieldKind.SCALAR, FieldKind.STRUCT, FieldKind.UNION_TYPE):
        leaf = bounded.field.type.leaf
        yield place.at, place.size, SCALAR_BYTES.get(leaf, place.align)
        return
    yield place.at, 4, 4
    count = bounded.capacity
    if kind is FieldKind.STRING:
        yield place.room, 4 + count + 1, 4
    elif kind in (FieldKind.ELEMENTS, FieldKind.NESTED_BYTES, FieldKind.UNION_TYPES):
        yield place.room, 4, 4
        yield place.room + 4, count * place.size, place.align
    elif kind is FieldKind.NESTED_MESSAGE:
        assert place.table
        yield place.room, 4, 4
        yield place.room + 4, place.size, place.align
        assert place.head - place.table.head + place.table.end <= place.size
    elif kind is FieldKind.TABLE:
        assert place.table
        yield block_at(place.room, place.table)
    elif kind is FieldKind.UNION:
        yield place.room, *union_room(place)
    else:
        yield place.room, 4 + 4 * count, 4
        if kind is FieldKind.TABLES:
            yield place.room - 4, 4, 4
        for i in range(count):
            if kind is FieldKind.STRINGS:
                yield place.elements + i * place.stride, 4 + bounded.string_capacity + 1, 4
            elif kind is FieldKind.TABLES:
                assert place.table
                yield block_at(place.elements + i * place.table.stride, place.table)
            else:
                yield place.elements + i * place.stride, *union_room(place)


def block_at(at: int, table: PlacedTable) -> tuple[int, int, int]:
    return at - table.head, table.end, table.align


def union_room(place: PlacedField) -> tuple[int, int]:
    size, align = 0, 4
    for member in place.members:
        if member.table:
            assert member.at == member.table.head
            size, align = max(size, member.table.end), max(align, member.table.align)
        else:
            size = max(size, member.size or 4 + member.bounded.capacity + 1)
            align = max(align, member.align)
    return size, align


BIG = 'struct Big { a:[ubyte:40000]; }\ntable T (topic: "t") { a:Big; %s }'
WIDE = "table T (topic: \"t\") { " + "".join(f"f{i}:bool;" for i in range(32766)) + " }"

LIMITS = {
    "a table of more than 64 KiB": (
        BIG % "b:Big;",
        "t.fbs:3: error: T: the scalars and structs of table T take 80004 bytes, and may take 65535; "
        "put a large struct into a vector or a table of its own",
    ),
    "a table of more than 64 KiB that is built": (
        BIG.replace('"t"', '"t", max_bytes: 200000') % "b:Big;",
        "t.fbs:3: error: T: the scalars and structs of table T take up to 80007 bytes, and may take "
        "65535; put a large struct into a vector or a table of its own",
    ),
    "such a table within one that is built": (
        BIG.replace(' (topic: "t")', "") % "b:Big;"
        + '\ntable Many (topic: "many", max_bytes: 200000) { all:[T]; }',
        "t.fbs:4: error: Many: the scalars and structs of table T take up to 80007 bytes, and may "
        "take 65535; put a large struct into a vector or a table of its own",
    ),
    "padding between the fields of a table that is built": (
        'struct Big { a:[ubyte:65525]; }\n'
        'table T (topic: "t", max_bytes: 70000) { a:Big; b:bool; c:short; }',
        "t.fbs:3: error: T: the scalars and structs of table T take up to 65536 bytes, and may take "
        "65535; put a large struct into a vector or a table of its own",
    ),
    "a vtable of more than 64 KiB in what is built": (
        WIDE.replace('"t"', '"t", max_bytes: 200000'),
        "t.fbs:2: error: T: table T has 32766 fields, whose vtable takes 65536 bytes, and may take "
        "65534; split the table",
    ),
    "a vtable of more than 64 KiB": (
        WIDE,
        "t.fbs:2: error: T: table T has 32766 fields, whose vtable takes 65536 bytes, and may take "
        "65534; split the table",
    ),
    "more tables than the verifier counts": (
        'table A {} table B { a:[A] (max_length: 1000); }\n'
        'table T (topic: "t") { b:[B] (max_length: 1000); }',
        "t.fbs:3: error: T: a message may hold 1001001 tables, and flatbuffers::Verifier accepts "
        "1000000; use smaller bounds",
    ),
    "deeper than the verifier goes": (
        "".join(f"table L{i} {{ l:L{i + 1}; }} " for i in range(63))
        + 'table L63 {}\ntable T (topic: "t") { l:L0; }',
        "t.fbs:3: error: T: the tables of a message are nested 65 deep, and flatbuffers::Verifier "
        "accepts 64; nest less, or add `max_bytes: N`",
    ),
    "deeper in a nested message": (
        "".join(f"table L{i} {{ l:L{i + 1}; }} " for i in range(64))
        + 'table L64 {}\ntable T (topic: "t") { l:[ubyte] (nested_flatbuffer: "L0"); }',
        "t.fbs:3: error: T: the tables of a message of L0 nested in it are nested 65 deep, and "
        "flatbuffers::Verifier accepts 64; nest less, or add `max_bytes: N`",
    ),
    "so deep that nobody goes there": (
        "".join(f"table L{i} {{ l:L{i + 1}; m:L{i + 1}; }} " for i in range(400))
        + 'table L400 {}\ntable T (topic: "t") { l:L0; m:L1; }',
        "t.fbs:3: error: T: tables are nested more than 128 deep at L127, and "
        "flatbuffers::Verifier accepts 64 in a message; nest less, or add `max_bytes: N`",
    ),
    "so deep in messages nested in each other": (
        "".join(
            f'union U{i} {{ L{i + 1} }} table L{i} {{ u:[U{i}] (max_length: 1); '
            f'l:[ubyte] (nested_flatbuffer: "L{i + 1}"); }} '
            for i in range(400)
        )
        + 'table L400 {}\ntable T (topic: "t") { l:[ubyte] (nested_flatbuffer: "L0"); }',
        "t.fbs:3: error: T: tables are nested more than 128 deep at L127, and "
        "flatbuffers::Verifier accepts 64 in a message; nest less, or add `max_bytes: N`",
    ),
    "more than 2 GiB": (
        'table T (topic: "t") { a:[ubyte] (max_length: 2147483647); }',
        "t.fbs:2: error: T: a message takes 2147483672 bytes, and may take 2147479552; use smaller "
        "bounds, or add `max_bytes: N`",
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limit(workshop: Workshop, limit: str) -> None:
    text, message = LIMITS[limit]
    result = workshop.check(f'include "holler.fbs";\n{text}')
    assert [str(problem) for problem in result.problems] == [message]


def test_a_table_that_is_just_small_enough_to_be_built(workshop: Workshop) -> None:
    text = """include "holler.fbs"; struct Big { a:[ubyte:65524]; } table T (topic: "t", max_bytes: 9) {
      a:Big; b:bool; c:short; gone:Big (deprecated);
    } table U (topic: "u", max_bytes: 9) { all:[Big]; one:T; }"""
    assert not workshop.check(text).problems


def test_what_is_just_within_the_limits(workshop: Workshop) -> None:
    assert placed(workshop, BIG % "b:[Big] (max_length: 1);").root.table_bytes == 40008
    deep = "".join(f"table L{i} {{ l:L{i + 1}; }} " for i in range(62)) + "table L62 {} "
    assert placed(workshop, deep + 'table T (topic: "t") { l:L0; }').root.depth == 64
    # At the end of the way through messages nested in each other.
    way = "".join(
        f'union U{i} {{ L{i + 1} }} table L{i} {{ u:[U{i}] (max_length: 1); }} ' for i in range(62)
    )
    way += 'table L62 { l:[ubyte] (nested_flatbuffer: "L63"); } '
    way += "".join(
        f'union U{i} {{ L{i + 1} }} table L{i} {{ u:[U{i}] (max_length: 1); }} '
        for i in range(63, 126)
    )
    way += 'table L126 {} table T (topic: "t") { l:L0; }'
    assert placed(workshop, way).root.depth == 64
    tables = placed(
        workshop,
        'table A {} table B { a:[A] (max_length: 998); } '
        'table T (topic: "t") { b:[B] (max_length: 1001); }',
    ).root.tables
    assert tables == 1_000_000
