"""Finding a bound for each part of a table, or saying what has none.

A bound comes from the topic's `bounds`, by path or by type, else from the attributes `max_length`
and `max_string_length` of the field.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator

from holler_gen.bounds import (
    FIELD_ATTRIBUTES,
    HIGHEST,
    Bound,
    BoundedField,
    BoundedMember,
    BoundedTable,
    FieldKind,
    attribute,
    attributes_of,
    kind_of,
    parse,
)
from holler_gen.layout import nested_type
from holler_gen.names import namespace_of, resolve, simple_name
from holler_gen.problems import Problems
from holler_gen.schema import Base, EnumValue, Field, Object, Schema, Type
from holler_gen.table_layout import MAX_DEPTH

_SPELLING = (
    'write `bounds: "name: 64, points: 100, points.label: 16, labels: 8x32"`, with numbers from 1 '
    f"to {HIGHEST}"
)


def bound(
    topic: Object, message: Object, schema: Schema, main: str, problems: Problems
) -> BoundedTable | None:
    """`message` under the bounds of `topic`; None after reporting why it has none."""
    before = len(problems)
    given: list[Bound] = []
    if "bounds" in topic.attributes:
        given, unreadable = parse(topic.attributes["bounds"])
        texts = [f"`{text.encode('unicode_escape').decode()}`" for text in unreadable if text]
        faults = [f"`bounds` cannot be understood at {' and '.join(texts)}"] if texts else []
        faults += ["`bounds` misses something"] if "" in unreadable else []
        for fault in faults:
            problems.type(topic, fault, _SPELLING, "bounds")
    walk = _Walk(topic, schema, main, problems, given)
    table = walk.message(message)
    walk.report_unused()
    walk.report_unbounded()
    return table if len(problems) == before else None


_UNBOUNDABLE = {
    FieldKind.TABLE: ("a table", "bound its fields instead"),
    FieldKind.UNION: ("a union", "bound its members instead"),
}
# What is nested deeper is not gone through, as Python's stack has an end. More than MAX_DEPTH, since
# messages nested in others count from their own root; table_layout.faults says what is too much.
_MAX_WAY = 2 * MAX_DEPTH
_Below = frozenset[tuple[tuple[str, ...], int]]  # Rest of a path, and index of its entry.


@dataclasses.dataclass
class _Unbounded:
    owner: Object
    field: str
    attributes: list[str]
    form: str  # N, or NxM
    path: str
    is_once: bool = True  # in the message


class _Walk:
    """Goes through a type with the bounds that apply, once for each type and bounds."""

    def __init__(
        self, topic: Object, schema: Schema, main: str, problems: Problems, given: list[Bound]
    ) -> None:
        self._topic = topic
        self._schema = schema
        self._main = main
        self._problems = problems
        self._given = given
        self._used: set[int] = set()
        self._by_type: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[str, _Below], BoundedTable] = {}
        self._open: list[str] = []  # Types on the way from the root, against recursion.
        self._is_too_deep = False
        self._unbounded: dict[tuple[str, str], _Unbounded] = {}

    def message(self, message: Object) -> BoundedTable:
        seen: dict[str, int] = {}
        paths = []
        for i, entry in enumerate(self._given):
            if entry.path in seen:
                self._wrong(f'`bounds` gives "{entry.path}" twice', "keep one")
                self._used.add(i)
                continue
            seen[entry.path] = i
            owner = resolve(
                ".".join(entry.parts[:-1]), namespace_of(self._topic.name), self._schema.objects
            )
            is_path = any(field.name == entry.parts[0] for field in message.fields)
            if owner and not is_path:
                self._by_type[owner, entry.parts[-1]] = i
            elif not is_path and self._is_by_type(entry, message):
                self._unknown_type(i)
            else:
                paths.append((entry.parts, i))
        for (owner, name), i in self._by_type.items():
            fields = [field.name for field in self._schema.objects[owner].fields]
            if name not in fields:
                self._unknown(i, name, f"no field {_q(name)} in {owner}", fields)
        return self._table(message, frozenset(paths), "")

    def report_unused(self) -> None:
        for i, entry in enumerate(self._given):
            if i not in self._used:
                self._wrong(f'`bounds` gives "{entry.path}", which bounds nothing', "remove it")

    def report_unbounded(self) -> None:
        for it in self._unbounded.values():
            form = f"{it.path}: {it.form}" if it.is_once else f"{it.owner.name}.{it.field}: {it.form}"
            if it.owner.file == self._main:
                wanted = " and ".join(f"`{name}: N`" for name in it.attributes)
                is_own = it.owner.name == self._topic.name
                held = "" if is_own else f"{self._what(True)} holds it, and "
                self._problems.type(
                    it.owner,
                    f"{held}it may grow without bound",
                    f"add {wanted}, or `max_bytes: N` to {self._what()}",
                    field=it.field,
                )
            else:
                where = f'field "{it.path}"' if it.is_once else f'field "{it.path}", among others,'
                self._wrong(
                    f"{where} may grow without bound",
                    f'add `bounds: "{form}"`, or `max_bytes: N`',
                    "",
                )

    def _table(self, item: Object, below: _Below, path: str) -> BoundedTable:
        key = (item.name, below)
        if key in self._known:
            self._seen_again(self._known[key])
            return self._known[key]
        if item.name in self._open:
            self._wrong(
                f'type {item.name} contains itself through "{path}", so it cannot be bounded',
                "add `max_bytes: N`",
                "",
            )
            return BoundedTable(item, ())
        if len(self._open) == _MAX_WAY:
            if not self._is_too_deep:
                self._wrong(
                    f"tables are nested more than {_MAX_WAY} deep at {item.name}, and "
                    f"flatbuffers::Verifier accepts {MAX_DEPTH} in a message",
                    "nest less, or add `max_bytes: N`",
                    "",
                )
            self._is_too_deep = True
            return BoundedTable(item, ())
        self._open.append(item.name)
        names = [field.name for field in item.fields]
        for parts, i in sorted(below):
            if parts[0] not in names:
                self._unknown(i, parts[0], f"no field {_q(parts[0])} in {item.name}", names)
        fields = [self._field(item, field, below, path) for field in item.fields]
        self._open.pop()
        for i, field in enumerate(fields):
            # The row before a vector of unions holds their types: as many, and there when they are.
            if i > 0 and item.fields[i].type.leaf is Base.UNION:
                fields[i - 1] = _types_of(item.fields[i - 1], field)
        self._known[key] = BoundedTable(item, tuple(fields))
        return self._known[key]

    def _field(
        self, item: Object, field: Field, below: _Below, path: str
    ) -> BoundedField | None:
        kind = kind_of(field, self._schema)
        here = [i for parts, i in below if parts == (field.name,)]
        deeper = frozenset((parts[1:], i) for parts, i in below if parts[0] == field.name)
        deeper = frozenset((parts, i) for parts, i in deeper if parts)
        by_type = self._by_type.get((item.name, field.name))
        entry = self._given[here[0]] if here else None
        if entry is None and by_type is not None:
            entry = self._given[by_type]
            here = [by_type]
        path = f"{path}.{field.name}" if path else field.name
        names = attributes_of(field, self._schema)
        if entry is not None:
            self._used.add(here[0])
            if field.deprecated:
                self._wrong(f'`bounds` gives "{entry.path}", which is deprecated', "remove it")
            elif "max_length" not in names:
                self._cannot_bound(here[0], kind)
            elif entry.string_length and names != FIELD_ATTRIBUTES and entry.is_readable:
                self._wrong(f'`bounds` gives "{entry.path}" two numbers', "give one")
        if field.deprecated:
            return None
        if "flexbuffer" in field.attributes:
            self._wrong(f'field "{path}" is a flexbuffer, which has no bound', "add `max_bytes: N`")
            return None
        length = entry.length if entry else attribute(field, "max_length")
        string_length = entry.string_length if entry else 0
        string_length = string_length or attribute(field, "max_string_length")
        if kind is FieldKind.NESTED_MESSAGE:
            return self._nested(item, field, length, deeper, path)
        members: tuple[BoundedMember, ...] = ()
        missing = ["max_length"] if "max_length" in names and not length else []
        if kind in (FieldKind.UNION, FieldKind.UNIONS):
            members = tuple(self._members(field, string_length, deeper, path))
            if any(m.kind is FieldKind.STRING and not m.capacity for m in members):
                missing.append("max_string_length")
            if not members:
                self._wrong(
                    f'field "{path}" of {item.name} can hold nothing, as its union '
                    f"{field.type.name} is empty",
                    "give the union a member, or add `max_bytes: N`",
                    "",
                )
        elif kind is FieldKind.STRINGS and not string_length:
            missing.append("max_string_length")
        table = None
        if kind in (FieldKind.TABLE, FieldKind.TABLES):
            table = self._table(self._schema.objects[field.type.name], deeper, path)
        elif not members:
            for parts, i in sorted(deeper):
                self._unknown(i, parts[0], f"nothing within {_q(path)}", [])
        if missing:
            self._may_grow(item, field, kind, missing, path, members)
        return BoundedField(
            field,
            kind,
            length,
            string_length,
            table,
            members=members,
            may_be_absent=field.optional or self._is_default_lost(item, field),
        )

    def _is_default_lost(self, item: Object, field: Field) -> bool:
        """Whether a .bfbs may be wrong about a default.

        flatc writes those beyond int64 as 0, and leaves the sign of -0.0 out.
        """
        base = field.type.base
        if field.default_integer != 0 or field.default_real != 0:
            return False
        if base not in (Base.ULONG, Base.FLOAT, Base.DOUBLE):
            return False
        declared = self._problems.declaration(item).fields.get(field.name)
        if declared is None:
            return True
        return declared.default not in ("", "0") if base is Base.ULONG else "-" in declared.default

    def _nested(
        self, item: Object, field: Field, length: int, deeper: _Below, path: str
    ) -> BoundedField | None:
        """A nested_flatbuffer: of any size up to a length, or laid out as the rest is."""
        name = field.attributes["nested_flatbuffer"]
        nested = self._schema.objects.get(nested_type(item, field, self._schema))
        if nested is None or nested.is_struct:
            self._wrong(
                f'field "{path}" nests {_q(name)}, which is not a table',
                "name a table in `nested_flatbuffer`",
                "",
            )
            return None
        if not length:
            table = self._table(nested, deeper, path)
            return BoundedField(field, FieldKind.NESTED_MESSAGE, table=table)
        for parts, i in sorted(deeper):
            self._unknown(i, parts[0], f"nothing within {_q(path)}, as it has a length", [])
        if field.required:
            self._wrong(
                f'field "{path}" is required, and an empty nested_flatbuffer is no message',
                "remove its length, so that the message within is bounded by itself",
                "",
            )
        return BoundedField(field, FieldKind.NESTED_BYTES, length, nested=nested)

    def _members(
        self, field: Field, string_length: int, below: _Below, path: str
    ) -> Iterator[BoundedMember]:
        union = self._schema.enums[field.type.name]
        names = [value.name for value in union.values if _holds(value)]
        for parts, i in sorted(below):
            if parts[0] not in names:
                self._unknown(i, parts[0], f"no member {_q(parts[0])} of {union.name}", names)
        for value in union.values:
            member = _holds(value)
            if member is None:
                continue
            deeper = frozenset((p[1:], i) for p, i in below if p[0] == value.name)
            inner = f"{path}.{value.name}"
            here = [i for p, i in deeper if not p]
            deeper = frozenset((p, i) for p, i in deeper if p)
            if member.base is Base.STRING:
                self._used.update(here)
                capacity = self._given[here[0]].length if here else string_length
                yield BoundedMember(value, FieldKind.STRING, capacity=capacity)
                continue
            target = self._schema.objects[member.name]
            kind = FieldKind.STRUCT if target.is_struct else FieldKind.TABLE
            for i in here:
                self._cannot_bound(i, kind)
            if target.is_struct:
                for p, i in sorted(deeper):
                    self._unknown(i, p[0], f"nothing within {_q(inner)}", [])
                yield BoundedMember(value, FieldKind.STRUCT, struct=target)
            else:
                table = self._table(target, deeper, inner)
                yield BoundedMember(value, FieldKind.TABLE, table=table)

    def _may_grow(
        self,
        item: Object,
        field: Field,
        kind: FieldKind,
        missing: list[str],
        path: str,
        members: tuple[BoundedMember, ...],
    ) -> None:
        known = self._unbounded.get((item.name, field.name))
        if known is not None:
            known.is_once = False
            return
        form = "NxM" if "max_string_length" in missing and kind is not FieldKind.UNION else "N"
        if kind is FieldKind.UNION:
            strings = (m.value.name for m in members if m.kind is FieldKind.STRING)
            path = f"{path}.{next(strings)}"
        self._unbounded[item.name, field.name] = _Unbounded(item, field.name, missing, form, path)

    def _seen_again(self, table: BoundedTable) -> None:
        """What is unbounded in a table is so wherever the table is."""
        waiting, seen = [table], set[BoundedTable]()
        while waiting and self._unbounded:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            for field in filter(None, at.fields):
                known = self._unbounded.get((at.type.name, field.field.name))
                if known is not None:
                    known.is_once = False
                waiting += [m.table for m in field.members if m.table]
                waiting += [field.table] if field.table else []

    def _cannot_bound(self, i: int, kind: FieldKind) -> None:
        self._used.add(i)
        what, remedy = _UNBOUNDABLE.get(kind, ("of fixed size", "remove it"))
        self._wrong(f'`bounds` gives "{self._given[i].path}", which is {what}', remedy)

    def _is_by_type(self, entry: Bound, message: Object) -> bool:
        """Whether a path that leads nowhere was rather meant to begin with a type."""
        namespaces = {part for name in self._schema.objects for part in name.split(".")[:-1]}
        fields = [field.name for field in message.fields]
        if len(entry.parts) == 1 or entry.parts[0] in namespaces:
            return len(entry.parts) > 1
        near_field = difflib.get_close_matches(entry.parts[0], fields, n=1)
        return not near_field and self._near_type(".".join(entry.parts[:-1])) != ""

    def _near_type(self, name: str) -> str:
        """The table or struct that somebody may have meant; empty for none."""
        simple = {simple_name(full): full for full in self._schema.objects}
        near = difflib.get_close_matches(name, self._schema.objects, n=1)
        near += difflib.get_close_matches(simple_name(name), simple, n=1)
        return simple.get(near[0], near[0]) if near else ""

    def _unknown_type(self, i: int) -> None:
        name = ".".join(self._given[i].parts[:-1])
        is_enum = resolve(name, namespace_of(self._topic.name), self._schema.enums) != ""
        what = f"no {'table' if is_enum else 'type'} {_q(name)}"
        near = self._near_type(name)
        self._unknown(i, near, what, [near] if near else [])

    def _unknown(self, i: int, name: str, what: str, candidates: list[str]) -> None:
        self._used.add(i)
        near = difflib.get_close_matches(name, candidates, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        self._wrong(
            f'`bounds` gives "{self._given[i].path}", but there is {what}{hint}',
            "correct or remove it",
        )

    def _what(self, by_name: bool = False) -> str:
        """What is declared: a topic, or else a message of a service."""
        if "topic" in self._topic.attributes:
            return f"topic {self._topic.name}" if by_name else "the topic"
        return f"message {self._topic.name}" if by_name else self._topic.name

    def _wrong(self, what: str, remedy: str, attribute: str = "bounds") -> None:
        self._problems.type(self._topic, what, remedy, attribute)


def _types_of(field: Field, union: BoundedField | None) -> BoundedField | None:
    if union is None:
        return None
    field = dataclasses.replace(field, required=union.field.required)
    is_vector = union.kind is FieldKind.UNIONS
    kind = FieldKind.UNION_TYPES if is_vector else FieldKind.UNION_TYPE
    return BoundedField(field, kind, capacity=union.capacity if is_vector else 0)


def _holds(value: EnumValue) -> Type | None:
    """What a union holds under `value`, if anything."""
    return value.member if value.member and value.member.base is not Base.NONE else None


def _q(text: str) -> str:
    return f'"{text}"'
