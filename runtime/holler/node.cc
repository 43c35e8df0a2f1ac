#include "holler/node.h"

#include <utility>

#include "holler/discovery.h"

namespace holler {

absl::StatusOr<Node> Node::Create(const NodeOptions& options) {
  absl::StatusOr<std::shared_ptr<Discovery>> discovery = Discovery::Start(options);
  if (!discovery.ok()) return discovery.status();
  return Node(std::move(*discovery));
}

const std::string& Node::name() const { return discovery_->self().name; }
uint32_t Node::domain() const { return discovery_->self().domain; }
NodeStats Node::stats() const { return discovery_->GetStats(); }

}  // namespace holler
