// All that emitted code asks of the runtime, so that tests can compile it in a moment. The real
// publisher meets it in the examples.
#ifndef HOLLER_PUBLISHER_H_
#define HOLLER_PUBLISHER_H_

#include "holler/layout.h"
#include "holler/slot_ring.h"
#include "holler/writer.h"

namespace holler {

// Uses every member of a topic, as the real one does.
template <typename Topic>
struct Publisher {
  using Message = typename Topic::Message;
  using Writer = typename Topic::Writer;
  static_assert(!Topic::kName.empty() && !Topic::kTypeName.empty() && Topic::kFingerprint != 0);
  static_assert(Topic::schema().size() == Topic::kLayout.schema_bytes);
  static constexpr bool kLatched = Topic::kLatched;
  static constexpr bool kReliable = Topic::kReliable;
  static constexpr const char* kFileIdentifier = Topic::kFileIdentifier;
};

}  // namespace holler

#endif  // HOLLER_PUBLISHER_H_
