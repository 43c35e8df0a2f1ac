"""The .bfbs that a segment carries."""

from __future__ import annotations

from conftest import IDL, Workshop

from holler_gen.bfbs import Buffer
from holler_gen.embedded import NESTED
from holler_gen.flatc import Flatc
from holler_gen.schema import Vt

TEXT = """
namespace n;
table Inner { a:int; }
namespace n.m;
table T {
  near:[ubyte] (nested_flatbuffer: "T");
  outer:[ubyte] (nested_flatbuffer: "Inner");
  full:[ubyte] (nested_flatbuffer: "n.Inner");
}
"""


def nested_names(data: bytes, key: str = NESTED) -> dict[str, str]:
    """What each field nests, as a .bfbs says it."""
    return {
        field.string(Vt.FIELD_NAME): attribute.string(Vt.VALUE)
        for item in Buffer(data).root(b"BFBS").children(Vt.OBJECTS)
        for field in item.children(Vt.OBJECT_FIELDS)
        for attribute in field.children(Vt.FIELD_ATTRIBUTES)
        if attribute.string(Vt.KEY) == key
    }


def embedded(workshop: Workshop, text: str) -> bytes:
    return Flatc("flatc", (IDL,)).embedded_schema(workshop.write("t.fbs", text))


def test_what_is_nested_has_its_full_name(workshop: Workshop) -> None:
    names = nested_names(embedded(workshop, TEXT))
    assert names == {"near": "n.m.T", "outer": "n.Inner", "full": "n.Inner"}


def test_flatcs_own_key_is_gone(workshop: Workshop) -> None:
    """flatbuffers::Parser would reject the name of a type in another namespace."""
    data = embedded(workshop, TEXT)
    assert nested_names(data, "nested_flatbuffer") == {}


def test_other_schemas_carry_no_attributes(workshop: Workshop) -> None:
    data = embedded(workshop, "table T { a:string (required, key); b:[ubyte]; }")
    assert b"key" not in data
    assert nested_names(data) == {}
