"""From topics to numbers: offsets, sizes, and the fingerprint of a type.

Pure functions. The runtime's holler/layout.h holds the same constants and rules; each emitted
header asserts that both sides agree.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holler_gen.names import namespace_of, resolve
from holler_gen.schema import SCALAR_BYTES, Base, Enum, Field, Object, Schema, Type, align_up

if TYPE_CHECKING:
    from holler_gen.table_layout import PlacedMessage

CACHE_LINE = 64
PAGE_BYTES = 4096
SEGMENT_HEADER_BYTES = 576
SLOT_HEADER_BYTES = 24
CALL_HEADER_BYTES = 48
RING_ENTRY_BYTES = 4
MIN_PAYLOAD_ALIGN = 8
MESSAGE_LIMIT_UNIT = 64  # A multiple of any alignment that FlatBuffers ask for.

MAX_SCHEMA_BYTES = 2**20
MAX_STRIDE = 2**31
MAX_SEGMENT_BYTES = 2**40
LARGE_SEGMENT_BYTES = 2**30  # Beyond it, users are warned.
MAX_TOPIC_NAME = 127
MAX_TYPE_NAME = 191


@dataclasses.dataclass(frozen=True)
class Bound:
    """What an integer attribute may be."""

    default: int
    lowest: int
    highest: int


# The attributes that take an integer.
BOUNDS = {
    "depth": Bound(default=8, lowest=1, highest=65536),
    "max_subscribers": Bound(default=32, lowest=1, highest=1024),
    "max_samples": Bound(default=2, lowest=1, highest=63),
    "max_loans": Bound(default=2, lowest=1, highest=64),
    "max_bytes": Bound(default=0, lowest=1, highest=2**31 - 4096),
}


# The attributes of a method.
CALL_BOUNDS = {
    "deadline_ms": Bound(default=1000, lowest=1, highest=2**31 - 1),
    "max_calls": Bound(default=8, lowest=1, highest=31),
    "max_clients": Bound(default=32, lowest=1, highest=1024),
}
_MAX_SERVERS = 4  # That a client can be matched with at a time.
_MAX_CALL_LOANS = 4


@dataclasses.dataclass(frozen=True)
class Topic:
    """One topic, as its schema declares it."""

    name: str  # sensors/imu
    declared_as: str  # full name of the declaring type, which names the classes
    doc: tuple[str, ...]
    message: Object
    depth: int
    max_subscribers: int
    max_samples: int
    max_loans: int
    latched: bool
    reliable: bool
    max_bytes: int  # 0 for a struct or a bounded table
    bounded: PlacedMessage | None = None  # A table whose parts have fixed places.
    is_call: bool = False  # The requests or the replies of a method.


@dataclasses.dataclass(frozen=True)
class Message:
    """What a type declares about messages of its own, or of the type it is `of`."""

    object: Object
    max_bytes: int  # 0 for a struct or a bounded table
    bounded: PlacedMessage | None


def request_topic(
    name: str, declared_as: str, doc: tuple[str, ...], message: Message, max_calls: int
) -> Topic:
    """The requests of one client: at most `max_calls` are under way.

    A server may hold all of them, and needs one more place to look at what is not for it.
    """
    return Topic(
        name=name,
        declared_as=declared_as,
        doc=doc,
        message=message.object,
        depth=max_calls,
        max_subscribers=_MAX_SERVERS,
        max_samples=max_calls + 1,
        max_loans=min(max_calls, _MAX_CALL_LOANS),
        latched=False,
        reliable=True,
        max_bytes=message.max_bytes,
        bounded=message.bounded,
        is_call=True,
    )


def reply_topic(
    name: str,
    declared_as: str,
    doc: tuple[str, ...],
    message: Message,
    max_calls: int,
    max_clients: int,
) -> Topic:
    """The replies of one server, to all its clients.

    A client may hold `max_calls` replies besides those that came and were not collected.
    """
    return Topic(
        name=name,
        declared_as=declared_as,
        doc=doc,
        message=message.object,
        depth=max(2 * max_calls, _MAX_CALL_LOANS),
        max_subscribers=max_clients,
        max_samples=2 * max_calls + 1,
        max_loans=_MAX_CALL_LOANS,
        latched=False,
        reliable=True,
        max_bytes=message.max_bytes,
        bounded=message.bounded,
        is_call=True,
    )


class PayloadKind(enum.Enum):
    """holler::PayloadKind, by the names of its enumerators."""

    STRUCT = "kStruct"
    TABLE_AT_END = "kTableAtEnd"
    TABLE_AT_START = "kTableAtStart"


@dataclasses.dataclass(frozen=True)
class Layout:
    """holler::SegmentLayout, in its order, and what the slot's declaration needs."""

    payload_kind: PayloadKind
    depth: int
    max_subscribers: int
    max_samples: int
    max_loans: int
    slot_count: int
    payload_offset: int
    payload_capacity: int
    slot_stride: int
    schema_offset: int
    schema_bytes: int
    head_offset: int
    ring_offset: int
    slots_offset: int
    segment_bytes: int


@dataclasses.dataclass(frozen=True)
class Call:
    """One method of a service, as its schema declares it."""

    service: str  # nav/Planner, the first part of its topics' names
    name: str  # Plan
    declared_as: str  # nav.PlannerPlan, which names the classes
    doc: tuple[str, ...]
    request: tuple[Topic, Layout]
    reply: tuple[Topic, Layout]
    deadline_ms: int
    max_calls: int


def payload_align(topic: Topic, schema: Schema) -> int:
    """Alignment of the payload within its slot."""
    own = topic.bounded.align if topic.bounded else 1
    return max(MIN_PAYLOAD_ALIGN, largest_align(topic.message, schema), own)


def slot_align(topic: Topic, schema: Schema) -> int:
    """Alignment of a slot: no two slots share a cache line."""
    return max(CACHE_LINE, payload_align(topic, schema))


def compute(topic: Topic, schema: Schema, schema_bytes: int) -> Layout:
    """The layout of a topic's segment, in which `schema_bytes` of .bfbs are embedded."""
    align = payload_align(topic, schema)
    call_header_bytes = CALL_HEADER_BYTES if topic.is_call else 0
    payload_offset = align_up(SLOT_HEADER_BYTES + call_header_bytes, align)
    if topic.message.is_struct:
        kind = PayloadKind.STRUCT
        payload_capacity = topic.message.size
        slot_stride = align_up(payload_offset + payload_capacity, slot_align(topic, schema))
    elif topic.bounded:
        kind = PayloadKind.TABLE_AT_START
        payload_capacity = topic.bounded.size
        slot_stride = align_up(payload_offset + payload_capacity, slot_align(topic, schema))
    else:
        kind = PayloadKind.TABLE_AT_END
        room = message_limit(topic.max_bytes) + builder_scratch(topic.message, schema)
        slot_stride = align_up(payload_offset + room, slot_align(topic, schema))
        payload_capacity = slot_stride - payload_offset
    slot_count = topic.depth + topic.max_loans + topic.max_subscribers * topic.max_samples
    head_offset = align_up(SEGMENT_HEADER_BYTES + schema_bytes, CACHE_LINE)
    ring_offset = head_offset + CACHE_LINE
    slots_offset = align_up(ring_offset + RING_ENTRY_BYTES * topic.depth, CACHE_LINE)
    return Layout(
        payload_kind=kind,
        depth=topic.depth,
        max_subscribers=topic.max_subscribers,
        max_samples=topic.max_samples,
        max_loans=topic.max_loans,
        slot_count=slot_count,
        payload_offset=payload_offset,
        payload_capacity=payload_capacity,
        slot_stride=slot_stride,
        schema_offset=SEGMENT_HEADER_BYTES,
        schema_bytes=schema_bytes,
        head_offset=head_offset,
        ring_offset=ring_offset,
        slots_offset=slots_offset,
        segment_bytes=align_up(slots_offset + slot_count * slot_stride, PAGE_BYTES),
    )


def file_identifier(message: Object, schema: Schema) -> str:
    """The file identifier that messages of this type carry; empty for none."""
    return schema.file_identifier if message.name == schema.root else ""


def message_limit(max_bytes: int) -> int:
    """Bytes of the largest message that is published: rounded, so that padding fits in."""
    return align_up(max_bytes, MESSAGE_LIMIT_UNIT)


def builder_scratch(table: Object, schema: Schema) -> int:
    """What a FlatBufferBuilder needs beyond the message itself.

    It builds downward from the end of the slot; at the front it notes 8 bytes for each field of the
    tables under construction.
    """
    fields = (len(o.fields) for o in reachable(table, schema) if isinstance(o, Object))
    return 1024 + 8 * max(fields)


def largest_align(root: Object, schema: Schema) -> int:
    """The largest alignment that anything in a message of type `root` asks for."""
    aligns = [1]
    for item in reachable(root, schema):
        if isinstance(item, Object):
            aligns += [item.align, *(f.align for f in item.fields)]
    return max(aligns)


def reachable(root: Object, schema: Schema) -> tuple[Object | Enum, ...]:
    """`root` and every type that a message of it can hold, sorted by name."""
    found: dict[str, Object | Enum] = {}
    waiting: list[Object | Enum] = [root]
    while waiting:
        item = waiting.pop()
        if item.name in found:
            continue
        found[item.name] = item
        for mentioned in _mentions(item, schema):
            target = schema.objects.get(mentioned) or schema.enums.get(mentioned)
            if target is not None:
                waiting.append(target)
    return tuple(found[name] for name in sorted(found))


def _mentions(item: Object | Enum, schema: Schema) -> Iterator[str]:
    if isinstance(item, Object):
        yield from (f.type.name for f in item.fields)
        yield from (nested_type(item, f, schema) for f in item.fields)
    else:
        yield from (v.member.name for v in item.values if v.member)


def nested_type(owner: Object, field: Field, schema: Schema) -> str:
    """The full name of the type that a `nested_flatbuffer` names; empty for none."""
    name = field.attributes.get("nested_flatbuffer", "")
    return resolve(name, namespace_of(owner.name), schema.objects) if name else ""


def fingerprint(root: Object, schema: Schema) -> int:
    """64 bits that differ whenever `canonical_text` does."""
    digest = hashlib.blake2b(canonical_text(root, schema).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def canonical_text(root: Object, schema: Schema) -> str:
    """All of a type that decides how its bytes are read, and nothing else.

    No comments, file names, order of declaration or Holler attributes: equal types of two projects
    give equal texts, whatever depth or bounds they use.
    """
    lines = [f"root {root.name}"]
    for item in reachable(root, schema):
        if isinstance(item, Object):
            lines += _canonical_object(item, schema)
        else:
            lines += _canonical_enum(item)
    return "".join(f"{line}\n" for line in lines)


def _canonical_object(item: Object, schema: Schema) -> list[str]:
    if item.is_struct:
        return [f"struct {item.name} align {item.align} size {item.size}"] + [
            f"  {f.name} {type_text(f.type)} at {f.offset}" for f in item.fields
        ]
    return [f"table {item.name}"] + [
        _canonical_table_field(f, nested_type(item, f, schema)) for f in item.fields
    ]


def _canonical_table_field(field: Field, nested: str) -> str:
    words = [f"  {field.id} {field.name} {type_text(field.type)}"]
    if field.type.base in SCALAR_BYTES:  # Nothing else has a default, or a choice of being absent.
        is_real = field.type.base in (Base.FLOAT, Base.DOUBLE)
        default = repr(field.default_real) if is_real else str(field.default_integer)
        words.append("optional" if field.optional else f"= {default}")
    words += [word for word in ("required", "key", "deprecated") if getattr(field, word)]
    words += [f"nests {nested}"] if nested else []
    return " ".join(words)


def _canonical_enum(item: Enum) -> list[str]:
    kind = "union" if item.is_union else "enum"
    return [f"{kind} {item.name} {item.underlying.name.lower()}"] + [
        f"  {v.name} = {v.value}" + (f" {type_text(v.member)}" if v.member else "")
        for v in item.values
    ]


def type_text(field_type: Type) -> str:
    """A type as a schema spells it: float, [a.b.Vec3:2]."""
    leaf = field_type.name or field_type.leaf.name.lower()
    if field_type.leaf is Base.UTYPE:
        leaf = f"type of {leaf}"
    if field_type.base is Base.VECTOR:
        return f"[{leaf}]"
    if field_type.base is Base.ARRAY:
        return f"[{leaf}:{field_type.length}]"
    return leaf
