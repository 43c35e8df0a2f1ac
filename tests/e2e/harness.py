"""What the tests of this folder share: puppets, processes moved by commands (puppet.cc)."""

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import time

# Far beyond what anything takes: whatever has not happened by then never will.
HUNG = 60.0


class Failure(Exception):
    """What a test found wrong."""


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(part) for part in what))


def free_domain():
    """A domain in which no node is, whatever else runs on this machine."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as sockets:
        taken = sockets.read()
    while True:
        domain = random.SystemRandom().randrange(1000, 4800)
        if f"@holler/{domain}/" not in taken:
            return domain


def wait_until(what, condition):
    """Waits for a state; `what` says which one, should it never come."""
    deadline = time.monotonic() + HUNG
    while True:
        seen = condition()
        if seen:
            return seen
        check(time.monotonic() < deadline, "never happened:", what() if callable(what) else what)
        time.sleep(0.002)


class Puppet:
    """A process. Ended at the latest by `with`."""

    def __init__(self, program, name, *options):
        self.name = name
        self._process = subprocess.Popen(
            [program, name, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.pid = self._process.pid
        self._input = b""
        self._answers = []
        self.events = []  # Not yet awaited, each a list of words.
        self.log = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def __repr__(self):
        return f"{self.name} (pid {self.pid})"

    # ---- Speaking ----

    def tell(self, command):
        """Sends a command whose answer nobody waits for yet."""
        try:
            self._process.stdin.write(command.encode() + b"\n")
        except BrokenPipeError:
            raise Failure(f"{self} is dead; log: {self.log}") from None

    def answer(self):
        """The answer to the oldest command that still lacks one."""
        while not self._answers:
            self._read()
        return self._answers.pop(0)

    def ask(self, command):
        self.tell(command)
        answer = self.answer()
        check(answer.startswith("="), f"{self}: '{command}' was answered with '{answer}'")
        return answer[2:]

    def ask_numbers(self, command):
        """The answer to a command that is answered with key=value..."""
        pairs = (pair.partition("=") for pair in self.ask(command).split())
        return {key: int(value) for key, _, value in pairs}

    def await_event(self, *words):
        """Waits for the first event that begins with `words`, and returns all of its words."""
        words = [str(word) for word in words]
        while True:
            for event in self.events:
                if event[:len(words)] == words:
                    self.events.remove(event)
                    return event
            self._read(words)

    def forget_events(self):
        """Forgets what has happened so far."""
        while self._is_readable(0):
            self._read()
        self.events.clear()

    def _is_readable(self, timeout):
        return bool(select.select([self._process.stdout], [], [], timeout)[0])

    def _read(self, awaited=""):
        if not self._is_readable(HUNG):
            self.tell("stats")
            stats = os.read(self._process.stdout.fileno(), 4096) if self._is_readable(1) else "none"
            raise Failure(f"{self} is silent, awaited: {awaited}, events: {self.events}, "
                          f"log: {self.log}, stats: {stats}")
        chunk = os.read(self._process.stdout.fileno(), 65536)
        check(chunk, f"{self} has ended, awaited: {awaited}, log: {self.log}")
        *lines, self._input = (self._input + chunk).split(b"\n")
        for line in lines:
            line = line.decode()
            if line.startswith("* log "):
                self.log.append(line[6:])
            elif line.startswith("* "):
                self.events.append(line[2:].split())
            else:
                self._answers.append(line)

    # ---- Life and death ----

    def signal(self, number):
        os.kill(self.pid, number)

    def stop(self):
        """Returns when it stands still."""
        self.signal(signal.SIGSTOP)
        wait_until(f"{self} stopped", lambda: self._state() == "T")

    def go_on(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._end()

    def leave(self, command="exit"):
        """Ends in an orderly way, or by 'quit'."""
        self.tell(command)
        self._process.stdin.close()
        status = self._process.wait(HUNG)
        check(status == 0, f"{self} ended with {status}; log: {self.log}")
        self._end()

    def _end(self):
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    # ---- What the kernel says of it ----

    def _state(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    def count_fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def fd_targets(self):
        targets = []
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                targets.append(os.readlink(f"/proc/{self.pid}/fd/{fd}"))
        return targets

    def maps(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as maps:
            return maps.read().splitlines()

    def own_bytes(self):
        """Resident memory that is not of files or shared memory."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            line = next(line for line in status if line.startswith("RssAnon:"))
        return int(line.split()[1]) * 1024


def check_report(listener, name, **expected):
    """Checks the report of a subscriber: nothing torn or repeated, and what is `expected`."""
    report = listener.ask_numbers(f"report {name}")
    for key, value in {"torn": 0, "repeated": 0, "malformed": 0, **expected}.items():
        check(report[key] == value, f"{listener} {name}: {key} is not {value}: {report}")
    return report


def seeded(arguments):
    """The random generator of a test. Its seed, the next of `arguments` or new, is printed."""
    seed = int(arguments.pop(0)) if arguments else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    return random.Random(seed)


def main(test):
    """Runs `test(program, remaining arguments)` in a domain of its own."""
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PROGRAM [SEED]")
    os.environ["HOLLER_DOMAIN"] = str(free_domain())
    print(f"domain {os.environ['HOLLER_DOMAIN']}", flush=True)
    begin = time.monotonic()
    try:
        test(os.path.abspath(sys.argv[1]), sys.argv[2:])
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"passed in {time.monotonic() - begin:.1f} s")
