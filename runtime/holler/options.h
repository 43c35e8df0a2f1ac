// What a user may say when creating nodes and endpoints, and what they are told about peers.
#ifndef HOLLER_OPTIONS_H_
#define HOLLER_OPTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/join.h"
#include "holler/log.h"

namespace holler {

// Where and how urgently a thread runs.
struct ThreadOptions {
  // 0: as ordinary threads do. 1 to 99: SCHED_FIFO, before all ordinary ones; needs RLIMIT_RTPRIO
  // or CAP_SYS_NICE. Default: as the thread that creates the node; set 0 where that one is
  // real-time.
  std::optional<int> priority{};
  // The CPUs it may run on, by their numbers. Default: those of the thread that creates the node.
  std::vector<int> cpus{};
};

// How the memory of an endpoint is provided. By default page by page, when each is first touched:
// that saves memory, and costs some microseconds each time. docs/real_time.md says when to take
// what.
struct MemoryOptions {
  // All at once, when the endpoint is created (a publisher's segment) or matched (as subscribers
  // see it): later, nothing of it has to be fetched.
  bool prefault = false;
  // Likewise, and the kernel never takes it away. Needs RLIMIT_MEMLOCK or CAP_IPC_LOCK.
  bool lock = false;
  // Likewise, in pages of 2 MiB as far as the kernel has them (Linux 6.1; before, as
  // /sys/kernel/mm/transparent_hugepage/shmem_enabled says), in ordinary ones as far as not: for
  // segments of many MiB, which then cost fewer TLB misses.
  bool huge_pages = false;
};

struct NodeOptions {
  // Shown to peers and in messages: at most 255 bytes of UTF-8 without control characters. Default:
  // the program's name, cut if need be.
  std::string name{};
  // Nodes of different domains never meet. 0 to 4999. Default: HOLLER_DOMAIN, or 0.
  std::optional<uint32_t> domain{};
  // Users, besides one's own, whose nodes may match: names or numeric uids.
  std::vector<std::string> allowed_users{};
  // IPv4 address of the interface to holler on. No datagram leaves the machine in any case.
  std::string interface_address = "127.0.0.1";
  // Without multicast nodes find each other by looking through the machine's sockets: a tenth of
  // a second later.
  bool multicast = true;
  // Receives log lines, on the discovery thread, in turn with callbacks. Default: stderr.
  LogSink log{};
  // What publish times and ages are taken from. Default: CLOCK_MONOTONIC. All nodes of a domain
  // should have the same, as subscribers merge publishers by publish time. Timeouts, and all that
  // discovery does, go by CLOCK_MONOTONIC whatever it is.
  ClockFunction clock{};
  // The thread that finds and matches peers, and runs callbacks.
  ThreadOptions discovery_thread{};
};

// The node at the other end of a match, and the topic of the match: so that one callback serves
// several endpoints.
struct PeerInfo {
  std::string node_name{};
  pid_t pid = 0;
  uid_t uid = 0;
  std::string topic{};
};

// Callbacks run on the node's discovery thread, one at a time. They may use any endpoint, but
// must not block or throw: while one runs, nobody is matched. The first may run before Create
// returns. Destroying an endpoint waits for its callback that runs, unless from within it.
using PeerCallback = std::function<void(const PeerInfo& peer)>;
// Why a peer of the same topic is not matched: names topic, both nodes and the reason. Codes:
// InvalidArgument: the types differ; Unavailable: max_subscribers are matched, and this one waits
// for a place; ResourceExhausted: out of fds or memory, to be tried again; FailedPrecondition: the
// peer's memory failed a check. Of those that are matched, on a reliable topic: DeadlineExceeded:
// the subscriber stalled, and is not waited for until it takes again.
using RefusalCallback = std::function<void(const PeerInfo& peer, const absl::Status& why)>;

struct PublisherOptions {
  // Overrides the schema's topic name.
  std::string topic{};
  PeerCallback on_matched{};    // A subscriber came.
  PeerCallback on_unmatched{};  // A subscriber left or died.
  RefusalCallback on_refused{};
  // On a reliable topic, how long one subscriber may hold the publisher up without taking anything.
  // Then it is dropped: not waited for until it takes again. InfiniteDuration: for ever, for
  // subscribers that are trusted.
  absl::Duration stall_limit = absl::Seconds(1);
  MemoryOptions memory{};
};

struct SubscriberOptions {
  // Overrides the schema's topic name.
  std::string topic{};
  PeerCallback on_matched{};    // A publisher came.
  PeerCallback on_unmatched{};  // A publisher left or died; its samples can still be taken.
  RefusalCallback on_refused{};
  // Which samples of a publisher come first: see StartAt. What is retained is what the publisher
  // published while anybody listened, or ever on latched topics.
  StartAt start_at = StartAt::kDefault;
  // On reliable topics: takes part without holding the publisher up, and loses what it is too slow
  // for, as on other topics.
  bool best_effort = false;
  // How long Wait looks for samples before it sleeps. 0 costs least CPU: for most programs, and for
  // small machines. Some ten microseconds save a sleeper's wake-up where samples come in bursts.
  // InfiniteDuration never sleeps: least latency, for a thread that has a core to itself.
  absl::Duration spin{};
  // Whether each sample of a table is verified (flatbuffers::Verifier) before it is handed out;
  // costs time with the number of its tables and strings. It guards against broken publishers, not
  // against malicious ones, who can change a sample after it was verified: copy bytes() first, and
  // verify the copy, where a publisher of another user is not trusted.
  bool verify = true;
  // Of what it maps of publishers. A match for which it cannot be had is refused, and tried again.
  MemoryOptions memory{};
};

// What a node's discovery did, since its start.
struct NodeStats {
  uint64_t hollers_sent = 0;
  uint64_t hollers_received = 0;
  uint64_t sweeps = 0;
  uint64_t connections = 0;         // Nodes connected at present.
  uint64_t malformed = 0;           // Datagrams and messages that could not be understood.
  uint64_t refused_users = 0;       // Connections of users that are not allowed.
  uint64_t refused_versions = 0;    // Nodes of another ABI version.
  uint64_t refused_endpoints = 0;   // Pairs of endpoints that could not be matched.
  uint64_t handshake_timeouts = 0;  // Connections that fell silent before they said who they are.
  uint64_t exhausted = 0;           // Times a limit on files or memory was hit.
};

}  // namespace holler

#endif  // HOLLER_OPTIONS_H_
