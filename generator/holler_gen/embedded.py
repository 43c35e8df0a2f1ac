"""The .bfbs that a segment carries, made fit for those who read it there."""

from __future__ import annotations

from holler_gen.bfbs import Buffer
from holler_gen.names import namespace_of, resolve
from holler_gen.schema import Vt


def with_full_names(data: bytes) -> bytes:
    """The .bfbs in `data`, in which each `nested_flatbuffer` has the full name of its type.

    flatc keeps the name as the schema spells it, within its namespace. flatbuffers::Parser looks
    for it as a full name, and rejects a .bfbs in which there is no such type.
    """
    root = Buffer(data).root(b"BFBS")
    objects = tuple(root.children(Vt.OBJECTS))
    names = {item.string(Vt.OBJECT_NAME): item for item in objects}
    out = bytearray(data)
    for owner, item in names.items():
        namespace = namespace_of(owner)
        for field in item.children(Vt.OBJECT_FIELDS):
            for attribute in field.children(Vt.FIELD_ATTRIBUTES):
                name = attribute.string(Vt.VALUE)
                if attribute.string(Vt.KEY) != "nested_flatbuffer":
                    continue
                full = resolve(name, namespace, names)
                # A full name is looked up within the namespace, too, by those who do as flatc.
                if full not in ("", name) and resolve(full, namespace, names) == full:
                    _put_string(out, attribute.offset_at(Vt.VALUE), full)
    return bytes(out)


def _put_string(out: bytearray, offset_at: int, text: str) -> None:
    """Has the offset at `offset_at` lead to a new string at the end."""
    out.extend(bytes(-len(out) % 4))
    out[offset_at : offset_at + 4] = (len(out) - offset_at).to_bytes(4, "little")
    encoded = text.encode()
    out.extend(len(encoded).to_bytes(4, "little") + encoded + b"\0")
    out.extend(bytes(-len(out) % 4))
