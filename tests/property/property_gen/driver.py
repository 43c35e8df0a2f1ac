"""C++ that calls the writers of a schema by numbers, so that one program can drive them all.

Each table becomes a `switch` over its accessors, and a table of what its fields may hold. What to
call, with what, and what must come of it is decided in tests/property/*.cc.
"""

from __future__ import annotations

import random

from property_gen import bounds
from property_gen.bounds import Place
from property_gen.invent import RESERVED
from property_gen.types import (
    SCALARS,
    EnumType,
    Field,
    Kind,
    Member,
    SchemaSet,
    StructType,
    TableType,
    Topic,
    cpp_name,
    simple_name,
)


def source(
    schemas: list[SchemaSet], with_objects: set[str], rng: random.Random | None = None
) -> str:
    """A source file that registers every topic of `schemas`.

    `with_objects` names the schemas whose headers have flatc's object API. `rng` leaves out about a
    third of the accessors, never all of a field: compiling is what this test spends its time on.
    Without it nothing is left out.
    """
    lines = ["// Calls the writers of schemas. Made by tests/property/generate.py."]
    lines += ['#include "call.h"', '#include "program.h"']
    lines += [f'#include "{one.main.stem}_topics.h"' for one in schemas]
    lines += ["", "namespace property {", "namespace {"]
    for one in schemas:
        for topic in one.topics:
            lines += _Program(one, topic, one.main.stem in with_objects, rng).lines()
    lines += ["", "}  // namespace", "}  // namespace property"]
    return "\n".join(lines) + "\n"


class _Program:
    def __init__(
        self, schemas: SchemaSet, topic: Topic, has_objects: bool, rng: random.Random | None
    ) -> None:
        self._schemas = schemas
        self._topic = topic
        self._has_objects = has_objects
        self._rng = rng
        self._numbers: dict[Place, int] = {}  # parents before children
        self._writers: dict[Place, str] = {}  # how each is reached; not those only in bytes
        self._codes: dict[Place, list[str]] = {}
        self._find()

    def lines(self) -> list[str]:
        name = self._topic.declared_as
        lines = ["", f"namespace {name.replace('.', '_')} {{", ""]
        for place, writer in self._writers.items():
            lines.append(f"using W{self._numbers[place]} = {writer};")
        for place in self._writers:
            lines += self._calls(place)
        lines.append("")
        for place, number in self._numbers.items():
            lines.append(f"extern const TableInfo kTable{number};  // {place.type.name}")
        for place in self._numbers:
            lines += self._info(place)
        return [*lines, "", *self._registration(), "", f"}}  // namespace {name.replace('.', '_')}"]

    def _find(self) -> None:
        """Numbers all places under the topic, and finds a way to a writer of each."""
        root = bounds.root_place(self._topic.message, self._topic.bounds)
        self._writers[root] = f"{cpp_name(self._topic.declared_as)}Writer"
        waiting = [root]
        for place in waiting:
            self._numbers[place] = len(self._numbers)
            for _, field in place.type.with_ids():
                if self._is_bytes(place, field):
                    continue
                for member, child in self._children(place, field).items():
                    if child not in self._writers:
                        object_ = f"std::declval<W{self._numbers[place]}&>()"
                        self._writers[child] = _way(object_, field, member)
                        waiting.append(child)
        # What is only in messages that are set as a whole.
        for place in waiting:
            for _, field in place.type.with_ids():
                for child in self._children(place, field).values():
                    if child not in self._numbers:
                        self._numbers[child] = len(self._numbers)
                        waiting.append(child)

    def _children(self, place: Place, field: Field) -> dict[str, Place]:
        return bounds.children(place, field, self._topic.bounds)

    def _is_bytes(self, place: Place, field: Field) -> bool:
        """Whether a field is a nested message that is set as a whole."""
        if field.kind is not Kind.NESTED:
            return False
        return bounds.capacity(place, field, self._topic.bounds).length > 0

    def _calls(self, place: Place) -> list[str]:
        number = self._numbers[place]
        lines = ["", f"void Call{number}(Call& call) {{"]
        lines.append(f"  [[maybe_unused]] auto w = call.writer<W{number}>();")
        lines.append("  switch (call.code) {")
        message = cpp_name(place.type.name)
        cases: list[tuple[str, str]] = []
        if number == 0 or self._keeps(0.25):
            cases.append(("kCopyFrom", f"call.copied = w.CopyFrom(call.from<{message}>())"))
        if number == 0 and self._has_objects:
            cases.append(("kCopyObject", f"call.copied = CopyObject<{message}>(w, call)"))
        for i, field in enumerate(place.type.fields):
            if not field.is_deprecated:
                found = self._some(self._cases(place, field))
                cases += [(_code(i, op), text) for op, text in found]
        self._codes[place] = [code for code, _ in cases]
        lines += [f"    case {code}: {text}; return;" for code, text in cases]
        return [*lines, "  }", "}"]

    def _cases(self, place: Place, field: Field) -> list[tuple[str, str]]:
        """The operations on a field, each with the C++ that carries it out."""
        name, kind = identifier(field.name), field.kind
        set_, mutable = f"w.set_{name}", f"w.mutable_{name}()"
        key_of = "[](const auto* e) {{ return e->{}(); }}"
        lookup = f"Lookup(*w.message().{name}(), call, {key_of})"
        children = {
            member: f"W{self._numbers[child]}"
            for member, child in self._children(place, field).items()
        }
        cases: list[tuple[str, str]] = []
        if kind is Kind.SCALAR:
            cases = [("kSet", f"{set_}(call.value<{_element(field)}>())")]
        elif kind is Kind.STRUCT:
            cases = [
                ("kSet", f"{set_}(call.value<{_element(field)}>())"),
                ("kMutable", f"call.Give(&{mutable})"),
            ]
        elif kind is Kind.STRING:
            cases = [
                ("kSet", f"call.is_accepted = {set_}(call.text())"),
                ("kMutable", f"OnString({mutable}, call)"),
            ]
        elif kind is Kind.ELEMENTS:
            cases = [
                ("kSet", f"call.is_accepted = {set_}(call.values<{_element(field)}>())"),
                ("kMutable", f"OnVector({mutable}, call)"),
            ]
            if isinstance(field.type, StructType) and field.type.has_key:
                key = identifier(next(f.name for f in field.type.fields if f.is_key))
                cases.append(("kLookup", lookup.format(key)))
        elif kind is Kind.STRINGS:
            cases = [("kMutable", f"OnStrings({mutable}, call)")]
        elif kind is Kind.TABLE:
            cases = [("kMutable", f"Give<{children['']}>({mutable}, call)")]
        elif kind is Kind.TABLES:
            cases = [("kMutable", f"OnTables<{children['']}>({mutable}, call)")]
            if field.table.has_key:
                key_field = next(f for f in field.table.fields if f.is_key)
                key = identifier(key_field.name)
                key += "()->c_str" if key_field.kind is Kind.STRING else ""
                cases.append(("kLookup", lookup.format(key)))
        elif kind is Kind.UNION:
            for i, member in enumerate(field.members):
                got = f"w.mutable_{name}_as_{member.name}()"
                cases.append((f"kMutable, {i}", _on_member(member, got, children)))
        elif kind is Kind.UNIONS:
            cases = [("kVector", f"OnUnions({mutable}, call)")]
            for i, member in enumerate(field.members):
                got = f"{mutable}.mutable_as_{member.name}(call.index)"
                made = f"{mutable}.emplace_back_as_{member.name}()"
                cases.append((f"kMutable, {i}", _on_member(member, got, children)))
                cases.append((f"kEmplace, {i}", f"GiveNew({made}, call)"))
        elif self._is_bytes(place, field):
            cases = [("kSet", f"call.is_accepted = {set_}(call.values<uint8_t>())")]
        else:
            cases = [("kMutable", f"Give<{children['']}>({mutable}, call)")]
        is_required = field.is_required or (field.is_key and kind is Kind.STRING)
        if field.is_optional or (kind is not Kind.SCALAR and not is_required):
            cases.append(("kClear", f"w.clear_{name}()"))
        return cases

    def _keeps(self, probability: float) -> bool:
        return self._rng is None or self._rng.random() < probability

    def _some(self, cases: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Some of what can be done to a field."""
        is_two = [op for op, _ in cases[:2]] == ["kSet", "kMutable"]
        drawn = 1.0 if self._rng is None or not is_two else self._rng.random()
        left_out = "kMutable" if drawn < 0.3 else "kSet" if drawn < 0.6 else ""
        return [
            (op, text)
            for op, text in cases
            if op != left_out and (op != "kClear" or self._keeps(0.6))
        ]

    def _info(self, place: Place) -> list[str]:
        number = self._numbers[place]
        lines: list[str] = []
        rows = []
        for i, (id_, field) in enumerate(place.type.with_ids()):
            if field.is_deprecated:
                continue
            room = bounds.capacity(place, field, self._topic.bounds)
            children = self._children(place, field)
            tables = {name: f"&kTable{self._numbers[child]}" for name, child in children.items()}
            members = "{}"
            if field.members:
                members = f"kMembers{number}_{i}"
                lines.append(f"constexpr MemberInfo {members}[] = {{")
                for member, length in zip(field.members, room.members, strict=True):
                    table = tables.get(member.name, "nullptr")
                    lines.append(f"    {{{_member_kind(member)}, {length}, {table}}},")
                lines.append("};")
            kind = "kNestedBytes" if self._is_bytes(place, field) else field.kind.value
            rows.append(
                f"    {{{i}, {id_}, Kind::{kind}, {room.length}, {room.string_length}, "
                f"{tables.get('', 'nullptr')}, {members}}},"
            )
        fields = "{}"
        if rows:
            fields = f"kFields{number}"
            lines += [f"constexpr FieldInfo {fields}[] = {{", *rows, "};"]
        call, codes = "nullptr", "{}"
        if place in self._writers:
            call, codes = f"Call{number}", f"kCodes{number}"
            lines.append(f"constexpr int {codes}[] = {{{', '.join(self._codes[place]) or '0'}}};")
        name = place.type.name
        lines.append(f'const TableInfo kTable{number} = {{"{name}", {fields}, {codes}, {call}}};')
        return lines

    def _registration(self) -> list[str]:
        topic = self._topic
        identifier_ = self._schemas.identifier if topic.message is self._schemas.root else ""
        return [
            "const Registration kRegistration({",
            f'    .schema = "{self._schemas.main.stem}.fbs",',
            f'    .topic = "{simple_name(topic.declared_as)}",',
            "    .root = &kTable0,",
            "    .bytes = W0::kMessageBytes,",
            f'    .identifier = {_quoted(identifier_)},',
            f"    .has_objects = {str(self._has_objects).lower()},",
            "    .start = Start<W0>,",
            f"    .verify = Verify<{cpp_name(topic.message.name)}>,",
            "    .pack = PackAs<W0>,",
            "});",
        ]


def identifier(name: str) -> str:
    """The name of a field in C++."""
    return f"{name}_" if name in RESERVED else name


def _way(writer: str, field: Field, member: str) -> str:
    """The type of the writer of what is under a field."""
    name = f"{writer}.mutable_{identifier(field.name)}"
    call = {
        Kind.TABLES: f"{name}()[0]",
        Kind.UNION: f"{name}_as_{member}()",
        Kind.UNIONS: f"{name}().mutable_as_{member}(0)",
    }.get(field.kind, f"{name}()")
    return f"decltype({call})"


def _code(field: int, operation: str) -> str:
    return f"Code({field}, {operation})"


def _on_member(member: Member, got: str, children: dict[str, str]) -> str:
    if isinstance(member.type, TableType):
        return f"Give<{children[member.name]}>({got}, call)"
    return f"call.Give(&{got})" if member.type else f"OnString({got}, call)"


def _member_kind(member: Member) -> str:
    if isinstance(member.type, TableType):
        return "Kind::kTable"
    return "Kind::kStruct" if member.type else "Kind::kString"


def _element(field: Field) -> str:
    """The C++ type of a scalar, of a struct, or of an element."""
    if isinstance(field.type, (EnumType, StructType)):
        return cpp_name(field.type.name)
    assert isinstance(field.type, str)
    is_bool_vector = field.kind is Kind.ELEMENTS and field.type == "bool"
    return "uint8_t" if is_bool_vector else SCALARS[field.type]


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "nullptr"
