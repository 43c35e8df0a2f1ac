"""A schema with every construct, which does not change from seed to seed: for the fuzzer."""

from __future__ import annotations

from property_gen.types import (
    Bounds,
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
)

_COLOUR = EnumType("parts.Colour", "int", (("Red", -5), ("Green", 0), ("Blue", 70000)), False)
_FLAGS = EnumType("parts.Flags", "ubyte", (("Hot", 0), ("Wet", 3)), True)
_POINT = StructType("parts.Point", (StructField("x", "double"), StructField("y", _COLOUR)))
_WIDE = StructType(
    "parts.Wide",
    (
        StructField("id", "ushort", is_key=True),
        StructField("points", _POINT, length=2),
        StructField("class", "bool", length=3),
    ),
    align=16,
)
# Knows nothing of Holler: bounded by its topics.
_LABEL = TableType(
    "parts.Label",
    [
        Field("text", Kind.STRING, None, is_key=True),
        Field("names", Kind.STRINGS, None),
        Field("size", Kind.SCALAR, "float", default="nan"),
    ],
)
_LEAF = TableType(
    "every.Leaf",
    [
        Field("number", Kind.SCALAR, "long", is_key=True, default="-7"),
        Field("wide", Kind.STRUCT, _WIDE, is_required=True),
        Field("maybe", Kind.SCALAR, "bool", default="null"),
        Field("text", Kind.STRING, None, is_required=True, max_length=3),
    ],
)
_NOTHING = TableType("every.Nothing", [])
_SHAPE = UnionType(
    "every.Shape",
    (
        Member("Leaf", _LEAF, False),
        Member("Label", _LABEL, True),
        Member("parts_Wide", _WIDE, False),
        Member("Text", None, True),
        Member("Nothing", _NOTHING, False),
        Member("Other", _LEAF, True),
    ),
)
_BRANCH = TableType(
    "every.Branch",
    [
        Field("leaves", Kind.TABLES, _LEAF, max_length=3),
        Field("shape", Kind.UNION, _SHAPE, is_required=True, max_string_length=5),
        Field("shapes", Kind.UNIONS, _SHAPE, max_length=3, max_string_length=4),
        Field("inner", Kind.NESTED, _LEAF),
        Field("label", Kind.TABLE, _LABEL),
    ],
    declared=[4, 0, 2, 1, 3],
)
_SCALARS = [
    Field(f"s_{name}", Kind.SCALAR, name, default=default)
    for name, default in (
        ("bool", "true"),
        ("byte", "-128"),
        ("ubyte", ""),
        ("short", "7"),
        ("ushort", "65535"),
        ("int", ""),
        ("uint", "4294967295"),
        ("long", "-9223372036854775808"),
        ("ulong", "18446744073709551615"),
        ("float", "inf"),
        ("double", "-0.0"),
    )
]
_ROOT = TableType(
    "every.Everything",
    [
        *_SCALARS,
        Field("class", Kind.SCALAR, _COLOUR, default="Blue"),
        Field("flags", Kind.SCALAR, _FLAGS, default='"Hot Wet"'),
        Field("maybe_int", Kind.SCALAR, "int", default="null"),
        Field("maybe_colour", Kind.SCALAR, _COLOUR, default="null"),
        Field("gone", Kind.STRING, None, is_deprecated=True),
        Field("wide", Kind.STRUCT, _WIDE),
        Field("sure_point", Kind.STRUCT, _POINT, is_required=True),
        Field("text", Kind.STRING, None, max_length=9),
        Field("sure_text", Kind.STRING, None, is_required=True, max_length=1),
        Field("names", Kind.STRINGS, None, max_length=3, max_string_length=6),
        Field("bytes", Kind.ELEMENTS, "ubyte", align=32, max_length=7),
        Field("bools", Kind.ELEMENTS, "bool", max_length=3),
        Field("colours", Kind.ELEMENTS, _COLOUR, is_required=True, max_length=3),
        Field("reals", Kind.ELEMENTS, "double", max_length=4),
        Field("wides", Kind.ELEMENTS, _WIDE, max_length=4),
        Field("points", Kind.ELEMENTS, _POINT, max_length=2),
        Field("label", Kind.TABLE, _LABEL),
        Field("labels", Kind.TABLES, _LABEL, is_required=True, max_length=4),
        Field("branch", Kind.TABLE, _BRANCH, is_required=True),
        Field("branches", Kind.TABLES, _BRANCH, max_length=2),
        Field("shape", Kind.UNION, _SHAPE, max_string_length=3),
        Field("shapes", Kind.UNIONS, _SHAPE, is_required=True, max_length=3, max_string_length=6),
        Field("inner", Kind.NESTED, _BRANCH),
        Field("sure_inner", Kind.NESTED, _LABEL, is_required=True),
        Field("outer", Kind.NESTED, _LEAF, max_length=150),
    ],
)


def everything() -> SchemaSet:
    """The schema everything.fbs, with two topics: one type under two sets of bounds."""
    by_path = {"label.text": (5, 0), "labels.names": (1, 9), "shape.Text": (2, 0)}
    by_type = {"parts.Label.text": (7, 0), "parts.Label.names": (2, 3)}
    return SchemaSet(
        files=(
            File("every_parts", (_COLOUR, _FLAGS, _POINT, _WIDE, _LABEL), False),
            File("everything", (_LEAF, _NOTHING, _SHAPE, _BRANCH, _ROOT), True),
        ),
        topics=(
            Topic("every.Everything", _ROOT, Bounds(by_path, by_type)),
            Topic("every.Small", _BRANCH, Bounds({"leaves.text": (1, 0)}, by_type)),
        ),
        root=_ROOT,
        identifier="EVRY",
    )
