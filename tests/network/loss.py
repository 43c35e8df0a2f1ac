"""Half of all datagrams are lost; every match is made within two seconds all the same."""

import contextlib
import re
import statistics

from support import Namespace, Peer, check, main, meet, skip

OLD = 30    # Matches with a node that has been there for long, and hollers no more.
FRESH = 10  # Matches of two nodes that start one right after the other.
LIMIT_MS = 2000  # From when both endpoints exist.
ROLES = ("publisher", "subscriber")


def lose_half(namespace):
    """Returns how to read the number of datagrams lost so far."""
    namespace.loopback_up()
    tool = namespace.firewall(
        "INPUT -p udp -m statistic --mode random --probability 0.5 -j DROP",
        ("input", "meta l4proto udp numgen random mod 2 0 counter drop"))
    if tool is not None:
        print("datagrams are lost by", tool)
        listing, pattern = {
            "iptables": ("iptables -L INPUT -v -n -x", r"\n\s*(\d+)\s+\d+\s+DROP"),
            "nft": ("nft list chain inet holler filter_it", r"counter packets (\d+)"),
        }[tool]
    elif namespace.run("tc qdisc add dev lo root netem loss 50%") is not None:
        print("datagrams are lost by tc")
        listing, pattern = "tc -s qdisc show dev lo", r"dropped (\d+)"
    else:
        skip("neither iptables, nft nor tc can lose datagrams (apt install iptables)")
    return lambda: int(re.search(pattern, namespace.must(listing)).group(1))


def test(program):
    times = []
    heard = 0
    with Namespace() as namespace, contextlib.ExitStack() as stack:
        lost = lose_half(namespace)

        def start(number, role):
            return stack.enter_context(
                Peer(program, role, f"--topic=network/loss/{number}", namespace=namespace))

        firsts = [start(i, ROLES[i % 2]) for i in range(OLD)]
        for first in firsts:
            first.settle()
        for i in range(OLD + FRESH):
            first = firsts[i] if i < OLD else start(i, ROLES[i % 2])
            first.created()
            second = start(i, ROLES[1 - i % 2])
            publisher, subscriber = (first, second) if i % 2 == 0 else (second, first)
            times.append(meet(publisher, subscriber)[0])
            check(times[-1] <= LIMIT_MS, f"match {i} took {times[-1]:.0f} ms")
            heard += first.stats()["hollers_received"] + second.stats()["hollers_received"]
        dropped = lost()
    print(f"{len(times)} matches: median {statistics.median(times):.1f} ms, "
          f"max {max(times):.1f} ms; datagrams lost: {dropped}, hollers heard: {heard}")
    check(dropped > 0 and heard > 0, "this was not a network that loses half")


main(test)
