"""Bounds for all of a topic that has none, and other bounds for some that has."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from property_gen.bounds import BOUNDED_BY
from property_gen.types import Bounds, Field, Kind, TableType, UnionType

if TYPE_CHECKING:
    from property_gen.invent import Pools

__all__ = ["BOUNDED_BY", "bounds", "length"]


def length(rng: random.Random, kind: Kind, pools: Pools) -> int:
    """A random length for a field of that kind."""
    if kind is Kind.NESTED:
        return rng.choice([40, 100, 300])
    return rng.choice(pools.strings if kind is Kind.STRING else pools.vectors)


def bounds(rng: random.Random, root: TableType, pools: Pools) -> Bounds:
    """Bounds by path or by type for what attributes of `root` leave open, and some of the rest."""
    found = Bounds({}, {})
    where: dict[str, list[tuple[str, Field]]] = {}
    for path, owner, field in _fields(root, ""):
        where.setdefault(f"{owner.name}.{field.name}", []).append((path, field))
    for by_type, places in where.items():
        field = places[0][1]
        has_length, has_strings = BOUNDED_BY[field.kind]
        if field.kind is Kind.NESTED:
            # Laid out as the rest is, unless its type gives it a length.
            continue
        if isinstance(field.type, UnionType):
            has_strings = field.type.holds_string
        misses_length = has_length and not field.max_length
        misses_string = has_strings and not field.max_string_length
        if field.kind is Kind.UNION:
            if has_strings and (misses_string or rng.random() < 0.2):
                for path, _ in places:
                    _give_members(rng, path, field, found, pools)
            continue
        if not (misses_length or misses_string or rng.random() < 0.2):
            continue

        two = has_strings and misses_string
        if rng.random() < 0.5:
            found.by_type[by_type] = _entry(rng, field, two, pools)
            if len(places) > 1 and rng.random() < 0.3:
                found.by_path[places[0][0]] = _entry(rng, field, two, pools)
            continue
        for path, _ in places:
            found.by_path[path] = _entry(rng, field, two, pools)
        if field.kind is Kind.UNIONS and has_strings and rng.random() < 0.3:
            _give_members(rng, places[0][0], field, found, pools)
    return found


def _entry(rng: random.Random, field: Field, two: bool, pools: Pools) -> tuple[int, int]:
    return length(rng, field.kind, pools), rng.choice(pools.strings) if two else 0


def _give_members(
    rng: random.Random, path: str, field: Field, found: Bounds, pools: Pools
) -> None:
    for member in field.members:
        if member.type is None:
            found.by_path[f"{path}.{member.name}"] = (rng.choice(pools.strings), 0)


def _fields(table: TableType, path: str) -> Iterator[tuple[str, TableType, Field]]:
    """Every field that a bound may be for, by every path."""
    for field in table.fields:
        if field.is_deprecated:
            continue
        below = f"{path}{field.name}"
        if field.kind in BOUNDED_BY:
            yield below, table, field
        if field.kind in (Kind.TABLE, Kind.TABLES) or (
            field.kind is Kind.NESTED and not field.max_length
        ):
            yield from _fields(field.table, f"{below}.")
        for member in field.members:
            if isinstance(member.type, TableType):
                yield from _fields(member.type, f"{below}.{member.name}.")
