#include "holler/server_core.h"

#include <utility>

namespace holler {

ServerCore::ServerCore(PublisherCore& replies, std::shared_ptr<SubscriberCore> requests,
                       Clock clock)
    : replies_(replies),
      requests_(std::move(requests)),
      clock_(std::move(clock)),
      self_(requests_->key()) {}

std::optional<CallHeader> ServerCore::Accept(const TakenSample& request) noexcept {
  const CallHeader header = ReadCallHeader(request.held.payload);
  if (!(header.to == self_)) return std::nullopt;  // Another server's.
  if (IsGone(request)) {
    ++stats_.abandoned;
    return std::nullopt;
  }
  if (header.deadline != INT64_MAX && clock_.Now() >= header.deadline) {
    ++stats_.expired;
    return std::nullopt;
  }
  ++stats_.taken;
  return header;
}

bool ServerCore::IsHeard(const TakenSample& request) noexcept {
  if (!closed_ && !IsGone(request)) return true;
  ++stats_.abandoned;
  return false;
}

CallHeader ServerCore::ReplyTo(const TakenSample& request, const CallHeader& header,
                               absl::StatusCode status) noexcept {
  return {.to = request.source->partner(),
          .call = header.call,
          .deadline = header.deadline,
          .status = static_cast<uint32_t>(status)};
}

void ServerCore::Fail(const TakenSample& request, const CallHeader& header,
                      absl::StatusCode why) noexcept {
  if (!IsHeard(request)) return;
  const CallHeader answer = ReplyTo(request, header, why);
  if (!has_slot()) {
    if (owed_count_ < owed_.size()) owed_[owed_count_++] = answer;
    return;
  }
  if (replies_.AwaitRoom(absl::InfiniteDuration())) Send(answer);
}

bool ServerCore::has_slot() const noexcept {
  return replies_.loans() < replies_.topic().layout.max_loans;
}

void ServerCore::Send(const CallHeader& answer) noexcept {
  if (!replies_.is_wanted()) return;
  const uint32_t slot = replies_.Acquire();
  if (slot == kNoSlot) return;
  WriteCallHeader(replies_.payload(slot), answer);
  replies_.Publish(slot, 0);
  ++stats_.failed;
}

void ServerCore::SendOwed() noexcept {
  while (owed_count_ > 0 && has_slot() && replies_.AwaitRoom(absl::ZeroDuration())) {
    const CallHeader answer = owed_[--owed_count_];
    const bool is_late = answer.deadline != INT64_MAX && clock_.Now() >= answer.deadline;
    if (!is_late) Send(answer);
  }
}

}  // namespace holler
