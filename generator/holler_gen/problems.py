"""What is wrong with a schema, as users read it: file, line, what, and what to do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from holler_gen.names import namespace_of
from holler_gen.schema import Enum, Method, Object, Service
from holler_gen.source import Declaration, Source


@dataclasses.dataclass(frozen=True)
class File:
    """A schema file: what its text declares, and the path that a user knows it by."""

    path: str
    source: Source


@dataclasses.dataclass(frozen=True)
class Problem:
    path: str
    line: int
    where: str  # type.field
    what: str
    remedy: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity}: {self.where}: {self.what}; {self.remedy}"


class Problems:
    """Collects problems of the schema file `main` and those it includes."""

    def __init__(self, main: str, files: Mapping[str, File]) -> None:
        self._main = main
        self._files = files
        self._found: set[Problem] = set()
        self._reports = 0
        self._warnings: list[Problem] = []

    def __len__(self) -> int:
        """How often a problem was reported; the same one twice counts twice."""
        return self._reports

    def sorted(self) -> tuple[Problem, ...]:
        """All of them, by file and line."""
        return tuple(sorted(self._found, key=lambda p: (p.path, p.line, str(p))))

    def warnings(self) -> tuple[Problem, ...]:
        """What is right, but may not be meant; in the order found."""
        return tuple(self._warnings)

    def declaration(self, item: Object | Enum) -> Declaration:
        """How the text declares a type; an empty declaration if it cannot be found."""
        return self._files[item.file].source.declarations.get(item.name, Declaration(1))

    def line(self, item: Object | Enum) -> int:
        """The line that declares a type."""
        return self.declaration(item).line

    def type(
        self, item: Object | Enum, what: str, remedy: str, attribute: str = "", field: str = ""
    ) -> None:
        """A problem with a type, with its field, or with an attribute of either."""
        file = self._files[item.file]
        where = f"{item.name}.{field}" if field else item.name
        line = file.source.line(item.name, field, attribute)
        self._add(Problem(file.path, line, where, what, remedy))

    def method_declaration(self, service: Service, method: Method | None) -> Declaration:
        """How the text declares a service, or a method of it."""
        declared = self._files[service.file].source.services.get(service.name, Declaration(1))
        return declared.fields.get(method.name, declared) if method else declared

    def method_line(self, service: Service, method: Method | None) -> int:
        """The line that declares a service, or a method of it."""
        return self.method_declaration(service, method).line

    def method(
        self, service: Service, method: Method, what: str, remedy: str, attribute: str = ""
    ) -> None:
        """A problem with a method, or with an attribute of it."""
        found = self.method_declaration(service, method).attribute(attribute)
        line = found.line if found else self.method_line(service, method)
        path = self._files[service.file].path
        self._add(Problem(path, line, f"{service.name}.{method.name}", what, remedy))

    def warn_method(self, service: Service, method: Method, what: str, remedy: str) -> None:
        """A warning about a method."""
        path = self._files[service.file].path
        line = self.method_line(service, method)
        where = f"{service.name}.{method.name}"
        self._warnings.append(Problem(path, line, where, what, remedy, "warning"))

    def _add(self, problem: Problem) -> None:
        self._found.add(problem)
        self._reports += 1

    def warn(self, item: Object | Enum, what: str, remedy: str) -> None:
        """A warning about a type."""
        path = self._files[item.file].path
        line = self.line(item)
        self._warnings.append(Problem(path, line, item.name, what, remedy, "warning"))

    def namespace(self, item: Object | Enum, what: str) -> None:
        """A problem with the namespace of a type."""
        file = self._files[item.file]
        namespace = namespace_of(item.name)
        line = next((line for name, line in file.source.namespaces if name == namespace), 1)
        where = f"namespace {namespace}"
        self._add(Problem(file.path, line, where, what, "rename the namespace"))

    def included(self, file: str, what: str, remedy: str) -> None:
        """A problem with an included file, at the line that includes it if the main file does."""
        main = self._files[self._main]
        lines = (line for name, line in main.source.includes if f"/{file}".endswith(f"/{name}"))
        self._add(Problem(main.path, next(lines, 1), file, what, remedy))

    def statement(self, keyword: str, what: str, remedy: str) -> None:
        """A problem with a statement of the main file that is no declaration."""
        main = self._files[self._main]
        line = main.source.statements.get(keyword, 1)
        self._add(Problem(main.path, line, keyword, what, remedy))
