// What the two sides of a match are told of each other.
#ifndef HOLLER_PEERS_H_
#define HOLLER_PEERS_H_

#include <cstdint>

#include "holler/counters.h"
#include "holler/options.h"

namespace holler {

// A subscriber that a publisher is matched with.
struct SubscriberPeer {
  PeerInfo peer{};
  // The newest sample it has taken, lost or skipped: none of those published if it is closed but
  // for samples that are held still. And what it counts of this publisher's samples. Any numbers,
  // if it lies.
  uint64_t position = 0;
  SubscriberCounters counters{};
};

// A publisher that a subscriber is matched with.
struct PublisherPeer {
  PeerInfo peer{};
  PublisherCounters counters{};  // Its own, of all that it published: any numbers, if it lies.
  SubscriberCounters from{};     // What this subscriber did with its samples.
};

}  // namespace holler

#endif  // HOLLER_PEERS_H_
