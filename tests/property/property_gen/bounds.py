"""How much each field of a topic may hold: from its attributes, or from the topic's `bounds`."""

from __future__ import annotations

import dataclasses

from property_gen.types import Bounds, Field, Kind, TableType

# By kind: whether `max_length` bounds it, and whether `max_string_length` does.
BOUNDED_BY = {
    Kind.STRING: (True, False),
    Kind.ELEMENTS: (True, False),
    Kind.STRINGS: (True, True),
    Kind.TABLES: (True, False),
    Kind.UNION: (False, True),
    Kind.UNIONS: (True, True),
    Kind.NESTED: (True, False),
}


@dataclasses.dataclass(frozen=True)
class Place:
    """A table under the bounds that apply to it; the same wherever they are the same."""

    type: TableType
    below: frozenset[tuple[str, str]]  # rest of a path, whole path

    def child(self, type_: TableType, name: str) -> Place:
        """The table `type_` under the field, or the field and member, `name`."""
        prefix = name + "."
        rest = {(p.removeprefix(prefix), whole) for p, whole in self.below if p.startswith(prefix)}
        return Place(type_, frozenset(rest))


@dataclasses.dataclass(frozen=True)
class Capacity:
    length: int  # characters or elements; of a nested message 0 if it is laid out
    string_length: int  # of each string in a vector
    members: tuple[int, ...]  # of a union: of each that is a string


def root_place(type_: TableType, bounds: Bounds) -> Place:
    return Place(type_, frozenset((path, path) for path in bounds.by_path))


def capacity(place: Place, field: Field, bounds: Bounds) -> Capacity:
    """What `field` of the table at `place` may hold."""
    here = dict(place.below)
    entry = None
    if field.name in here:
        entry = bounds.by_path[here[field.name]]
    elif f"{place.type.name}.{field.name}" in bounds.by_type:
        entry = bounds.by_type[f"{place.type.name}.{field.name}"]
    length = entry[0] if entry else field.max_length
    string_length = (entry[1] if entry else 0) or field.max_string_length
    members = []
    for member in field.members:
        path = here.get(f"{field.name}.{member.name}")
        own = bounds.by_path[path][0] if path else string_length
        members.append(own if member.type is None else 0)
    return Capacity(length, string_length if field.kind is Kind.STRINGS else 0, tuple(members))


def children(place: Place, field: Field, bounds: Bounds) -> dict[str, Place]:
    """The tables under a field: by the names of union members, else under an empty name."""
    if field.is_deprecated:
        return {}
    if field.kind is Kind.NESTED and capacity(place, field, bounds).length:
        return {"": root_place(field.table, Bounds({}, {}))}
    if field.kind in (Kind.TABLE, Kind.TABLES, Kind.NESTED):
        return {"": place.child(field.table, field.name)}
    return {
        member.name: place.child(member.type, f"{field.name}.{member.name}")
        for member in field.members
        if isinstance(member.type, TableType)
    }
