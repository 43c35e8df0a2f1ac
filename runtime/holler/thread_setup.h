// Where and how urgently a thread runs.
#ifndef HOLLER_THREAD_SETUP_H_
#define HOLLER_THREAD_SETUP_H_

#include <pthread.h>

#include <string>

#include "absl/status/status.h"
#include "holler/options.h"

namespace holler {

// Applies the options to a thread that runs already; `what` is what errors call it. Errors:
// InvalidArgument: a priority or CPU that does not exist; PermissionDenied: the limit, and how to
// raise it.
absl::Status SetUpThread(pthread_t thread, const ThreadOptions& options, const std::string& what);

}  // namespace holler

#endif  // HOLLER_THREAD_SETUP_H_
