// Who a node is, and whom it lets in: what its options and its environment come to.
#ifndef HOLLER_NODE_IDENTITY_H_
#define HOLLER_NODE_IDENTITY_H_

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "holler/name_card.h"
#include "holler/options.h"

namespace holler {

struct NodeIdentity {
  wire::NodeId id;
  uint32_t domain = 0;
  uid_t uid = 0;
  std::string name;
  std::set<uid_t> allowed;  // Users whose nodes may match; its own is one of them.
};

// The identity of a new node. Errors: InvalidArgument, naming the option or variable.
absl::StatusOr<NodeIdentity> MakeIdentity(const NodeOptions& options);

}  // namespace holler

#endif  // HOLLER_NODE_IDENTITY_H_
