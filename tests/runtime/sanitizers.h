// Whether tests run under a sanitizer, with either compiler.
#ifndef HOLLER_TESTS_RUNTIME_SANITIZERS_H_
#define HOLLER_TESTS_RUNTIME_SANITIZERS_H_

#ifdef __has_feature
#define HOLLER_TEST_HAS_FEATURE(feature) __has_feature(feature)
#else
#define HOLLER_TEST_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    HOLLER_TEST_HAS_FEATURE(address_sanitizer) || HOLLER_TEST_HAS_FEATURE(thread_sanitizer)
#define HOLLER_TEST_SANITIZED 1
#else
#define HOLLER_TEST_SANITIZED 0
#endif

namespace holler {

// If so, the program makes system calls, allocates and takes much longer for the sanitizer's sake.
inline constexpr bool kSanitized = HOLLER_TEST_SANITIZED == 1;

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_SANITIZERS_H_
