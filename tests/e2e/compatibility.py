"""Who may match with whom: schemas that differ between processes, and more subscribers than there
are places for. Whoever is not matched is told why."""

import contextlib
import os

from harness import Puppet, check, check_report, main, seeded

PLACES = 2  # max_subscribers of class "few".


def check_words(event, *wanted):
    text = " ".join(event)
    for words in wanted:
        check(words in text, f"'{words}' is missing in '{text}'")


def evolved(folder, version, role):
    return Puppet(os.path.join(folder, f"evolved_{version}"), role)


def schemas_evolve(folder):
    """Programs with an older and a newer schema understand each other in both directions."""
    samples = {  # Publisher, subscriber -> what the subscriber reads.
        ("old", "old"): ["7", "imu", "none"],
        ("old", "new"): ["7", "imu", "3"],  # The default of what is not there.
        ("new", "old"): ["7", "imu", "none"],
        ("new", "new"): ["7", "imu", "9"],
    }
    for (publisher, subscriber), sample in samples.items():
        for first in ("publisher", "subscriber"):
            versions = {"publisher": publisher, "subscriber": subscriber}
            second = "subscriber" if first == "publisher" else "publisher"
            with evolved(folder, versions[first], first) as one, \
                    evolved(folder, versions[second], second) as other:
                listener = one if first == "subscriber" else other
                event = listener.await_event("sample")
                check(event[1:] == sample, f"{publisher} to {subscriber}: {event}")


def schemas_contradict(folder):
    """Both sides are told the topic, both nodes, and the field that differs; a third that agrees
    with one of them is matched with that one."""
    with evolved(folder, "old", "publisher") as publisher, \
            evolved(folder, "other", "subscriber") as subscriber:
        for side in (publisher, subscriber):
            check_words(side.await_event("refused"), "evolution/report", "evolved_publisher",
                        f"(pid {publisher.pid})", "evolved_subscriber", f"(pid {subscriber.pid})",
                        "evolution.Report.id: uint at the publisher, ulong at the subscriber")
        with evolved(folder, "new", "subscriber") as third:
            check(third.await_event("sample")[1:] == ["7", "imu", "3"], "a wrong sample")


def places_are_limited(program, random):
    """Those for whom there is no place are told, and get the first place that becomes free."""
    topic = "compatibility/few"
    ends = ["close", "exit", "kill"]
    random.shuffle(ends)
    with contextlib.ExitStack() as stack:
        speaker = stack.enter_context(Puppet(program, "speaker"))
        guests = [stack.enter_context(Puppet(program, f"guest{i}"))
                  for i in range(PLACES + len(ends))]
        source = speaker.ask(f"pub p few {topic}")
        for guest in guests[:PLACES]:
            guest.ask(f"sub s few {topic}")
            speaker.await_event("matched", "p", guest.pid)
        for guest in guests[PLACES:]:
            guest.ask(f"sub s few {topic}")
            for side, name in ((speaker, "p"), (guest, "s")):
                check_words(side.await_event("refused", name), topic, f"(pid {speaker.pid})",
                            f"(pid {guest.pid})", f"max_subscribers = {PLACES}", "waits")
        last = speaker.ask("publish p 3")
        seated = guests[:PLACES]
        waiting = guests[PLACES:]
        for guest in seated:
            guest.ask(f"expect s {source} {last}")
            guest.await_event("reached", "s", source)
        for guest in waiting:
            check_report(guest, "s", received=0, publishers=0)
        # One leaves, in whatever way: who has waited longest is next.
        for end in ends:
            leaving = seated.pop(random.randrange(len(seated)))
            if end == "close":
                leaving.ask("close s")
            elif end == "exit":
                leaving.leave()
            else:
                leaving.kill()
            admitted = waiting.pop(0)
            admitted.await_event("matched", "s", speaker.pid)
            speaker.await_event("matched", "p", admitted.pid)
            check(speaker.ask("subscribers p") == str(PLACES), "not all places are taken")
            seated.append(admitted)
            last = speaker.ask("publish p 1")
            for guest in seated:
                guest.ask(f"expect s {source} {last}")
                guest.await_event("reached", "s", source)
                check_report(guest, "s", lost=0, missing=0)
        check_report(seated[-1], "s", received=1)  # Nothing from before it was admitted.


def a_place_is_given_up_unused(program):
    """Who waits and leaves is not admitted later; who dies while he waits is not, either."""
    topic = "compatibility/given_up"
    with Puppet(program, "speaker") as speaker, Puppet(program, "seated") as seated, \
            Puppet(program, "waiting") as waiting, Puppet(program, "dying") as dying, \
            Puppet(program, "patient") as patient:
        speaker.ask(f"pub p few {topic}")
        for name in ("s0", "s1"):
            seated.ask(f"sub {name} few {topic}")
            speaker.await_event("matched", "p", seated.pid)
        for guest in (waiting, dying, patient):
            guest.ask(f"sub s few {topic}")
            guest.await_event("refused", "s")
        waiting.ask("close s")
        dying.kill()
        seated.ask("close s0")
        patient.await_event("matched", "s", speaker.pid)
        speaker.await_event("matched", "p", patient.pid)
        check(speaker.ask("subscribers p") == str(PLACES), "not all places are taken")


def test(program, arguments):
    random = seeded(arguments)
    folder = os.path.dirname(program)
    schemas_evolve(folder)
    schemas_contradict(folder)
    places_are_limited(program, random)
    a_place_is_given_up_unused(program)


if __name__ == "__main__":
    main(test)
