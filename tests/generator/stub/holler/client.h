// All that the code emitted for services asks of the runtime.
#ifndef HOLLER_CLIENT_H_
#define HOLLER_CLIENT_H_

#include <cstdint>

#include "holler/publisher.h"

namespace holler {

struct CallHeader {
  uint64_t node[2];
  uint64_t endpoint;
  uint64_t call;
  int64_t deadline;
  uint32_t status;
  uint32_t reserved;
};
static_assert(sizeof(CallHeader) == kCallHeaderBytes);

// Uses every member of a method, as the real ones do.
template <typename Method>
struct Client {
  using Requests = Publisher<typename Method::Request>;
  using Replies = Publisher<typename Method::Reply>;
  static_assert(Method::Request::kCallHeaderBytes == kCallHeaderBytes);
  static_assert(Method::Reply::kCallHeaderBytes == kCallHeaderBytes);
  static_assert(!Method::kService.empty() && !Method::kName.empty());
  static constexpr int64_t kDeadlineMs = Method::kDeadlineMs;
  static constexpr uint32_t kMaxCalls = Method::kMaxCalls;
};

}  // namespace holler

#endif  // HOLLER_CLIENT_H_
