"""Endpoints and processes come and go at random, in quick succession, while others are stopped.
Once that ends, every publisher is matched with every subscriber of its topic, and samples arrive.

Commands are sent without waiting for answers, so that calls, cards and news of departures cross
on the way. HOLLER_E2E_ROUNDS sets the number of rounds.
"""

import contextlib
import os

from harness import Failure, Puppet, check, check_report, main, seeded, wait_until

ROUNDS = int(os.environ.get("HOLLER_E2E_ROUNDS", 100))
PUPPETS = 5
STEPS = 30  # In each round.
SAMPLES = 3
TOPICS = ("churn/a", "churn/b", "churn/c", "churn/d")


class Crowd:
    """The puppets, and which endpoints each should have."""

    def __init__(self, program, random, stack):
        self._program = program
        self._random = random
        self._stack = stack
        self._next_id = 0
        self._stopped = set()
        self.endpoints = {}  # Puppet -> {id: (kind, topic)}
        self.sources = {}  # Puppet, id of a publisher -> source.
        self._unanswered = []  # Puppet, and what to do with the answer.
        for _ in range(PUPPETS):
            self._start()

    def _start(self):
        self._next_id += 1
        puppet = self._stack.enter_context(Puppet(self._program, f"puppet{self._next_id}"))
        self.endpoints[puppet] = {}
        return puppet

    def _any(self):
        return self._random.choice(list(self.endpoints))

    def _order(self, puppet, command, then=lambda answer: None):
        puppet.tell(command)
        self._unanswered.append((puppet, command, then))

    def step(self):
        action = self._random.choices(
            ("open", "close", "die", "stop", "go on"), weights=(10, 8, 3, 2, 3))[0]
        if action == "open":
            self._open(self._any())
        elif action == "close":
            puppet = self._any()
            if self.endpoints[puppet]:
                name = self._random.choice(list(self.endpoints[puppet]))
                del self.endpoints[puppet][name]
                self.sources.pop((puppet, name), None)
                self._order(puppet, f"close {name}")
        elif action == "die":
            self._die(self._random.sample(list(self.endpoints), self._random.randint(1, 3)))
        elif action == "stop":
            puppet = self._any()
            puppet.stop()
            self._stopped.add(puppet)
        elif self._stopped:
            self._stopped.pop().go_on()

    def _open(self, puppet):
        kind = self._random.choice(("pub", "sub"))
        topic = self._random.choice(TOPICS)
        self._next_id += 1
        name = f"{kind}{self._next_id}"
        self.endpoints[puppet][name] = (kind, topic)
        if kind == "pub":
            self._order(puppet, f"pub {name} tick {topic}",
                        lambda source: self.sources.__setitem__((puppet, name), source))
        else:
            self._order(puppet, f"sub {name} tick {topic} {self._random.choice(('fd', 'wait'))}")

    def _die(self, puppets):
        """They die, and others start at once, which make endpoints while they call each other."""
        for puppet in puppets:
            self._stopped.discard(puppet)
            self._unanswered = [order for order in self._unanswered if order[0] is not puppet]
            for name in self.endpoints.pop(puppet):
                self.sources.pop((puppet, name), None)
            puppet.kill()
        started = [self._start() for _ in puppets]
        for _ in range(self._random.randrange(4 * len(puppets))):
            self._open(self._random.choice(started))
            self.work()

    def work(self):
        """Lets a random moment pass, mostly none."""
        for _ in range(self._random.choice((0, 0, 1000, 10000, 100000))):
            pass

    def settle(self):
        """All go on, and have done what they were told."""
        while self._stopped:
            self._stopped.pop().go_on()
        for puppet, command, then in self._unanswered:
            answer = puppet.answer()
            check(answer.startswith("="), f"{puppet}: '{command}' was answered with '{answer}'")
            then(answer[2:])
        self._unanswered = []

    def all(self, kind):
        """Puppet, id and topic of all endpoints of a kind."""
        return [(puppet, name, topic) for puppet, mine in self.endpoints.items()
                for name, (its_kind, topic) in mine.items() if its_kind == kind]


def counterparts(crowd, kind):
    """Topic -> how many endpoints of `kind` it has."""
    topics = [topic for _, _, topic in crowd.all(kind)]
    return {topic: topics.count(topic) for topic in TOPICS}


def unmatched(crowd):
    """The endpoints that do not have as many matches as they should."""
    wrong = []
    subscribers = counterparts(crowd, "sub")
    publishers = counterparts(crowd, "pub")
    for puppet, name, topic in crowd.all("pub"):
        count = int(puppet.ask(f"subscribers {name}"))
        if count != subscribers[topic]:
            wrong.append(f"{puppet} {name} on {topic}: {count} of {subscribers[topic]}")
    for puppet, name, topic in crowd.all("sub"):
        count = puppet.ask_numbers(f"report {name}")["publishers"]
        if count != publishers[topic]:
            wrong.append(f"{puppet} {name} on {topic}: {count} of {publishers[topic]}")
    return wrong


def exchange(crowd):
    """Every publisher publishes, every subscriber receives."""
    subscribers = counterparts(crowd, "sub")
    awaited = []
    for puppet, name, topic in crowd.all("pub"):
        if subscribers[topic] == 0:
            continue
        last = puppet.ask(f"publish {name} {SAMPLES}")
        source = crowd.sources[(puppet, name)]
        for listener, listener_name, its_topic in crowd.all("sub"):
            if its_topic == topic:
                listener.ask(f"expect {listener_name} {source} {last}")
                awaited.append((listener, listener_name, source))
    for listener, name, source in awaited:
        listener.await_event("reached", name, source)
    for listener, name, _ in crowd.all("sub"):
        check_report(listener, name, lost=0, missing=0)
        listener.forget_events()
    for speaker, _, _ in crowd.all("pub"):
        speaker.forget_events()


def test(program, arguments):
    random = seeded(arguments)
    with contextlib.ExitStack() as stack:
        crowd = Crowd(program, random, stack)
        for number in range(ROUNDS):
            for _ in range(random.randrange(1, STEPS)):
                crowd.step()
                crowd.work()
            crowd.settle()
            try:
                wait_until(lambda: f"all matched; not: {unmatched(crowd)}",
                           lambda: not unmatched(crowd))
                exchange(crowd)
            except Failure as failure:
                raise Failure(f"round {number}: {failure}") from None
        print(f"{ROUNDS} rounds of up to {STEPS} steps")


if __name__ == "__main__":
    main(test)
