#include "holler/observer.h"

#include <utility>

#include "holler/clock.h"
#include "holler/discovery.h"

namespace holler {

absl::StatusOr<Observer> Observer::Create(const NodeOptions& options) {
  absl::StatusOr<std::shared_ptr<Discovery>> discovery = Discovery::StartObserving(options);
  if (!discovery.ok()) return discovery.status();
  return Observer(std::move(*discovery));
}

DomainSnapshot Observer::Look(absl::Duration timeout) const { return discovery_->Look(timeout); }

}  // namespace holler
