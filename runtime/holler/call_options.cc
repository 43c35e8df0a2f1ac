#include "holler/call_options.h"

namespace holler {

namespace {

const char* Explain(CallEnd end, absl::StatusCode code) {
  switch (end) {
    case CallEnd::kReply:
      return "";
    case CallEnd::kFailed:
      return code == absl::StatusCode::kAborted ? "the server let the call go without a reply"
                                                : "the server answered with an error";
    case CallEnd::kDeadline:
      return "no reply came in time; the call may have been executed";
    case CallEnd::kPeerGone:
      return "the server left or died during the call, which may have been executed";
    case CallEnd::kNoServer:
      return "nobody serves: start a server, or WaitForServer first";
    case CallEnd::kFull:
      return "max_calls of the schema are under way, or wait for the server: collect replies, or "
             "raise max_calls";
    case CallEnd::kInvalid:
      return "the request was not finished, or exceeds max_bytes of the schema";
    case CallEnd::kCancelled:
      return "the call was cancelled";
    case CallEnd::kPending:
      return "the call has not ended yet";
    case CallEnd::kUnknown:
      break;
  }
  return "there is no such call, or its end was told already";
}

}  // namespace

absl::Status CallStatus(CallEnd end, absl::StatusCode code) {
  return absl::Status(CallCode(end, code), Explain(end, code));
}

}  // namespace holler
