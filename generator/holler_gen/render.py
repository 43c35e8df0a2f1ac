"""From topics and layouts to text.

Here all names and numbers are made ready; the templates say where they stand.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from holler_gen import comment, layout, names, table_text
from holler_gen.layout import Call, Layout, Topic
from holler_gen.schema import Base, Field, Schema
from holler_gen.table_text import TableText

TEMPLATES = Path(__file__).resolve().parent / "templates"

_LINE_WIDTH = 100
_BYTES_PER_LINE = 16
_ONE_LINE_FUNCTION = re.compile(r"( *)(.*\)(?: noexcept)?) \{ (.*) \}")
_BREAKS = (re.compile(r"( *)(.* =) (.*;)"), re.compile(r"( *)(class \w+) (: .* \{)"))


@dataclasses.dataclass(frozen=True)
class FieldText:
    """A field of a struct, for its setter."""

    kind: str  # scalar, struct or array
    name: str  # of flatc's accessors
    type: str  # in C++; of an element if it is an array
    length: int
    doc: list[str]


@dataclasses.dataclass(frozen=True)
class TopicText:
    """A topic, ready for the templates."""

    name: str
    cpp: str  # what the names of its classes begin with
    type_name: str
    message: str  # in C++
    message_size: int
    is_struct: bool
    doc: list[str]
    fields: list[FieldText]
    table: TableText | None  # of a bounded table
    fingerprint: str
    latched: str
    reliable: str
    file_identifier: str
    schema: str  # the constant that holds the .bfbs
    max_bytes: int  # of a table
    payload_align: int
    slot_align: int
    layout: Layout
    constants: list[tuple[str, str]]  # the members of holler::SegmentLayout, in its order
    is_call: bool
    call_header_bytes: int
    call_padding: int  # bytes between the slot's header and that of the call
    slot_text: str


@dataclasses.dataclass(frozen=True)
class CallText:
    """A method of a service, ready for the templates."""

    service: str
    name: str
    cpp: str
    doc: list[str]
    request: TopicText
    reply: TopicText
    deadline_ms: int
    max_calls: int


@dataclasses.dataclass(frozen=True)
class _Constant:
    """Where the embedded .bfbs stands."""

    namespace: str
    name: str


def topics_header(
    schema: Schema,
    file: str,
    topics: Sequence[tuple[Topic, Layout]],
    calls: Sequence[Call] = (),
) -> str:
    """The text of <file>_topics.h."""
    constant = _constant(file, topics, calls)
    groups: list[tuple[str, list[TopicText], list[CallText]]] = []
    for namespace, topic_group in itertools.groupby(
        topics, key=lambda t: names.namespace_of(t[0].declared_as)
    ):
        texts = [_topic_text(topic, computed, schema, constant) for topic, computed in topic_group]
        groups.append((namespace.replace(".", "::"), texts, []))
    for namespace, call_group in itertools.groupby(
        calls, key=lambda c: names.namespace_of(c.declared_as)
    ):
        groups.append(
            (namespace.replace(".", "::"), [], [_call_text(c, schema, constant) for c in call_group])
        )
    halves = (half for call in calls for half in (call.request, call.reply))
    return _render(
        "topics.h.j2",
        file=file,
        stem=file.removesuffix(".fbs"),
        guard=_guard(constant, file, "topics"),
        groups=groups,
        has_calls=bool(calls),
        has_tables=any(topic.bounded for topic, _ in (*topics, *halves)),
    )


def schema_header(
    file: str, topics: Sequence[tuple[Topic, Layout]], data: bytes, calls: Sequence[Call] = ()
) -> str:
    """The text of <file>_schema.h, which holds the .bfbs `data`."""
    constant = _constant(file, topics, calls)
    return _render(
        "schema.h.j2",
        file=file,
        guard=_guard(constant, file, "schema"),
        namespace=constant.namespace.replace(".", "::"),
        name=constant.name,
        size=len(data),
        rows=[
            ", ".join(f"0x{byte:02x}" for byte in data[i : i + _BYTES_PER_LINE])
            for i in range(0, len(data), _BYTES_PER_LINE)
        ],
    )


def budget(topic: Topic, computed: Layout) -> str:
    """One line on what a topic takes."""
    room = ""
    if topic.max_bytes:
        rest = _bytes_text(computed.payload_capacity - topic.max_bytes)
        room = f" (max_bytes {topic.max_bytes}, {rest} to build in)"
    return (
        f"holler: {topic.name} ({topic.message.name}): "
        f"payload {_bytes_text(computed.payload_capacity)}{room}, "
        f"slot {_bytes_text(computed.slot_stride)}, {computed.slot_count} slots, "
        f"segment {_bytes_text(computed.segment_bytes)}"
    )


def _topic_text(topic: Topic, computed: Layout, schema: Schema, constant: _Constant) -> TopicText:
    namespace = names.namespace_of(topic.declared_as)
    message = topic.message
    identifier = layout.file_identifier(message, schema)
    return TopicText(
        name=topic.name,
        cpp=names.simple_name(topic.declared_as),
        type_name=message.name,
        message=names.type_name(message.name, namespace),
        message_size=message.size,
        is_struct=message.is_struct,
        doc=comment.doc_lines(topic.doc or message.doc),
        fields=[_field_text(f, namespace) for f in message.fields] if message.is_struct else [],
        table=table_text.table_text(topic) if topic.bounded else None,
        fingerprint=f"0x{layout.fingerprint(message, schema):016x}",
        latched=str(topic.latched).lower(),
        reliable=str(topic.reliable).lower(),
        file_identifier=f'"{identifier}"' if identifier else "nullptr",
        schema=names.type_name(_join(constant.namespace, constant.name), namespace),
        max_bytes=layout.message_limit(topic.max_bytes),
        payload_align=layout.payload_align(topic, schema),
        slot_align=layout.slot_align(topic, schema),
        layout=computed,
        constants=_constants(computed),
        is_call=topic.is_call,
        call_header_bytes=layout.CALL_HEADER_BYTES,
        call_padding=computed.payload_offset - layout.SLOT_HEADER_BYTES - layout.CALL_HEADER_BYTES,
        slot_text="a header, that of the call, then the message"
        if topic.is_call
        else "a header, then the message",
    )


def _call_text(call: Call, schema: Schema, constant: _Constant) -> CallText:
    return CallText(
        service=call.service,
        name=call.name,
        cpp=names.simple_name(call.declared_as),
        doc=comment.doc_lines(call.doc),
        request=_topic_text(*call.request, schema, constant),
        reply=_topic_text(*call.reply, schema, constant),
        deadline_ms=call.deadline_ms,
        max_calls=call.max_calls,
    )


def _field_text(field: Field, namespace: str) -> FieldText:
    leaf = field.type.leaf
    if field.type.name:
        cpp_type = names.type_name(field.type.name, namespace)
    elif field.type.base is Base.ARRAY and leaf is Base.BOOL:
        cpp_type = "uint8_t"  # flatc's element type: any byte but 0 reads as true
    else:
        cpp_type = names.SCALARS[leaf]
    if field.type.base is Base.ARRAY:
        kind = "array"
    else:
        kind = "struct" if leaf is Base.OBJECT else "scalar"
    return FieldText(
        kind=kind,
        name=names.identifier(field.name),
        type=cpp_type,
        length=field.type.length,
        doc=comment.doc_lines(field.doc),
    )


def _constants(computed: Layout) -> list[tuple[str, str]]:
    pairs = [(f.name, str(getattr(computed, f.name))) for f in dataclasses.fields(computed)]
    kind = f"holler::PayloadKind::{computed.payload_kind.value}"
    return [("payload_kind", kind), *(p for p in pairs if p[0] != "payload_kind")]


def _constant(
    file: str, topics: Sequence[tuple[Topic, Layout]], calls: Sequence[Call]
) -> _Constant:
    stem = file.removesuffix(".fbs")
    declared = (*(topic.declared_as for topic, _ in topics), *(call.declared_as for call in calls))
    namespace = names.namespace_of(declared[0]) if declared else ""
    return _Constant(namespace, f"k{names.camel_case(stem)}Schema")


def _guard(constant: _Constant, file: str, kind: str) -> str:
    stem = file.removesuffix(".fbs")
    return names.macro(f"holler_generated_{_join(constant.namespace, stem)}_{kind}_h_")


def _join(namespace: str, name: str) -> str:
    return f"{namespace}.{name}" if namespace else name


def _bytes_text(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _render(template: str, **values: object) -> str:
    text = _environment().get_template(template).render(**values)
    return "\n".join(_folded(line) for line in text.splitlines()) + "\n"


def _folded(line: str) -> str:
    """A function that is too long for one line, on three; other declarations on two."""
    if len(line) <= _LINE_WIDTH:
        return line
    match = _ONE_LINE_FUNCTION.fullmatch(line)
    if match:
        indent, head, body = match.groups()
        return f"{indent}{head} {{\n{indent}  {body}\n{indent}}}"
    for pattern in _BREAKS:
        match = pattern.fullmatch(line)
        if match:
            indent, head, rest = match.groups()
            return f"{indent}{head}\n{indent}    {rest}"
    return line


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
