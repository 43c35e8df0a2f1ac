#include "holler/call_options.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "holler/call_header.h"

namespace holler {
namespace {

TEST(CallStatus, TellsEachEndApart) {
  std::set<std::string> said;
  for (int i = 0; i <= static_cast<int>(CallEnd::kUnknown); ++i) {
    const auto end = static_cast<CallEnd>(i);
    const absl::Status status = CallStatus(end, absl::StatusCode::kNotFound);
    EXPECT_EQ(status.ok(), end == CallEnd::kReply);
    EXPECT_EQ(status.code(), CallCode(end, absl::StatusCode::kNotFound));
    EXPECT_TRUE(said.insert(std::string(status.ToString())).second) << status;
  }
}

TEST(CallStatus, HasTheServersCode) {
  EXPECT_TRUE(absl::IsNotFound(CallStatus(CallEnd::kFailed, absl::StatusCode::kNotFound)));
  EXPECT_TRUE(absl::IsAborted(CallStatus(CallEnd::kFailed, absl::StatusCode::kAborted)));
}

TEST(StatusCodeOf, KnowsWhatPeersMaySay) {
  EXPECT_EQ(StatusCodeOf(0), absl::StatusCode::kOk);
  EXPECT_EQ(StatusCodeOf(16), absl::StatusCode::kUnauthenticated);
  for (const uint32_t unknown : {17u, 0x8000'0000u, ~0u}) {
    EXPECT_EQ(StatusCodeOf(unknown), absl::StatusCode::kUnknown);
  }
}

TEST(CallHeader, LiesBeforeThePayload) {
  alignas(8) std::byte slot[kCallHeaderBytes + 8] = {};
  std::byte* payload = slot + kCallHeaderBytes;
  const CallHeader header{.to = {{1, 2}, 3}, .call = 4, .deadline = 5, .status = 6};
  WriteCallHeader(payload, header);
  EXPECT_EQ(payload[0], std::byte{0});
  const CallHeader read = ReadCallHeader(payload);
  EXPECT_EQ(read.to, header.to);
  EXPECT_EQ(read.call, 4u);
  EXPECT_EQ(read.deadline, 5);
  EXPECT_EQ(read.status, 6u);
}

}  // namespace
}  // namespace holler
