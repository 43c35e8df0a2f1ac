// How one call ended, and its reply if there is one.
#ifndef HOLLER_REPLY_H_
#define HOLLER_REPLY_H_

#include <cassert>

#include "absl/status/status.h"
#include "holler/call_options.h"
#include "holler/client_core.h"
#include "holler/sample.h"

namespace holler {

// Like an optional: the message is there if the server replied, where the server wrote it. It stays
// as it is until this is destroyed.
//
//   if (auto reply = planner->Call(request)) Use(reply->cost());
//   else if (reply.end() == holler::CallEnd::kDeadline) TryAgainLater();
//
// May outlive its client, and may be destroyed by any thread.
// Thread safety: thread-compatible.
template <typename Message>
class Reply {
 public:
  // Of no call.
  Reply() = default;
  explicit Reply(const ClientCore::Ended& ended)
      : sample_(ended.sample, static_cast<const Message*>(ended.message)),
        call_(ended.call),
        end_(ended.end),
        code_(CallCode(ended.end, ended.code)) {}
  // Of a call that was not sent.
  explicit Reply(CallEnd end) : end_(end), code_(CallCode(end, absl::StatusCode::kUnknown)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(sample_); }
  // Only if there is one.
  const Message& operator*() const noexcept { return *operator->(); }
  const Message* operator->() const noexcept {
    assert(sample_ && "no reply: see end()");
    return &*sample_;
  }

  CallEnd end() const noexcept { return end_; }
  // Which call; 0 if it was not sent.
  CallId call() const noexcept { return call_; }
  // kOk with a reply, and only then. Of kFailed what the server said: kAborted if it dropped the
  // call, kDataLoss if its reply was malformed. Else the code of status().
  absl::StatusCode code() const noexcept { return code_; }
  // The same in words, for logs: allocates.
  absl::Status status() const { return CallStatus(end_, code_); }
  // The reply as a sample: who sent it and when, its bytes. Only if there is one.
  const Sample<Message>& sample() const noexcept { return sample_; }

 private:
  Sample<Message> sample_;
  CallId call_ = 0;
  CallEnd end_ = CallEnd::kUnknown;
  absl::StatusCode code_ = CallCode(CallEnd::kUnknown, {});
};

}  // namespace holler

#endif  // HOLLER_REPLY_H_
