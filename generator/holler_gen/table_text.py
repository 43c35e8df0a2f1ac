"""From the places of a bounded table to the names and numbers that its templates show."""

from __future__ import annotations

import dataclasses
import math
import struct
import textwrap
from collections.abc import Iterator

from holler_gen import comment, names, table_layout
from holler_gen.bounds import BoundedField, FieldKind
from holler_gen.layout import Topic
from holler_gen.schema import Base
from holler_gen.table_layout import PlacedField, PlacedMember, PlacedTable

_ROW_WIDTH = 92
_REALS = (Base.FLOAT, Base.DOUBLE)


@dataclasses.dataclass(frozen=True)
class ArrayText:
    """A constant array of the shapes, one row an entry; a long one on several lines."""

    name: str
    type: str
    rows: list[list[str]]


@dataclasses.dataclass(frozen=True)
class ShapeText:
    name: str
    arrays: list[ArrayText]  # of union members, then of the fields
    vtable_bytes: int
    table_bytes: int
    stride: int


@dataclasses.dataclass(frozen=True)
class MemberText:
    """What a union may hold, for its accessors."""

    kind: str
    name: str
    type: str  # the writer of a table, or the struct
    index: int
    capacity: int


@dataclasses.dataclass(frozen=True)
class AccessorText:
    """A field, for its accessors."""

    kind: str
    id: int
    name: str
    type: str  # of a scalar, struct or element; the writer of a table; the class of a union vector
    capacity: int
    string_capacity: int
    can_clear: bool
    members: list[MemberText]
    doc: list[str]


@dataclasses.dataclass(frozen=True)
class WriterText:
    """The class that writes one table."""

    name: str
    type_name: str
    message: str
    shape: str
    doc: list[str]
    fields: list[AccessorText]


@dataclasses.dataclass(frozen=True)
class TableText:
    """A bounded table, ready for the templates."""

    shapes: list[ShapeText]  # children before parents
    writers: list[WriterText]  # of nested tables, likewise
    root: WriterText
    head: int
    size: int


def table_text(topic: Topic) -> TableText:
    """All that the templates say of a bounded topic's table."""
    assert topic.bounded
    text = _Text(topic, topic.bounded.root)
    tables = table_layout.tables_of(topic.bounded.root)
    writers = [text.writer(table) for table in tables]
    return TableText(
        shapes=[text.shape(table) for table in tables],
        writers=writers[:-1],
        root=writers[-1],
        head=topic.bounded.head,
        size=topic.bounded.size,
    )


class _Text:
    def __init__(self, topic: Topic, root: PlacedTable) -> None:
        self._namespace = names.namespace_of(topic.declared_as)
        self._root = names.simple_name(topic.declared_as)
        self._names = _table_names(root, self._root)
        self._shapes = f"{self._root}Shapes"
        self._members: dict[str, str] = {}  # Arrays of union members, by their rows.
        classes = {f"{name}Writer" for name in self._names.values()}
        vectors = {
            name for table in self._names for name in _vector_names(table).values()
        }
        self._scope = frozenset(classes | vectors)

    def shape(self, table: PlacedTable) -> ShapeText:
        name = self._names[table]
        arrays = []
        rows = []
        for i, field in enumerate(table.fields):
            members = ""
            if field and field.members:
                member_rows = [_wrapped(self._member_pairs(m)) for m in field.members]
                # Several fields of one union often are the same.
                members = self._members.get(str(member_rows), "")
                if not members:
                    members = self._members[str(member_rows)] = f"k{name}Members{i}"
                    arrays.append(ArrayText(members, "MemberShape", member_rows))
            rows.append(_wrapped(self._pairs(table, field, i, members)))
        arrays.append(ArrayText(f"k{name}Fields", "FieldShape", rows))
        return ShapeText(name, arrays, table.vtable_bytes, table.table_bytes, table.stride)

    def writer(self, table: PlacedTable) -> WriterText:
        item = table.bounded.type
        vectors = _vector_names(table)
        return WriterText(
            name=f"{self._names[table]}Writer",
            type_name=item.name,
            message=self._type(item.name),
            shape=f"{self._shapes}::k{self._names[table]}Shape",
            doc=comment.doc_lines(item.doc),
            fields=[
                self._accessor(i, field, vectors.get(i, ""))
                for i, field in enumerate(table.fields)
                if field and field.bounded.kind not in (FieldKind.UNION_TYPE, FieldKind.UNION_TYPES)
            ],
        )

    def _accessor(self, i: int, placed: PlacedField, vector: str) -> AccessorText:
        bounded = placed.bounded
        field = bounded.field
        is_optional_scalar = bounded.kind is FieldKind.SCALAR and field.optional
        return AccessorText(
            kind=bounded.kind.value,
            id=i,
            name=names.identifier(field.name),
            type=vector or self._accessor_type(placed),
            capacity=bounded.capacity,
            string_capacity=bounded.string_capacity,
            can_clear=is_optional_scalar
            or (bounded.kind is not FieldKind.SCALAR and not field.required),
            members=[
                MemberText(
                    kind=member.bounded.kind.value,
                    name=member.bounded.value.name,
                    type=self._member_type(member),
                    index=index,
                    capacity=member.bounded.capacity,
                )
                for index, member in enumerate(placed.members)
            ],
            doc=comment.doc_lines(field.doc),
        )

    def _accessor_type(self, placed: PlacedField) -> str:
        bounded = placed.bounded
        if placed.table:
            return self._writer_name(placed.table)
        if bounded.nested:
            return self._type(bounded.nested.name)
        field_type = bounded.field.type
        if field_type.name:
            return self._type(field_type.name)
        if bounded.kind is FieldKind.ELEMENTS and field_type.leaf is Base.BOOL:
            return "uint8_t"  # flatc's element type: any byte but 0 reads as true
        return names.SCALARS.get(field_type.leaf, "")

    def _member_type(self, member: PlacedMember) -> str:
        if member.table:
            return self._writer_name(member.table)
        return self._type(member.bounded.struct.name) if member.bounded.struct else ""

    def _writer_name(self, table: PlacedTable) -> str:
        return f"{self._names[table]}Writer"

    def _type(self, full_name: str) -> str:
        return names.type_name(full_name, self._namespace, self._scope)

    def _pairs(
        self, table: PlacedTable, placed: PlacedField | None, i: int, members: str
    ) -> list[tuple[str, str]]:
        if placed is None:
            name = table.bounded.type.fields[i].name
            return [("name", f'"{name}"'), ("kind", "kGap")]
        bounded = placed.bounded
        kind = bounded.kind
        has_size = kind in (
            *(FieldKind.SCALAR, FieldKind.STRUCT, FieldKind.ELEMENTS, FieldKind.UNION_TYPE),
            *(FieldKind.NESTED_MESSAGE, FieldKind.NESTED_BYTES),
        )
        is_required = bounded.field.required and kind is not FieldKind.UNION_TYPE
        numbers = [
            ("at", placed.at),
            ("room", placed.room),
            ("size", placed.size if has_size else 0),
            ("align", placed.align if has_size and placed.align != placed.size else 0),
            ("capacity", bounded.capacity),
            ("string_capacity", bounded.string_capacity if kind is FieldKind.STRINGS else 0),
            ("elements", placed.elements),
            ("stride", placed.stride if kind is not FieldKind.TABLES else 0),
            ("head", placed.head),
        ]
        pairs = [("name", f'"{bounded.field.name}"'), ("kind", kind.value)]
        if kind is FieldKind.SCALAR and bounded.may_be_absent:
            pairs.append(("optional", "true"))
        if is_required:
            pairs.append(("required", "true"))
        pairs += [(name, str(number)) for name, number in numbers if number]
        initial = _initial(bounded) if kind is FieldKind.SCALAR else "0"
        if initial != "0":
            pairs.append(("initial", initial))
        if placed.table:
            pairs.append(("child", f"&k{self._names[placed.table]}Shape"))
        if members:
            pairs.append(("members", members))
        return pairs

    def _member_pairs(self, member: PlacedMember) -> list[tuple[str, str]]:
        bounded = member.bounded
        numbers = [
            ("at", member.at),
            ("size", member.size),
            ("align", member.align if member.size else 0),
            ("capacity", bounded.capacity),
        ]
        pairs = [
            ("name", f'"{bounded.value.name}"'),
            ("type", str(bounded.value.value)),
            ("kind", bounded.kind.value),
            *((name, str(number)) for name, number in numbers if number),
        ]
        if member.table:
            pairs.append(("child", f"&k{self._names[member.table]}Shape"))
        return pairs


def _initial(bounded: BoundedField) -> str:
    """The default of a scalar in C++; "0" if all its bits are zero."""
    field = bounded.field
    if bounded.may_be_absent:
        return "0"
    if field.type.base not in _REALS:
        lowest = -(2**63)
        return "INT64_MIN" if field.default_integer == lowest else str(field.default_integer)
    value, is_float = field.default_real, field.type.base is Base.FLOAT
    value = _as_float(value) if is_float else value
    limits = f"std::numeric_limits<{'float' if is_float else 'double'}>"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if math.isnan(value):
        return f"{limits}::quiet_NaN()"
    if math.isinf(value):
        return f"{sign}{limits}::infinity()"
    if value == 0 and not sign:
        return "0"
    return repr(value) + ("f" if is_float else "")


def _as_float(value: float) -> float:
    """`value`, unless a float has no digits for it."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return value if rounded else math.copysign(0, value)


def _table_names(root: PlacedTable, root_name: str) -> dict[PlacedTable, str]:
    """What the writers and shapes of all tables are called: by their type if that is enough.

    Where a topic holds several tables of a name, or one under several bounds, they are called by
    the way to them, too.
    """
    paths: dict[PlacedTable, str] = {root: ""}
    waiting = [root]
    while waiting:
        table = waiting.pop(0)
        for child, name in _children(table):
            if child not in paths:
                paths[child] = f"{paths[table]}.{name}"
                waiting.append(child)
    simple = {table: names.simple_name(table.bounded.type.name) for table in paths}
    found = {root: root_name}
    taken = {root_name}
    ordered = [table for table in table_layout.tables_of(root) if table is not root]
    for table in ordered:
        name = simple[table]
        if [*simple.values()].count(name) > 1 or name == root_name:
            name = names.camel_case(paths[table]) + name
        found[table] = _free(name, taken)
    return found


def _children(table: PlacedTable) -> Iterator[tuple[PlacedTable, str]]:
    for field in filter(None, table.fields):
        if field.table:
            yield field.table, field.bounded.field.name
        for member in field.members:
            if member.table:
                yield member.table, f"{field.bounded.field.name}.{member.bounded.value.name}"


def _vector_names(table: PlacedTable) -> dict[int, str]:
    """The classes of a table's vectors of unions, by id."""
    taken: set[str] = set()
    return {
        i: _free(f"{names.camel_case(field.bounded.field.name)}Vector", taken)
        for i, field in enumerate(table.fields)
        if field and field.bounded.kind is FieldKind.UNIONS
    }


def _free(name: str, taken: set[str]) -> str:
    candidates = (f"{name}{number or ''}" for number in range(len(taken) + 2) if number != 1)
    free = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(free)
    return free


def _wrapped(pairs: list[tuple[str, str]]) -> list[str]:
    """A row of designated initializers."""
    text = ", ".join(f".{name} = {value}".replace(" ", "\0") for name, value in pairs)
    lines = textwrap.wrap(
        "{" + text + "},",
        _ROW_WIDTH,
        subsequent_indent=" ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]
