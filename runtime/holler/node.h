// One participant in a domain: what users create first.
#ifndef HOLLER_NODE_H_
#define HOLLER_NODE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "holler/options.h"

namespace holler {

class Discovery;

// Finds other nodes of this machine and matches publishers with subscribers. Usually there is one
// in each process; several work as well.
//
//   absl::StatusOr<holler::Node> node = holler::Node::Create({.name = "imu_driver"});
//   if (!node.ok()) return Fail(node.status());
//   auto imu = sensors::ImuPublisher::Create(*node);
//
// A thread of its own serves discovery; it sleeps unless nodes come or go. Endpoints keep it
// alive, so they may outlive the node. After fork() only the parent may use the node, its
// endpoints and its samples; in a child, destroying nodes and endpoints does nothing, and creating
// endpoints is an error. A child that does not call exec keeps peers from seeing the parent's
// death. Thread safety: thread-safe.
class Node {
 public:
  // Does not block. Errors: InvalidArgument: an option; otherwise the limit that was hit and how
  // to raise it.
  static absl::StatusOr<Node> Create(const NodeOptions& options = {});

  const std::string& name() const;
  uint32_t domain() const;
  // What discovery did so far.
  NodeStats stats() const;

  // For endpoints.
  const std::shared_ptr<Discovery>& discovery() const { return discovery_; }

 private:
  explicit Node(std::shared_ptr<Discovery> discovery) : discovery_(std::move(discovery)) {}

  std::shared_ptr<Discovery> discovery_;
};

}  // namespace holler

#endif  // HOLLER_NODE_H_
