"""What to do about errors that flatc reports before any rule of Holler can.

flatc's own message names file and line, and stays as it is; a hint is one more line below it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from holler_gen.bounds import FIELD_ATTRIBUTES
from holler_gen.check import ATTRIBUTES as TYPE_ATTRIBUTES
from holler_gen.layout import CALL_BOUNDS

_ERROR = re.compile(r"(?m)^\s*(?P<path>.+?):(?P<line>\d+): ?(?P<column>\d+): error: (?P<what>.*)$")
_UNDECLARED = re.compile(r"user define attributes must be declared before use: (?P<name>\S+)")
_UNKNOWN_TYPE = re.compile(r"type referenced but not defined \(check namespace\): (?P<name>[\w.]+)")
_NO_INCLUDE = re.compile(r"unable to load include file: (?P<name>.+)")
_LATE_INCLUDE = "includes must come before declarations"
_UNIT = re.compile(r"expecting: \S+ instead got: (?P<word>\w+)")
_NOT_INTEGER = "Cannot assign token starting with 'float constant' to value of <> type"
_BOOLEAN = re.compile(r"Cannot assign token starting with '(true|false)' to value of <> type")
_ARRAY_LENGTH = "length of fixed-length array must be positive"
_RPC_NOT_TABLE = "rpc request and response types must be tables"
_NOT_FIXED = "structs may contain only scalar or struct fields"
# `name:type` and the token behind it, which flatc has read when it complains about the type.
_LAST_FIELD = re.compile(r"(?P<name>\w+)\s*:\s*(?P<type>\[[^\[\]]*\]|[\w.]+)\s*\S?\s*\Z")
# A number, and the word behind it that flatc complains about. Behind a space it may also be the
# next name, where a comma is missing.
_LAST_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>[0-9]{1,18})(?P<unit>[A-Za-z_]\w*|[ \t]+(?i:[kmg](?:i?b)?|bytes))\s*\Z"
)
_NO_UNITS = "holler: numbers have no units, separators or exponents; write plain digits"

ATTRIBUTES = (*TYPE_ATTRIBUTES, *FIELD_ATTRIBUTES, *CALL_BOUNDS)
_LIST = f"idl/holler.fbs declares and explains those of Holler: {', '.join(ATTRIBUTES)}"
# The attributes of FlatBuffers that schemas use; it has more, for other languages.
_OF_FLATBUFFERS = (
    *("bit_flags", "deprecated", "flexbuffer", "force_align", "hash", "id", "key"),
    *("nested_flatbuffer", "original_order", "private", "required", "shared"),
)
_TYPES = (
    *("bool", "byte", "ubyte", "short", "ushort", "int", "uint", "long", "ulong"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float", "double", "float32", "float64", "string"),
)
# Words of other languages and systems, in lower case.
_FOREIGN_TYPES = {
    **{f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"u{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"int{bits}_t": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}_t": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{"f32": "float32", "f64": "float64", "float_t": "float", "double_t": "double"},
    **{"real": "double", "number": "double", "boolean": "bool", "integer": "int"},
    **{"char": "byte", "uchar": "ubyte", "unsigned": "uint", "size_t": "uint64"},
    **{"sint32": "int32", "sint64": "int64", "fixed32": "uint32", "fixed64": "uint64"},
    **{"str": "string", "text": "string", "std.string": "string", "bytes": "[ubyte]"},
}


def hint(said: str, text_of: Callable[[str], str]) -> str:
    """What to do about what flatc said; empty if that says enough. `text_of` reads a schema."""
    error = _ERROR.search(said)
    if not error:
        return ""
    if found := _UNDECLARED.match(error["what"]):
        return _undeclared(found["name"])
    if found := _UNKNOWN_TYPE.match(error["what"]):
        return _unknown_type(found["name"])
    if error["what"].startswith(_RPC_NOT_TABLE):
        return (
            'holler: for a struct, declare a table that stands for it, as in '
            '`table PlanRequest (of: "Pose") {}`, and name that table in the method.'
        )
    if error["what"].startswith(_NOT_FIXED):
        return _not_fixed(_before(text_of(error["path"]), int(error["line"]), int(error["column"])))
    if found := _NO_INCLUDE.match(error["what"]):
        return (
            f"holler: name the folder that holds {found['name'].strip()}: holler_add_topics(... "
            "INCLUDE_DIRS dir), or -I dir; or correct the name."
        )
    if error["what"].startswith(_LATE_INCLUDE):
        return (
            "holler: move this `include` above the namespace, and above all that the file declares."
        )
    if _BOOLEAN.match(error["what"]):
        return "holler: `latched` and `reliable` take no value: name them, or leave them out."
    if error["what"].startswith(_ARRAY_LENGTH):
        return (
            "holler: an array of a struct has 1 to 65535 elements; for more, make it a vector with "
            "`max_length` in a table."
        )
    if error["what"].startswith(_NOT_INTEGER):
        return f"{_NO_UNITS}."
    if found := _UNIT.match(error["what"]):
        return _unit(_before(text_of(error["path"]), int(error["line"]), int(error["column"])))
    return ""


def _unit(before: str) -> str:
    """A hint for the number with letters behind it that ends the text `before`, if one does."""
    found = _LAST_NUMBER.search(before)
    if not found:
        return ""
    number, unit = int(found["number"]), found["unit"].strip()
    if re.fullmatch(r"(_[0-9]+)+", unit):
        return f"{_NO_UNITS}: {number}{unit.replace('_', '')}."
    power = "kmg".find(unit[0].lower()) + 1
    return f"{_NO_UNITS}: {number * 1024**power}."


def _undeclared(name: str) -> str:
    if name in ATTRIBUTES:
        return (
            "holler: the attributes of topics are declared in holler.fbs: "
            f'add `include "holler.fbs";`. They are: {", ".join(ATTRIBUTES)}.'
        )
    near = difflib.get_close_matches(name.lower(), (*ATTRIBUTES, *_OF_FLATBUFFERS), n=1)
    if near:
        return f"holler: did you mean `{near[0]}`? {_LIST}."
    return f'holler: {_LIST}. One of your own is declared by `attribute "{name}";`.'


def _unknown_type(name: str) -> str:
    own = _type_for(name)
    if not own:
        return ""
    return (
        f"holler: FlatBuffers has no type `{name}`; did you mean `{own}`? Its own are bool, int8 "
        "to int64, uint8 to uint64, float32, float64 and string."
    )


def _type_for(word: str) -> str:
    """The type of FlatBuffers that somebody meant by `word`; empty for none."""
    word = word.lower()
    near = difflib.get_close_matches(word, _TYPES, n=1, cutoff=0.8)
    return _FOREIGN_TYPES.get(word, near[0] if near else "")


def _not_fixed(before: str) -> str:
    """A hint for the field of a struct that ends the text `before`."""
    fixed = "holler: a struct has a fixed size: no strings, vectors or tables; make it a table"
    field = _LAST_FIELD.search(before)
    if not field:
        return f"{fixed}."
    name, kind = field["name"], field["type"]
    element, _, length = (part.strip() for part in kind.strip("[]").partition(":"))
    if element not in _TYPES and (unknown := _unknown_type(element)):
        return unknown
    if kind == "string":
        return f"{fixed}, or give it a fixed length, as in `{name}:[uint8:32]`."
    if kind.startswith("[") and not length:
        return f"{fixed}, or give it a fixed length, as in `{name}:[{element}:16]`."
    return (
        f"{fixed}. If `{element}` is a struct or an enum, check its name and its namespace, and "
        "declare it above."
    )


def _before(text: str, line: int, column: int) -> str:
    """The text up to a place, of which flatc counts the lines from 1 and the bytes."""
    lines = text.split("\n")[:line]
    if len(lines) == line:
        lines[-1] = lines[-1].encode()[:column].decode(errors="ignore")
    return "\n".join(lines)
