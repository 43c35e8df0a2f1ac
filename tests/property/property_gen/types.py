"""The types of a schema, as this test invents them."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

# In a schema, and in C++.
SCALARS = {
    "bool": "bool",
    "byte": "int8_t",
    "ubyte": "uint8_t",
    "short": "int16_t",
    "ushort": "uint16_t",
    "int": "int32_t",
    "uint": "uint32_t",
    "long": "int64_t",
    "ulong": "uint64_t",
    "float": "float",
    "double": "double",
}


class Kind(enum.Enum):
    """What a field of a table is; the values are the enumerators of property::Kind."""

    SCALAR = "kScalar"
    STRUCT = "kStruct"
    STRING = "kString"
    ELEMENTS = "kElements"
    STRINGS = "kStrings"
    TABLE = "kTable"
    TABLES = "kTables"
    UNION = "kUnion"
    UNIONS = "kUnions"
    NESTED = "kNested"


@dataclasses.dataclass(frozen=True, eq=False)
class EnumType:
    name: str  # with its namespace, as all names of types are
    base: str
    values: tuple[tuple[str, int], ...]
    is_flags: bool


@dataclasses.dataclass(frozen=True, eq=False)
class StructField:
    name: str
    type: str | EnumType | StructType  # a str names a scalar
    length: int = 0  # of an array
    is_key: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class StructType:
    name: str
    fields: tuple[StructField, ...]
    align: int = 0

    @property
    def has_key(self) -> bool:
        return any(field.is_key for field in self.fields)


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """What a union may hold."""

    name: str
    type: TableType | StructType | None  # None: a string
    is_aliased: bool  # named in the schema, not called after its type


@dataclasses.dataclass(frozen=True, eq=False)
class UnionType:
    name: str
    members: tuple[Member, ...]

    @property
    def holds_string(self) -> bool:
        return any(member.type is None for member in self.members)


@dataclasses.dataclass(eq=False)
class Field:
    """A field of a table."""

    name: str
    kind: Kind
    # Of a scalar or struct, of the elements of a vector, of the message that is nested. A str names
    # a scalar; None: a string.
    type: str | EnumType | StructType | TableType | UnionType | None
    default: str = ""
    is_required: bool = False
    is_deprecated: bool = False
    is_key: bool = False
    align: int = 0
    max_length: int = 0
    max_string_length: int = 0

    @property
    def is_optional(self) -> bool:
        return self.default == "null"

    @property
    def table(self) -> TableType:
        assert isinstance(self.type, TableType)
        return self.type

    @property
    def members(self) -> tuple[Member, ...]:
        return self.type.members if isinstance(self.type, UnionType) else ()


@dataclasses.dataclass(eq=False)
class TableType:
    name: str
    fields: list[Field]  # in the order of their ids
    declared: list[int] | None = None  # their order in the schema if it is another one

    @property
    def has_key(self) -> bool:
        return any(field.is_key for field in self.fields)

    def with_ids(self) -> Iterator[tuple[int, Field]]:
        """The fields, each with its id. A union takes two: its type comes first."""
        id_ = 0
        for field in self.fields:
            id_ += field.kind in (Kind.UNION, Kind.UNIONS)
            yield id_, field
            id_ += 1


AnyType = EnumType | StructType | UnionType | TableType


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What a topic says of lengths: N, or N and M of `NxM`."""

    by_path: dict[str, tuple[int, int]]
    by_type: dict[str, tuple[int, int]]

    def text(self) -> str:
        entries = {**self.by_path, **self.by_type}
        texts = (f"{path}: {n}" + (f"x{m}" if m else "") for path, (n, m) in entries.items())
        return ", ".join(texts)


@dataclasses.dataclass(frozen=True)
class Topic:
    declared_as: str
    message: TableType
    bounds: Bounds

    @property
    def is_of(self) -> bool:
        """Whether a table without fields stands for the message."""
        return self.declared_as != self.message.name


@dataclasses.dataclass(frozen=True)
class File:
    stem: str
    types: tuple[AnyType, ...]  # in the order of the file
    knows_holler: bool


@dataclasses.dataclass(frozen=True)
class SchemaSet:
    """A schema and the schema it includes."""

    files: tuple[File, ...]  # the main one last
    topics: tuple[Topic, ...]
    root: TableType
    identifier: str

    @property
    def main(self) -> File:
        return self.files[-1]


def namespace_of(name: str) -> str:
    return name.rpartition(".")[0]


def simple_name(name: str) -> str:
    return name.rpartition(".")[2]


def cpp_name(name: str) -> str:
    return "::" + name.replace(".", "::")
