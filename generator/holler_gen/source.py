"""Where in the text of a .fbs something is declared.

A .bfbs knows no line numbers, and it forgets some spelling: `latched` and `latched: 0` come out
alike. This reads just enough of the text for error messages to name a line. It never decides what a
schema means: text that it does not understand only costs the line number.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping


@dataclasses.dataclass(frozen=True)
class Attribute:
    name: str
    line: int
    has_value: bool


@dataclasses.dataclass(frozen=True)
class Declaration:
    """A type or a field."""

    line: int
    attributes: tuple[Attribute, ...] = ()
    default: str = ""  # of a field: the first word of it; empty for none
    fields: Mapping[str, Declaration] = dataclasses.field(default_factory=dict)

    def attribute(self, name: str) -> Attribute | None:
        """The last attribute of this name."""
        return next((a for a in reversed(self.attributes) if a.name == name), None)


@dataclasses.dataclass(frozen=True)
class Source:
    """What one file declares."""

    declarations: Mapping[str, Declaration]  # by full name
    namespaces: tuple[tuple[str, int], ...]  # full name and line, in the order of the file
    includes: tuple[tuple[str, int], ...]  # as written, and line
    statements: Mapping[str, int]  # keyword of any other statement, and line
    services: Mapping[str, Declaration] = dataclasses.field(default_factory=dict)  # methods: fields

    def line(self, type_name: str, field: str = "", attribute: str = "") -> int:
        """The line of a type, of its field, of an attribute of either; 1 when it is not found."""
        declaration = self.declarations.get(type_name)
        if declaration is None:
            return 1
        if field:
            declaration = declaration.fields.get(field, Declaration(declaration.line))
        found = declaration.attribute(attribute)
        return found.line if found else declaration.line


@dataclasses.dataclass(frozen=True)
class _Token:
    text: str
    line: int


_TOKEN = re.compile(
    r"""
      (?P<skip>   \s+ | //[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> "(?:\\.|[^"\\])*(?:"|\Z) | '(?:\\.|[^'\\])*(?:'|\Z) )
    | (?P<word>   [A-Za-z0-9_.+-]+ )
    | (?P<sign>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_TYPES = ("struct", "table", "enum", "union")
_END = _Token("", 0)


def scan(text: str) -> Source:
    """What `text` declares."""
    return _Scanner(text).file()


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            yield _Token(match.group(), line)
        line += match.group().count("\n")


class _Scanner:
    """A descent through the grammar that goes on, whatever it meets."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0

    def file(self) -> Source:
        declarations: dict[str, Declaration] = {}
        namespaces: list[tuple[str, int]] = []
        includes: list[tuple[str, int]] = []
        statements: dict[str, int] = {}
        services: dict[str, Declaration] = {}
        namespace = ""
        while (token := self._take()) is not _END:
            if token.text == "namespace":
                namespace = "".join(t.text for t in self._until(";"))
                if namespace:
                    namespaces.append((namespace, token.line))
            elif token.text == "include":
                includes += [(t.text.strip("\"'"), token.line) for t in self._until(";")]
            elif token.text in _TYPES:
                name = self._take()
                full_name = f"{namespace}.{name.text}" if namespace else name.text
                declarations[full_name] = self._declaration(name.line)
            elif token.text == "rpc_service":
                name = self._take()
                full_name = f"{namespace}.{name.text}" if namespace else name.text
                services[full_name] = self._service(name.line)
            else:
                statements[token.text] = token.line
                self._until(";")
        return Source(declarations, tuple(namespaces), tuple(includes), statements, services)

    def _service(self, line: int) -> Declaration:
        """What follows the name of a service: methods, as in `Plan(Goal):Path (max_calls: 4);`."""
        methods: dict[str, Declaration] = {}
        self._until("{")
        while (token := self._take()) is not _END and token.text != "}":
            if self._peek().text == "(":
                self._until(")")
            methods[token.text] = Declaration(token.line, self._attributes_before(";}"))
            if self._peek().text == ";":
                self._take()
        return Declaration(line, fields=methods)

    def _declaration(self, line: int) -> Declaration:
        """What follows the name of a type."""
        attributes = self._attributes_before("{")
        fields: dict[str, Declaration] = {}
        while (token := self._take()) is not _END and token.text != "}":
            default = self._default()
            fields[token.text] = Declaration(token.line, self._attributes_before(";,}"), default)
            if self._peek().text in (";", ","):
                self._take()
        return Declaration(line, attributes, fields=fields)

    def _default(self) -> str:
        """The word after the next `=`, if the field that stands here has one."""
        for i in range(self._next, len(self._tokens) - 1):
            if self._tokens[i].text in tuple(";,}("):
                break
            if self._tokens[i].text == "=":
                return self._tokens[i + 1].text
        return ""

    def _attributes_before(self, stops: str) -> tuple[Attribute, ...]:
        """The attributes in the parentheses that stand before one of `stops`."""
        attributes: list[Attribute] = []
        while (token := self._peek()) is not _END and token.text not in tuple(stops):
            self._take()
            if token.text == "(":
                attributes += self._attributes()
        if stops == "{":
            self._take()
        return tuple(attributes)

    def _attributes(self) -> Iterator[Attribute]:
        while (name := self._take()) is not _END and name.text != ")":
            has_value = self._peek().text == ":"
            if has_value:
                self._take()
                self._take()
            if name.text != ",":
                yield Attribute(name.text, name.line, has_value)

    def _until(self, stop: str) -> list[_Token]:
        taken: list[_Token] = []
        while (token := self._take()) is not _END and token.text != stop:
            taken.append(token)
        return taken

    def _peek(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self._peek()
        self._next += token is not _END
        return token
