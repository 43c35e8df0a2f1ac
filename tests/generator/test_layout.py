"""Offsets, sizes and fingerprints."""

from __future__ import annotations

import dataclasses
import random

import pytest
from conftest import Workshop

from holler_gen import layout
from holler_gen.layout import Layout, PayloadKind, Topic
from holler_gen.schema import Schema, align_up

STRUCT = 'struct S (topic: "s") { a:uint64; b:[float:15]; }'


def with_holler(text: str) -> str:
    return f'include "holler.fbs";\n{text}'


def test_struct_by_hand(workshop: Workshop) -> None:
    text = with_holler(
        'struct S (topic: "s", depth: 16, max_subscribers: 3, max_samples: 4, max_loans: 5) '
        "{ a:uint64; b:[float:15]; }"
    )
    _, computed = workshop.topic(text, schema_bytes=1000)
    # A message of 68 bytes, rounded up to 72 by its uint64; 24 of header before it.
    assert computed == Layout(
        payload_kind=PayloadKind.STRUCT,
        depth=16,
        max_subscribers=3,
        max_samples=4,
        max_loans=5,
        slot_count=16 + 5 + 3 * 4,
        payload_offset=24,
        payload_capacity=72,
        slot_stride=128,
        schema_offset=576,
        schema_bytes=1000,
        head_offset=1600,  # 1576, to a line
        ring_offset=1664,
        slots_offset=1728,  # 1664 + 16 * 4
        segment_bytes=8192,  # 1728 + 33 * 128 = 5952, to a page
    )


def test_defaults(workshop: Workshop) -> None:
    topic, computed = workshop.topic(with_holler(STRUCT))
    assert (topic.depth, topic.max_subscribers, topic.max_samples, topic.max_loans) == (8, 32, 2, 2)
    assert not topic.latched
    assert not topic.reliable
    assert computed.slot_count == 8 + 2 + 32 * 2


def test_table_by_hand(workshop: Workshop) -> None:
    text = with_holler(
        "table Inner { a:int; b:int; c:int; }"
        'table T (topic: "t", max_bytes: 5000) { inner:[Inner]; }'
    )
    _, computed = workshop.topic(text)
    assert computed.payload_kind is PayloadKind.TABLE_AT_END
    assert computed.payload_offset == 24
    # 24 + 5000 to a multiple of 64 + 1024 + 8 * 3 fields of Inner = 6128, to a line.
    assert computed.slot_stride == 6144
    assert computed.payload_capacity == 6144 - 24


def test_message_limit() -> None:
    assert [layout.message_limit(n) for n in (1, 63, 64, 65, 65536)] == [64, 64, 64, 128, 65536]
    highest = layout.BOUNDS["max_bytes"].highest
    assert layout.message_limit(highest) == highest


def test_payload_is_aligned_for_any_scalar(workshop: Workshop) -> None:
    text = with_holler('struct S (topic: "s") { a:byte; }')
    topic, _ = workshop.topic(text)
    model = workshop.schema(text)
    assert topic.message.align == 1
    assert layout.payload_align(topic, model) == 8
    assert layout.slot_align(topic, model) == 64


def test_a_message_that_exactly_fills_a_line(workshop: Workshop) -> None:
    _, full = workshop.topic(with_holler('struct S (topic: "s") { a:[uint64:5]; }'))
    _, over = workshop.topic(with_holler('struct S (topic: "s") { a:[uint64:6]; }'))
    assert (full.slot_stride, over.slot_stride) == (64, 128)


@pytest.mark.parametrize(("align", "offset"), [(4, 24), (8, 24), (16, 32), (32, 32)])
def test_force_align_of_a_struct(workshop: Workshop, align: int, offset: int) -> None:
    text = with_holler(f'struct S (topic: "s", force_align: {align}) {{ a:int; }}')
    topic, computed = workshop.topic(text)
    assert topic.message.align == align
    assert computed.payload_offset == offset


def test_alignment_of_a_table_is_that_of_anything_it_holds(workshop: Workshop) -> None:
    inner = "struct V (force_align: 32) { a:int; } table Inner { v:V; } union U { Inner } "
    table = 'table T (topic: "t", max_bytes: 100) '
    _, direct = workshop.topic(with_holler(inner + table + "{ v:[Inner]; }"))
    _, by_union = workshop.topic(with_holler(inner + table + "{ u:U; }"))
    _, by_vector = workshop.topic(with_holler(table + "{ a:[uint8] (force_align: 16); }"))
    _, plain = workshop.topic(with_holler(inner + table + "{ a:[uint8]; }"))
    offsets = [item.payload_offset for item in (direct, by_union, by_vector, plain)]
    assert offsets == [32, 32, 32, 24]


def test_struct_larger_than_the_16_bits_of_an_offset(workshop: Workshop) -> None:
    text = with_holler(
        'struct S (topic: "s") { a:[uint8:65535]; b:[uint8:65535]; c:uint32; d:uint8; }'
    )
    topic, computed = workshop.topic(text)
    assert [field.offset for field in topic.message.fields] == [0, 65535, 131072, 131076]
    assert computed.payload_capacity == 131080


def test_layout_agrees_with_the_rules_of_the_runtime(workshop: Workshop) -> None:
    """IsConsistent of holler/layout.h, in other words, over random topics."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    struct, _ = workshop.topic(with_holler(STRUCT))
    table, _ = workshop.topic(with_holler('table T (topic: "t", max_bytes: 9) { a:[string]; }'))
    model = Schema({}, {}, "", "", ())
    for _ in range(500):
        topic = dataclasses.replace(
            rng.choice([struct, table]),
            depth=rng.randint(1, 65536),
            max_subscribers=rng.randint(1, 1024),
            max_samples=rng.randint(1, 63),
            max_loans=rng.randint(1, 64),
        )
        if not topic.message.is_struct:
            topic = dataclasses.replace(topic, max_bytes=rng.randint(1, 2**31 - 4096))
        schema_bytes = rng.randint(1, 2**20)
        check_consistent(topic, layout.compute(topic, model, schema_bytes), schema_bytes)


def check_consistent(topic: Topic, computed: Layout, schema_bytes: int) -> None:
    assert computed.payload_offset % 8 == 0 and computed.payload_offset >= 24
    assert computed.slot_stride % 64 == 0
    spare = computed.slot_stride - computed.payload_offset - computed.payload_capacity
    if topic.message.is_struct:
        assert computed.payload_capacity == topic.message.size
        assert 0 <= spare < 64
    else:
        assert computed.payload_capacity >= layout.message_limit(topic.max_bytes) + 1024 + 8
        assert (computed.payload_offset + computed.payload_capacity) % 8 == 0
        assert spare == 0  # FlatBufferBuilder starts at the very end, which is aligned.
    assert computed.schema_offset == 576
    assert computed.head_offset % 64 == 0
    assert 0 <= computed.head_offset - 576 - schema_bytes < 64
    assert computed.ring_offset - computed.head_offset == 64
    assert computed.slots_offset % 64 == 0
    assert 0 <= computed.slots_offset - computed.ring_offset - 4 * topic.depth < 64
    slots = topic.depth + topic.max_loans + topic.max_subscribers * topic.max_samples
    assert computed.slot_count == slots
    assert computed.segment_bytes % 4096 == 0
    end = computed.slots_offset + slots * computed.slot_stride
    assert 0 <= computed.segment_bytes - end < 4096


def test_align_up() -> None:
    assert [align_up(n, 8) for n in (0, 1, 7, 8, 9)] == [0, 8, 8, 8, 16]


BASE = """
namespace n;
enum Mode : ubyte { Off, On = 5 }
struct V { x:float; y:float; }
table Leaf { s:string; }
union U { Leaf }
table T { a:int = 3; b:[V]; m:Mode = On; u:U; s:string (required); k:uint (key); o:int = null;
  old:int (deprecated); f:float = 0.5; }
"""


def fingerprint(workshop: Workshop, text: str, name: str = "n.T") -> int:
    model = workshop.schema(text)
    return layout.fingerprint(model.objects[name], model)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a:int = 3", "a:int = 4"),
        ("a:int = 3", "a:uint = 3"),
        ("a:int = 3", "aa:int = 3"),
        ("f:float = 0.5", "f:float = 0.25"),
        ("f:float = 0.5", "f:double = 0.5"),
        ("b:[V]", "b:[Leaf]"),
        ("b:[V]", "b:V"),
        ("m:Mode = On", "m:Mode = Off"),
        ("On = 5", "On = 6, More = 5"),
        ("{ Off,", "{ No,"),
        ("enum Mode : ubyte", "enum Mode : byte"),
        ("x:float; y:float", "y:float; x:float"),
        ("x:float; y:float", "x:float; y:float; z:float"),
        ("struct V {", "struct V (force_align: 8) {"),
        ("table Leaf { s:string; }", "table Leaf { s:string; t:string; }"),
        ("union U { Leaf }", "table Other {} union U { Leaf, Other }"),
        ("union U { Leaf }", "table Other {} union U { Leaf: Other }"),
        (" (required)", ""),
        (" (key)", ""),
        ("o:int = null", "o:int"),
        (" (deprecated)", ""),
        ("namespace n;", "namespace n; table Later {} namespace n;"),  # changes nothing
    ],
)
def test_fingerprint_of_each_change(workshop: Workshop, old: str, new: str) -> None:
    changed = BASE.replace(old, new)
    assert changed != BASE
    same = fingerprint(workshop, BASE) == fingerprint(workshop, changed)
    assert same == ("Later" in new)


def test_fingerprint_ignores_what_does_not_matter(workshop: Workshop) -> None:
    """Comments, order of declaration, topics' attributes, files."""
    workshop.write(
        "part.fbs",
        "namespace n;\n/// Two.\nstruct V { x:float; y:float; } table Unused { a:int; }",
    )
    other = """
        include "holler.fbs"; include "part.fbs";
        namespace n;
        table Leaf { s:string; }
        union U { Leaf }
        /// Commented.
        enum Mode : ubyte { Off, On = 5 }
        /// Commented, too.
        table T (topic: "t", max_bytes: 77, depth: 3) {
          /// The first.
          a:int = 3; b:[V]; m:Mode = On; u:U; s:string (required);
          k:uint (key); o:int = null; old:int (deprecated); f:float = 0.5; }
        root_type T; file_identifier "ABCD";
    """
    assert fingerprint(workshop, other) == fingerprint(workshop, BASE)


NESTING = """
namespace n;
table Inner { a:int; b:float; }
namespace n.m;
table T { data:[ubyte] (nested_flatbuffer: "Inner"); }
"""


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("a:int; b:float", "a:float; b:int", False),  # what is nested
        (' (nested_flatbuffer: "Inner")', "", False),
        ("namespace n.m;", "namespace n.m; table Inner { a:int; b:float; }", False),
        ('"Inner"', '"n.Inner"', True),  # the same by another name
        ("table Inner {", "table Other {} table Inner {", True),
    ],
)
def test_fingerprint_of_what_is_nested(
    workshop: Workshop, old: str, new: str, is_same: bool
) -> None:
    changed = NESTING.replace(old, new)
    assert changed != NESTING
    prints = [fingerprint(workshop, text, "n.m.T") for text in (NESTING, changed)]
    assert (prints[0] == prints[1]) == is_same


def test_fingerprint_of_recursive_types_ends(workshop: Workshop) -> None:
    text = "table A { b:B; n:[ubyte] (nested_flatbuffer: \"A\"); } table B { a:[A]; }"
    assert fingerprint(workshop, text, "A") != fingerprint(workshop, text, "B")


def test_fingerprint_stays_what_it_was(workshop: Workshop) -> None:
    """Processes built with different versions of the generator meet: it must never change."""
    model = workshop.schema(BASE)
    assert layout.canonical_text(model.objects["n.T"], model) == CANONICAL
    assert fingerprint(workshop, BASE) == 0xAE626709EC552DB7


CANONICAL = """\
root n.T
table n.Leaf
  0 s string
enum n.Mode ubyte
  Off = 0
  On = 5
table n.T
  0 a int = 3
  1 b [n.V]
  2 m n.Mode = 5
  3 u_type type of n.U = 0
  4 u n.U
  5 s string required
  6 k uint = 0 key
  7 o int optional
  8 old int = 0 deprecated
  9 f float = 0.5
union n.U utype
  NONE = 0 none
  Leaf = 1 n.Leaf
struct n.V align 4 size 8
  x float at 0
  y float at 4
"""
