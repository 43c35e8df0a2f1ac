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
  if (!replies_.is_wanted() || !replies_.AwaitRoom(absl::InfiniteDuration())) return;
  const uint32_t slot = replies_.Acquire();
  if (slot == kNoSlot) return;  // The user has all loans; the call ends by its deadline.
  WriteCallHeader(replies_.payload(slot), ReplyTo(request, header, why));
  replies_.Publish(slot, 0);
  ++stats_.failed;
}

}  // namespace holler
