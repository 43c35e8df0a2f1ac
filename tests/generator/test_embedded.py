"""The .bfbs that a segment carries."""

from __future__ import annotations

from conftest import IDL, Workshop

from holler_gen.bfbs import Buffer
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


def nested_names(data: bytes) -> dict[str, str]:
    """What each field nests, as a .bfbs says it."""
    return {
        field.string(Vt.FIELD_NAME): attribute.string(Vt.VALUE)
        for item in Buffer(data).root(b"BFBS").children(Vt.OBJECTS)
        for field in item.children(Vt.OBJECT_FIELDS)
        for attribute in field.children(Vt.FIELD_ATTRIBUTES)
        if attribute.string(Vt.KEY) == "nested_flatbuffer"
    }


def embedded(workshop: Workshop, text: str) -> bytes:
    return Flatc("flatc", (IDL,)).embedded_schema(workshop.write("t.fbs", text))


def test_what_is_nested_has_its_full_name(workshop: Workshop) -> None:
    names = nested_names(embedded(workshop, TEXT))
    assert names == {"near": "n.m.T", "outer": "n.Inner", "full": "n.Inner"}


def test_a_full_name_that_would_mean_another_type_is_not_put_in(workshop: Workshop) -> None:
    text = TEXT + "namespace n.n; table Inner {}"
    assert nested_names(embedded(workshop, text))["outer"] == "Inner"


def test_other_schemas_carry_no_attributes(workshop: Workshop) -> None:
    data = embedded(workshop, "table T { a:string (required, key); b:[ubyte]; }")
    assert b"key" not in data
    assert nested_names(data) == {}
