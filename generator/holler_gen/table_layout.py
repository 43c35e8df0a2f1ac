"""Where the parts of a bounded table lie: pure functions.

A table takes one block: its vtable, right behind it the table itself, then a room for each child,
the small ones first. Places within a block are counted from the table, as in FlatBuffers. See
docs/static_table.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from holler_gen import layout
from holler_gen.bounds import BoundedField, BoundedMember, BoundedTable, FieldKind
from holler_gen.schema import SCALAR_BYTES, Base, Field, Object, Schema, align_up

OFFSET_BYTES = 4  # of a uoffset, an soffset and a vector's length
MESSAGE_ALIGN = 8
MAX_TABLE_BYTES = 2**16 - 1
MAX_VTABLE_BYTES = 2**16 - 2
MAX_MESSAGE_BYTES = 2**31 - 4096
# Defaults of flatbuffers::Verifier.
MAX_TABLES = 1_000_000
MAX_DEPTH = 64

_INLINE = (FieldKind.SCALAR, FieldKind.STRUCT, FieldKind.UNION_TYPE)


@dataclasses.dataclass(frozen=True, eq=False)
class PlacedMember:
    """What a union may hold, and where in the union's room."""

    bounded: BoundedMember
    at: int  # of a table: where the table itself starts
    size: int  # of a struct
    align: int
    table: PlacedTable | None


@dataclasses.dataclass(frozen=True, eq=False)
class PlacedField:
    bounded: BoundedField
    at: int  # in the table
    size: int  # of a scalar, a struct, an element, a nested message
    align: int  # of the same
    room: int = 0  # from the table: what its offset leads to
    elements: int = 0  # likewise: the first string, table or union of a vector
    stride: int = 0  # from one to the next
    head: int = 0  # of a nested message: where its root table starts
    members: tuple[PlacedMember, ...] = ()
    table: PlacedTable | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class PlacedTable:
    bounded: BoundedTable
    fields: tuple[PlacedField | None, ...]  # by id
    vtable_bytes: int
    table_bytes: int
    head: int  # from the start of a block to the table
    end: int  # from the start of a block to its end
    align: int  # of a block
    tables: int  # in one message at most, this one included
    depth: int

    @property
    def stride(self) -> int:
        """From one block to the next."""
        return align_up(self.end, self.align)


@dataclasses.dataclass(frozen=True)
class PlacedMessage:
    """A table as the root of a message of its own."""

    root: PlacedTable
    head: int  # where the root table starts
    size: int
    align: int


def place(table: BoundedTable, schema: Schema) -> PlacedTable:
    """The places in a block of `table`."""
    return _Placer(schema).table(table)


def place_message(root: PlacedTable, has_identifier: bool) -> PlacedMessage:
    """The places in a message: the offset of its root, an identifier if it has one, its root."""
    prefix = OFFSET_BYTES * (2 if has_identifier else 1)
    head = root.head
    while head - root.vtable_bytes < prefix:
        head += root.align
    align = max(MESSAGE_ALIGN, root.align)
    return PlacedMessage(root, head, align_up(head - root.head + root.end, MESSAGE_ALIGN), align)


def faults(message: PlacedMessage) -> list[tuple[str, str]]:
    """What exceeds FlatBuffers' limits, and what to do about it."""
    found = []
    for table in tables_of(message.root):
        found += _table_faults(table.bounded.type, table.table_bytes, "")
    for root in (message.root, *nested_roots(message.root)):
        of = "" if root is message.root else f" of {root.bounded.type.name} nested in it"
        if root.tables > MAX_TABLES:
            found.append(
                (
                    f"a message{of} may hold {root.tables} tables, and flatbuffers::Verifier "
                    f"accepts {MAX_TABLES}",
                    "use smaller bounds",
                )
            )
        if root.depth > MAX_DEPTH:
            found.append(
                (
                    f"the tables of a message{of} are nested {root.depth} deep, and flatbuffers::Verifier "
                    f"accepts {MAX_DEPTH}",
                    "nest less, or add `max_bytes: N`",
                )
            )
    if message.size > MAX_MESSAGE_BYTES:
        found.append(
            (
                f"a message takes {message.size} bytes, and may take {MAX_MESSAGE_BYTES}",
                "use smaller bounds, or add `max_bytes: N`",
            )
        )
    return found


def built_faults(message: Object, schema: Schema) -> list[tuple[str, str]]:
    """As `faults`, of a message that a FlatBufferBuilder builds.

    In a release build nobody else notices: it writes what fits of an offset into 16 bits.
    """
    found = []
    for item in layout.reachable(message, schema):
        if isinstance(item, Object) and not item.is_struct:
            # Fields lie in the order in which they are added, so any of them may need padding.
            parts = [(OFFSET_BYTES, OFFSET_BYTES)]
            parts += [_inline_of(field, schema) for field in item.fields if not field.deprecated]
            most = sum(size + align - 1 for size, align in parts)
            found += _table_faults(item, most, "up to ")
    return found


def _inline_of(field: Field, schema: Schema) -> tuple[int, int]:
    """Size and alignment of what a field takes within its table."""
    if field.type.base in SCALAR_BYTES:
        return SCALAR_BYTES[field.type.base], SCALAR_BYTES[field.type.base]
    if field.type.base is Base.OBJECT and (struct := schema.objects[field.type.name]).is_struct:
        return struct.size, struct.align
    return OFFSET_BYTES, OFFSET_BYTES


def _vtable_bytes(fields: Sequence[object]) -> int:
    return 2 * (2 + len(fields))


def _table_faults(table: Object, table_bytes: int, up_to: str) -> list[tuple[str, str]]:
    """What exceeds the 16 bits of the offsets in a vtable."""
    found = []
    if table_bytes > MAX_TABLE_BYTES:
        found.append(
            (
                f"the scalars and structs of table {table.name} take {up_to}{table_bytes} bytes, "
                f"and may take {MAX_TABLE_BYTES}",
                "put a large struct into a vector or a table of its own",
            )
        )
    vtable_bytes = _vtable_bytes(table.fields)
    if vtable_bytes > MAX_VTABLE_BYTES:
        found.append(
            (
                f"table {table.name} has {len(table.fields)} fields, whose vtable takes "
                f"{vtable_bytes} bytes, and may take {MAX_VTABLE_BYTES}",
                "split the table",
            )
        )
    return found


def tables_of(root: PlacedTable) -> tuple[PlacedTable, ...]:
    """Every table under `root`, children before parents, each once."""
    found: dict[PlacedTable, None] = {}

    def visit(table: PlacedTable) -> None:
        if table in found:
            return
        for field in filter(None, table.fields):
            for child in (field.table, *(member.table for member in field.members)):
                if child is not None:
                    visit(child)
        found[table] = None

    visit(root)
    return tuple(found)


def nested_roots(root: PlacedTable) -> list[PlacedTable]:
    """The roots of the messages that are nested in one with the root `root`."""
    return [
        field.table
        for table in tables_of(root)
        for field in filter(None, table.fields)
        if field.bounded.kind is FieldKind.NESTED_MESSAGE and field.table
    ]


@dataclasses.dataclass(frozen=True)
class _Room:
    """What a field needs outside its table."""

    size: int
    align: int  # of the byte at `front`
    front: int  # bytes in front of that byte
    anchor: int  # where in the room its offset leads to
    elements: int = 0  # likewise
    stride: int = 0


class _Placer:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[BoundedTable, PlacedTable] = {}

    def table(self, table: BoundedTable) -> PlacedTable:
        if table not in self._known:
            self._known[table] = self._place(table)
        return self._known[table]

    def _place(self, table: BoundedTable) -> PlacedTable:
        fields: list[PlacedField | None] = [
            self._sized(field) if field else None for field in table.fields
        ]
        present = [i for i, field in enumerate(fields) if field]

        # The large alignments first: no holes.
        at = OFFSET_BYTES
        inline_align = 1
        for i in sorted(present, key=lambda i: -_inline(fields[i])[1]):
            field = fields[i]
            assert field
            size, align = _inline(field)
            inline_align = max(inline_align, align)
            fields[i] = dataclasses.replace(field, at=at)
            at += size
        vtable_bytes = _vtable_bytes(fields)
        head = align_up(vtable_bytes + OFFSET_BYTES, max(OFFSET_BYTES, inline_align)) - OFFSET_BYTES

        # The small rooms first: what is written most lies together, large ones stay untouched.
        rooms = {i: room for i, f in enumerate(fields) if f and (room := self._room(f))}
        end = head + at
        align = max([OFFSET_BYTES, inline_align, *(room.align for room in rooms.values())])
        for i, room in sorted(rooms.items(), key=lambda item: item[1].size):
            start = align_up(end + room.front, room.align) - room.front
            field = fields[i]
            assert field
            fields[i] = dataclasses.replace(
                field,
                room=start + room.anchor - head,
                elements=start + room.elements - head if room.elements else 0,
                stride=room.stride,
            )
            end = start + room.size
        placed = tuple(fields)
        return PlacedTable(
            bounded=table,
            fields=placed,
            vtable_bytes=vtable_bytes,
            table_bytes=at,
            head=head,
            end=end,
            align=align,
            tables=1 + sum(_tables(field) for field in placed if field),
            depth=1 + max((_depth(field) for field in placed if field), default=0),
        )

    def _sized(self, bounded: BoundedField) -> PlacedField:
        """What can be said of a field before it has a place."""
        kind, field = bounded.kind, bounded.field
        size, align, head = OFFSET_BYTES, OFFSET_BYTES, 0
        if kind in (FieldKind.UNION_TYPE, FieldKind.UNION_TYPES):
            size, align = 1, 1
        elif kind in (FieldKind.SCALAR, FieldKind.STRUCT, FieldKind.ELEMENTS):
            if field.type.leaf in SCALAR_BYTES:
                size = align = SCALAR_BYTES[field.type.leaf]
            else:
                struct = self._schema.objects[field.type.name]
                size, align = struct.size, struct.align
            if kind is FieldKind.ELEMENTS:
                align = max(align, field.align)
        table = self.table(bounded.table) if bounded.table else None
        if kind is FieldKind.NESTED_MESSAGE:
            assert table
            message = place_message(table, has_identifier=False)
            size, align, head = message.size, max(message.align, field.align), message.head
        elif kind is FieldKind.NESTED_BYTES:
            assert bounded.nested
            nested_align = layout.largest_align(bounded.nested, self._schema)
            size, align = 1, max(MESSAGE_ALIGN, nested_align, field.align)
        members = tuple(self._member(member) for member in bounded.members)
        return PlacedField(bounded, 0, size, align, head=head, members=members, table=table)

    def _member(self, member: BoundedMember) -> PlacedMember:
        if member.table:
            table = self.table(member.table)
            return PlacedMember(member, table.head, 0, table.align, table)
        if member.struct:
            return PlacedMember(member, 0, member.struct.size, member.struct.align, None)
        return PlacedMember(member, 0, 0, OFFSET_BYTES, None)

    def _room(self, field: PlacedField) -> _Room | None:
        kind, capacity = field.bounded.kind, field.bounded.capacity
        if kind in _INLINE:
            return None
        if kind is FieldKind.STRING:
            return _Room(_string_bytes(capacity), OFFSET_BYTES, 0, 0)
        if kind in (FieldKind.ELEMENTS, FieldKind.NESTED_BYTES):
            return _vector(field.size * capacity, field.align)
        if kind is FieldKind.UNION_TYPES:
            return _vector(capacity, 1)
        if kind is FieldKind.NESTED_MESSAGE:
            return _vector(field.size, field.align)
        if kind is FieldKind.TABLE:
            assert field.table
            return _Room(field.table.end, field.table.align, 0, field.table.head)
        if kind is FieldKind.UNION:
            align = max([OFFSET_BYTES, *(member.align for member in field.members)])
            return _Room(max(_end(member) for member in field.members), align, 0, 0)
        offsets = OFFSET_BYTES * (1 + capacity)
        if kind is FieldKind.STRINGS:
            stride = _string_bytes(field.bounded.string_capacity)
            return _Room(offsets + capacity * stride, OFFSET_BYTES, 0, 0, offsets, stride)
        if kind is FieldKind.TABLES:
            assert field.table
            # In front of the length: how many of the blocks were ever used.
            front = OFFSET_BYTES + offsets
            stride = field.table.stride
            size = front + (capacity - 1) * stride + field.table.end
            elements = front + field.table.head
            return _Room(size, field.table.align, front, OFFSET_BYTES, elements, stride)
        assert kind is FieldKind.UNIONS
        align = max([OFFSET_BYTES, *(member.align for member in field.members)])
        stride = align_up(max(_end(member) for member in field.members), align)
        return _Room(offsets + capacity * stride, align, offsets, 0, offsets, stride)


def _inline(field: PlacedField | None) -> tuple[int, int]:
    """Size and alignment of what a field takes within its table."""
    assert field
    if field.bounded.kind in _INLINE:
        return field.size, field.align
    return OFFSET_BYTES, OFFSET_BYTES


def _string_bytes(capacity: int) -> int:
    """Length, characters, a terminating zero; up to the next one."""
    return align_up(OFFSET_BYTES + capacity + 1, OFFSET_BYTES)


def _vector(data_bytes: int, align: int) -> _Room:
    """A length, and right behind it data that is aligned."""
    return _Room(OFFSET_BYTES + data_bytes, max(align, OFFSET_BYTES), OFFSET_BYTES, 0)


def _end(member: PlacedMember) -> int:
    """The bytes that a member needs in a union's room."""
    if member.table:
        return member.table.end
    return member.size or _string_bytes(member.bounded.capacity)


def _tables(field: PlacedField) -> int:
    """How many tables a field can bring into its message."""
    if field.bounded.kind is FieldKind.NESTED_MESSAGE:
        return 0
    most = max((m.table.tables for m in field.members if m.table), default=0)
    each = field.table.tables if field.table else most
    return each * (field.bounded.capacity or 1)


def _depth(field: PlacedField) -> int:
    if field.bounded.kind is FieldKind.NESTED_MESSAGE:
        return 0
    most = max((m.table.depth for m in field.members if m.table), default=0)
    return field.table.depth if field.table else most
