"""How much each part of a bounded table may hold: the model, and how bounds are spelled.

bounding.py makes the model of a schema; table_layout.py gives each part of it a place.
"""

from __future__ import annotations

import dataclasses
import enum
import re

from holler_gen.schema import Base, EnumValue, Field, Object, Schema

HIGHEST = 2**31 - 1  # FlatBuffers' own limit of what a vector holds.
FIELD_ATTRIBUTES = ("max_length", "max_string_length")


class FieldKind(enum.Enum):
    """holler::FieldKind, by the names of its enumerators."""

    SCALAR = "kScalar"
    STRUCT = "kStruct"
    STRING = "kString"
    ELEMENTS = "kElements"
    STRINGS = "kStrings"
    TABLE = "kTable"
    TABLES = "kTables"
    UNION_TYPE = "kUnionType"
    UNION = "kUnion"
    UNION_TYPES = "kUnionTypes"
    UNIONS = "kUnions"
    NESTED_MESSAGE = "kNestedMessage"
    NESTED_BYTES = "kNestedBytes"


@dataclasses.dataclass(frozen=True, eq=False)
class BoundedMember:
    """What a union may hold."""

    value: EnumValue
    kind: FieldKind  # TABLE, STRUCT or STRING
    struct: Object | None = None
    table: BoundedTable | None = None
    capacity: int = 0  # of a string


@dataclasses.dataclass(frozen=True, eq=False)
class BoundedField:
    field: Field
    kind: FieldKind
    capacity: int = 0  # characters or elements
    string_capacity: int = 0  # of each string in a vector
    table: BoundedTable | None = None  # of TABLE, TABLES and NESTED_MESSAGE
    nested: Object | None = None  # of NESTED_BYTES
    may_be_absent: bool = False  # of a scalar: at the start, so that readers find its default
    members: tuple[BoundedMember, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class BoundedTable:
    """A table under certain bounds. Wherever they are the same, it is the same object."""

    type: Object
    fields: tuple[BoundedField | None, ...]  # by id; None where deprecated


@dataclasses.dataclass(frozen=True)
class Bound:
    """`names: 16x32` of the attribute `bounds`."""

    path: str
    parts: tuple[str, ...]
    length: int
    string_length: int  # 0: not given
    is_readable: bool = True  # If not, only its path counts.


_PATH = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
_ENTRY = re.compile(_PATH.pattern + r"\s*:\s*([0-9]+)(?:\s*x\s*([0-9]+))?\s*")


def parse(text: str) -> tuple[list[Bound], list[str]]:
    """The entries of the attribute `bounds`, and the texts of those that cannot be read."""
    found, unreadable = [], []
    for entry in text.split(","):
        match = _ENTRY.fullmatch(entry)
        numbers = [int(number) for number in match.groups()[1:] if number] if match else []
        if match and all(1 <= number <= HIGHEST for number in numbers):
            path, length, string_length = match[1], numbers[0], (*numbers, 0)[1]
            found.append(Bound(path, tuple(path.split(".")), length, string_length))
            continue
        unreadable.append(entry.strip())
        if start := _PATH.match(entry):
            found.append(Bound(start[1], tuple(start[1].split(".")), 1, 1, is_readable=False))
    return found, unreadable


def kind_of(field: Field, schema: Schema) -> FieldKind:
    """What a field of a table is, as far as writing it goes."""
    leaf, is_vector = field.type.leaf, field.type.base is Base.VECTOR
    if leaf is Base.UTYPE:
        return FieldKind.UNION_TYPES if is_vector else FieldKind.UNION_TYPE
    if leaf is Base.UNION:
        return FieldKind.UNIONS if is_vector else FieldKind.UNION
    if leaf is Base.STRING:
        return FieldKind.STRINGS if is_vector else FieldKind.STRING
    if leaf is Base.OBJECT and not schema.objects[field.type.name].is_struct:
        return FieldKind.TABLES if is_vector else FieldKind.TABLE
    if "nested_flatbuffer" in field.attributes:
        return FieldKind.NESTED_MESSAGE
    if is_vector:
        return FieldKind.ELEMENTS
    return FieldKind.STRUCT if leaf is Base.OBJECT else FieldKind.SCALAR


def attributes_of(field: Field, schema: Schema) -> tuple[str, ...]:
    """The attributes that bound a field of a table."""
    return {
        FieldKind.STRING: ("max_length",),
        FieldKind.ELEMENTS: ("max_length",),
        FieldKind.STRINGS: FIELD_ATTRIBUTES,
        FieldKind.TABLES: ("max_length",),
        FieldKind.UNION: ("max_string_length",),
        FieldKind.UNIONS: FIELD_ATTRIBUTES,
        FieldKind.NESTED_MESSAGE: ("max_length",),
    }.get(kind_of(field, schema), ())


def attribute(field: Field, name: str) -> int:
    """The value of `max_length` or `max_string_length`; 0 if it is absent or makes no sense."""
    text = field.attributes.get(name, "")
    value = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0
    return value if value <= HIGHEST else 0
