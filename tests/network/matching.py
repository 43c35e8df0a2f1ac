"""Endpoints match whatever the network is like, in both start orders."""

import contextlib

from support import Failure, Namespace, Peer, check, exchange, main

GROUPS = "224.0.0.0/4"  # All of IPv4's multicast.


class Impossible(Exception):
    """A case that cannot be made here."""


def loopback_up(namespace):
    namespace.loopback_up()


def nothing(_):
    pass


def filtered_input(namespace):
    namespace.loopback_up()
    rule = f"INPUT -d {GROUPS} -j DROP", ("input", f"ip daddr {GROUPS} drop")
    if namespace.firewall(*rule) is None:
        raise Impossible("neither iptables nor nft works (apt install iptables)")


def filtered_output(namespace):
    namespace.loopback_up()
    rule = f"OUTPUT -d {GROUPS} -j DROP", ("output", f"ip daddr {GROUPS} drop")
    if namespace.firewall(*rule) is None:
        raise Impossible("neither iptables nor nft works (apt install iptables)")


def ethernet_without_multicast(namespace):
    """Loopback stays down; the nodes holler on a card that says it cannot."""
    if (namespace.run("ip link add card type dummy") is None and
            namespace.run("ip link add card type veth peer name other") is None):
        raise Impossible("the kernel has neither dummy nor veth interfaces")
    namespace.must("ip link set card multicast off")
    namespace.must("ip address add 192.0.2.1/24 dev card")
    namespace.must("ip link set card up")
    namespace.run("ip link set other up")  # Only a veth has another end.


MUTE = "--multicast=false"
ON_CARD = "--interface=192.0.2.1"
# Name, how to make it, options of publisher and subscriber, whether hollers arrive (None: may).
CASES = (
    ("loopback up", loopback_up, [], [], True),
    ("loopback down", nothing, [], [], False),
    ("multicast dropped on arrival", filtered_input, [], [], False),
    ("multicast forbidden to send", filtered_output, [], [], False),
    ("card without multicast", ethernet_without_multicast, [ON_CARD], [ON_CARD], None),
    ("card that is not there", loopback_up, [ON_CARD], [ON_CARD], False),
    ("card for one, loopback for one", ethernet_without_multicast, [ON_CARD], [], False),
    ("publisher without multicast", loopback_up, [MUTE], [], False),
    ("subscriber without multicast", loopback_up, [], [MUTE], False),
    ("both without multicast", loopback_up, [MUTE], [MUTE], False),
)
COMMANDS = {"publisher": "publish", "subscriber": "take"}


def match(program, namespace, options, first, hollers):
    """first: the role that is there long before the other; None: both start together."""
    second = {"publisher": "subscriber", "subscriber": "publisher"}
    order = (first, second[first]) if first else tuple(second)
    peers = {}
    with contextlib.ExitStack() as stack:
        for role in order:
            peers[role] = stack.enter_context(
                Peer(program, role, *options[role], namespace=namespace))
            if role == first:
                peers[role].settle()
            peers[role].tell(COMMANDS[role])
        times = exchange(peers["publisher"], peers["subscriber"])
        if hollers and first:
            peers[first].wait_until("hollers_received", 1)
        for peer in peers.values():
            heard = peer.stats()["hollers_received"]
            check(hollers is not False or heard == 0, "hollers arrived:", heard)
    return times


def test(program):
    print("milliseconds from when both endpoints exist to the match, and to the first sample")
    print(f"{'':31}{'publisher first':>17}{'subscriber first':>18}{'together':>17}")
    failures = 0
    for name, make, publisher, subscriber, hollers in CASES:
        line = f"{name:31}"
        options = {"publisher": publisher, "subscriber": subscriber}
        try:
            with Namespace() as namespace:
                make(namespace)
                for first in ("publisher", "subscriber", None):
                    times = match(program, namespace, options, first, hollers)
                    line += "%9.1f %7.1f" % times
        except Impossible as why:
            line += f" skipped: {why}"
        except Failure as failure:
            line += f" FAILED: {failure}"
            failures += 1
        print(line, flush=True)
    check(failures == 0, failures, "cases failed")


main(test)
