#include "holler/client_watch.h"

#include <sys/epoll.h>

#include "absl/strings/str_cat.h"

namespace holler {
namespace {

constexpr int kEndsPerTurn = 16;

}  // namespace

ClientWatch::ClientWatch(LoopCore& loop, std::shared_ptr<ClientCore> client)
    : LoopSource(loop, absl::StrCat("calls, topic '", client->replies()->topic_name(), "'"),
                 client->replies()->fd(), EPOLLIN),
      client_(std::move(client)) {}

void ClientWatch::Start() {
  client_->SetListener(this);
  CallsChanged();
}

LoopSource::Left ClientWatch::OnReady(uint32_t) {
  for (int i = 0; i < kEndsPerTurn; ++i) {
    client_->Pump();
    if (client_->closed()) {
      loop().Remove(*this);
      return Left::kNothing;
    }
    const ClientCore::Ended ended = client_->Collect(0);
    if (ended.end == CallEnd::kUnknown) {
      Schedule();
      return client_->replies()->at_limit() ? Left::kBlocked : Left::kNothing;
    }
    Handle(ended);
    if (removed()) return Left::kNothing;
  }
  return Left::kMore;
}

void ClientWatch::OnTimer(int64_t) {
  scheduled_ = INT64_MAX;
  if (OnReady(0) != Left::kNothing) loop().ServeAgain(*this);
}

LoopSource::Left ClientWatch::Unblocked() {
  if (client_->closed() || client_->replies()->has_next()) return Left::kMore;
  return client_->replies()->at_limit() ? Left::kBlocked : Left::kNothing;
}

void ClientWatch::CallsChanged() {
  if (client_->any_ended()) loop().ServeAgain(*this);
  Schedule();
}

// The timer is set for the first deadline, and left where it is if that call ended before: when it
// is due, it looks which is the first then.
void ClientWatch::Schedule() {
  const int64_t next = client_->next_deadline();
  if (next >= scheduled_) return;
  scheduled_ = next;
  // Deadlines go by the node's clock, timers by the loop's.
  const int64_t now = loop().Now();
  const int64_t left = next - client_->clock().Now();
  loop().Schedule(*this, left > INT64_MAX - now ? INT64_MAX : now + left);
}

}  // namespace holler
