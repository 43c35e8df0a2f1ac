"""Random schemas. The same seed gives the same schemas, whatever machine they are made on."""

from __future__ import annotations

import dataclasses
import random

from property_gen import bounding
from property_gen.types import (
    AnyType,
    EnumType,
    Field,
    File,
    Kind,
    Member,
    SchemaSet,
    StructField,
    StructType,
    TableType,
    Topic,
    UnionType,
    namespace_of,
    simple_name,
)

INTEGERS = {
    "byte": (-(2**7), 2**7 - 1),
    "ubyte": (0, 2**8 - 1),
    "short": (-(2**15), 2**15 - 1),
    "ushort": (0, 2**16 - 1),
    "int": (-(2**31), 2**31 - 1),
    "uint": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
    "ulong": (0, 2**64 - 1),
}
REALS = ("float", "double")
_REAL_DEFAULTS = ("0.1", "-2.5", "1e30", "-1e-30", "inf", "-inf", "nan", "-0.0", "16777217.0")
_WORDS = "speed angle frame stamp name data range pose count mode label part".split()
# Keywords of C++, to which flatc appends `_`, and of schemas.
RESERVED = (
    "class new delete operator template default int double register and typename private this "
    "while namespace union struct enum auto char for xor"
).split()
_MOST_TABLES = 40  # in one message: what is verified after every call


@dataclasses.dataclass(frozen=True)
class Pools:
    """Lengths that schemas compiled together have in common: each makes classes of its own."""

    strings: tuple[int, ...]
    vectors: tuple[int, ...]
    elements: tuple[str, ...]  # types of vectors of scalars

    @staticmethod
    def make(rng: random.Random) -> Pools:
        return Pools(
            strings=tuple(sorted({1, *(rng.randint(2, 40) for _ in range(3))})),
            vectors=tuple(sorted({1, *(rng.randint(2, 9) for _ in range(2))})),
            elements=tuple(rng.sample([*INTEGERS, *REALS], 4)),
        )


def invent(seed: str, number: int, pools: Pools) -> SchemaSet:
    """The schema `number`, whose types are in the namespace `s<number>` and beside it."""
    return _Inventor(random.Random(f"{seed}/{number}"), f"s{number}", pools).schemas()


class _Inventor:
    def __init__(self, rng: random.Random, stem: str, pools: Pools) -> None:
        self._rng = rng
        self._stem = stem
        self._pools = pools
        self._count = 0
        self._enums: list[EnumType] = []
        self._structs: list[StructType] = []
        self._unions: list[UnionType] = []
        self._tables: list[TableType] = []
        self._weights: dict[TableType, int] = {}  # Most tables in a message.
        self._depths: dict[TableType, int] = {}
        self._knows_holler = True
        self._namespaces: list[str] = []
        self._namespace = ""  # of the table in the making

    def schemas(self) -> SchemaSet:
        files = []
        if self._chance(0.7):
            self._knows_holler = self._chance(0.3)
            self._namespaces = [f"{self._stem}.parts", f"{self._stem}p"][: self._rng.randint(1, 2)]
            stem = f"{self._stem}_parts"
            types = self._types(self._rng.randint(1, 2), self._rng.randint(1, 2))
            files.append(File(stem, types, self._knows_holler))
        self._knows_holler = True
        self._namespaces = [self._stem, f"{self._stem}.inner.most"][: self._rng.randint(1, 2)]
        types = self._types(self._rng.randint(0, 1), self._rng.randint(0, 2))
        root = self._table(self._rng.randint(4, 8), self._namespaces[0], "Root")
        files.append(File(self._stem, (*types, root), True))
        topics = self._topics(root)
        identifier = self._rng.choice(["", "ABCD", "12 4"])
        return SchemaSet(tuple(files), topics, root, identifier)

    def _topics(self, root: TableType) -> tuple[Topic, ...]:
        topics = [Topic(root.name, root, bounding.bounds(self._rng, root, self._pools))]
        if self._chance(0.1):
            # A type under other bounds; perhaps one that knows nothing of topics.
            message = self._rng.choice([*self._tables, root])
            name = f"{self._stem}.Again"
            topics.append(Topic(name, message, bounding.bounds(self._rng, message, self._pools)))
        return tuple(topics)

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability

    def _name(self, word: str) -> str:
        self._count += 1
        return f"{self._rng.choice(self._namespaces)}.{word}{self._count}"

    def _types(self, structs: int, tables: int) -> tuple[AnyType, ...]:
        types: list[AnyType] = [self._enum()]
        types += [self._struct() for _ in range(structs)]
        for _ in range(tables):
            types.append(self._table(self._rng.randint(1, 4)))
            if self._chance(0.5):
                types.append(self._union())
        return tuple(types)

    def _enum(self) -> EnumType:
        base = self._rng.choice(list(INTEGERS))
        is_flags = base.startswith("u") and self._chance(0.6)
        names = ["Red", "Green", "Blue", "None_", "Other"][: self._rng.randint(2, 5)]
        low, high = (0, 7) if is_flags else INTEGERS[base]
        numbers = {0}
        while len(numbers) < len(names):
            numbers.add(self._rng.choice([low, high, self._rng.randint(low, high), len(numbers)]))
        values = tuple(zip(names, sorted(numbers), strict=True))
        self._enums.append(EnumType(self._name("Enum"), base, values, is_flags))
        return self._enums[-1]

    def _scalar(self) -> str | EnumType:
        if self._enums and self._chance(0.2):
            return self._rng.choice(self._enums)
        return self._rng.choice(["bool", *INTEGERS, *REALS])

    def _struct(self) -> StructType:
        fields = []
        key = self._rng.randint(0, 1)
        names = self._field_names(self._rng.randint(1, 4))
        for i, name in enumerate(names):
            type_: str | EnumType | StructType = self._scalar()
            if i == 0 and key:
                type_ = self._rng.choice([*INTEGERS, *REALS])
            elif self._structs and self._chance(0.3):
                type_ = self._rng.choice(self._structs)
            length = self._rng.randint(1, 4) if self._chance(0.25) and not (i == 0 and key) else 0
            fields.append(StructField(name, type_, length, i == 0 and key == 1))
        align = self._rng.choice([8, 16]) if self._chance(0.25) else 0  # flatc crashes on more
        inner = [f.type.align for f in fields if isinstance(f.type, StructType)]
        align = max([align, *inner]) if align else 0
        self._structs.append(StructType(self._name("Struct"), tuple(fields), align))
        return self._structs[-1]

    def _union(self) -> UnionType:
        name = self._name("Union")
        own = namespace_of(name)
        members: list[Member] = []
        candidates: list[TableType | StructType | None] = [
            *self._rng.sample(self._tables, min(len(self._tables), 2)),
            *self._structs[-1:],
            None,
        ]
        count = self._rng.randint(1, len(candidates))
        for i, type_ in enumerate(self._rng.sample(candidates, count)):
            if type_ is None or self._chance(0.5):
                members.append(Member(f"Member{i}", type_, True))
            elif namespace_of(type_.name) == own:
                members.append(Member(simple_name(type_.name), type_, False))
            else:
                members.append(Member(type_.name.replace(".", "_"), type_, False))
        self._unions.append(UnionType(name, tuple(members)))
        return self._unions[-1]

    def _field_names(self, count: int) -> list[str]:
        reserved = self._rng.sample(RESERVED, count)
        return [
            reserved[i] if self._chance(0.15) else f"{self._rng.choice(_WORDS)}_{i}"
            for i in range(count)
        ]

    def _table(self, count: int, namespace: str = "", word: str = "") -> TableType:
        name = f"{namespace}.{word}" if word else self._name("Table")
        self._namespace = namespace_of(name)
        weight, depth = 1, 1
        fields: list[Field] = []
        for field_name in self._field_names(count):
            field = self._field(field_name)
            tables = _tables_below(field)
            most = max((self._weights[table] for table in tables), default=0)
            most *= max(self._pools.vectors) if field.kind in (Kind.TABLES, Kind.UNIONS) else 1
            if weight + most > _MOST_TABLES:
                field = Field(field_name, Kind.SCALAR, "int")
            else:
                weight += most
                depth = max([depth, *(1 + self._depths[table] for table in tables)])
            fields.append(field)
        if not word and self._chance(0.5):
            self._make_key(fields)
        table = TableType(name, fields)
        if self._chance(0.3):
            table.declared = self._rng.sample(range(len(fields)), len(fields))
        self._weights[table], self._depths[table] = weight, depth
        self._tables.append(table)
        return table

    def _make_key(self, fields: list[Field]) -> None:
        fields = [
            field
            for field in fields
            if field.kind is Kind.STRING or (field.kind is Kind.SCALAR and field.type != "bool")
        ]
        if fields:
            field = self._rng.choice(fields)
            field.is_key = True
            field.is_deprecated = field.is_required = False
            field.default = "" if field.is_optional or field.default == "nan" else field.default

    def _field(self, name: str) -> Field:
        field = self._rng.choices(
            [self._scalar_field, self._vector_field, self._other_field, self._child_field],
            [30, 20, 20, 30],
        )[0](name)
        if field.kind is not Kind.SCALAR:
            field.is_required = self._chance(0.2)
        if not field.is_required and self._chance(0.04):
            field.is_deprecated = True
            return field
        has_length, has_strings = bounding.BOUNDED_BY.get(field.kind, (False, False))
        if field.kind is Kind.NESTED and (field.is_required or self._chance(0.6)):
            has_length = False
        if has_strings and field.kind is not Kind.STRINGS:
            assert isinstance(field.type, UnionType)
            has_strings = field.type.holds_string
        if self._knows_holler and self._chance(0.7):
            if has_length:
                field.max_length = bounding.length(self._rng, field.kind, self._pools)
            if has_strings:
                field.max_string_length = self._rng.choice(self._pools.strings)
        return field

    def _scalar_field(self, name: str) -> Field:
        type_ = self._scalar()
        default = ""
        if self._chance(0.2):
            default = "null"
        elif self._chance(0.5):
            default = self._default(type_)
        return Field(name, Kind.SCALAR, type_, default=default)

    def _default(self, type_: str | EnumType) -> str:
        if isinstance(type_, EnumType):
            names = [value for value, _ in type_.values]
            some = self._rng.sample(names, self._rng.randint(1, len(names)))
            return f'"{" ".join(some)}"' if type_.is_flags else some[0]
        if type_ == "bool":
            return self._rng.choice(["true", "false"])
        if type_ in REALS:
            return self._rng.choice(_REAL_DEFAULTS)
        low, high = INTEGERS[type_]
        return str(self._rng.choice([low, high, 1, self._rng.randint(low, high)]))

    def _vector_field(self, name: str) -> Field:
        scalars = ["bool", "ubyte", *self._pools.elements]
        type_: str | EnumType | StructType = self._rng.choice(scalars)
        align = 0
        if self._chance(0.2):
            align = self._rng.choice([8, 16, 32])
        elif self._structs and self._chance(0.4):
            type_ = self._rng.choice(self._structs)
        elif self._enums and self._chance(0.3):
            type_ = self._rng.choice(self._enums)
        return Field(name, Kind.ELEMENTS, type_, align=align)

    def _other_field(self, name: str) -> Field:
        kind = self._rng.choice([Kind.STRING, Kind.STRING, Kind.STRUCT, Kind.STRINGS])
        if kind is Kind.STRUCT and self._structs:
            return Field(name, kind, self._rng.choice(self._structs))
        return Field(name, Kind.STRING if kind is Kind.STRUCT else kind, None)

    def _child_field(self, name: str) -> Field:
        shallow = [table for table in self._tables if self._depths[table] < 6]
        # flatc 2.0.8 makes no C++ of unions under a keyword, nor of vectors of another namespace's.
        if self._unions and name not in RESERVED and self._chance(0.5):
            union = self._rng.choice(self._unions)
            is_own = namespace_of(union.name) == self._namespace
            kind = self._rng.choice([Kind.UNION, Kind.UNIONS]) if is_own else Kind.UNION
            return Field(name, kind, union)
        if not shallow:
            return self._other_field(name)
        kind = self._rng.choice([Kind.TABLE, Kind.TABLES, Kind.TABLES, Kind.NESTED])
        return Field(name, kind, self._rng.choice(shallow))


def _tables_below(field: Field) -> list[TableType]:
    types = [field.type, *(member.type for member in field.members)]
    return [type_ for type_ in types if isinstance(type_, TableType)]
