// Failed system calls as absl::Status: what failed, on what, and what to do about it.
#ifndef HOLLER_SYSTEM_ERROR_H_
#define HOLLER_SYSTEM_ERROR_H_

#include <string>

#include "absl/status/status.h"

namespace holler {

// `what` names the call and its object, e.g. "memfd_create for topic 'imu'". For exhausted limits
// the message names the limit, its present value and how to raise it.
absl::Status SystemError(int error_number, const std::string& what);

}  // namespace holler

#endif  // HOLLER_SYSTEM_ERROR_H_
