"""What the tests of this folder share: network namespaces of their own, and peers in them."""

import os
import shutil
import subprocess
import sys
import time

SKIPPED = 77  # Exit status: ctest's SKIP_RETURN_CODE.
# Announcements of a node: after its third sweep it is silent, and has done all it ever does.
SWEEPS = 3

os.environ["PATH"] += ":/usr/sbin:/sbin"


class Failure(Exception):
    """What a test found wrong."""


def skip(why):
    print("Skipped:", why)
    sys.exit(SKIPPED)


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(part) for part in what))


class Namespace:
    """A network namespace without any network but a loopback interface that is down.

    It lives as long as the process that holds it open, which ends with this one.
    """

    _unshare = None  # The command that works here.

    def __init__(self):
        command = self._find_unshare() + ["sh", "-c", "echo made; exec cat"]
        self._holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check(self._holder.stdout.readline() == "made\n", command, "failed")
        self._enter = ["nsenter", "--target", str(self._holder.pid), "--net"]
        if "-r" in command:
            self._enter += ["--user", "--preserve-credentials"]
        self._enter.append("--")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()

    @classmethod
    def _find_unshare(cls):
        if cls._unshare:
            return cls._unshare
        for program in ("unshare", "nsenter", "ip"):
            if not shutil.which(program):
                skip(f"there is no program {program} (apt install util-linux iproute2)")
        errors = ""
        for command in (["unshare", "-n"], ["unshare", "-r", "-n"]):
            tried = subprocess.run(command + ["true"], capture_output=True, text=True)
            if tried.returncode == 0:
                cls._unshare = command
                return command
            errors += tried.stderr
        return skip(f"cannot make a network namespace, neither as root nor as a user:\n{errors}")

    def inside(self, command):
        """The command that runs `command` in here."""
        return self._enter + command

    def run(self, line):
        """Runs one command. Returns what it wrote, or None if it failed or does not exist."""
        words = line.split()
        if not shutil.which(words[0]):
            return None
        done = subprocess.run(self.inside(words), capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def must(self, line):
        out = self.run(line)
        check(out is not None, line, "failed")
        return out

    def loopback_up(self):
        self.must("ip link set lo up")

    def firewall(self, iptables, nft):
        """One rule, by the first tool that works: its name, or None.

        iptables: a rule; nft: a hook and a rule.
        """
        if self.run(f"iptables -A {iptables}") is not None:
            return "iptables"
        hook, rule = nft
        chain = "add chain inet holler filter_it { type filter hook %s priority 0 ; }" % hook
        for command in ("add table inet holler", chain, f"add rule inet holler filter_it {rule}"):
            if self.run(f"nft {command}") is None:
                return None
        return "nft"


class Peer:
    """A network_peer. Ended at the latest by `with`."""

    def __init__(self, program, role, *options, namespace):
        self.name = " ".join((role,) + options)
        self.log = []
        self._process = subprocess.Popen(
            namespace.inside([program, role, *options]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self._created = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def lines_until(self, last):
        """What it says, up to a line that begins with `last`, but for its log."""
        lines = []
        for line in self._process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "log":
                self.log.append(rest)
                continue
            lines.append((word, rest))
            if word == last:
                return lines
        raise Failure(f"'{self.name}' ended before '{last}': {lines}, log: {self.log}")

    def hear(self, word):
        """The values of the line that begins with `word`, which must be the next."""
        lines = self.lines_until(word)
        check(len(lines) == 1, f"'{self.name}' said {lines} instead of '{word}'")
        return {k: int(v) for k, _, v in (pair.partition("=") for pair in lines[0][1].split())}

    def tell(self, command):
        self._process.stdin.write(command + "\n")

    def created(self):
        if self._created is None:
            self._created = self.hear("created")
        return self._created

    def stats(self):
        self.tell("stats")
        return self.hear("stats")

    def wait_until(self, key, least):
        self.tell(f"await {key} {least}")
        return self.hear("stats")

    def settle(self):
        """Waits until it is silent: from now on it must be found."""
        self.created()
        return self.wait_until("sweeps", SWEEPS)


def exchange(publisher, subscriber):
    """One sample from one to the other, the first. Returns the milliseconds until the match, and
    until the sample, both from when both endpoints existed."""
    start = max(publisher.created()["ns"], subscriber.created()["ns"])
    ready = publisher.hear("ready")["ns"]
    check(publisher.hear("published")["sequence"] == 1, "the first sample was not the first")
    sample = subscriber.hear("sample")
    check(sample["sequence"] == 1, "the first sample published was lost:", sample)
    check(sample["source"] == publisher.created()["pid"], "a sample of another:", sample)
    return max(ready - start, 0) / 1e6, max(sample["ns"] - start, 0) / 1e6


def meet(publisher, subscriber):
    """Has both do their part at once, then as exchange()."""
    publisher.tell("publish")
    subscriber.tell("take")
    return exchange(publisher, subscriber)


def main(test):
    """Runs `test(program)`."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} NETWORK_PEER")
    begin = time.monotonic()
    try:
        test(os.path.abspath(sys.argv[1]))
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"passed in {time.monotonic() - begin:.1f} s")
