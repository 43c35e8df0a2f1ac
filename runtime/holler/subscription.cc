#include "holler/subscription.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holler/liveness.h"

namespace holler {
namespace {

DeadlineState StateOf(Silence why) {
  switch (why) {
    case Silence::kUnmatched:
      return DeadlineState::kUnmatched;
    case Silence::kStopped:
      return DeadlineState::kStopped;
    case Silence::kSilent:
      break;
  }
  return DeadlineState::kSilent;
}

}  // namespace

Subscription::Subscription(LoopCore& loop, std::shared_ptr<SubscriberCore> subscriber,
                           SampleOptions options)
    : LoopSource(loop, absl::StrCat("topic '", subscriber->topic_name(), "'"), subscriber->fd(),
                 EPOLLIN),
      subscriber_(std::move(subscriber)),
      options_(std::move(options)),
      deadline_(options_.on_deadline ? absl::ToInt64Nanoseconds(options_.deadline) : 0) {}

void Subscription::Start() {
  if (!deadline_.enabled()) return;
  deadline_.Start(loop().Now());
  loop().Schedule(*this, deadline_.due());
}

LoopSource::Left Subscription::OnReady(uint32_t) {
  for (int i = 0; i < options_.samples_per_turn; ++i) {
    if (subscriber_->closed()) return Closed();
    if (!TakeOne()) return subscriber_->at_limit() ? Left::kBlocked : Left::kNothing;
    if (removed()) return Left::kNothing;
  }
  return Left::kMore;
}

LoopSource::Left Subscription::Unblocked() {
  if (subscriber_->closed()) return Left::kMore;  // OnReady ends it.
  if (subscriber_->has_next()) return Left::kMore;
  return subscriber_->at_limit() ? Left::kBlocked : Left::kNothing;
}

LoopSource::Left Subscription::Closed() {
  loop().Remove(*this);
  return Left::kNothing;
}

// Only notes the time. The timer stays where it is; when it is due, it looks how far that is off.
void Subscription::Beat() {
  const int64_t now = loop().Now();
  const int64_t silence = now - deadline_.last();
  if (!deadline_.Beat(now)) return;
  loop().Schedule(*this, deadline_.due());
  Tell(DeadlineState::kMet, silence);
}

void Subscription::OnTimer(int64_t now) {
  if (subscriber_->closed()) {
    Closed();
    return;
  }
  if (now < deadline_.due()) {
    loop().Schedule(*this, deadline_.due());
    return;
  }
  // A sample that waits already came in time: it is this loop that is late. And while the user
  // holds all samples there can be, nobody knows.
  if (subscriber_->at_limit()) deadline_.Start(now);
  if (TakeOne()) loop().ServeAgain(*this);
  if (removed()) return;
  if (now < deadline_.due()) {
    loop().Schedule(*this, deadline_.due());
    return;
  }
  if (!deadline_.Check(now)) return;
  std::vector<PeerInfo> publishers;
  for (PublisherPeer& publisher : subscriber_->publishers()) {
    publishers.push_back(std::move(publisher.peer));
  }
  Tell(StateOf(WhySilent(publishers)), now - deadline_.last());
}

void Subscription::Tell(DeadlineState state, int64_t silence) {
  const DeadlineEvent event{.state = state, .silence = absl::Nanoseconds(silence)};
  loop().Call(*this, [&] { options_.on_deadline(event); });
}

}  // namespace holler
