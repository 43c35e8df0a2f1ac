// What all servers have in common, whatever their messages: which calls they take, and where the
// replies go.
#ifndef HOLLER_SERVER_CORE_H_
#define HOLLER_SERVER_CORE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "holler/call_header.h"
#include "holler/clock.h"
#include "holler/publisher_core.h"
#include "holler/subscriber_core.h"

namespace holler {

// What a server counts.
struct ServerStats {
  uint64_t taken = 0;      // Calls handed out.
  uint64_t replied = 0;    // With a message.
  uint64_t failed = 0;     // With an error, or dropped.
  uint64_t expired = 0;    // Passed over: their deadline was over when they were taken.
  uint64_t abandoned = 0;  // Passed over, or not answered: their caller was gone.
};

// Thread safety: thread-compatible.
class ServerCore {
 public:
  ServerCore(PublisherCore& replies, std::shared_ptr<SubscriberCore> requests, Clock clock);

  // The server goes away: nobody is answered any more.
  void Close() noexcept { closed_ = true; }
  bool closed() const noexcept { return closed_; }

  // The header of a request that is to be served: for this server, in time, and of a caller that
  // is still there. The others are counted.
  std::optional<CallHeader> Accept(const TakenSample& request) noexcept;

  static bool IsGone(const TakenSample& request) noexcept { return request.source->ended.raised(); }
  // Whether the caller still waits: before any other work for it.
  bool IsHeard(const TakenSample& request) noexcept;

  // The header of the reply to `request`.
  static CallHeader ReplyTo(const TakenSample& request, const CallHeader& header,
                            absl::StatusCode status) noexcept;
  // A reply was published.
  void Replied() noexcept {
    ++stats_.replied;
    AnswerOwed();
  }
  // Answers with an error: now, or by AnswerOwed if the user has all loans. With too many of those
  // the call ends by its deadline.
  void Fail(const TakenSample& request, const CallHeader& header, absl::StatusCode why) noexcept;

  // Answers the calls for whose errors there was no slot, as far as there is now. Never blocks.
  void AnswerOwed() noexcept {
    if (owed_count_ > 0) [[unlikely]]
      SendOwed();
  }

  const Clock& clock() const noexcept { return clock_; }
  const std::shared_ptr<SubscriberCore>& requests() const noexcept { return requests_; }
  const ServerStats& stats() const noexcept { return stats_; }

 private:
  // Errors that wait for a slot.
  static constexpr size_t kMostOwed = 32;

  bool has_slot() const noexcept;
  // There is a slot, and room.
  void Send(const CallHeader& answer) noexcept;
  void SendOwed() noexcept;

  PublisherCore& replies_;
  const std::shared_ptr<SubscriberCore> requests_;
  const Clock clock_;
  const EndpointKey self_;  // What requests are addressed to.
  ServerStats stats_;
  std::array<CallHeader, kMostOwed> owed_;  // In no order.
  size_t owed_count_ = 0;
  bool closed_ = false;
};

}  // namespace holler

#endif  // HOLLER_SERVER_CORE_H_
