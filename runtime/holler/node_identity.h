// Who a node is, and whom it lets in: what its options and its environment come to.
#ifndef HOLLER_NODE_IDENTITY_H_
#define HOLLER_NODE_IDENTITY_H_

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/name_card.h"
#include "holler/options.h"

namespace holler {

struct NodeIdentity {
  wire::NodeId id;
  uint32_t domain = 0;
  uid_t uid = 0;
  std::string name;
  std::string program;      // Of the process, as a node's name can be.
  int64_t created_at = 0;   // CLOCK_MONOTONIC, ns.
  std::set<uid_t> allowed;  // Users whose nodes may match; its own is one of them.
};

// Whether `name` can be shown to people in any line: at most kNodeNameMax bytes of UTF-8 without
// control characters. The error says what is wrong with it.
absl::Status CheckNodeName(std::string_view name);
// What is left of `text` when it is to be such a name: '?' for what cannot be shown, cut if too
// long.
std::string ToNodeName(std::string_view text);

// The identity of a new node. Errors: InvalidArgument, naming the option or variable.
absl::StatusOr<NodeIdentity> MakeIdentity(const NodeOptions& options);

}  // namespace holler

#endif  // HOLLER_NODE_IDENTITY_H_
