"""Publishers and subscribers are killed (SIGKILL) at random moments. The survivors go on: they lose
nothing, receive nothing torn, and afterwards have what they had before. Nothing is left on disk.

Where the kernel allows it, /dev/shm, /tmp and /run are empty and private while this runs.
HOLLER_E2E_ROUNDS sets the number of deaths.
"""

import contextlib
import ctypes
import os
import time

from harness import Puppet, check, check_report, main, seeded, wait_until

DEATHS = int(os.environ.get("HOLLER_E2E_ROUNDS", 200))
WARM_UP = 30  # Deaths after which the survivors should have all the memory they need.
LATEST = 0.02  # Seconds from a victim's start, or from its match, to its death.
PERIOD = 500  # Microseconds between samples.
PLACES = ("/dev/shm", "/tmp", "/run")
HEAP_SLACK = 64 * 1024 + 100 * DEATHS  # A puppet remembers every source it ever heard.
OWN_SLACK = 4 * 1024 * 1024  # A sweep reads the list of all sockets of the machine at once.

STEADY = "deaths/steady"  # From one survivor to the other.
DOWN = "deaths/down"  # From survivors to victims.
UP = "deaths/up"  # From victims to survivors.
FLOOD = "deaths/flood"  # Likewise, faster than anybody can take.


def make_places_private():
    """Mounts empty file systems for this process and those it starts. Returns whether it could."""
    clone_newns, clone_newuser = 0x20000, 0x10000000
    ms_rec, ms_private = 0x4000, 0x40000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_newns if os.geteuid() == 0 else clone_newns | clone_newuser) != 0:
        return False
    if libc.mount(None, b"/", None, ms_rec | ms_private, None) != 0:
        return False
    return all(libc.mount(b"tmpfs", place.encode(), b"tmpfs", 0, None) == 0 for place in PLACES)


def on_disk(puppet, program):
    """What a process has open or mapped that has a name in one of the places."""
    names = set(puppet.fd_targets() + [line.split(maxsplit=5)[-1] for line in puppet.maps()])
    given = {program} | {os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)}
    return [name for name in names - given
            if name.startswith(tuple(place + "/" for place in PLACES))]


def named_holler():
    found = []
    for place in PLACES:
        for folder, folders, files in os.walk(place):
            found += [os.path.join(folder, name) for name in folders + files if "holler" in name]
    return found


class Survivor:
    """Publishes to the victims and subscribes to them; and, for what it holds, is measured."""

    def __init__(self, puppet, wakeup):
        self.puppet = puppet
        puppet.ask(f"pub down tick {DOWN}")
        puppet.ask(f"sub up tick {UP} {wakeup}")
        puppet.ask(f"sub flood tick {FLOOD} {wakeup}")
        puppet.ask(f"stream down {PERIOD}")
        self.before = None

    def is_alone(self):
        """Whether it has noticed that all victims are dead."""
        return (self.puppet.ask_numbers("stats")["connections"] == 1 and
                self.puppet.ask("subscribers down") == "0" and
                all(self.puppet.ask_numbers(f"report {name}")["publishers"] == 0
                    for name in ("up", "flood")))

    def _possessions(self):
        # Arenas of malloc come and go with threads; what is of Holler is memfd.
        return {"fds": self.puppet.count_fds(),
                "maps": sum("/memfd:" in line for line in self.puppet.maps())}

    def remember(self):
        self.before = self._possessions()
        self.heap = int(self.puppet.ask("heap"))
        self.own = self.puppet.own_bytes()

    def check_nothing_grew(self):
        wait_until(lambda: f"{self.puppet} has again {self.before}, now {self._possessions()}",
                   lambda: self._possessions() == self.before)
        heap = int(self.puppet.ask("heap"))
        own = self.puppet.own_bytes()
        print(f"{self.puppet}: {self.before}; heap {self.heap} -> {heap}, "
              f"own memory {self.own} -> {own}")
        if heap == 0:
            print("Under a sanitizer malloc does not say what it has: memory is not checked.")
            return
        check(heap <= self.heap + HEAP_SLACK, "the heap grew")
        check(own <= self.own + OWN_SLACK, "its own memory grew")


def live_and_die(program, random):
    """One victim, which speaks, listens, or does both."""
    with Puppet(program, "victim") as victim:
        part = random.choice(("publisher", "subscriber", "both"))
        if part != "subscriber":
            victim.tell(f"pub up tick {UP}")
            victim.tell(f"stream up {PERIOD}")
        if random.random() < 0.1:
            victim.tell(f"pub flood tick {FLOOD}")
            victim.tell("stream flood 0")
        if part != "publisher":
            victim.tell(f"sub down tick {DOWN} {random.choice(('fd', 'wait'))}")
        if random.random() < 0.5:
            victim.await_event("matched")
        time.sleep(random.uniform(0, LATEST))  # Any moment will do.
        victim.kill()


def watch_the_dying(program, random, survivors):
    for number in range(DEATHS):
        if number == min(WARM_UP, DEATHS // 2):
            for survivor in survivors:
                wait_until("alone after the warm-up", survivor.is_alone)
                survivor.remember()
        live_and_die(program, random)
        for survivor in survivors:
            survivor.puppet.forget_events()  # Or its discovery would wait for somebody to listen.
    for survivor in survivors:
        wait_until("alone at last", survivor.is_alone)
        survivor.check_nothing_grew()


def test(program, arguments):
    random = seeded(arguments)
    full_path = os.path.realpath(program)
    os.chdir(os.path.dirname(program))  # It stays reachable from here, though it be in /tmp.
    program = "./" + os.path.basename(program)
    private = make_places_private()
    print("private file systems:", "yes" if private else "no")
    before = named_holler()

    with contextlib.ExitStack() as stack:
        survivors = [Survivor(stack.enter_context(Puppet(program, f"survivor_{wakeup}")), wakeup)
                     for wakeup in ("fd", "wait")]
        speaker, listener = (survivor.puppet for survivor in survivors)
        source = speaker.ask(f"pub steady tick {STEADY}")
        listener.ask(f"sub steady tick {STEADY}")
        speaker.await_event("matched", "steady")
        speaker.ask(f"stream steady {PERIOD}")

        watch_the_dying(program, random, survivors)

        last = speaker.ask("halt steady")
        listener.ask(f"expect steady {source} {last}")
        listener.await_event("reached", "steady", source)
        check_report(listener, "steady", lost=0, missing=0, before_first=0, received=int(last))
        for survivor in survivors:
            report = check_report(survivor.puppet, "up", lost=0, missing=0)
            flood = check_report(survivor.puppet, "flood")
            print(f"{survivor.puppet} took from victims: {report}, flood: {flood}")
            if DEATHS >= 100:  # Else it may be so by chance.
                check(report["sources"] > 1 and flood["sources"] > 1, "no victim was ever heard")
            check(flood["lost"] >= flood["missing"], "lost more than was counted:", flood)
            check(not on_disk(survivor.puppet, full_path),
                  "files with names:", on_disk(survivor.puppet, full_path))
        print(f"{DEATHS} deaths; {last} samples between the survivors")
    if private:
        left = [os.path.join(place, name) for place in PLACES for name in os.listdir(place)]
        check(not left, "left behind:", left)
    check(set(named_holler()) <= set(before), "left behind:", named_holler())


if __name__ == "__main__":
    main(test)
