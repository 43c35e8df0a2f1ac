"""Either side restarts, stops, goes on or leaves at any time; the others neither lose nor wait."""

import contextlib
import signal

from harness import Puppet, check, check_report, main, seeded, wait_until

SWEEPS = 3  # After each of its endpoints a node looks so often for others; then it is silent.
DEPTH = 2048  # Of class "tick": a subscriber may fall behind by that many samples.


def open_publisher(puppet, topic, topic_class="tick"):
    """Opens publisher 'p' and returns its source."""
    return puppet.ask(f"pub p {topic_class} {topic}")


def open_subscriber(puppet, topic, wakeup="fd", topic_class="tick"):
    puppet.ask(f"sub s {topic_class} {topic} {wakeup}")


def await_sample(listener, source, number):
    listener.ask(f"expect s {source} {number}")
    listener.await_event("reached", "s", source)


def any_side_restarts(program, random):
    """Three publishers and three subscribers, of which one after the other is replaced."""
    topic = "restarts/any"
    with contextlib.ExitStack() as stack:
        speakers = {}  # Puppet -> source.
        listeners = set()

        def start_speaker():
            puppet = stack.enter_context(Puppet(program, "speaker"))
            speakers[puppet] = open_publisher(puppet, topic)

        def start_listener():
            puppet = stack.enter_context(Puppet(program, "listener"))
            open_subscriber(puppet, topic, random.choice(("fd", "wait")))
            listeners.add(puppet)

        for _ in range(3):
            start_speaker()
            start_listener()
        for _ in range(40):
            start, group = random.choice(((start_speaker, speakers), (start_listener, listeners)))
            ended = random.choice(sorted(group, key=lambda puppet: puppet.pid))
            if group is speakers:
                del speakers[ended]
            else:
                listeners.remove(ended)
            order = random.choice(("replacement first", "end first"))
            if order == "replacement first":
                start()
            random.choice((ended.kill, ended.leave, lambda puppet=ended: puppet.leave("quit")))()
            if order == "end first":
                start()
            for speaker in speakers:
                wait_until(lambda: f"{speaker} has 3 subscribers",
                           lambda: speaker.ask("subscribers p") == "3")
            for listener in listeners:
                wait_until(lambda: f"{listener} has 3 publishers",
                           lambda: listener.ask_numbers("report s")["publishers"] == 3)
            for speaker, source in speakers.items():
                last = speaker.ask("publish p 20")
                for listener in listeners:
                    await_sample(listener, source, last)
        for listener in listeners:
            check_report(listener, "s", lost=0, missing=0)


def publisher_leaves_at_once(program, random):
    """It publishes and is gone; its subscribers still get everything, even one that is busy."""
    topic = "restarts/leaves"
    with Puppet(program, "busy") as busy, Puppet(program, "idle") as idle:
        open_subscriber(busy, topic, "wait")
        open_subscriber(idle, topic)
        for turn in range(30):
            count = random.randint(1, DEPTH)
            with Puppet(program, "speaker") as speaker:
                source = open_publisher(speaker, topic)
                speaker.await_event("matched", "p", busy.pid)
                speaker.await_event("matched", "p", idle.pid)
                busy.ask("pause s")
                speaker.ask(f"publish p {count}")
                end = random.choice(("exit", "quit", "kill"))
                if end == "kill":
                    speaker.kill()
                else:
                    speaker.leave(end)
                await_sample(idle, source, count)
                idle.await_event("unmatched", "s", speaker.pid)
                busy.await_event("unmatched", "s", speaker.pid)
                busy.ask("resume s")
                await_sample(busy, source, count)
            for listener in (busy, idle):
                check_report(listener, "s", lost=0, missing=0, before_first=0, sources=turn + 1)


def subscriber_stands_still(program, _):
    """A stopped subscriber disturbs neither the publisher nor other subscribers. When it goes on,
    it knows exactly what it lost."""
    topic = "restarts/subscriber_still"
    samples = 20 * DEPTH
    with Puppet(program, "speaker") as speaker, Puppet(program, "stopped") as stopped, \
            Puppet(program, "awake") as awake:
        source = open_publisher(speaker, topic)
        for listener in (stopped, awake):
            open_subscriber(listener, topic)
            speaker.await_event("matched", "p", listener.pid)
        stopped.stop()
        for _ in range(0, samples, DEPTH // 2):
            last = speaker.ask(f"publish p {DEPTH // 2}")
            await_sample(awake, source, last)
        # New ones find their publisher, too.
        with Puppet(program, "new") as new:
            open_subscriber(new, topic)
            speaker.await_event("matched", "p", new.pid)
            last = speaker.ask("publish p 1")
            await_sample(new, source, last)
            check_report(new, "s", lost=0, missing=0, received=1)
        check_report(awake, "s", lost=0, missing=0, received=int(last))
        stopped.go_on()
        await_sample(stopped, source, last)
        report = check_report(stopped, "s")
        check(report["lost"] == report["missing"] + report["before_first"] ==
              int(last) - report["received"] > 0, "lost is not what is missing:", report)
        # It keeps up again.
        last = speaker.ask("publish p 1000")
        await_sample(stopped, source, last)
        check_report(stopped, "s", lost=report["lost"], received=report["received"] + 1000)


def publisher_stands_still(program, _):
    """A stopped publisher keeps nobody from anything; it is matched when it goes on."""
    topic = "restarts/publisher_still"
    with Puppet(program, "stopped") as stopped, Puppet(program, "speaker") as speaker, \
            Puppet(program, "listener") as listener:
        stopped_source = open_publisher(stopped, topic)
        source = open_publisher(speaker, topic)
        open_subscriber(listener, topic)
        for publisher in (stopped, speaker):
            publisher.await_event("matched", "p", listener.pid)
        await_sample(listener, stopped_source, stopped.ask("publish p 10"))
        stopped.stop()
        with Puppet(program, "new") as new:
            open_subscriber(new, topic)
            speaker.await_event("matched", "p", new.pid)
            last = speaker.ask("publish p 10")
            for each in (listener, new):
                await_sample(each, source, last)
            stopped.go_on()
            stopped.await_event("matched", "p", new.pid)
            last = stopped.ask("publish p 10")
            for each in (listener, new):
                await_sample(each, stopped_source, last)
                check_report(each, "s", lost=0, missing=0)
            check_report(listener, "s", received=30)
            check_report(new, "s", received=20)
            # Killed as it stands.
            stopped.stop()
            stopped.signal(signal.SIGKILL)
            for each in (listener, new):
                each.await_event("unmatched", "s", stopped.pid)


def endpoints_made_during_a_call(program, _):
    """What a node makes between its call to another and the answer is matched as well."""
    topics = [f"restarts/late/{i}" for i in range(3)]
    # Mute, and the called one past its announcing: it must not call as well.
    with Puppet(program, "called", "mute") as called, Puppet(program, "caller", "mute") as caller:
        for i, topic in enumerate(topics):
            called.ask(f"pub p{i} tick {topic}")
            called.ask(f"sub s{i} tick {topic}/back")
        wait_until("silence", lambda: called.ask_numbers("stats")["sweeps"] >= SWEEPS)
        called.stop()  # So the answer takes as long as this test needs.
        caller.ask(f"sub s0 tick {topics[0]}")
        wait_until("the call", lambda: caller.ask_numbers("stats")["sweeps"] > 0)
        caller.ask(f"sub s1 tick {topics[1]}")
        caller.ask(f"pub p1 tick {topics[1]}/back")
        caller.ask("close s0")
        caller.ask(f"sub s2 tick {topics[2]}")
        called.go_on()
        for name in ("p1", "p2", "s1"):
            called.await_event("matched", name, caller.pid)
        for name in ("s1", "s2", "p1"):
            caller.await_event("matched", name, called.pid)


def cards_for_one_who_does_not_read(program, _):
    """More publishers than a stopped node's socket has room for: it meets all when it goes on."""
    topics = [f"restarts/cards/{i}" for i in range(2)]
    publishers = 200  # Of each.
    with Puppet(program, "stopped") as stopped, Puppet(program, "speaker") as speaker:
        speaker.ask(f"pub first tick {topics[0]}")
        for i, topic in enumerate(topics):
            stopped.ask(f"sub s{i} tick {topic}")
        speaker.await_event("matched", "first", stopped.pid)
        stopped.stop()
        for i, topic in enumerate(topics):
            for j in range(publishers):
                speaker.tell(f"pub p{i}_{j} tick {topic}")
        for _ in range(len(topics) * publishers):
            check(speaker.answer().startswith("="), "a publisher could not be made")
        stopped.go_on()
        for i, expected in enumerate((publishers + 1, publishers)):
            wait_until(lambda: f"{expected} publishers: {stopped.ask(f'report s{i}')}",
                       lambda: stopped.ask_numbers(f"report s{i}")["publishers"] == expected)
        for name in ("first", f"p0_{publishers - 1}", f"p1_{publishers - 1}"):
            wait_until(f"{name} is matched", lambda: speaker.ask(f"subscribers {name}") == "1")


def last_sample_waits_for_the_late(program, _):
    """A latched sample reaches whoever comes, and comes back, while its publisher lives."""
    topic = "restarts/latched"
    with Puppet(program, "speaker") as speaker:
        source = open_publisher(speaker, topic, "last")
        last = speaker.ask("publish p 100")
        for end in ("exit", "quit", "kill"):
            with Puppet(program, "late") as late:
                open_subscriber(late, topic, topic_class="last")
                await_sample(late, source, last)
                check_report(late, "s", received=1, lost=0)
                if end != "kill":
                    late.leave(end)


def test(program, arguments):
    random = seeded(arguments)
    for part in (any_side_restarts, publisher_leaves_at_once, subscriber_stands_still,
                 publisher_stands_still, endpoints_made_during_a_call,
                 cards_for_one_who_does_not_read, last_sample_waits_for_the_late):
        print(part.__name__, flush=True)
        part(program, random)


if __name__ == "__main__":
    main(test)
