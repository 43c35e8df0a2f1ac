"""The .bfbs that a segment carries, made fit for those who read it there."""

from __future__ import annotations

from holler_gen.bfbs import Buffer
from holler_gen.names import namespace_of, resolve
from holler_gen.schema import Vt


# In place of `nested_flatbuffer`, and sorted like it: keys are looked up by bisection.
NESTED = "nested_flatbuffer_full_name"


def with_full_names(data: bytes) -> bytes:
    """The .bfbs in `data`, which says of each `nested_flatbuffer` the full name of its type.

    It does so under a key of Holler's own. flatbuffers::Parser takes flatc's for a name within the
    namespace of the field, does not look further out, and then rejects the whole .bfbs.
    """
    root = Buffer(data).root(b"BFBS")
    objects = {item.string(Vt.OBJECT_NAME): item for item in root.children(Vt.OBJECTS)}
    out = bytearray(data)
    for owner, item in objects.items():
        for field in item.children(Vt.OBJECT_FIELDS):
            for attribute in field.children(Vt.FIELD_ATTRIBUTES):
                if attribute.string(Vt.KEY) == "nested_flatbuffer":
                    name = resolve(attribute.string(Vt.VALUE), namespace_of(owner), objects)
                    _put_string(out, attribute.offset_at(Vt.KEY), NESTED)
                    _put_string(out, attribute.offset_at(Vt.VALUE), name)
    return bytes(out)


def _put_string(out: bytearray, offset_at: int, text: str) -> None:
    """Has the offset at `offset_at` lead to a new string at the end."""
    out.extend(bytes(-len(out) % 4))
    out[offset_at : offset_at + 4] = (len(out) - offset_at).to_bytes(4, "little")
    encoded = text.encode()
    out.extend(len(encoded).to_bytes(4, "little") + encoded + b"\0")
    out.extend(bytes(-len(out) % 4))
