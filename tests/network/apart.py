"""Nodes of different network namespaces, or of different domains, never meet."""

import contextlib
import os

from support import Namespace, Peer, check, main, meet


def two_worlds(program, worlds):
    """worlds: pairs of a namespace and options. In each there is a publisher and a subscriber of
    the same topic. Each pair meets, and nobody else, until all have done all they ever do."""
    with contextlib.ExitStack() as stack:
        pairs = [
            [stack.enter_context(Peer(program, role, *options, namespace=namespace))
             for role in ("publisher", "subscriber")]
            for namespace, options in worlds
        ]
        peers = sum(pairs, [])
        for peer in peers:
            peer.settle()
        for pair in pairs:
            meet(*pair)
        for peer in peers:
            stats = peer.stats()
            check(stats["connections"] == 1 and stats["matches"] == 1,
                  peer.name, "met others than its own:", stats)
            check(stats["malformed"] == 0 and stats["refused_users"] == 0,
                  peer.name, "was called by others than its own:", stats)


def test(program):
    domain = int(os.environ["HOLLER_DOMAIN"])
    with Namespace() as here, Namespace() as there:
        here.loopback_up()
        there.loopback_up()
        two_worlds(program, [(here, []), (there, [])])
        print("two namespaces: no one met")
        two_worlds(program, [(here, [f"--domain={domain}"]), (here, [f"--domain={domain + 1}"])])
        print("two domains: no one met")


main(test)
