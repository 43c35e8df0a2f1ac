// Finding other nodes of this machine: hollering on the multicast group, hearing others, and
// looking through the machine's Unix sockets for those whose holler was lost.
#ifndef HOLLER_NEIGHBOURHOOD_H_
#define HOLLER_NEIGHBOURHOOD_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/name_card.h"
#include "holler/topic_filter.h"
#include "holler/unique_fd.h"

namespace holler {

inline constexpr uint32_t kMaxDomain = 4'999;

// Where a node listens: everything its abstract Unix address says.
struct NodeAddress {
  uint32_t domain = 0;
  uid_t uid = 0;
  wire::NodeId id;
};

// "holler/<domain>/<uid>/<node id>", without the leading 0 byte of an abstract address.
std::string ToAbstractName(const NodeAddress& address);
// The inverse. Empty if `name` is no such address.
std::optional<NodeAddress> ParseAbstractName(std::string_view name);

// A listening, non-blocking SOCK_SEQPACKET socket at `address`. Errors: as the system calls.
absl::StatusOr<UniqueFd> Listen(const NodeAddress& address);

// A socket whose name tells what topics the node at `address` has, as long as it is open: to those
// that look for nodes without asking each. Errors: as the system calls.
absl::StatusOr<UniqueFd> ShowTopics(const NodeAddress& address, const TopicFilter& topics);

// A non-blocking connection to `address`. Errors: NotFound: nobody listens there (any more);
// Unavailable: its backlog is full, try later; else as the system calls.
absl::StatusOr<UniqueFd> Connect(const NodeAddress& address);

// The multicast group of a domain, on one interface of this machine.
//
// Thread safety: thread-compatible; discovery holds its lock.
class MulticastGroup {
 public:
  // Joins on the interface that has `interface_address` (127.0.0.1: loopback). Errors: as the
  // system calls; a node works without, if more slowly.
  static absl::StatusOr<MulticastGroup> Join(uint32_t domain, const std::string& interface_address);

  // Sends one datagram to the group. Errors: no network; nothing depends on it arriving.
  absl::Status Send(const std::string& bytes);

  // The next datagram, in `buffer`, which has kMaxMessageBytes; empty when there is none now. One
  // too long for a holler comes cut off.
  std::optional<std::string_view> Receive(char* buffer);

  int fd() const noexcept { return socket_.get(); }

 private:
  MulticastGroup(UniqueFd socket, uint32_t group, uint16_t port)
      : socket_(std::move(socket)), group_(group), port_(port) {}

  UniqueFd socket_;
  uint32_t group_;  // Both in network byte order.
  uint16_t port_;
};

struct SweptNode : NodeAddress {
  // What it shows of its topics; empty: nothing, so it has to be asked.
  std::optional<TopicFilter> topics;
};

// All nodes that listen in this network namespace, from /proc/net/unix. What they show was shown at
// some time since the call began. Errors: /proc is not there.
absl::StatusOr<std::vector<SweptNode>> SweepNodes();

}  // namespace holler

#endif  // HOLLER_NEIGHBOURHOOD_H_
