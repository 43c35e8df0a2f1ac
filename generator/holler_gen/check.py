"""Every rule that a schema can break, and every message that a user can get about it.

All that is wrong with a schema is reported at once, each with the file, the line, what is wrong,
and what to do about it. What is returned without problems can be rendered.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from holler_gen import bounding, bounds, layout, services, table_layout
from holler_gen.bounds import FIELD_ATTRIBUTES
from holler_gen.layout import BOUNDS, CALL_BOUNDS, Call, Layout, Message, Topic
from holler_gen.names import (
    RESERVED_NAMESPACES,
    UNESCAPED_KEYWORDS,
    is_keyword,
    namespace_of,
    resolve,
    simple_name,
)
from holler_gen.problems import File, Problem, Problems
from holler_gen.schema import Base, Enum, Field, Object, Schema
from holler_gen.table_layout import PlacedMessage

FLAGS = ("latched", "reliable")
ATTRIBUTES = ("topic", "of", *BOUNDS, "bounds", *FLAGS)
MESSAGE_ATTRIBUTES = ("of", "max_bytes", "bounds")  # On a message of a service as well.
CLASS_SUFFIXES = ("Slot", "Shapes", "Writer", "Topic", "Publisher", "Subscriber")

_TOPIC_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_FLATC_MARK = re.compile(r"\{\{.*\}\}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclasses.dataclass(frozen=True)
class Result:
    topics: tuple[tuple[Topic, Layout], ...]  # in the order of the file
    problems: tuple[Problem, ...]  # by file and line
    warnings: tuple[Problem, ...]  # by topic
    calls: tuple[Call, ...] = ()  # in the order of the file


def check(schema: Schema, main: str, files: Mapping[str, File], schema_bytes: int) -> Result:
    """The topics of the file `main`, one of `schema.files`, or what is wrong with them.

    `files` holds every file of the schema; `schema_bytes` is the size of the .bfbs to embed.
    """
    problems = Problems(main, files)
    checker = _Checker(schema, main, problems)
    checker.files_do_not_collide()
    checker.file_identifier_is_plain()
    checker.names_are_valid_cpp()
    checker.unions_compile()
    checker.comments_are_printable()
    checker.attributes_are_in_place()
    topics = checker.topics(schema_bytes)
    calls = services.calls(schema, main, problems, checker.message, topics, schema_bytes)
    return Result(tuple(topics), problems.sorted(), problems.warnings(), tuple(calls))


class _Checker:
    def __init__(self, schema: Schema, main: str, problems: Problems) -> None:
        self._schema = schema
        self._main = main
        self._problems = problems
        self._types: dict[str, Object | Enum] = {**schema.objects, **schema.enums}

    # Rules of the file.

    def files_do_not_collide(self) -> None:
        by_name: dict[str, list[str]] = defaultdict(list)
        for file in self._schema.files:
            by_name[PurePosixPath(file).name].append(file)
        for name, same in by_name.items():
            if len(same) > 1:
                header = f"{name.removesuffix('.fbs')}_generated.h"
                for file in sorted(same)[1:]:
                    self._problems.included(
                        file, f"it and {sorted(same)[0]} would both become {header}", "rename one"
                    )

    def file_identifier_is_plain(self) -> None:
        """flatc writes it between quotes as it is."""
        identifier = self._schema.file_identifier
        if identifier and not _PLAIN.fullmatch(identifier):
            self._problems.statement(
                "file_identifier",
                f"it is {_quoted(identifier)}",
                "use letters, digits and other printable ASCII, but no quotes or backslashes",
            )

    def names_are_valid_cpp(self) -> None:
        """flatc appends `_` to most keywords in the names of fields, but not wherever it should."""
        for item in self._types.values():
            parts = namespace_of(item.name).split(".")
            for part in filter(is_keyword, parts):
                self._problems.namespace(item, f"`{part}` is a keyword of C++")
            for part in RESERVED_NAMESPACES.intersection(parts[1:]):
                self._problems.namespace(item, f"`{part}` in it hides the namespace ::{part}")
            if is_keyword(simple_name(item.name)):
                self._problems.type(item, "its name is a keyword of C++", "rename it")
            if isinstance(item, Object):
                for field in item.fields:
                    if field.name in UNESCAPED_KEYWORDS:
                        self._problems.type(
                            item, "its name is a keyword of C++", "rename it", field=field.name
                        )

    def unions_compile(self) -> None:
        """In what flatc writes for them, some names are wrong."""
        for item in self._schema.objects.values():
            for field in item.fields:
                if field.type.leaf is not Base.UNION or field.deprecated:
                    continue
                if is_keyword(field.name):
                    self._problems.type(
                        item,
                        "flatc's C++ of a union with the name of a keyword does not compile",
                        "rename it",
                        field=field.name,
                    )
                own, unions = namespace_of(item.name), namespace_of(field.type.name)
                is_found = not unions or f"{own}.".startswith(f"{unions}.")
                if field.type.base is Base.VECTOR and not is_found:
                    self._problems.type(
                        item,
                        "flatc's C++ of a vector of unions of another namespace does not compile",
                        f"declare union {field.type.name} in the namespace of the table",
                        field=field.name,
                    )

    def comments_are_printable(self) -> None:
        """flatc takes `{{...}}` in a comment for a mark in its own templates, and aborts."""
        for item in self._types.values():
            docs = [("", item.doc)]
            if isinstance(item, Object):
                docs += [(field.name, field.doc) for field in item.fields]
            else:
                docs += [(value.name, value.doc) for value in item.values]
            for name, doc in docs:
                if any(_FLATC_MARK.search(line) for line in doc):
                    self._problems.type(
                        item,
                        "its comment has `{{` and then `}}`, on which flatc crashes",
                        "write it with spaces, as in `{ {`",
                        field=name,
                    )

    def attributes_are_in_place(self) -> None:
        """Attributes that flatc accepts, but that nothing would heed."""
        messages = services.messages(self._schema, self._main)
        for item in self._of_main(self._types):
            declared = self._problems.declaration(item)
            for name, count in Counter(a.name for a in declared.attributes).items():
                if count > 1 and name in ATTRIBUTES:
                    self._problems.type(item, f"`{name}` is given {count} times", "keep one", name)
            for name in FIELD_ATTRIBUTES:
                if name in item.attributes:
                    self._problems.type(
                        item, f"`{name}` is on a type", "put it on a string or a vector", name
                    )
            if isinstance(item, Enum):
                for name in _ours(item.attributes):
                    kind = "a union" if item.is_union else "an enum"
                    self._problems.type(
                        item,
                        f"`{name}` is on {kind}, which cannot be a topic",
                        f"put it on a struct or a table, or remove `{name}`",
                        name,
                    )
                continue
            self._are_for_methods(item, item.attributes, "a type")
            if "topic" not in item.attributes:
                is_message = item.name in messages
                for name in _ours(item.attributes):
                    if is_message and name in MESSAGE_ATTRIBUTES:
                        continue
                    self._problems.type(
                        item,
                        f"`{name}` is on a type that is not a topic",
                        f'add `topic: "some/name"`, or remove `{name}`',
                        name,
                    )
            for field in item.fields:
                for name in _ours(field.attributes):
                    self._problems.type(
                        item,
                        f"`{name}` is on a field",
                        f"put it on the struct or table, or remove `{name}`",
                        name,
                        field.name,
                    )
                self._lengths_are_in_place(item, field)
                self._are_for_methods(item, field.attributes, "a field", field.name)

    def _are_for_methods(
        self, item: Object, attributes: Mapping[str, str], what: str, field: str = ""
    ) -> None:
        for name in filter(attributes.__contains__, CALL_BOUNDS):
            remedy = "put it on a method of an rpc_service"
            self._problems.type(item, f"`{name}` is on {what}", remedy, name, field)

    def _lengths_are_in_place(self, item: Object, field: Field) -> None:
        known = () if item.is_struct else bounds.attributes_of(field, self._schema)
        for name in FIELD_ATTRIBUTES:
            text = field.attributes.get(name)
            if text is None:
                continue
            if name not in known:
                what = "the strings of a vector" if name == "max_string_length" else "a string or vector"
                self._problems.type(
                    item, f"`{name}` is for {what}", f"remove `{name}`", name, field.name
                )
            elif not bounds.attribute(field, name):
                self._problems.type(
                    item,
                    f"`{name}` is {_quoted(text)}",
                    f"write a number from 1 to {bounds.HIGHEST}",
                    name,
                    field.name,
                )

    # Rules of topics.

    def topics(self, schema_bytes: int) -> list[tuple[Topic, Layout]]:
        """The topics of the main file that no rule forbids, in the order of the file."""
        items = [
            item
            for item in self._of_main(self._types)
            if isinstance(item, Object) and "topic" in item.attributes
        ]
        if items and schema_bytes > layout.MAX_SCHEMA_BYTES:
            self._problems.included(
                self._main,
                f"its .bfbs has {schema_bytes} bytes, and a segment holds at most "
                f"{layout.MAX_SCHEMA_BYTES} of them",
                "include fewer types",
            )
        items.sort(key=lambda item: (self._problems.line(item), item.name))
        self._topics_do_not_collide(items)
        found = []
        for item in items:
            topic = self._topic(item)
            if topic is not None:
                computed = layout.compute(topic, self._schema, schema_bytes)
                self._layout_is_within_bounds(item, computed)
                self._segment_is_large(item, topic, computed)
                found.append((topic, computed))
        return found

    def _topics_do_not_collide(self, items: list[Object]) -> None:
        first: dict[str, Object] = {}
        for item in items:
            name = item.attributes["topic"]
            other = first.setdefault(name, item)
            if other is not item:
                self._problems.type(
                    item,
                    f"topic {_quoted(name)} is that of {other.name} already",
                    "give it another name",
                    "topic",
                )
            for suffix in CLASS_SUFFIXES:
                if item.name + suffix in self._types:
                    self._problems.type(
                        item,
                        f"its class {item.name}{suffix} would have the name of a type",
                        "rename either",
                    )

    def _topic(self, item: Object) -> Topic | None:
        if "of" in item.attributes and item.fields:
            # Which of the two is meant decides about all else.
            self._of_has_fields(item)
            return None
        before = len(self._problems)
        self._name_is_valid(item)
        for flag in FLAGS:
            if flag in item.attributes:
                self._takes_no_value(item, flag)
        values = {name: self._integer(item, name) for name in BOUNDS}
        if "reliable" in item.attributes:
            self._loans_fit_the_ring(item, values["max_loans"], values["depth"])
        message = self._message(item)
        bounded = None if message is None else self._bounded_or_built(item, message)
        if message is None or len(self._problems) > before:
            return None
        return Topic(
            name=item.attributes["topic"],
            declared_as=item.name,
            doc=item.doc,
            message=message,
            depth=values["depth"],
            max_subscribers=values["max_subscribers"],
            max_samples=values["max_samples"],
            max_loans=values["max_loans"],
            latched="latched" in item.attributes,
            reliable="reliable" in item.attributes,
            max_bytes=values["max_bytes"],
            bounded=bounded,
        )

    def _of_has_fields(self, item: Object) -> None:
        remedy = "remove the fields, or remove `of`"
        if item.is_struct:
            remedy = "`of` belongs on an empty table: make it one, or remove `of`"
        self._problems.type(item, "`of` names the message, and yet it has fields", remedy, "of")

    def message(self, item: Object) -> Message | None:
        """What `item` declares about messages of a service; any problem is reported."""
        if "of" in item.attributes and item.fields:
            self._of_has_fields(item)
            return None
        before = len(self._problems)
        max_bytes = self._integer(item, "max_bytes")
        message = self._message(item)
        if message is None:
            return None
        bounded = self._bounded_or_built(item, message)
        return Message(message, max_bytes, bounded) if len(self._problems) == before else None

    def _bounded_or_built(self, item: Object, message: Object) -> PlacedMessage | None:
        """How a bounded table is laid out; none for others. Any problem is reported."""
        self._bytes_fit_the_message(item, message)
        if message.is_struct:
            return None
        if "max_bytes" in item.attributes:
            self._can_be_built(item, message)
            return None
        return self._bounded(item, message)

    def _name_is_valid(self, item: Object) -> None:
        name = item.attributes["topic"]
        declared = self._problems.declaration(item)
        attribute = declared.attribute("topic")
        if not name or (attribute and not attribute.has_value):
            self._problems.type(item, "its topic has no name", 'write `topic: "some/name"`', "topic")
        elif len(name) > layout.MAX_TOPIC_NAME:
            self._problems.type(
                item,
                f"its topic's name has {len(name)} bytes",
                f"use at most {layout.MAX_TOPIC_NAME}",
                "topic",
            )
        elif not _TOPIC_NAME.fullmatch(name):
            self._problems.type(
                item,
                f"its topic cannot be named {_quoted(name)}",
                "use letters, digits, `_`, `-` and `.`, in parts separated by one `/`",
                "topic",
            )

    def _takes_no_value(self, item: Object, flag: str) -> None:
        declared = self._problems.declaration(item)
        attribute = declared.attribute(flag)
        if item.attributes[flag] not in ("", "0") or (attribute and attribute.has_value):
            self._problems.type(
                item,
                f"`{flag}` takes no value",
                f"write `{flag}` alone, or remove it for a topic that is not",
                flag,
            )

    def _loans_fit_the_ring(self, item: Object, max_loans: int, depth: int) -> None:
        """What is lent out on a reliable topic must fit the ring beside nothing else."""
        if max_loans > depth:
            self._problems.type(
                item,
                f"it is `reliable`, and has {max_loans} `max_loans` but a `depth` of {depth}",
                "lower `max_loans`, or raise `depth`",
                "reliable",
            )

    def _integer(self, item: Object, name: str) -> int:
        """The value of an attribute, or its default; any problem is reported."""
        bound = BOUNDS[name]
        text = item.attributes.get(name)
        if text is None:
            return bound.default
        if not _INTEGER.fullmatch(text) or not bound.lowest <= int(text) <= bound.highest:
            self._problems.type(
                item,
                f"`{name}` is {_quoted(text)}",
                f"write a number from {bound.lowest} to {bound.highest}",
                name,
            )
            return bound.default
        return int(text)

    def _message(self, item: Object) -> Object | None:
        """The type of the topic's messages; any problem is reported."""
        if "of" not in item.attributes:
            self._type_name_fits(item, item)
            return item
        name = item.attributes["of"]
        target = self._types.get(resolve(name, namespace_of(item.name), self._types))
        if target is None:
            near = difflib.get_close_matches(name, self._schema.objects, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            self._problems.type(
                item,
                f"there is no type {_quoted(name)}{hint}",
                "correct the name, or include the file that declares it",
                "of",
            )
            return None
        if isinstance(target, Enum):
            kind = "a union" if target.is_union else "an enum"
            self._problems.type(
                item, f"{target.name} is {kind}", "name a struct or a table in `of`", "of"
            )
            return None
        if "of" in target.attributes:
            self._problems.type(
                item,
                f"{target.name} is itself `of` another type",
                f"write `of: {_quoted(target.attributes['of'])}`",
                "of",
            )
            return None
        self._type_name_fits(item, target)
        return target

    def _type_name_fits(self, item: Object, message: Object) -> None:
        if len(message.name) > layout.MAX_TYPE_NAME:
            self._problems.type(
                item,
                f"the name of its type has {len(message.name)} bytes",
                f"use at most {layout.MAX_TYPE_NAME}",
            )

    def _bytes_fit_the_message(self, item: Object, message: Object) -> None:
        if message.is_struct and "max_bytes" in item.attributes:
            self._problems.type(
                item,
                f"a struct always has its own size, here {message.size} bytes",
                "remove `max_bytes`",
                "max_bytes",
            )
        if "bounds" in item.attributes and (message.is_struct or "max_bytes" in item.attributes):
            why = "a struct needs none" if message.is_struct else "`max_bytes` bounds the message"
            self._problems.type(
                item, f"it has `bounds`, and {why}", "remove `bounds`", "bounds"
            )

    def _bounded(self, item: Object, message: Object) -> PlacedMessage | None:
        """A table whose parts have fixed places; any problem is reported."""
        table = bounding.bound(item, message, self._schema, self._main, self._problems)
        if table is None:
            return None
        placed = table_layout.place_message(
            table_layout.place(table, self._schema),
            layout.file_identifier(message, self._schema) != "",
        )
        for what, remedy in table_layout.faults(placed):
            self._problems.type(item, what, remedy)
        return placed

    def _can_be_built(self, item: Object, message: Object) -> None:
        """A table that a FlatBufferBuilder builds."""
        if message is item:
            self._lengths_are_heeded(item)
        for what, remedy in table_layout.built_faults(message, self._schema):
            self._problems.type(item, what, remedy)

    def _lengths_are_heeded(self, item: Object) -> None:
        lengths = [
            (field, name)
            for field in item.fields
            for name in bounds.attributes_of(field, self._schema)
            if bounds.attribute(field, name)
        ]
        if not lengths or self._is_shared(item):
            return
        for field, name in lengths:
            self._problems.type(
                item,
                f"it has `{name}`, and `max_bytes` bounds the message",
                f"remove `{name}`, or remove `max_bytes` and bound every field",
                name,
                field.name,
            )

    def _is_shared(self, item: Object) -> bool:
        """Whether another type holds it, or is a topic `of` it: one that may be bounded."""
        for other in self._schema.objects.values():
            name = other.attributes.get("of", "")
            if name and resolve(name, namespace_of(other.name), self._types) == item.name:
                return True
            if other is not item and item in layout.reachable(other, self._schema):
                return True
        return False

    def _layout_is_within_bounds(self, item: Object, computed: Layout) -> None:
        if computed.slot_stride > layout.MAX_STRIDE:
            self._problems.type(
                item,
                f"a slot has {computed.slot_stride} bytes, and may have {layout.MAX_STRIDE}",
                "make the message smaller",
            )
        if computed.segment_bytes > layout.MAX_SEGMENT_BYTES:
            self._problems.type(
                item,
                f"its segment has {computed.segment_bytes} bytes, and may have "
                f"{layout.MAX_SEGMENT_BYTES}",
                "make the message smaller, or lower `depth`, `max_subscribers` or `max_samples`",
            )

    def _segment_is_large(self, item: Object, topic: Topic, computed: Layout) -> None:
        if computed.segment_bytes <= layout.LARGE_SEGMENT_BYTES:
            return
        of_message = "the bounds of the message" if topic.bounded else "the size of the message"
        smaller = "`max_bytes`" if topic.max_bytes else of_message
        self._problems.warn(
            item,
            f"topic {_quoted(topic.name)} takes {computed.segment_bytes} bytes of address space "
            f"for each publisher: {computed.slot_count} slots of {computed.slot_stride} bytes; "
            f"slots: {topic.depth} `depth` + {topic.max_subscribers} `max_subscribers` x "
            f"{topic.max_samples} `max_samples` + {topic.max_loans} `max_loans`",
            "memory is used only where it is touched; to take less, lower one of those or "
            f"{smaller}",
        )

    def _of_main(self, items: Mapping[str, Object | Enum]) -> Iterator[Object | Enum]:
        return (item for item in items.values() if item.file == self._main)


def _ours(attributes: Mapping[str, str]) -> list[str]:
    return [name for name in ATTRIBUTES if name in attributes]


def _quoted(text: str) -> str:
    """`text` on one line, in double quotes, whatever it holds."""
    return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'
