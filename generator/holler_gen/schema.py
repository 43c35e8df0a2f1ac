"""The model of a FlatBuffers schema, and how to read it from the .bfbs that flatc writes.

Nothing outside this file, bfbs.py and embedded.py knows what a .bfbs looks like. Whatever `read` returns is
sound: every reference leads to a type that exists, every name is an identifier, every struct's
fields lie inside it. Anything else is a `BfbsError`.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Mapping
from types import MappingProxyType

from holler_gen.bfbs import BfbsError, Buffer, Table


class Base(enum.IntEnum):
    """reflection::BaseType, under the names that schemas use."""

    NONE = 0
    UTYPE = 1
    BOOL = 2
    BYTE = 3
    UBYTE = 4
    SHORT = 5
    USHORT = 6
    INT = 7
    UINT = 8
    LONG = 9
    ULONG = 10
    FLOAT = 11
    DOUBLE = 12
    STRING = 13
    VECTOR = 14
    OBJECT = 15
    UNION = 16
    ARRAY = 17


SCALAR_BYTES: Mapping[Base, int] = MappingProxyType(
    {
        Base.UTYPE: 1,
        Base.BOOL: 1,
        Base.BYTE: 1,
        Base.UBYTE: 1,
        Base.SHORT: 2,
        Base.USHORT: 2,
        Base.INT: 4,
        Base.UINT: 4,
        Base.LONG: 8,
        Base.ULONG: 8,
        Base.FLOAT: 4,
        Base.DOUBLE: 8,
    }
)
_MAX_STRUCT_BYTES = 2**31 - 1
INTEGERS = frozenset(SCALAR_BYTES) - {Base.FLOAT, Base.DOUBLE}


@dataclasses.dataclass(frozen=True)
class Type:
    """The type of a field, or of a union's member."""

    base: Base
    element: Base = Base.NONE  # of a vector or array
    name: str = ""  # full name of the struct, table, enum or union it mentions; empty for none
    length: int = 0  # of an array

    @property
    def leaf(self) -> Base:
        """The type itself, or that of the elements."""
        return self.element if self.base in (Base.VECTOR, Base.ARRAY) else self.base


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    type: Type
    id: int
    offset: int  # in a struct, from its start
    default_integer: int
    default_real: float
    deprecated: bool
    required: bool
    key: bool
    optional: bool
    align: int  # asked for by force_align; 1 if it is not
    attributes: Mapping[str, str]
    doc: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Object:
    """A struct or a table."""

    name: str  # full name: a.b.Imu
    is_struct: bool
    fields: tuple[Field, ...]  # by id
    align: int
    size: int  # of a struct; 0 for a table
    attributes: Mapping[str, str]
    doc: tuple[str, ...]
    file: str  # as in Schema.files


@dataclasses.dataclass(frozen=True)
class EnumValue:
    name: str
    value: int
    member: Type | None  # what a union holds under this value
    doc: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Enum:
    """An enum or a union."""

    name: str
    is_union: bool
    underlying: Base
    values: tuple[EnumValue, ...]
    attributes: Mapping[str, str]
    doc: tuple[str, ...]
    file: str


@dataclasses.dataclass(frozen=True)
class Method:
    """One call of a service."""

    name: str
    request: str  # full name of a table, as flatc demands
    reply: str
    attributes: Mapping[str, str]
    doc: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Service:
    """An rpc_service."""

    name: str
    methods: tuple[Method, ...]  # by name
    doc: tuple[str, ...]
    file: str


@dataclasses.dataclass(frozen=True)
class Schema:
    """One schema file and everything it includes."""

    objects: Mapping[str, Object]  # by full name
    enums: Mapping[str, Enum]
    root: str  # full name of the root_type; empty for none
    file_identifier: str
    files: tuple[str, ...]  # the schema and all it includes, relative to the schema's folder
    services: tuple[Service, ...] = ()


# Offsets in vtables: the VT_ constants of reflection_generated.h.
class Vt:
    TYPE_BASE, TYPE_ELEMENT, TYPE_INDEX, TYPE_LENGTH = 4, 6, 8, 10
    KEY, VALUE = 4, 6
    VALUE_NAME, VALUE_VALUE, VALUE_UNION_TYPE, VALUE_DOC = 4, 6, 10, 12
    ENUM_NAME, ENUM_VALUES, ENUM_IS_UNION, ENUM_UNDERLYING = 4, 6, 8, 10
    ENUM_ATTRIBUTES, ENUM_DOC, ENUM_FILE = 12, 14, 16
    FIELD_NAME, FIELD_TYPE, FIELD_ID, FIELD_OFFSET = 4, 6, 8, 10
    FIELD_DEFAULT_INTEGER, FIELD_DEFAULT_REAL = 12, 14
    FIELD_DEPRECATED, FIELD_REQUIRED, FIELD_KEY = 16, 18, 20
    FIELD_ATTRIBUTES, FIELD_DOC, FIELD_OPTIONAL = 22, 24, 26
    OBJECT_NAME, OBJECT_FIELDS, OBJECT_IS_STRUCT, OBJECT_ALIGN = 4, 6, 8, 10
    OBJECT_SIZE, OBJECT_ATTRIBUTES, OBJECT_DOC, OBJECT_FILE = 12, 14, 16, 18
    FILE_NAME = 4
    CALL_NAME, CALL_REQUEST, CALL_REPLY, CALL_ATTRIBUTES, CALL_DOC = 4, 6, 8, 10, 12
    SERVICE_NAME, SERVICE_CALLS, SERVICE_DOC, SERVICE_FILE = 4, 6, 10, 12
    OBJECTS, ENUMS, FILE_IDENTIFIER, ROOT, SERVICES, FILES = 4, 6, 8, 12, 14, 18


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_ROOT_MARK = "//"  # flatc writes file names relative to a root that it calls "//"


def read(data: bytes) -> Schema:
    """The schema in the bytes of a .bfbs. Raises BfbsError."""
    root = Buffer(data).root(b"BFBS")
    objects = tuple(root.children(Vt.OBJECTS))
    enums = tuple(root.children(Vt.ENUMS))
    names = _Names(
        tuple(_full_name(o.string(Vt.OBJECT_NAME)) for o in objects),
        tuple(_full_name(e.string(Vt.ENUM_NAME)) for e in enums),
    )
    root_table = root.child(Vt.ROOT)
    root_name = root_table.string(Vt.OBJECT_NAME) if root_table else ""
    found = {o.name: o for o in (_object(o, names) for o in objects)}
    schema = Schema(
        objects=MappingProxyType({name: _placed(o, found) for name, o in found.items()}),
        enums=MappingProxyType({e.name: e for e in (_enum(e, names) for e in enums)}),
        root=root_name,
        file_identifier=root.string(Vt.FILE_IDENTIFIER),
        files=tuple(_file(f.string(Vt.FILE_NAME)) for f in root.children(Vt.FILES)),
        services=tuple(_service(s) for s in root.children(Vt.SERVICES)),
    )
    _check(schema)
    return schema


def align_up(value: int, alignment: int) -> int:
    """The next multiple of `alignment`, a power of two."""
    return (value + alignment - 1) & -alignment


@dataclasses.dataclass(frozen=True)
class _Names:
    """What the indices in a .bfbs stand for."""

    objects: tuple[str, ...]
    enums: tuple[str, ...]


def _type(table: Table | None, names: _Names) -> Type:
    if table is None:
        raise BfbsError("something has no type")
    base = _base(table.integer(Vt.TYPE_BASE, "<b"))
    element = _base(table.integer(Vt.TYPE_ELEMENT, "<b"))
    index = table.integer(Vt.TYPE_INDEX, "<i", -1)
    length = table.integer(Vt.TYPE_LENGTH, "<H")
    compound = base in (Base.VECTOR, Base.ARRAY)
    leaf = element if compound else base
    if compound and leaf in (Base.NONE, Base.VECTOR, Base.ARRAY):
        raise BfbsError(f"a vector or array has elements of type {leaf.name}")
    if base is Base.ARRAY and length == 0:
        raise BfbsError("an array has no length")
    name = ""
    if leaf is Base.OBJECT:
        name = _at(names.objects, index)
    elif leaf in (Base.UNION, Base.UTYPE) or (leaf in INTEGERS and index >= 0):
        name = _at(names.enums, index)
    return Type(base, element if compound else Base.NONE, name, length if base is Base.ARRAY else 0)


def _field(table: Table, names: _Names) -> Field:
    name = table.string(Vt.FIELD_NAME)
    if not _IDENTIFIER.fullmatch(name):
        raise BfbsError(f"a field is named {name!r}")
    attributes = _attributes(table, Vt.FIELD_ATTRIBUTES)
    return Field(
        name=name,
        type=_type(table.child(Vt.FIELD_TYPE), names),
        id=table.integer(Vt.FIELD_ID, "<H"),
        offset=table.integer(Vt.FIELD_OFFSET, "<H"),
        default_integer=table.integer(Vt.FIELD_DEFAULT_INTEGER, "<q"),
        default_real=table.real(Vt.FIELD_DEFAULT_REAL),
        deprecated=table.boolean(Vt.FIELD_DEPRECATED),
        required=table.boolean(Vt.FIELD_REQUIRED),
        key=table.boolean(Vt.FIELD_KEY),
        optional=table.boolean(Vt.FIELD_OPTIONAL),
        align=_power_of_two(attributes.get("force_align", "1")),
        attributes=attributes,
        doc=table.strings(Vt.FIELD_DOC),
    )


def _object(table: Table, names: _Names) -> Object:
    fields = [_field(f, names) for f in table.children(Vt.OBJECT_FIELDS)]
    return Object(
        name=table.string(Vt.OBJECT_NAME),
        is_struct=table.boolean(Vt.OBJECT_IS_STRUCT),
        fields=tuple(sorted(fields, key=lambda f: f.id)),
        align=_power_of_two(str(table.integer(Vt.OBJECT_ALIGN, "<i"))),
        size=table.integer(Vt.OBJECT_SIZE, "<i"),
        attributes=_attributes(table, Vt.OBJECT_ATTRIBUTES),
        doc=table.strings(Vt.OBJECT_DOC),
        file=_file(table.string(Vt.OBJECT_FILE)),
    )


def _enum(table: Table, names: _Names) -> Enum:
    underlying = _type(table.child(Vt.ENUM_UNDERLYING), names).base
    if underlying not in INTEGERS:
        raise BfbsError(f"an enum is made of {underlying.name}")
    is_union = table.boolean(Vt.ENUM_IS_UNION)
    return Enum(
        name=table.string(Vt.ENUM_NAME),
        is_union=is_union,
        underlying=underlying,
        values=tuple(_enum_value(v, is_union, names) for v in table.children(Vt.ENUM_VALUES)),
        attributes=_attributes(table, Vt.ENUM_ATTRIBUTES),
        doc=table.strings(Vt.ENUM_DOC),
        file=_file(table.string(Vt.ENUM_FILE)),
    )


def _enum_value(table: Table, is_union: bool, names: _Names) -> EnumValue:
    name = table.string(Vt.VALUE_NAME)
    if not _IDENTIFIER.fullmatch(name):
        raise BfbsError(f"an enum's value is named {name!r}")
    return EnumValue(
        name=name,
        value=table.integer(Vt.VALUE_VALUE, "<q"),
        member=_type(table.child(Vt.VALUE_UNION_TYPE), names) if is_union else None,
        doc=table.strings(Vt.VALUE_DOC),
    )


def _service(table: Table) -> Service:
    return Service(
        name=_full_name(table.string(Vt.SERVICE_NAME)),
        methods=tuple(_method(call) for call in table.children(Vt.SERVICE_CALLS)),
        doc=table.strings(Vt.SERVICE_DOC),
        file=_file(table.string(Vt.SERVICE_FILE)),
    )


def _method(table: Table) -> Method:
    name = table.string(Vt.CALL_NAME)
    if not _IDENTIFIER.fullmatch(name):
        raise BfbsError(f"a method is named {name!r}")
    request, reply = table.child(Vt.CALL_REQUEST), table.child(Vt.CALL_REPLY)
    if request is None or reply is None:
        raise BfbsError(f"method {name} lacks its request or its reply")
    return Method(
        name=name,
        request=_full_name(request.string(Vt.OBJECT_NAME)),
        reply=_full_name(reply.string(Vt.OBJECT_NAME)),
        attributes=_attributes(table, Vt.CALL_ATTRIBUTES),
        doc=table.strings(Vt.CALL_DOC),
    )


def _attributes(table: Table, vt: int) -> Mapping[str, str]:
    return MappingProxyType({a.string(Vt.KEY): a.string(Vt.VALUE) for a in table.children(vt)})


def _power_of_two(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text).bit_count() != 1:
        raise BfbsError(f"something is aligned to {text!r}")
    return int(text)


def _file(name: str) -> str:
    return name.removeprefix(_ROOT_MARK)


def _base(value: int) -> Base:
    try:
        return Base(value)
    except ValueError:
        raise BfbsError(f"it uses the unknown type {value}") from None


def _full_name(name: str) -> str:
    if not _FULL_NAME.fullmatch(name):
        raise BfbsError(f"a type is named {name!r}")
    return name


def _at(names: tuple[str, ...], index: int) -> str:
    if not 0 <= index < len(names):
        raise BfbsError(f"it refers to type {index} of {len(names)}")
    return names[index]


def _check(schema: Schema) -> None:
    """Refuses what no schema says, so that nobody after this needs to ask."""
    if schema.root and schema.root not in schema.objects:
        raise BfbsError(f"its root type {schema.root!r} does not exist")
    types: list[Object | Enum] = [*schema.objects.values(), *schema.enums.values()]
    for declared in types:
        if declared.file not in schema.files:
            raise BfbsError(f"{declared.name} is in {declared.file!r}, which it does not list")
    for service in schema.services:
        if service.file not in schema.files:
            raise BfbsError(f"{service.name} is in {service.file!r}, which it does not list")
        for message in (name for m in service.methods for name in (m.request, m.reply)):
            if message not in schema.objects:
                raise BfbsError(f"{service.name} speaks of {message!r}, which does not exist")
    for item in schema.objects.values():
        if len({f.id for f in item.fields}) != len(item.fields):
            raise BfbsError(f"{item.name} has two fields of one id")


def _placed(item: Object, objects: Mapping[str, Object]) -> Object:
    """`item` with the true offsets of its fields, if it is a struct.

    A .bfbs keeps only the low 16 bits of an offset, so a struct of more than 64 KiB needs its
    fields placed anew; the bits that are there, and the size, must agree.
    """
    if not item.is_struct:
        return item
    end = 0
    fields = []
    for field in item.fields:
        size, align = _inline(item, field, objects)
        offset = align_up(end, align)
        if offset & 0xFFFF != field.offset:
            raise BfbsError(f"{item.name}.{field.name} is at {field.offset}, not {offset}")
        fields.append(dataclasses.replace(field, offset=offset))
        end = offset + size * max(field.type.length, 1)
    size = align_up(end, item.align)
    if size > _MAX_STRUCT_BYTES:
        raise BfbsError(f"struct {item.name} has {size} bytes, more than FlatBuffers can count")
    if item.size != size or not fields:
        raise BfbsError(f"struct {item.name} has {item.size} bytes and needs {size}")
    return dataclasses.replace(item, fields=tuple(fields))


def _inline(item: Object, field: Field, objects: Mapping[str, Object]) -> tuple[int, int]:
    """Size and alignment of a struct's field; of one element if it is an array."""
    leaf = field.type.leaf
    if field.type.base is not Base.VECTOR:
        if leaf in SCALAR_BYTES:
            return SCALAR_BYTES[leaf], SCALAR_BYTES[leaf]
        target = objects.get(field.type.name)
        if target is not None and target.is_struct and target is not item:
            return target.size, target.align
    raise BfbsError(f"{item.name}.{field.name} cannot be in a struct")
