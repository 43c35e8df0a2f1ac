// What a user may say when creating clients and servers, and how calls end.
#ifndef HOLLER_CALL_OPTIONS_H_
#define HOLLER_CALL_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "holler/options.h"

namespace holler {

// A call of one client, from 1. 0: none.
using CallId = uint64_t;

// How a call ended.
enum class CallEnd {
  kReply,      // With a reply.
  kFailed,     // The server refused it, or dropped it: Reply::code() tells more.
  kDeadline,   // No reply came in time.
  kPeerGone,   // The server that had it left or died. It may have been executed.
  kNoServer,   // Nobody serves; it was not sent.
  kFull,       // max_calls are under way, or the server is behind by as many; it was not sent.
  kInvalid,    // A table that was not finished, or exceeds max_bytes; it was not sent.
  kCancelled,  // By Cancel.
  kPending,    // It has not ended yet.
  kUnknown,    // There is no such call, or its end was told already.
};

// The end of a call as a code, and as a status; `code` is the server's, of kFailed.
constexpr absl::StatusCode CallCode(CallEnd end, absl::StatusCode code) noexcept {
  switch (end) {
    case CallEnd::kReply:
      return absl::StatusCode::kOk;
    case CallEnd::kFailed:
      return code;
    case CallEnd::kDeadline:
      return absl::StatusCode::kDeadlineExceeded;
    case CallEnd::kPeerGone:
    case CallEnd::kNoServer:
      return absl::StatusCode::kUnavailable;
    case CallEnd::kFull:
      return absl::StatusCode::kResourceExhausted;
    case CallEnd::kInvalid:
      return absl::StatusCode::kInvalidArgument;
    case CallEnd::kCancelled:
      return absl::StatusCode::kCancelled;
    case CallEnd::kPending:
      return absl::StatusCode::kFailedPrecondition;
    case CallEnd::kUnknown:
      break;
  }
  return absl::StatusCode::kNotFound;
}
absl::Status CallStatus(CallEnd end, absl::StatusCode code);

struct ClientOptions {
  // Overrides the service's name, "nav/Planner": its topics are then of that name.
  std::string service{};
  // How long a call may take, unless Send says otherwise. Default: the schema's deadline_ms.
  std::optional<absl::Duration> deadline{};
  // As in SubscriberOptions; the peers are servers.
  PeerCallback on_matched{};
  PeerCallback on_unmatched{};
  RefusalCallback on_refused{};
  bool verify = true;
};

struct ServerOptions {
  // Overrides the service's name, "nav/Planner".
  std::string service{};
  // As in SubscriberOptions; the peers are clients.
  PeerCallback on_matched{};
  PeerCallback on_unmatched{};
  RefusalCallback on_refused{};
  // How long one client that does not take its replies may hold up the others. Then it is not
  // waited for until it takes again, and may miss replies: those calls end by their deadline.
  absl::Duration stall_limit = absl::Milliseconds(100);
  bool verify = true;
};

}  // namespace holler

#endif  // HOLLER_CALL_OPTIONS_H_
