"""The text of schemas."""

from __future__ import annotations

import itertools

from property_gen.types import (
    AnyType,
    EnumType,
    Field,
    Kind,
    SchemaSet,
    StructField,
    StructType,
    TableType,
    Topic,
    UnionType,
    namespace_of,
    simple_name,
)


def texts(schemas: SchemaSet) -> dict[str, str]:
    """The text of each file by its name."""
    found = {}
    for i, file in enumerate(schemas.files):
        lines = ['include "holler.fbs";'] if file.knows_holler else []
        lines += [f'include "{other.stem}.fbs";' for other in schemas.files[:i]]
        is_main = file is schemas.main
        of = [topic for topic in schemas.topics if topic.is_of] if is_main else []
        declared = [(namespace_of(t.name), _type(t, schemas)) for t in file.types]
        declared += [(namespace_of(topic.declared_as), _topic_of(topic)) for topic in of]
        for namespace, group in itertools.groupby(declared, key=lambda pair: pair[0]):
            lines += ["", f"namespace {namespace};"]
            for _, text in group:
                lines += ["", *text]
        if is_main:
            # Named in full: it is looked up in the namespace that came last.
            lines += ["", f"root_type {schemas.root.name};"]
            lines += [f'file_identifier "{schemas.identifier}";'] if schemas.identifier else []
        found[f"{file.stem}.fbs"] = "\n".join(lines) + "\n"
    return found


def _type(item: AnyType, schemas: SchemaSet) -> list[str]:
    name = simple_name(item.name)
    if isinstance(item, EnumType):
        flags = " (bit_flags)" if item.is_flags else ""
        values = ", ".join(f"{value} = {number}" for value, number in item.values)
        return [f"enum {name} : {item.base}{flags} {{ {values} }}"]
    if isinstance(item, UnionType):
        members = []
        for member in item.members:
            type_ = member.type.name if member.type else "string"
            if member.type and not member.is_aliased:
                members.append(type_ if member.name != simple_name(type_) else member.name)
            else:
                members.append(f"{member.name}:{type_}")
        return [f"union {name} {{ {', '.join(members)} }}"]
    if isinstance(item, StructType):
        align = f" (force_align: {item.align})" if item.align else ""
        return [f"struct {name}{align} {{", *map(_struct_field, item.fields), "}"]
    own = [topic for topic in schemas.topics if topic.declared_as == item.name]
    ids = {id(field): id_ for id_, field in item.with_ids()}
    order = item.declared or range(len(item.fields))
    fields = [
        _field(field, ids[id(field)] if item.declared else -1)
        for field in (item.fields[i] for i in order)
    ]
    return [f"table {name}{_attributes(_topic(own[0]) if own else [])} {{", *fields, "}"]


def _topic(topic: Topic) -> list[str]:
    bounds = topic.bounds.text()
    name = topic.declared_as.replace(".", "/")
    return [f'topic: "{name}"', "depth: 1", *([f'bounds: "{bounds}"'] if bounds else [])]


def _topic_of(topic: Topic) -> list[str]:
    attributes = [f'of: "{topic.message.name}"', *_topic(topic)]
    return [f"table {simple_name(topic.declared_as)}{_attributes(attributes)} {{}}"]


def _attributes(attributes: list[str]) -> str:
    return f" ({', '.join(attributes)})" if attributes else ""


def _struct_field(field: StructField) -> str:
    name = field.type if isinstance(field.type, str) else field.type.name
    type_ = f"[{name}:{field.length}]" if field.length else name
    return f"  {field.name}:{type_}{' (key)' if field.is_key else ''};"


def _field(field: Field, id_: int) -> str:
    name = "string" if field.type is None else field.type
    name = name if isinstance(name, str) else name.name
    nested = field.kind is Kind.NESTED
    is_vector = field.kind in (Kind.ELEMENTS, Kind.STRINGS, Kind.TABLES, Kind.UNIONS)
    type_ = "[ubyte]" if nested else f"[{name}]" if is_vector else name
    attributes = [f'nested_flatbuffer: "{name}"'] if nested else []
    attributes += [f"id: {id_}"] if id_ >= 0 else []
    attributes += ["key"] if field.is_key else []
    attributes += ["required"] if field.is_required else []
    attributes += ["deprecated"] if field.is_deprecated else []
    attributes += [f"force_align: {field.align}"] if field.align else []
    attributes += [f"max_length: {field.max_length}"] if field.max_length else []
    if field.max_string_length:
        attributes.append(f"max_string_length: {field.max_string_length}")
    default = f" = {field.default}" if field.default else ""
    return f"  {field.name}:{type_}{default}{_attributes(attributes)};"
