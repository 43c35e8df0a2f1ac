#include "holler/system_error.h"

#include <cerrno>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holler {
namespace {

using testing::HasSubstr;

std::string Message(int error_number) {
  return std::string(SystemError(error_number, "memfd_create for topic 'imu'").message());
}

TEST(SystemError, SaysWhatFailedAndWhy) {
  const absl::Status status = SystemError(ENOENT, "open /proc/net/unix");
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), "open /proc/net/unix: No such file or directory");
}

TEST(SystemError, SaysWhatToDoAboutLimits) {
  EXPECT_THAT(Message(EMFILE), HasSubstr("RLIMIT_NOFILE"));
  EXPECT_THAT(Message(EMFILE), HasSubstr("ulimit -n"));
  EXPECT_THAT(Message(EMFILE), HasSubstr("memfd_create for topic 'imu'"));
  EXPECT_THAT(Message(ENFILE), HasSubstr("fs.file-max"));
  EXPECT_THAT(Message(ENOMEM), HasSubstr("RLIMIT_AS"));
  EXPECT_THAT(Message(EAGAIN), HasSubstr("RLIMIT_NPROC"));
  EXPECT_THAT(Message(EPERM), HasSubstr("seccomp"));
  EXPECT_THAT(Message(ENOSYS), HasSubstr("kernel"));
}

TEST(SystemError, IsNeverOk) {
  for (int error_number = 1; error_number < 134; ++error_number) {
    EXPECT_FALSE(SystemError(error_number, "x").ok()) << error_number;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(SystemError(EMFILE, "x")));
  EXPECT_TRUE(absl::IsResourceExhausted(SystemError(ENOMEM, "x")));
}

}  // namespace
}  // namespace holler
