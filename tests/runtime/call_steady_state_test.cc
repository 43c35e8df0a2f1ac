// Once matched, calls allocate nothing and make no system call where nobody sleeps.
#include <unistd.h>

#include <memory>

#include "allocation_counter.h"
#include "call_support.h"
#include "gtest/gtest.h"
#include "process_support.h"
#include "sanitizers.h"
#include "syscall_filter.h"

namespace holler {
namespace {

constexpr int kCallRounds = 10'000;

struct Halves {
  explicit Halves(Node& node) {
    server = Make<DoubleServer>(node);
    client = Make<DoubleClient>(node);
    EXPECT_TRUE(client->WaitForServer(kLong));
  }
  // One call, and one that fails. Returns whether all went well, without gtest, which allocates.
  bool Round(uint64_t n) {
    const CallId good = SendNumber(*client, n);
    const CallId bad = SendNumber(*client, n);
    if (!AnswerDouble(server->Take())) return false;
    server->Take().Fail(absl::StatusCode::kInternal);
    auto reply = client->Wait(good, absl::ZeroDuration());
    if (!reply || reply->number() != 2 * n) return false;
    return client->Take().call() == bad;
  }

  std::unique_ptr<DoubleServer> server;
  std::unique_ptr<DoubleClient> client;
};

TEST(CallSteadyState, CallsAllocateNothing) {
  const TestNode node("a", NextDomain());
  Halves halves(*node);
  ASSERT_TRUE(halves.Round(1));
  const uint64_t before = AllocatorCalls();
  bool good = true;
  for (uint64_t n = 1; n <= kCallRounds && good; ++n) good = halves.Round(n);
  const uint64_t after = AllocatorCalls();
  EXPECT_TRUE(good);
  EXPECT_EQ(after - before, 0u) << "calls of malloc or free in " << kCallRounds << " rounds";
}

// Nobody sleeps: the client looks for its reply without waiting.
TEST(CallSteadyState, CallsMakeNoSystemCalls) {
  if (kSanitized) GTEST_SKIP() << "sanitizers make system calls of their own";
  const int status = InChild([] {
    const TestNode node("a", NextDomain());
    Halves halves(*node);
    if (!halves.Round(1)) return 1;
    if (!AllowOnly({})) return 77;
    for (uint64_t n = 1; n <= kCallRounds; ++n) {
      if (!halves.Round(n)) ::_exit(2);
    }
    ::_exit(0);  // What is left makes system calls.
    return 0;
  });
  if (ExitedWith(status, 77)) GTEST_SKIP() << "no seccomp here";
  EXPECT_TRUE(ExitedWith(status, 0)) << status;
}

}  // namespace
}  // namespace holler
