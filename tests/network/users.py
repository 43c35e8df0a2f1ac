"""Nodes of different users meet only if both allow it, and even then only read."""

import contextlib
import os
import pwd
import subprocess
import sys

from support import Namespace, Peer, check, main, meet, skip

ROLES = ("publisher", "subscriber")
# Users that no system knows by name.
NUMBERS = (54_321, 54_322)


class Impostor:
    """A process of user `uid` that listens at the abstract address `path`."""

    _SCRIPT = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind("\\0" + sys.argv[2])
listener.listen()
print(os.getpid(), flush=True)
sys.stdin.read()
"""

    def __init__(self, namespace, uid, path):
        self._process = subprocess.Popen(
            namespace.inside([sys.executable, "-c", self._SCRIPT, str(uid), path]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = int(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()


class Scene:
    """A publisher and a subscriber of different users, side by side."""

    def __init__(self, program, namespace):
        self._program = program
        self._namespace = namespace

    @contextlib.contextmanager
    def peers(self, uids, allowed):
        """uids, allowed: of the publisher and of the subscriber; `allowed` may be None."""
        with contextlib.ExitStack() as stack:
            peers = []
            for role, uid, user in zip(ROLES, uids, allowed):
                options = [f"--uid={uid}"] + ([f"--allow={user}"] if user is not None else [])
                peers.append(stack.enter_context(
                    Peer(self._program, role, *options, namespace=self._namespace)))
                peers[-1].created()
            yield peers

    def strangers(self, uids):
        """Neither allows the other: they hear each other, say so, and do not even call."""
        with self.peers(uids, (None, None)) as peers:
            peers[0].wait_until("hollers_received", 1)
            for peer in peers:
                peer.settle()
            for peer in peers:
                stats = peer.stats()
                for key in ("connections", "matches", "refused_users"):
                    check(stats[key] == 0, peer.name, "was called by a stranger:", stats)
            lines = [line for line in peers[0].log if "allowed_users" in line]
            check(len(lines) == 1 and f"user {uids[1]} has" in lines[0],
                  "the first does not tell of the second's user:", peers[0].log)

    def one_sided(self, uids, calling):
        """Only the peer `calling` (0 or 1) allows the other: it calls, and is refused."""
        answering = 1 - calling
        allowed = [None, None]
        allowed[calling] = uids[answering]
        with self.peers(uids, allowed) as peers:
            for peer in peers:
                peer.settle()
            caller, refuser = peers[calling], peers[answering]
            stats = refuser.wait_until("refused_users", 2)
            lines = [line for line in refuser.log if "refused" in line]
            check(len(lines) == 1, stats["refused_users"], "refusals, logged as", lines)
            check(f"user {uids[calling]} " in lines[0] and "allowed_users" in lines[0],
                  "no remedy:", lines[0])
            check(f"pid {caller.created()['pid']}" in lines[0], "not its pid:", lines[0])
            for peer in peers:
                stats = peer.stats()
                check(stats["connections"] == 0 and stats["matches"] == 0,
                      peer.name, "was let in:", stats)
            check(caller.stats()["refused_users"] == 0, "the caller was called")
        return lines[0]

    def impostor(self, uids):
        """A process of one user listens at an address of the other, which is called and refused.

        uids: of the caller, and of the impostor.
        """
        path = f"holler/{os.environ['HOLLER_DOMAIN']}/{uids[0]}/{os.urandom(16).hex()}"
        with Impostor(self._namespace, uids[1], path) as impostor, Peer(
                self._program, "publisher", f"--uid={uids[0]}", namespace=self._namespace) as peer:
            peer.settle()
            stats = peer.wait_until("refused_users", 1)
            lines = [line for line in peer.log if "not connected" in line]
            check(len(lines) == 1, stats["refused_users"], "refusals, logged as", lines)
            for part in (f"process {impostor.pid} of user {uids[1]} ", f"user {uids[0]}:"):
                check(part in lines[0], f"'{part}' is not in", lines[0])
            check(peer.stats()["connections"] == 0, peer.name, "is connected with an impostor")
        return lines[0]

    def friends(self, uids, allowed):
        """Both allow the other: a sample goes through, and the memory stays its owner's."""
        with self.peers(uids, allowed) as peers:
            times = meet(*peers)
            for peer in peers:
                check(peer.stats()["refused_users"] == 0, peer.name, "refused somebody")
                self._rob(peer)
        return times[0]

    @staticmethod
    def _rob(peer):
        peer.tell("rob")
        lines = peer.lines_until("robbed")
        count = sum(word == "memory" for word, _ in lines)
        attempts = [rest.partition("=")[::2] for word, rest in lines if word == "attempt"]
        check(count >= 1, peer.name, "was handed no memory:", lines)
        check(("read", "done") in attempts, peer.name, "cannot even read:", lines)
        for what, result in attempts:
            check(what in ("read", "reopen") or result in ("EPERM", "EACCES", "EBADF", "EINVAL"),
                  peer.name, f"can change what it was handed: {what} {result}:", lines)
        reopened = [what for what, _ in attempts if what == "reopened_map"]
        check(len(reopened) == count, peer.name, "could not try it all:", lines)


def test(program):
    if os.geteuid() != 0:
        skip("only root can start processes of several users")
    nobody = pwd.getpwnam("nobody").pw_uid
    with Namespace() as namespace:
        namespace.loopback_up()
        scene = Scene(program, namespace)
        for uids in ((0, nobody), (nobody, 0), NUMBERS):
            scene.strangers(uids)
            print(f"users {uids}: strangers do not call each other")
            for calling in (0, 1):
                print("  refused:", scene.one_sided(uids, calling))
            print("  impostor:", scene.impostor(uids))
            time = scene.friends(uids, (uids[1], uids[0]))
            print(f"  allowed by number: {time:.1f} ms")
            if uids != NUMBERS:
                names = [pwd.getpwuid(uid).pw_name for uid in uids]
                time = scene.friends(uids, (names[1], names[0]))
                print(f"  allowed by name, {names}: {time:.1f} ms", flush=True)


main(test)
