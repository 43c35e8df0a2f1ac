"""How names of a schema become names of C++, as flatc does it."""

from __future__ import annotations

from collections.abc import Mapping

from holler_gen.schema import Base

# Scalars in C++.
SCALARS = {
    Base.BOOL: "bool",
    Base.BYTE: "int8_t",
    Base.UBYTE: "uint8_t",
    Base.SHORT: "int16_t",
    Base.USHORT: "uint16_t",
    Base.INT: "int32_t",
    Base.UINT: "uint32_t",
    Base.LONG: "int64_t",
    Base.ULONG: "uint64_t",
    Base.FLOAT: "float",
    Base.DOUBLE: "double",
}
# To these flatc appends `_` in the names of fields.
_ESCAPED_KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor
    bool break case catch char char16_t char32_t class compl concept const constexpr const_cast
    continue co_await co_return co_yield decltype default delete do double dynamic_cast else enum
    explicit export extern false float for friend goto if import inline int long module mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
    switch synchronized template this thread_local throw true try typedef typeid typename union
    unsigned using virtual void volatile wchar_t while xor xor_eq
    """.split()
)
# Keywords of C++20 that flatc does not know as such.
UNESCAPED_KEYWORDS = frozenset({"char8_t", "consteval", "constinit"})
# Emitted code names these namespaces; one inside another namespace would hide them.
RESERVED_NAMESPACES = frozenset({"flatbuffers", "holler", "std"})
# Members of emitted classes, and of the runtime's classes from which they derive. In their scope, a
# type of such a name is found only by its full name.
_MEMBERS = frozenset(
    """
    At BlankAt Clear CopyFrom EmplaceBack EmplaceString EmplaceStruct
    EmplaceTable Member Message Mutable MutableString MutableStruct MutableTable NestedMessage Of
    Room RoomAt Set SetNestedBytes SetSize SetString SetStruct SetVector Start StartUninitialized
    StaticMessage StaticTable String StringMember Strings Struct StructMember StructWriter Table
    TableHandle TableMember Tables Touch UnionVectorField Unions Vector Writer capacity clear empty
    finished_size header kField kFileIdentifier kFingerprint kLatched kLayout kMessageBytes kName
    kReliable kTypeName kCallHeaderBytes message message_ payload pop_back schema shape size table_ type types values
    """.split()
)


def is_keyword(name: str) -> bool:
    """Whether C++20, or flatc on its behalf, reserves `name`."""
    return name in _ESCAPED_KEYWORDS or name in UNESCAPED_KEYWORDS


def identifier(name: str) -> str:
    """The name of a field in C++."""
    return name + "_" if name in _ESCAPED_KEYWORDS else name


def namespace_of(full_name: str) -> str:
    """a.b of a.b.Imu."""
    return full_name.rpartition(".")[0]


def simple_name(full_name: str) -> str:
    """Imu of a.b.Imu."""
    return full_name.rpartition(".")[2]


def type_name(full_name: str, namespace: str, scope: frozenset[str] = frozenset()) -> str:
    """How code within `namespace` names a type: as briefly as is certain to find it.

    `scope` are further names that mean something else there.
    """
    own = namespace_of(full_name)
    name = simple_name(full_name)
    scope = scope | _MEMBERS
    if own == namespace and name not in scope:
        return name
    parts = own.split(".") if own else []
    # From inside a.b.c, `b::X` is looked up as a::b::c::b, a::b::b and a::b before ::b.
    hidden = not parts or parts[0] in {*namespace.split(".")[1:], *scope} or name in scope
    return ("::" if hidden else "") + "::".join([*parts, name])


def camel_case(text: str) -> str:
    """LegStates of leg_states."""
    words = "".join(c if c.isalnum() else " " for c in text).split()
    return "".join(word[0].upper() + word[1:] for word in words)


def macro(text: str) -> str:
    """SENSORS_LEG_STATES of sensors.leg_states."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text).upper()


def resolve(name: str, namespace: str, names: Mapping[str, object]) -> str:
    """The full name of `name` in `namespace`: looked up there, then outward; empty if none."""
    while namespace:
        if f"{namespace}.{name}" in names:
            return f"{namespace}.{name}"
        namespace = namespace_of(namespace)
    return name if name in names else ""
