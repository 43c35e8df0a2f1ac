"""The emitted C++: that it compiles without a warning, means what the schema says, and looks as it
should. It is compiled against the real layout.h, slot_ring.h and writer.h, and a stub of the rest.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import IDL, Workshop

from holler_gen.flatc import Flatc

Compiles = Callable[..., "subprocess.CompletedProcess[str]"]

KINDS = """\
include "holler.fbs";
namespace geo;
struct Vec3 { x:float; y:float; z:float; }
namespace sensors;
enum Mode : ubyte { Off, On = 5 }
struct Imu (topic: "sensors/imu") {
  stamp_ns:uint64; accel:geo.Vec3; cov:[float:9]; mode:Mode; modes:[Mode:3]; vecs:[geo.Vec3:2];
  ok:bool; oks:[bool:2]; tiny:byte; tinies:[byte:2]; small:short; big:long; real:double;
}
"""


def test_writer_writes_what_readers_read(workshop: Workshop, compiles: Compiles) -> None:
    """Every kind of field, from the writer's setter to flatc's accessor."""
    run = workshop.generate(KINDS)
    program = """
#include <array>
#include <cstdio>
#include "t_topics.h"
#define CHECK(condition) if (!(condition)) return std::puts(#condition), 1
int main() {
  sensors::ImuSlot slot{};
  sensors::ImuWriter writer;
  writer.Start(holler::PayloadSpan(reinterpret_cast<std::byte*>(&slot.message), sizeof(slot.message)),
               nullptr);
  const std::array<float, 9> cov = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const sensors::Mode modes[] = {sensors::Mode_On, sensors::Mode_Off, sensors::Mode_On};
  const geo::Vec3 vecs[] = {{1, 2, 3}, {4, 5, 6}};
  const uint8_t oks[] = {1, 0};
  const int8_t tinies[] = {-1, -2};
  writer.set_stamp_ns(uint64_t{1} << 63);
  writer.set_accel({7, 8, 9});
  writer.mutable_accel().mutate_y(10);
  writer.set_cov(cov);
  writer.mutable_cov().Mutate(8, 90);
  writer.set_mode(sensors::Mode_On);
  writer.set_modes(modes);
  writer.set_vecs(vecs);
  writer.mutable_vecs().GetMutablePointer(1)->mutate_z(60);
  writer.set_ok(true);
  writer.set_oks(oks);
  writer.set_tiny(-3);
  writer.set_tinies(tinies);
  writer.set_small(-300);
  writer.set_big(-1);
  writer.set_real(0.1);
  const sensors::Imu& imu = slot.message;
  CHECK(imu.stamp_ns() == uint64_t{1} << 63);
  CHECK(imu.accel().x() == 7 && imu.accel().y() == 10 && imu.accel().z() == 9);
  for (uint16_t i = 0; i < 8; ++i) CHECK(imu.cov()->Get(i) == cov[i]);
  CHECK(imu.cov()->Get(8) == 90);
  CHECK(imu.mode() == sensors::Mode_On);
  CHECK(imu.modes()->Get(0) == sensors::Mode_On && imu.modes()->Get(1) == sensors::Mode_Off);
  CHECK(imu.vecs()->Get(0)->y() == 2 && imu.vecs()->Get(1)->z() == 60);
  CHECK(imu.ok() && imu.oks()->Get(0) == 1 && imu.oks()->Get(1) == 0);
  CHECK(imu.tiny() == -3 && imu.tinies()->Get(1) == -2);
  CHECK(imu.small() == -300 && imu.big() == -1 && imu.real() == 0.1);
  sensors::ImuPublisher publisher;
  sensors::ImuSubscriber subscriber;
  (void)publisher, (void)subscriber;
  return 0;
}
"""
    binary = run.dir / "program"
    compiles(run, program, "-fsanitize=undefined", "-fno-sanitize-recover", "-o", str(binary))
    done = subprocess.run([binary], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SHAPES = {
    "no namespace": 'struct A (topic: "a") { a:int; } table B (topic: "b", max_bytes: 9) { a:A; }',
    "nested namespace": 'namespace a.b.c; struct A (topic: "a") { a:int; }',
    "several namespaces": """
        namespace a; struct A (topic: "a") { a:int; }
        namespace b; struct A (topic: "b") { a:a.A; } table B (topic: "bb", max_bytes: 99) { a:A; }
        namespace; struct A (topic: "global") { a:b.A; }
        namespace a; table Again (topic: "again", max_bytes: 9) { a:b.A; }""",
    "of a type whose namespace is hidden": """
        namespace sensors; enum E : int { X } struct In { a:int; }
        struct Imu { a:int; e:E; i:In; is:[In:2]; }
        namespace robot.sensors; struct Other { a:int; }
        table Mine (topic: "mine", of: "sensors.Imu") {}""",
    "namespace holler": 'namespace holler.system; struct Cpu (topic: "cpu") { a:int; }',
    "keywords": """
        namespace n; struct In { int:int; union:[float:2]; }
        enum E : int { auto, default }
        struct S (topic: "s") { class:In; new:int; delete:E; this:[In:2]; operator:[E:2]; }
        table T (topic: "t", max_bytes: 9) { for:int; while:In; }""",
    "types named like members": """
        namespace n; struct Message { a:int; } struct Start { m:Message; } struct header { s:Start; }
        struct CopyFrom (topic: "c") { m:Message; s:Start; h:header; hs:[header:2]; }
        struct Writer (topic: "w") { c:CopyFrom; }
        struct message (topic: "m") { w:Writer; }
        table schema (topic: "s", max_bytes: 9) { m:message; }
        table payload (topic: "p", max_bytes: 9) { m:message; }""",
    "force_align": """
        struct A (force_align: 16) { a:int; } struct B (topic: "b", force_align: 16) { a:uint64; }
        struct C (topic: "c") { a:[A:3]; b:B; } table T (topic: "t", max_bytes: 9) { a:[A]; }""",
    "large struct": 'struct A (topic: "a") { a:[uint8:65535]; b:[uint8:65535]; c:[uint64:9]; }',
    "unions and friends": """
        table A { a:int; } struct S { a:int; } union U { A, S, Alias: S }
        table T (topic: "t", max_bytes: 65536, latched, depth: 1) { u:U; us:[U]; o:int = null;
          r:string (required); k:string (key); n:[ubyte] (nested_flatbuffer: "A");
          f:float = nan; old:int (deprecated); }
        root_type T; file_identifier "T?!~";""",
    "bounded tables": """
        namespace a; struct V (force_align: 16) { x:float; } enum E : short { X = 3, Y }
        namespace b; table In { v:a.V; s:string (max_length: 3); }
        union U { In, a.V, S:string }
        table T (topic: "t") { i:In; is:[In] (max_length: 3); e:a.E = Y; es:[a.E] (max_length: 3);
          u:U (max_string_length: 3); us:[U] (max_length: 2, max_string_length: 3); d:double = nan;
          f:float = -inf; g:float = 1e40; z:double = -0.0; o:bool = null;
          n:[ubyte] (nested_flatbuffer: "In"); m:[ubyte] (nested_flatbuffer: "T", max_length: 99); }
        root_type T; file_identifier "ABCD";""",
    "bounded tables without a namespace": """
        table In { a:int; } table Empty (topic: "empty") {} union U { In, Empty }
        table T (topic: "t") { i:In; e:Empty; u:U; us:[U] (max_length: 1); }""",
    "bounded tables of several namespaces": """
        namespace a; table H { s:string (max_length: 1); }
        namespace c.b; table H { a:a.H; }
        table T (topic: "t") { a:a.H; b:H; c:[H] (max_length: 2); }
        namespace a.b; table Of (topic: "u", of: "c.b.T", bounds: "a.s: 7, b.a.s: 8, c.a.s: 9") {}
        namespace d; table H (topic: "h") { h:a.H; }""",
    "bounded tables with keywords": """
        namespace n; struct In { int:int; }
        enum E : int { auto, default } union while_ { for_:For, In } table For { class:int; }
        table T (topic: "t") { new:int; delete:string (max_length: 3); this:[E] (max_length: 2);
          op:while_; ops:[while_] (max_length: 2); default:In; template:For;
          typename:[For] (max_length: 2); switch:[string] (max_length: 2, max_string_length: 2); }""",
    "bounded tables of types named like members of writers": """
        namespace n; struct Table { a:int; } struct Message { a:int; } struct kField { a:int; }
        table Vector { a:Table; } table Shape { a:Message; } enum String : int { Set }
        union Struct { Vector, Table, Strings:string } struct StaticTable { a:int; }
        table Member (topic: "m") { a:Table; b:Vector; c:String; d:Struct (max_string_length: 3);
          e:[Struct] (max_length: 2, max_string_length: 4); f:[Vector] (max_length: 3); g:Message;
          h:[Table] (max_length: 2); i:Shape; j:kField; k:StaticTable; }
        table StaticMessage (topic: "s", of: "Member") {}
        table Start (topic: "start") { capacity:int; table_:int; kStruct:Shape; }""",
    "bounded tables of types named like emitted classes": """
        namespace n; struct HeadWriter { a:int; } table Head { a:HeadWriter; } table T { a:int; }
        struct UsXVector { a:int; } union U { Head, UsXVector }
        table Top (topic: "top") { h:Head; w:HeadWriter; us_x:[U] (max_length: 2);
          usX:[U] (max_length: 2); v:UsXVector; t:T; nt:m.T; x:Fields; y:[Fields] (max_length: 2); }
        table Fields { top:int; } table Shape { a:int; }
        namespace m; table T { a:n.T; } namespace n;
        table Top2 (topic: "top2") { top:Topping; s:Shape; } table Topping { top:Fields; }""",
    "a bounded table within namespace holler": """
        namespace holler.x; table In { a:string (max_length: 2); } table T (topic: "t") { i:In; }""",
    "long names": """
        namespace a_rather_long_namespace.with_another_one_inside;
        struct ATypeWhoseNameGoesOnAndOn { a:int; }
        struct S (topic: "a/rather/long/name/that/goes/on/and/on/but/still/fits/within/its/bounds") {
          a_field_whose_name_goes_on_and_on:[ATypeWhoseNameGoesOnAndOn:12]; }""",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_compiles(workshop: Workshop, compiles: Compiles, shape: str) -> None:
    """Instantiates the publisher of each topic, which looks at all of its members."""
    text = f'include "holler.fbs";\n{SHAPES[shape]}'
    run = workshop.generate(text)
    topics = [topic.declared_as.replace(".", "::") for topic, _ in workshop.check(text).topics]
    uses = [
        f"::{topic}Publisher p{i};\n::{topic}Subscriber s{i};\n" for i, topic in enumerate(topics)
    ]
    assert uses
    include = '#include "t_topics.h"\n'
    compiles(run, include * 2 + "".join(uses) + "int main() {}\n")


def test_third_party_types(workshop: Workshop, compiles: Compiles) -> None:
    """Topics of types that one does not own, in files that know nothing of Holler."""
    workshop.write(
        "vendor/Time.fbs", "namespace vendor; struct Time { sec:uint32; nsec:uint32; }"
    )
    workshop.write(
        "vendor/Image.fbs",
        'include "Time.fbs"; namespace vendor;\n/// A raw image.\n'
        "table Image { time:Time; data:[uint8]; } root_type Image;",
    )
    run = workshop.generate(
        """\
include "holler.fbs";
include "Image.fbs";
namespace robot;
/// In the head.
table Front (topic: "camera/front", of: "vendor.Image", max_bytes: 8388608, depth: 4) {}
table Rear (topic: "camera/rear", of: "vendor.Image", max_bytes: 65536) {}
table Clock (topic: "clock", of: "vendor.Time", latched) {}
table Orders (topic: "orders", of: "vendor.Time", reliable) {}
""",
        "-I",
        str(workshop.dir / "vendor"),
    )
    text = run.text("t_topics.h")
    assert "/// In the head.\n///\n/// Builds one vendor.Image" in text
    assert "/// A raw image.\n///\n/// Builds one vendor.Image" in text
    program = """
#include "t_topics.h"
static_assert(robot::FrontTopic::kFingerprint == robot::RearTopic::kFingerprint);
static_assert(robot::FrontTopic::kFingerprint != robot::ClockTopic::kFingerprint);
static_assert(robot::FrontTopic::kTypeName == "vendor.Image");
static_assert(robot::FrontTopic::kName == "camera/front");
static_assert(robot::FrontTopic::kLayout.payload_capacity > 8388608);
static_assert(robot::FrontTopic::kLayout.depth == 4 && !robot::FrontTopic::kLatched);
static_assert(robot::ClockTopic::kLatched && !robot::ClockTopic::kReliable);
static_assert(robot::OrdersTopic::kReliable && !robot::OrdersTopic::kLatched);
static_assert(std::is_same_v<robot::ClockTopic::Message, vendor::Time>);
static_assert(std::is_same_v<robot::FrontWriter, holler::TableWriter<vendor::Image, 8388608>>);
int main() {
  robot::ClockWriter writer;
  auto set = [&writer] { writer.set_sec(1); };
  (void)set;
}
"""
    compiles(run, program)


def test_file_identifier_belongs_to_the_root_type(workshop: Workshop) -> None:
    text = """\
include "holler.fbs";
table A (topic: "a", max_bytes: 9) { a:int; }
table B (topic: "b", max_bytes: 9) { a:int; }
table C (topic: "c", of: "B", max_bytes: 9) {}
struct D (topic: "d") { a:int; }
"""
    run = workshop.generate(text + 'root_type B;\nfile_identifier "BBBB";\n')
    lines = [line for line in run.text("t_topics.h").splitlines() if "kFileIdentifier" in line]
    values = [line.split(" = ")[1] for line in lines]
    assert values == ["nullptr;", '"BBBB";', '"BBBB";', "nullptr;"]


def file_identifiers(workshop: Workshop, statements: str) -> dict[str, str]:
    """By topic: of two included types, which have one each, and of a type of the file itself."""
    for name in ("One", "Two"):
        workshop.write(
            f"{name}.fbs",
            f"namespace v; table {name} {{ a:int; }} root_type {name}; "
            f'file_identifier "ID_{name[0]}";',
        )
    run = workshop.generate(
        'include "holler.fbs"; include "One.fbs"; include "Two.fbs";\n'
        'table A (topic: "one", of: "v.One", max_bytes: 9) {}\n'
        'table B (topic: "two", of: "v.Two", max_bytes: 9) {}\n'
        'table C (topic: "own", max_bytes: 9) { a:int; }\n' + statements
    )
    text = run.text("t_topics.h")
    names = re.findall(r'kName = "(\w+)"', text)
    return dict(zip(names, re.findall(r"kFileIdentifier = (.+);", text), strict=True))


def test_file_identifiers_of_included_schemas_are_unknown(workshop: Workshop) -> None:
    """A .bfbs holds only that of the file itself: none is given, rather than a wrong one."""
    none = {"one": "nullptr", "two": "nullptr", "own": "nullptr"}
    assert file_identifiers(workshop, "") == none
    assert file_identifiers(workshop, "root_type C;") == none
    assert file_identifiers(workshop, "root_type v.One;") == none
    assert file_identifiers(workshop, 'file_identifier "MAIN";') == none
    own = file_identifiers(workshop, 'root_type C; file_identifier "MAIN";')
    assert own == none | {"own": '"MAIN"'}


def test_the_file_itself_can_give_an_included_type_its_identifier(workshop: Workshop) -> None:
    given = file_identifiers(workshop, 'root_type v.One; file_identifier "ID_O";')
    assert given == {"one": '"ID_O"', "two": "nullptr", "own": "nullptr"}
MIDDLING = """\
include "holler.fbs";
namespace geo;
struct Vec3 { x:double; y:double; z:double; }
struct Quaternion { x:double; y:double; z:double; w:double; }
namespace sensors;
/// How a measurement came about.
enum Source : ubyte { Unknown, Hardware, Simulation }
/// Where and when something was measured.
table Header {
  /// Nanoseconds since 1970.
  stamp_ns:ulong;
  /// What the coordinates refer to.
  frame_id:string (required, max_length: 32);
}
/// What a sensor says of itself.
table Health {
  /// Degrees Celsius.
  temperature:float;
  voltage:float;
  errors:[string] (max_length: 8, max_string_length: 64);
}
/// One inertial measurement.
table Imu (topic: "sensors/imu", depth: 32) {
  header:Header (required);
  /// As a rotation from the frame.
  orientation:geo.Quaternion;
  /// Metres per second, squared.
  acceleration:geo.Vec3;
  /// Radians per second.
  rate:geo.Vec3;
  /// Row by row.
  covariance:[double] (max_length: 9);
  source:Source = Hardware;
  is_calibrated:bool;
  sequence:uint;
  /// None if it is not measured.
  humidity:float = null;
  pressure:float;
  health:Health;
  notes:string (max_length: 128);
}
"""


def test_a_middling_topic_is_short(workshop: Workshop, compiles: Compiles) -> None:
    run = workshop.generate(MIDDLING)
    lines = run.text("t_topics.h").splitlines()
    assert len(lines) < 250
    assert max(map(len, lines)) <= 100
    assert not any(line != line.rstrip() for line in lines)
    assert "\n\n\n" not in run.text("t_topics.h")
    for comment in ("/// Degrees Celsius.", "/// Where and when something was measured."):
        assert sum(line.strip() == comment for line in lines) == 1
    compiles(run, '#include "t_topics.h"\nint main() {}\n')


def test_bounded_tables_of_one_type(workshop: Workshop, compiles: Compiles) -> None:
    """Each topic has writers of its own; within one, tables under the same bounds share them."""
    run = workshop.generate(
        """\
include "holler.fbs";
namespace n;
table Name { text:string; }
table Pair { left:Name; right:Name; other:Name; }
table A (topic: "a", of: "Pair", bounds: "Name.text: 5") {}
table B (topic: "b", of: "Pair", bounds: "Name.text: 5, right.text: 90") {}
"""
    )
    program = """
#include "t_topics.h"
#include <type_traits>
#define LEFT(W) decltype(std::declval<W>().mutable_left())
#define RIGHT(W) decltype(std::declval<W>().mutable_right())
#define OTHER(W) decltype(std::declval<W>().mutable_other())
static_assert(std::is_same_v<LEFT(n::AWriter), n::AWriter::NameWriter>);
static_assert(std::is_same_v<LEFT(n::AWriter), RIGHT(n::AWriter)>);
static_assert(std::is_same_v<LEFT(n::BWriter), n::BWriter::LeftNameWriter>);
static_assert(std::is_same_v<LEFT(n::BWriter), OTHER(n::BWriter)>);
static_assert(std::is_same_v<RIGHT(n::BWriter), n::BWriter::RightNameWriter>);
static_assert(decltype(std::declval<RIGHT(n::BWriter)>().mutable_text())::capacity() == 90);
static_assert(n::ATopic::kFingerprint == n::BTopic::kFingerprint);
static_assert(n::ATopic::kLayout.payload_kind == holler::PayloadKind::kTableAtStart);
static_assert(n::AWriter::kMessageBytes < n::BWriter::kMessageBytes);
int main() {}
"""
    compiles(run, program)


def test_the_compiler_checks_the_layout(workshop: Workshop, compiles: Compiles) -> None:
    """A header that disagrees with flatc's types, or with itself, does not compile."""
    run = workshop.generate(MIDDLING)
    text = run.text("t_topics.h")
    for right, wrong in (
        (r"\.size = 24, \.align = 8", ".size = 16, .align = 8"),  # of a struct
        (r"(kScalar, \.at = [0-9]+, \.size) = 4", r"\1 = 8"),
        (r"(payload_capacity) = ", r"\1 = 8"),
        (r"(k\w+Fields), 10,", r"\1, 12,"),  # the size of a vtable
    ):
        changed, count = re.subn(right, wrong, text, count=1)
        assert count == 1, right
        (run.dir / "t_topics.h").write_text(changed)
        with pytest.raises(AssertionError, match="static assertion|static_assert"):
            compiles(run, '#include "t_topics.h"\nint main() {}\n')


HOSTILE = (
    "ends the comment */ #error out",
    "backslash at the end \\",
    "backslash and a space at the end \\ ",
    "trigraph at the end ??/",
    "trigraphs ??< ??> ??= within",
    "opens /* a comment",
    "grüße, 你好, 🙂",
    "\u202eright to left\u2066",
    "\" quotes ' and %s {% raw %} {# #} ${x} {{ x",
    "\x01\x7f control",
)


def test_hostile_comments(workshop: Workshop, compiles: Compiles) -> None:
    """Each on a type, a field and a value that would be lost with the line it is on."""
    text = 'include "holler.fbs";\n'
    program = '#include "t_topics.h"\nint main() {\n'
    for i, line in enumerate(HOSTILE):
        doc = f"/// {line}\n"
        text += (
            f"{doc}enum E{i} : int {{\n{doc}X }}\n"
            f'{doc}struct A{i} (topic: "a{i}") {{\n{doc}a:int;\n{doc}e:E{i}; }}\n'
            f'{doc}table B{i} (topic: "b{i}", max_bytes: 9) {{\n{doc}a:int;\n{doc}b:string; }}\n'
        )
        program += (
            f"  auto use{i} = [](A{i}Writer& a, B{i}Writer&, const B{i}& b) {{\n"
            f"    a.set_a(b.a());\n    a.set_e(E{i}_X);\n  }};\n  (void)use{i};\n"
        )
    compiles(workshop.generate(text), program + "}\n")


def test_windows_line_ends(workshop: Workshop) -> None:
    text = 'include "holler.fbs";\n/// Doc.\nstruct A (topic: "a") {\n  /// Field.\n  a:int;\n}\n'
    plain = workshop.generate(text)
    workshop.dir.joinpath("t.fbs").write_bytes(text.replace("\n", "\r\n").encode())
    windows = workshop.run("t.fbs", out="windows")
    assert windows.text("t_topics.h") == plain.text("t_topics.h")
    assert not any(b"\r" in content for content in windows.contents().values())


def test_embedded_schema(workshop: Workshop) -> None:
    """The bytes are those of flatc, aligned as a FlatBuffer needs to be, without file names."""
    run = workshop.generate(KINDS)
    text = run.text("t_schema.h")
    assert "alignas(8) inline constexpr uint8_t kTSchema[" in text
    data = bytes(int(word, 16) for word in re.findall(r"0x[0-9a-f]{2}", text))
    assert f"kTSchema[{len(data)}]" in text
    assert data == Flatc("flatc", (IDL,)).embedded_schema(workshop.dir / "t.fbs")
    assert b"sensors.Imu" in data and b".fbs" not in data


def test_comments_become_comments(workshop: Workshop) -> None:
    text = """\
include "holler.fbs";
/// Inertial measurement.
///   Indented.
struct Imu (topic: "imu") {
  /// When, in ns.
  stamp:uint64;
  plain:int;
}
"""
    emitted = workshop.generate(text).text("t_topics.h")
    assert "/// Inertial measurement.\n///   Indented.\n///\n/// Writes one Imu" in emitted
    assert "\n  /// When, in ns.\n  void set_stamp(uint64_t value)" in emitted
    assert "}\n\n  void set_plain(int32_t value)" in emitted


def test_emitted_code_is_formatted(workshop: Workshop) -> None:
    """As clang-format has it, but for a space that it drops after alignas."""
    run = workshop.generate(f'include "holler.fbs";\n{SHAPES["several namespaces"]}')
    style = "{BasedOnStyle: Google, ColumnLimit: 100}"
    try:
        done = subprocess.run(
            ["clang-format", f"--style={style}", str(run.dir / "t_topics.h")],
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("no clang-format")
    assert done.stdout == run.text("t_topics.h")


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_fit(workshop: Workshop, shape: str) -> None:
    run = workshop.generate(f'include "holler.fbs";\n{SHAPES[shape]}')
    for name in ("t_topics.h", "t_schema.h"):
        text = run.text(name)
        if shape != "long names":
            assert max(map(len, text.splitlines())) <= 100
        assert text.endswith("\n") and not text.endswith("\n\n") and "\n\n\n" not in text
        assert all(line == line.rstrip() for line in text.splitlines())


def test_templates_hold_no_arithmetic() -> None:
    templates = Path(__file__).parents[2] / "generator/holler_gen/templates"
    for template in templates.glob("*.j2"):
        for piece in template.read_text().split("{{")[1:]:
            expression = piece.partition("}}")[0]
            assert not set("+-*/%|~") & set(expression), f"{template.name}: {expression}"
