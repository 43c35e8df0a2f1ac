// Several versions of the same message types, which different programs would be compiled from, in
// one program: each version in a namespace of its own.
#ifndef HOLLER_TESTS_RUNTIME_VARIANTS_H_
#define HOLLER_TESTS_RUNTIME_VARIANTS_H_

// All that the generated headers include, so that it is not included within the namespaces below.
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "flatbuffers/flatbuffers.h"
#include "holler/publisher.h"
#include "holler/static_table.h"
#include "holler/subscriber.h"
#include "holler_generated.h"

namespace v_old {
#include "pose_old_topics.h"
#include "reading_old_topics.h"
#include "scan_old_topics.h"
}  // namespace v_old

namespace v_new {
#include "reading_new_topics.h"
#include "scan_new_topics.h"
}  // namespace v_new

namespace v_odd {
#include "pose_odd_topics.h"
#include "reading_odd_topics.h"
}  // namespace v_odd

namespace v_built {
#include "scan_built_topics.h"
}  // namespace v_built

#endif  // HOLLER_TESTS_RUNTIME_VARIANTS_H_
