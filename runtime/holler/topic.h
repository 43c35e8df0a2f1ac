// From a generated topic class to the value the runtime works with.
#ifndef HOLLER_TOPIC_H_
#define HOLLER_TOPIC_H_

#include "holler/segment.h"

namespace holler {

template <typename Topic>
TopicInfo InfoOf() {
  return TopicInfo{.name = Topic::kName,
                   .type_name = Topic::kTypeName,
                   .fingerprint = Topic::kFingerprint,
                   .latched = Topic::kLatched,
                   .reliable = Topic::kReliable,
                   .layout = Topic::kLayout,
                   .schema = Topic::schema()};
}

}  // namespace holler

#endif  // HOLLER_TOPIC_H_
