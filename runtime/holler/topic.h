// From a generated topic class to the value the runtime works with.
#ifndef HOLLER_TOPIC_H_
#define HOLLER_TOPIC_H_

#include "holler/segment.h"

namespace holler {

// Only the requests and replies of services have a header of their own.
template <typename Topic>
constexpr uint32_t CallHeaderBytesOf() {
  if constexpr (requires { Topic::kCallHeaderBytes; }) return Topic::kCallHeaderBytes;
  return 0;
}

template <typename Topic>
TopicInfo InfoOf() {
  return TopicInfo{.name = Topic::kName,
                   .type_name = Topic::kTypeName,
                   .fingerprint = Topic::kFingerprint,
                   .latched = Topic::kLatched,
                   .reliable = Topic::kReliable,
                   .layout = Topic::kLayout,
                   .call_header_bytes = CallHeaderBytesOf<Topic>(),
                   .schema = Topic::schema()};
}

}  // namespace holler

#endif  // HOLLER_TOPIC_H_
