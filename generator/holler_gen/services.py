"""The rules of services, and what becomes of their methods.

A method is two topics: requests and replies. Its messages are declared by tables, as flatc demands,
with the attributes of topics that say how large they are: `of`, `max_bytes` and `bounds`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from holler_gen import layout
from holler_gen.layout import CALL_BOUNDS, Call, Layout, Message, Topic
from holler_gen.problems import Problems
from holler_gen.schema import Method, Object, Schema, Service

# Of topics and fields, which mean nothing on a method, with what to do instead.
_ELSEWHERE = {
    **dict.fromkeys(("of", "max_bytes", "bounds"), "put it on the request's or the reply's table"),
    **dict.fromkeys(("topic", "latched", "reliable"), "remove it: calls have topics of their own"),
    **dict.fromkeys(("depth", "max_samples", "max_loans"), "remove it: `max_calls` says how many"),
    "max_subscribers": "write `max_clients`",
    **dict.fromkeys(("max_length", "max_string_length"), "put it on a string or a vector"),
}
TOPIC_SUFFIXES = ("Slot", "Shapes", "Writer", "Topic", "Publisher", "Subscriber")
_INTEGER = re.compile(r"[0-9]{1,18}")
MessageOf = Callable[[Object], "Message | None"]


def messages(schema: Schema, main: str) -> frozenset[str]:
    """The full names of the types that the services of `main` exchange."""
    return frozenset(
        name for s in _of_main(schema, main) for m in s.methods for name in (m.request, m.reply)
    )


def calls(
    schema: Schema,
    main: str,
    problems: Problems,
    message_of: MessageOf,
    topics: Sequence[tuple[Topic, Layout]],
    schema_bytes: int,
) -> list[Call]:
    """The methods of the main file that no rule forbids, in the order of the file."""
    checker = _Checker(schema, problems, message_of, topics, schema_bytes)
    services = sorted(
        _of_main(schema, main), key=lambda s: (problems.method_line(s, None), s.name)
    )
    found = []
    for service in services:
        for method in sorted(service.methods, key=lambda m: problems.method_line(service, m)):
            call = checker.call(service, method)
            if call is not None:
                found.append(call)
    return found


class _Checker:
    def __init__(
        self,
        schema: Schema,
        problems: Problems,
        message_of: MessageOf,
        topics: Sequence[tuple[Topic, Layout]],
        schema_bytes: int,
    ) -> None:
        self._schema = schema
        self._problems = problems
        self._message_of = message_of
        self._schema_bytes = schema_bytes
        self._topic_names = {topic.name: topic.declared_as for topic, _ in topics}
        self._classes = dict.fromkeys((*schema.objects, *schema.enums), "a type")
        for topic, _ in topics:
            for suffix in TOPIC_SUFFIXES:
                self._classes[topic.declared_as + suffix] = f"a class of topic {topic.name}"

    def call(self, service: Service, method: Method) -> Call | None:
        """What becomes of a method; None after reporting what is wrong with it."""
        before = len(self._problems)
        self._attributes_are_in_place(service, method)
        deadline_ms, max_calls, max_clients = (
            self._integer(service, method, name) for name in CALL_BOUNDS
        )
        declared_as = service.name + method.name[0].upper() + method.name[1:]
        path = service.name.replace(".", "/")
        self._names_are_free(service, method, declared_as, f"{path}/{method.name}")
        request, reply = (
            self._message_of(self._schema.objects[name]) for name in (method.request, method.reply)
        )
        if request is None or reply is None or len(self._problems) > before:
            return None
        topics = (
            layout.request_topic(
                f"{path}/{method.name}/request",
                f"{declared_as}Request",
                self._schema.objects[method.request].doc,
                request,
                max_calls,
            ),
            layout.reply_topic(
                f"{path}/{method.name}/reply",
                f"{declared_as}Reply",
                self._schema.objects[method.reply].doc,
                reply,
                max_calls,
                max_clients,
            ),
        )
        asked, answered = (
            (topic, layout.compute(topic, self._schema, self._schema_bytes)) for topic in topics
        )
        for topic, computed in (asked, answered):
            self._layout_is_within_bounds(service, method, topic, computed)
        return Call(
            service=path,
            name=method.name,
            declared_as=declared_as,
            doc=method.doc,
            request=asked,
            reply=answered,
            deadline_ms=deadline_ms,
            max_calls=max_calls,
        )

    def _attributes_are_in_place(self, service: Service, method: Method) -> None:
        for name, remedy in _ELSEWHERE.items():
            if name in method.attributes:
                self._problems.method(service, method, f"`{name}` is on a method", remedy, name)
        if method.attributes.get("streaming", "none") != "none":
            self._problems.method(
                service,
                method,
                "a call has one request and one reply, and no `streaming`",
                "remove it, and make a topic of what streams",
                "streaming",
            )
        declared = self._problems.method_declaration(service, method)
        for name, count in Counter(a.name for a in declared.attributes).items():
            if count > 1 and name in CALL_BOUNDS:
                self._problems.method(
                    service, method, f"`{name}` is given {count} times", "keep one", name
                )

    def _integer(self, service: Service, method: Method, name: str) -> int:
        """The value of an attribute, or its default; any problem is reported."""
        bound = CALL_BOUNDS[name]
        text = method.attributes.get(name)
        if text is None:
            return bound.default
        if not _INTEGER.fullmatch(text) or not bound.lowest <= int(text) <= bound.highest:
            quoted = text.encode("unicode_escape").decode().replace('"', '\\"')
            self._problems.method(
                service,
                method,
                f'`{name}` is "{quoted}"',
                f"write a number from {bound.lowest} to {bound.highest}",
                name,
            )
            return bound.default
        return int(text)

    def _names_are_free(
        self, service: Service, method: Method, declared_as: str, path: str
    ) -> None:
        classes = [declared_as, f"{declared_as}Client", f"{declared_as}Server"]
        for half in ("Request", "Reply"):
            classes += [f"{declared_as}{half}{suffix}" for suffix in TOPIC_SUFFIXES]
            name = f"{path}/{half.lower()}"
            if len(name) > layout.MAX_TOPIC_NAME:
                self._problems.method(
                    service,
                    method,
                    f"its topic {name} has a name of {len(name)} bytes",
                    f"use shorter names: at most {layout.MAX_TOPIC_NAME} bytes together",
                )
            if name in self._topic_names:
                self._problems.method(
                    service,
                    method,
                    f'its topic "{name}" is that of {self._topic_names[name]} already',
                    "rename either",
                )
        where = f"a class of method {service.name}.{method.name}"
        for name in classes:
            other = self._classes.setdefault(name, where)
            if other != where:
                self._problems.method(
                    service,
                    method,
                    f"its class {name} would have the name of {other}",
                    "rename either",
                )

    def _layout_is_within_bounds(
        self, service: Service, method: Method, topic: Topic, computed: Layout
    ) -> None:
        half = "reply" if topic.name.endswith("/reply") else "request"
        smaller = "make the message smaller, or lower `max_calls` or `max_clients`"
        if computed.slot_stride > layout.MAX_STRIDE:
            self._problems.method(
                service,
                method,
                f"a slot of its {half} has {computed.slot_stride} bytes, and may have "
                f"{layout.MAX_STRIDE}",
                "make the message smaller",
            )
        if computed.segment_bytes > layout.MAX_SEGMENT_BYTES:
            self._problems.method(
                service,
                method,
                f"the segment of its {half} has {computed.segment_bytes} bytes, and may have "
                f"{layout.MAX_SEGMENT_BYTES}",
                smaller,
            )
        elif computed.segment_bytes > layout.LARGE_SEGMENT_BYTES:
            self._problems.warn_method(
                service,
                method,
                f"its {half} takes {computed.segment_bytes} bytes of address space: "
                f"{computed.slot_count} slots of {computed.slot_stride} bytes",
                f"memory is used only where it is touched; to take less, {smaller}",
            )


def _of_main(schema: Schema, main: str) -> Iterator[Service]:
    return (service for service in schema.services if service.file == main)
