"""Reading a .bfbs: what a sound one means, and that no damaged one is believed."""

from __future__ import annotations

import random
import struct

import pytest
from conftest import Workshop

from holler_gen import check, layout, problems, render, schema, source
from holler_gen.bfbs import BfbsError, Buffer
from holler_gen.schema import Base, Type

EVERYTHING = """
include "holler.fbs";
namespace geo;
/// A vector.
struct Vec3 { x:float; y:float; z:float; }
namespace sensors;
/// How it works.
enum Mode : ubyte {
  /// Not at all.
  Off,
  On = 5
}
enum Flags : uint (bit_flags) { A, B }
table Leaf { name:string; }
union Any { Leaf, Position: geo.Vec3 }
/// First line.
///   Second line.
struct Imu (topic: "sensors/imu", depth: 16, latched) {
  /// When.
  stamp_ns:uint64;
  accel:geo.Vec3; cov:[float:9]; mode:Mode; modes:[Mode:3]; vecs:[geo.Vec3:2]; ok:bool;
}
table Everything (topic: "all", max_bytes: 5000) {
  a:int = 3; b:double = 0.5; c:Mode = On; d:string (required); e:[geo.Vec3]; f:[string];
  g:Any; h:[Any]; i:uint64 (key); j:short = null; k:[ubyte] (force_align: 16);
  l:int (deprecated); m:Imu; n:Leaf; o:[Leaf]; p:Flags;
}
/// What can be asked.
rpc_service Oracle {
  /// And answered.
  Ask(Everything):Everything (deadline_ms: 5, max_calls: 1);
}
root_type Everything;
file_identifier "EVRY";
"""


def test_everything(workshop: Workshop) -> None:
    model = workshop.schema(EVERYTHING)
    assert (model.root, model.file_identifier) == ("sensors.Everything", "EVRY")
    assert model.files[-1] == "t.fbs" and model.files[0].endswith("idl/holler.fbs")
    imu = model.objects["sensors.Imu"]
    assert (imu.is_struct, imu.align, imu.size, imu.file) == (True, 8, 88, "t.fbs")
    assert imu.doc == (" First line.", "   Second line.")
    assert imu.attributes == {"topic": "sensors/imu", "depth": "16", "latched": "0"}
    assert [(f.name, f.type, f.offset) for f in imu.fields] == [
        ("stamp_ns", Type(Base.ULONG), 0),
        ("accel", Type(Base.OBJECT, name="geo.Vec3"), 8),
        ("cov", Type(Base.ARRAY, Base.FLOAT, length=9), 20),
        ("mode", Type(Base.UBYTE, name="sensors.Mode"), 56),
        ("modes", Type(Base.ARRAY, Base.UBYTE, name="sensors.Mode", length=3), 57),
        ("vecs", Type(Base.ARRAY, Base.OBJECT, name="geo.Vec3", length=2), 60),
        ("ok", Type(Base.BOOL), 84),
    ]
    assert imu.fields[0].doc == (" When.",)
    fields = {f.name: f for f in model.objects["sensors.Everything"].fields}
    assert [f.id for f in fields.values()] == list(range(len(fields)))
    assert fields["a"].default_integer == 3 and fields["b"].default_real == 0.5
    assert fields["c"].default_integer == 5
    assert fields["d"].required and fields["i"].key and fields["l"].deprecated
    assert fields["j"].optional and not fields["a"].optional
    assert fields["k"].align == 16 and fields["a"].align == 1
    assert fields["g"].type == Type(Base.UNION, name="sensors.Any")
    assert fields["g_type"].type == Type(Base.UTYPE, name="sensors.Any")
    assert fields["h"].type == Type(Base.VECTOR, Base.UNION, name="sensors.Any")
    assert fields["f"].type == Type(Base.VECTOR, Base.STRING)
    mode = model.enums["sensors.Mode"]
    assert [(v.name, v.value, v.doc) for v in mode.values] == [
        ("Off", 0, (" Not at all.",)),
        ("On", 5, ()),
    ]
    assert (mode.underlying, mode.is_union, mode.doc) == (Base.UBYTE, False, (" How it works.",))
    union = model.enums["sensors.Any"]
    assert union.is_union
    assert [(v.name, v.member) for v in union.values] == [
        ("NONE", Type(Base.NONE)),
        ("Leaf", Type(Base.OBJECT, name="sensors.Leaf")),
        ("Position", Type(Base.OBJECT, name="geo.Vec3")),
    ]
    (service,) = model.services
    assert (service.name, service.doc, service.file) == (
        "sensors.Oracle",
        (" What can be asked.",),
        "t.fbs",
    )
    (method,) = service.methods
    assert (method.name, method.request, method.reply, method.doc) == (
        "Ask",
        "sensors.Everything",
        "sensors.Everything",
        (" And answered.",),
    )
    assert method.attributes == {"deadline_ms": "5", "max_calls": "1"}


def digest(data: bytes) -> str:
    """Reads a .bfbs and does with it all that the command does."""
    model = schema.read(data)
    files = {file: problems.File(file, source.scan("")) for file in model.files}
    main = "t.fbs" if "t.fbs" in files else ""
    if not main:
        raise BfbsError("not the schema of this test")
    result = check.check(model, main, files, len(data))
    if result.problems:
        return ""
    return render.topics_header(model, main, result.topics, result.calls)


@pytest.fixture
def sound(workshop: Workshop) -> bytes:
    data = workshop.bfbs(EVERYTHING)
    assert "class ImuWriter" in digest(data) and "OracleAskClient" in digest(data)
    return data


def test_truncated(sound: bytes) -> None:
    """At whatever byte it is cut, it is either refused or read as a schema."""
    refused = 0
    for length in range(len(sound)):
        try:
            digest(sound[:length])
        except BfbsError:
            refused += 1
    # All but the last few, which are padding.
    assert refused >= len(sound) - 8


def test_bits_flipped(sound: bytes) -> None:
    """Nothing but a BfbsError, whichever bits are flipped."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    refused = 0
    for _ in range(4000):
        data = bytearray(sound)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            digest(bytes(data))
        except BfbsError:
            refused += 1
    assert refused > 1000


def test_every_bit_of_a_small_one(workshop: Workshop) -> None:
    """Whatever is believed is sound, in all that the rest of the generator relies on."""
    workshop.write("inc.fbs", "enum E : int { X }")
    text = 'include "inc.fbs"; struct S { a:ubyte; e:E; } table T { s:S; t:[T]; } root_type T;'
    data = workshop.bfbs(text)
    believed = 0
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            model = schema.read(bytes(damaged))
        except BfbsError:
            continue
        believed += 1
        assert {item.file for item in model.objects.values()} <= set(model.files)
        assert {item.file for item in model.enums.values()} <= set(model.files)
        assert model.root in ("", *model.objects)
        for item in model.objects.values():
            ids = [field.id for field in item.fields]
            assert ids == sorted(set(ids))
            mentioned = {field.type.name for field in item.fields}
            assert mentioned <= {"", *model.objects, *model.enums}
            if item.is_struct:
                assert item.fields and item.size % item.align == 0
                assert all(f.offset < item.size for f in item.fields)
    assert 0 < believed < 4 * len(data)


def test_offsets_must_agree(workshop: Workshop) -> None:
    """The field's offset 0x1234 is somewhere; wherever it is changed, that is noticed."""
    data = workshop.bfbs("struct S { a:[uint8:4660]; b:uint8; }")
    said = []
    for position in range(len(data) - 1):
        if data[position : position + 2] == b"\x34\x12":
            damaged = data[:position] + b"\x36\x12" + data[position + 2 :]
            with pytest.raises(BfbsError) as error:
                schema.read(damaged)
            said.append(str(error.value))
    assert "S.b is at 4662, not 4660" in said


def test_words_replaced(sound: bytes) -> None:
    """The extremes of every integer, in place of every 4 bytes."""
    for position in range(0, len(sound) - 3, 4):
        for word in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(sound) - position):
            data = bytearray(sound)
            data[position : position + 4] = struct.pack("<I", word)
            try:
                digest(bytes(data))
            except BfbsError:
                pass


def test_noise() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(2000):
        data = bytearray(rng.randbytes(rng.randrange(200)))
        data[4:8] = b"BFBS"
        # Small offsets lead further into the noise.
        data[0:4] = struct.pack("<I", rng.randrange(64))
        with pytest.raises(BfbsError):
            digest(bytes(data))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it lacks the file identifier 'BFBS'"),
        (b"\x08\0\0\0ABCD", "it lacks the file identifier 'BFBS'"),
        (b"\xff\xff\xff\xffBFBS", "it points outside itself, to byte 4294967295 of 8"),
    ],
)
def test_what_is_said(data: bytes, why: str) -> None:
    with pytest.raises(BfbsError, match=f"^{why}$"):
        schema.read(data)


def test_tables_that_point_at_each_other_end() -> None:
    """A table may not be read more often than there is room for different ones."""
    data = struct.pack("<HHi", 4, 4, 4) + bytes(400)  # A vtable of no fields, its table, and room.
    buffer = Buffer(data)
    with pytest.raises(BfbsError, match="its tables point at each other"):
        for _ in range(len(data)):
            buffer.table(4)


def test_strings_that_overlap_end() -> None:
    """Strings that share their bytes cannot cost more than the file is long."""
    count = 1000
    data = b"".join(struct.pack("<I", 4 * (count - i - 1)) for i in range(count))
    buffer = Buffer(data)
    with pytest.raises(BfbsError, match="a string is longer than the file"):
        for i in range(count):
            buffer.string(4 * i)
