// How one call ended, and its reply if there is one.
#ifndef HOLLER_REPLY_H_
#define HOLLER_REPLY_H_

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
        code_(ended.code) {}
  // Of a call that was not sent.
  explicit Reply(CallEnd end) : end_(end) {}

  explicit operator bool() const noexcept { return static_cast<bool>(sample_); }
  const Message& operator*() const noexcept { return *sample_; }
  const Message* operator->() const noexcept { return &*sample_; }

  CallEnd end() const noexcept { return end_; }
  // Which call; 0 if it was not sent.
  CallId call() const noexcept { return call_; }
  // What the server said: kOk with a reply; of kFailed its code, kAborted if it dropped the call,
  // kDataLoss if its reply was malformed.
  absl::StatusCode code() const noexcept { return code_; }
  // The same in words, for logs: allocates.
  absl::Status status() const { return CallStatus(end_, code_); }
  // The reply as a sample: who sent it and when, its bytes. Only if there is one.
  const Sample<Message>& sample() const noexcept { return sample_; }

 private:
  Sample<Message> sample_;
  CallId call_ = 0;
  CallEnd end_ = CallEnd::kUnknown;
  absl::StatusCode code_ = absl::StatusCode::kOk;
};

}  // namespace holler

#endif  // HOLLER_REPLY_H_
