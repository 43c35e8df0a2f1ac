#include "holler/call_options.h"

namespace holler {

absl::Status CallStatus(CallEnd end, absl::StatusCode code) {
  switch (end) {
    case CallEnd::kReply:
      return absl::OkStatus();
    case CallEnd::kFailed:
      if (code == absl::StatusCode::kAborted) {
        return absl::AbortedError("the server let the call go without a reply");
      }
      return absl::Status(code, "the server answered with an error");
    case CallEnd::kDeadline:
      return absl::DeadlineExceededError("no reply came in time; the call may have been executed");
    case CallEnd::kPeerGone:
      return absl::UnavailableError(
          "the server left or died during the call, which may have been executed");
    case CallEnd::kNoServer:
      return absl::UnavailableError("nobody serves: start a server, or WaitForServer first");
    case CallEnd::kFull:
      return absl::ResourceExhaustedError(
          "max_calls of the schema are under way, or wait for the server: collect replies, or "
          "raise max_calls");
    case CallEnd::kInvalid:
      return absl::InvalidArgumentError(
          "the request was not finished, or exceeds max_bytes of the schema");
    case CallEnd::kCancelled:
      return absl::CancelledError("the call was cancelled");
    case CallEnd::kPending:
      return absl::FailedPreconditionError("the call has not ended yet");
    case CallEnd::kUnknown:
      break;
  }
  return absl::NotFoundError("there is no such call, or its end was told already");
}

}  // namespace holler
