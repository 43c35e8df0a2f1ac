"""Finding declarations in the text of a schema."""

from __future__ import annotations

import random

from holler_gen.source import Attribute, Declaration, scan

TEXT = """\
// struct Not { a:int; }
/* struct Nor
{ b:int; } */ include "a/b.fbs";
include 'c.fbs';
attribute "struct";
namespace x.y;
/// struct Neither { c:int; }
struct A (topic: "struct B (depth: 1) {",
          depth : 3,
          latched) {
  a:int;  b:[float:9] (deprecated, id: 1);
  // c:int;
  struct:int
    (key);
}
enum E : ubyte (bit_flags) { One, Two = 2,
  Three }
namespace;
table T { s:string = "}"; t:int = -1; u:float = 1e-3; }
union U { T,
  x.y.A }
rpc_service S { Call(T):T (streaming: "none"); }
table After {}
root_type T;
file_identifier "ABCD";
"""


def test_everything() -> None:
    source = scan(TEXT)
    assert list(source.declarations) == ["x.y.A", "x.y.E", "T", "U", "After"]
    a = source.declarations["x.y.A"]
    assert a.line == 8
    assert a.attributes == (
        Attribute("topic", 8, True),
        Attribute("depth", 9, True),
        Attribute("latched", 10, False),
    )
    assert a.fields == {
        "a": Declaration(11),
        "b": Declaration(11, (Attribute("deprecated", 11, False), Attribute("id", 11, True))),
        "struct": Declaration(13, (Attribute("key", 14, False),)),
    }
    assert list(source.declarations["x.y.E"].fields) == ["One", "Two", "Three"]
    assert source.declarations["x.y.E"].fields["Three"].line == 17
    assert list(source.declarations["T"].fields) == ["s", "t", "u"]
    assert source.namespaces == (("x.y", 6),)
    assert source.includes == (("a/b.fbs", 3), ("c.fbs", 4))
    assert source.services["S"].line == 22
    assert source.services["S"].fields == {
        "Call": Declaration(22, (Attribute("streaming", 22, True),))
    }
    assert source.statements == {"attribute": 5, "root_type": 24, "file_identifier": 25}


def test_lines() -> None:
    source = scan(TEXT)
    assert source.line("x.y.A") == 8
    assert source.line("x.y.A", attribute="depth") == 9
    assert source.line("x.y.A", field="b") == 11
    assert source.line("x.y.A", field="struct", attribute="key") == 14
    # What is not there falls back to what is around it.
    assert source.line("x.y.A", attribute="nothing") == 8
    assert source.line("x.y.A", field="nothing") == 8
    assert source.line("nothing", field="a") == 1


def test_text_that_is_no_schema_ends() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for cut in range(len(TEXT)):
        scan(TEXT[:cut])
    pieces = ["struct", "A", "{", "}", "(", ")", ":", ";", ",", '"', "/*", "//", "\n", "[", " ", "ä"]
    for _ in range(2000):
        scan("".join(rng.choices(pieces, k=rng.randrange(40))))
