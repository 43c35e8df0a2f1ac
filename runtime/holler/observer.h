// Looking at a domain from outside.
#ifndef HOLLER_OBSERVER_H_
#define HOLLER_OBSERVER_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/domain_snapshot.h"
#include "holler/options.h"

namespace holler {

class Discovery;

// Sees the nodes of a domain that let it in, their endpoints and matches, and what these count. It
// is matched with nobody: publishers do not wait for it, publish nothing for it, and lose nothing
// by it. What it is shown it can read, and nothing else.
//
//   absl::StatusOr<holler::Observer> observer = holler::Observer::Create();
//   if (!observer.ok()) return Fail(observer.status());
//   for (const holler::ObservedNode& node : observer->Look(absl::Milliseconds(200)).nodes)
//     for (const holler::ObservedPublisher& publisher : node.publishers)
//       std::cout << publisher.topic << " " << publisher.counters.published << "\n";
//
// A node shows itself to users it would be matched with, and to 8 observers at a time.
// Thread safety: thread-safe.
class Observer {
 public:
  // Does not block. Errors: as Node::Create.
  static absl::StatusOr<Observer> Create(const NodeOptions& options = {});

  // Asks every node, those that are new as well. Returns when all have answered, or after
  // `timeout`: one that is stopped never answers.
  DomainSnapshot Look(absl::Duration timeout) const;

 private:
  explicit Observer(std::shared_ptr<Discovery> discovery) : discovery_(std::move(discovery)) {}

  std::shared_ptr<Discovery> discovery_;
};

}  // namespace holler

#endif  // HOLLER_OBSERVER_H_
