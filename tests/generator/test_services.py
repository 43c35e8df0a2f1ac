"""Services: what their methods become, and every rule that they can break."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from conftest import Workshop

from holler_gen import layout

Compiles = Callable[..., "subprocess.CompletedProcess[str]"]

# What each schema breaks, after an include of holler.fbs on line 1, and two messages on line 2.
MESSAGES = "struct P { x:int; } table A { a:int; } table B { b:int; }"
LONG = "M" * 120
RULES = {
    "deadline of nothing": (
        "rpc_service S {\n  M(A):B (deadline_ms: 0);\n}",
        't.fbs:4: error: S.M: `deadline_ms` is "0"; write a number from 1 to 2147483647',
    ),
    "deadline without a value": (
        "rpc_service S { M(A):B (deadline_ms); }",
        't.fbs:3: error: S.M: `deadline_ms` is "0"; write a number from 1 to 2147483647',
    ),
    "too many calls": (
        "rpc_service S { M(A):B (\n max_calls: 32); }",
        't.fbs:4: error: S.M: `max_calls` is "32"; write a number from 1 to 31',
    ),
    "calls in words": (
        'rpc_service S { M(A):B (max_calls: "a\\"few"); }',
        't.fbs:3: error: S.M: `max_calls` is "a\\"few"; write a number from 1 to 31',
    ),
    "too many clients": (
        "rpc_service S { M(A):B (max_clients: 1025); }",
        't.fbs:3: error: S.M: `max_clients` is "1025"; write a number from 1 to 1024',
    ),
    "given twice": (
        "rpc_service S { M(A):B (max_calls: 1, max_calls: 2); }",
        "t.fbs:3: error: S.M: `max_calls` is given 2 times; keep one",
    ),
    "an attribute of topics": (
        "rpc_service S { M(A):B (depth: 4); }",
        "t.fbs:3: error: S.M: `depth` is on a method; remove it: `max_calls` says how many",
    ),
    "a bound on the method": (
        "rpc_service S { M(A):B (max_bytes: 4); }",
        "t.fbs:3: error: S.M: `max_bytes` is on a method; put it on the request's or the reply's "
        "table",
    ),
    "places by the name that topics use": (
        "rpc_service S { M(A):B (max_subscribers: 4); }",
        "t.fbs:3: error: S.M: `max_subscribers` is on a method; write `max_clients`",
    ),
    "a stream": (
        'rpc_service S { M(A):B (streaming: "server"); }',
        "t.fbs:3: error: S.M: a call has one request and one reply, and no `streaming`; remove it, "
        "and make a topic of what streams",
    ),
    "an attribute of methods on a type": (
        "table C (max_calls: 4) { a:int; } rpc_service S { M(A):B; }",
        "t.fbs:3: error: C: `max_calls` is on a type; put it on a method of an rpc_service",
    ),
    "an attribute of methods on a field": (
        "table C { a:int (deadline_ms: 4); } rpc_service S { M(A):B; }",
        "t.fbs:3: error: C.a: `deadline_ms` is on a field; put it on a method of an rpc_service",
    ),
    "an unbounded request": (
        "table C {\n  s:string; }\nrpc_service S { M(C):B; }",
        "t.fbs:4: error: C.s: it may grow without bound; add `max_length: N`, or `max_bytes: N` "
        "to C",
    ),
    "an unbounded reply, further inside": (
        "table D { s:string; } table C { d:D; }\nrpc_service S { M(A):C; }",
        "t.fbs:3: error: D.s: message C holds it, and it may grow without bound; add "
        "`max_length: N`, or `max_bytes: N` to C",
    ),
    "bytes for a struct": (
        'table C (of: "P", max_bytes: 10) {}\nrpc_service S { M(C):B; }',
        "t.fbs:3: error: C: a struct always has its own size, here 4 bytes; remove `max_bytes`",
    ),
    "a message of nothing": (
        'table C (of: "Q") {}\nrpc_service S { M(C):B; }',
        't.fbs:3: error: C: there is no type "Q"; correct the name, or include the file that '
        "declares it",
    ),
    "an attribute of topics on a message": (
        "table C (depth: 4) { a:int; }\nrpc_service S { M(C):B; }",
        "t.fbs:3: error: C: `depth` is on a type that is not a topic; add "
        '`topic: "some/name"`, or remove `depth`',
    ),
    "a class of the name of a type": (
        "struct SMClient { a:int; }\nrpc_service S { M(A):B; }",
        "t.fbs:4: error: S.M: its class SMClient would have the name of a type; rename either",
    ),
    "a class of the name of a topic's": (
        'struct SMReply (topic: "t") { a:int; }\nrpc_service S { M(A):B; }',
        "t.fbs:4: error: S.M: its class SMReplyWriter would have the name of a class of topic t; "
        "rename either",
    ),
    "two methods of one name": (
        "rpc_service S { Mn(A):B; }\nrpc_service SM { n(A):B; N(A):B; }",
        "t.fbs:4: error: SM.N: its class SMN would have the name of a class of method SM.n; rename "
        "either",
    ),
    "a topic of the same name": (
        'struct T (topic: "S/M/reply") { a:int; }\nrpc_service S { M(A):B; }',
        't.fbs:4: error: S.M: its topic "S/M/reply" is that of T already; rename either',
    ),
    "a name too long": (
        f"rpc_service S {{ {LONG}(A):B; }}",
        f"t.fbs:3: error: S.{LONG}: its topic S/{LONG}/request has a name of 130 bytes; use "
        "shorter names: at most 127 bytes together",
    ),
}


def with_holler(text: str) -> str:
    return f'include "holler.fbs";\n{MESSAGES}\n{text}'


@pytest.mark.parametrize("name", RULES)
def test_rule(workshop: Workshop, name: str) -> None:
    text, error = RULES[name]
    assert error in [str(problem) for problem in workshop.check(with_holler(text)).problems]


def test_the_cli_says_so(workshop: Workshop) -> None:
    workshop.write("t.fbs", with_holler(RULES["a stream"][0]))
    run = workshop.run("t.fbs")
    assert run.status == 1 and run.names() == []
    assert "t.fbs:3: error: S.M: a call has" in run.err


def test_a_problem_is_told_once(workshop: Workshop) -> None:
    """Though two methods and a topic have the message."""
    text = 'table C (topic: "c") { s:string; } rpc_service S { M(C):C; N(C):B; }'
    problems = workshop.check(with_holler(text)).problems
    assert [p.where for p in problems] == ["C.s"]


def test_structs_need_a_table(workshop: Workshop) -> None:
    workshop.write("t.fbs", with_holler("rpc_service S { M(P):B; }"))
    run = workshop.run("t.fbs")
    assert run.status == 1
    assert 'holler: for a struct, declare a table that stands for it' in run.err


SERVICE = """\
namespace nav;
/// A place.
struct Goal { x:int; }
table PlanRequest (of: "Goal") {}
table PlanReply { cost:double; path:[int] (max_length: 7); }
table Blob (max_bytes: 100) { s:string; }
struct Lined (force_align: 16) { a:uint64; b:uint64; }
table LinedMessage (of: "Lined") {}
/// Plans.
rpc_service Planner {
  /// Finds a way.
  Plan(PlanRequest):PlanReply (deadline_ms: 200, max_calls: 3, max_clients: 5);
  echo(Blob):Blob;
  Align(LinedMessage):PlanRequest;
}
"""


def test_what_a_method_becomes(workshop: Workshop) -> None:
    result = workshop.check(with_holler(SERVICE))
    assert not result.problems and not result.topics
    plan, echo, align = result.calls
    assert (plan.service, plan.name, plan.declared_as) == ("nav/Planner", "Plan", "nav.PlannerPlan")
    assert (plan.deadline_ms, plan.max_calls, plan.doc) == (200, 3, (" Finds a way.",))
    assert (echo.declared_as, echo.deadline_ms, echo.max_calls) == ("nav.PlannerEcho", 1000, 8)
    request, computed = plan.request
    assert request.name == "nav/Planner/Plan/request"
    assert request.message.name == "nav.Goal" and request.message.is_struct
    assert (request.depth, request.max_samples, request.max_loans) == (3, 4, 3)
    assert request.reliable and request.is_call and not request.latched
    # The slot's header, that of the call, then the message.
    assert computed.payload_offset == 24 + 48
    reply, computed = plan.reply
    assert reply.name == "nav/Planner/Plan/reply"
    assert (reply.depth, reply.max_subscribers, reply.max_samples) == (6, 5, 7)
    assert reply.bounded is not None and computed.payload_offset == 72
    assert echo.request[0].max_bytes == 100 and echo.request[0].bounded is None
    assert align.request[1].payload_offset == 80


def test_counts_fit_their_bounds() -> None:
    """At the largest that a method can ask for."""
    most = layout.CALL_BOUNDS["max_calls"].highest
    assert 2 * most + 1 <= layout.BOUNDS["max_samples"].highest
    clients = layout.CALL_BOUNDS["max_clients"].highest
    assert clients == layout.BOUNDS["max_subscribers"].highest


def test_only_those_of_the_main_file(workshop: Workshop) -> None:
    workshop.write("other.fbs", "table C { s:string; } rpc_service O { M(C):C; }")
    result = workshop.check(with_holler('include "other.fbs";').replace(MESSAGES, ""))
    assert not result.problems and not result.calls


def test_messages_of_another_file(workshop: Workshop) -> None:
    workshop.write("other.fbs", "table C { a:int; }")
    text = 'include "holler.fbs";\ninclude "other.fbs";\nrpc_service O { M(C):C; }'
    result = workshop.check(text)
    assert not result.problems and len(result.calls) == 1


def test_a_large_segment_is_warned_of(workshop: Workshop) -> None:
    text = "table C (max_bytes: 10000000) { s:string; }\nrpc_service S { M(A):C; }"
    (warning,) = workshop.check(with_holler(text)).warnings
    assert str(warning).startswith("t.fbs:4: warning: S.M: its reply takes ")
    assert "`max_clients`" in str(warning)


PROGRAM = """
#include <string_view>
#include "t_topics.h"
static_assert(nav::PlannerPlan::kService == "nav/Planner");
static_assert(nav::PlannerPlan::kName == "Plan");
static_assert(nav::PlannerPlanClient::kDeadlineMs == 200);
static_assert(nav::PlannerPlanClient::kMaxCalls == 3);
static_assert(nav::PlannerPlanRequestTopic::kReliable);
static_assert(offsetof(nav::PlannerPlanRequestSlot, call) == 24);
static_assert(offsetof(nav::PlannerAlignRequestSlot, call) == 32);
static_assert(offsetof(nav::PlannerAlignRequestSlot, message) == 80);
static_assert(holler::HoldsCallHeader(nav::PlannerAlignRequestTopic::kLayout, 48));
static_assert(!holler::HoldsCallHeader(nav::PlannerAlignRequestTopic::kLayout, 40));
int main() {
  nav::PlannerPlanClient client;
  nav::PlannerEchoServer server;
  (void)client, (void)server;
}
"""


def test_it_compiles(workshop: Workshop, compiles: Compiles) -> None:
    run = workshop.generate(with_holler(SERVICE))
    compiles(run, PROGRAM)
    text = run.text("t_topics.h")
    assert "/// Finds a way.\n///\n/// Calls Plan of service \"nav/Planner\".\n" in text
    said = run.out.splitlines()
    assert len(said) == 6 and all(line.startswith("holler: nav/Planner/") for line in said)


def test_beside_topics_and_without_a_namespace(workshop: Workshop, compiles: Compiles) -> None:
    text = 'struct T (topic: "t") { a:int; } table C (topic: "c") { a:int; } rpc_service S { M(C):B; }'
    run = workshop.generate(with_holler(text))
    compiles(
        run,
        '#include "t_topics.h"\n'
        "int main() { TPublisher t; CSubscriber c; SMClient client; (void)t, (void)c, (void)client; }",
    )
