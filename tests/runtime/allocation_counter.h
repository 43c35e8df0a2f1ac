// Counts what a thread allocates and frees.
#ifndef HOLLER_TESTS_RUNTIME_ALLOCATION_COUNTER_H_
#define HOLLER_TESTS_RUNTIME_ALLOCATION_COUNTER_H_

#include <cstdint>

namespace holler {

// Calls of malloc, free and their like by the calling thread, since it started. Counted from the
// first call in the process on.
uint64_t AllocatorCalls();

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_ALLOCATION_COUNTER_H_
