#include "holler/doorbell.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process_support.h"

namespace holler {
namespace {

constexpr absl::Duration kLong = absl::Seconds(60);  // For failures only.

class DoorbellTest : public testing::Test {
 protected:
  UniqueFd AddBell() { return std::move(*doorbell_.AddBell()); }
  bool Readable() {
    pollfd poll{doorbell_.fd(), POLLIN, 0};
    return ::poll(&poll, 1, 0) == 1;
  }

  Doorbell doorbell_ = std::move(*Doorbell::Create());
};

TEST_F(DoorbellTest, SilenceTimesOut) {
  const UniqueFd bell = AddBell();
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  EXPECT_FALSE(doorbell_.Wait(absl::Milliseconds(5)));
  EXPECT_FALSE(doorbell_.Wait(absl::Nanoseconds(1)));
  EXPECT_FALSE(doorbell_.Wait(-absl::Seconds(1)));
  EXPECT_FALSE(doorbell_.Wait(-absl::InfiniteDuration()));
  EXPECT_FALSE(Readable());
}

TEST_F(DoorbellTest, ATimeoutIsNotShort) {
  const absl::Time start = absl::Now();
  EXPECT_FALSE(doorbell_.Wait(absl::Microseconds(1'500)));
  // No upper bound: the machine may be busy.
  EXPECT_GE(absl::Now() - start, absl::Microseconds(1'500));
}

TEST_F(DoorbellTest, RemembersRingsUntilTheNextWait) {
  const UniqueFd bell = AddBell();
  RingBell(bell.get());
  RingBell(bell.get());
  EXPECT_TRUE(doorbell_.Wait(kLong));
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration())) << "two rings are one news";
  RingBell(bell.get());
  EXPECT_TRUE(doorbell_.Wait(absl::InfiniteDuration()));
}

TEST_F(DoorbellTest, ClearForgetsRings) {
  std::vector<UniqueFd> bells;
  for (int i = 0; i < 40; ++i) bells.push_back(AddBell());
  for (const UniqueFd& bell : bells) RingBell(bell.get());
  EXPECT_TRUE(Readable());
  doorbell_.Clear();
  EXPECT_FALSE(Readable());
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  RingBell(bells.back().get());
  EXPECT_TRUE(Readable());
}

TEST_F(DoorbellTest, HearsEachOfItsBells) {
  std::vector<UniqueFd> bells;
  for (int i = 0; i < 40; ++i) bells.push_back(AddBell());
  for (const UniqueFd& bell : bells) {
    RingBell(bell.get());
    EXPECT_TRUE(doorbell_.Wait(kLong));
    EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  }
}

TEST_F(DoorbellTest, IsDeafToARemovedBell) {
  UniqueFd bell = AddBell();
  const UniqueFd copy(::fcntl(bell.get(), F_DUPFD_CLOEXEC, 0));
  doorbell_.RemoveBell(bell.get());
  bell.reset();
  RingBell(copy.get());
  EXPECT_FALSE(Readable());
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
}

TEST_F(DoorbellTest, RemovingForgetsTheRing) {
  const UniqueFd bell = AddBell();
  RingBell(bell.get());
  doorbell_.RemoveBell(bell.get());
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  doorbell_.RemoveBell(bell.get());  // Twice is once.
  doorbell_.RemoveBell(-1);
}

TEST_F(DoorbellTest, FdIsReadableUntilHeard) {
  const UniqueFd bell = AddBell();
  EXPECT_FALSE(Readable());
  RingBell(bell.get());
  EXPECT_TRUE(Readable());
  EXPECT_TRUE(Readable()) << "looking is not hearing";
  EXPECT_TRUE(doorbell_.Wait(kLong));
  EXPECT_FALSE(Readable());
}

TEST_F(DoorbellTest, FdWorksInEpoll) {
  const UniqueFd bell = AddBell();
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, doorbell_.fd(), &event), 0);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
    RingBell(bell.get());
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 60'000), 1);
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 1) << "level-triggered";
    doorbell_.Clear();
  }
}

TEST_F(DoorbellTest, WakesASleeper) {
  const UniqueFd bell = AddBell();
  std::atomic<bool> heard{false};
  std::thread sleeper([&] { heard.store(doorbell_.Wait(kLong)); });
  RingBell(bell.get());
  sleeper.join();
  EXPECT_TRUE(heard.load());
}

TEST_F(DoorbellTest, ABellAddedDuringASleepIsHeard) {
  std::atomic<bool> heard{false};
  std::thread sleeper([&] { heard.store(doorbell_.Wait(kLong)); });
  const UniqueFd bell = AddBell();
  RingBell(bell.get());
  sleeper.join();
  EXPECT_TRUE(heard.load());
}

TEST_F(DoorbellTest, AFullCounterNeitherBlocksNorSilencesOthers) {
  const UniqueFd full = AddBell();
  const UniqueFd other = AddBell();
  const uint64_t most = UINT64_MAX - 1;
  ASSERT_EQ(::write(full.get(), &most, sizeof(most)), 8);
  EXPECT_TRUE(doorbell_.Wait(kLong));
  for (int i = 0; i < 100; ++i) RingBell(full.get());
  RingBell(other.get());
  EXPECT_TRUE(doorbell_.Wait(kLong));
}

extern "C" void IgnoreSignal(int) {}

TEST_F(DoorbellTest, ASignalIsNoRing) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = IgnoreSignal;  // Without SA_RESTART: system calls end with EINTR.
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  const UniqueFd bell = AddBell();
  std::atomic<bool> done{false};
  std::atomic<int> waits{0};
  std::thread sleeper([&] {
    EXPECT_FALSE(doorbell_.Wait(absl::Milliseconds(50)));
    ++waits;
    EXPECT_TRUE(doorbell_.Wait(absl::InfiniteDuration()));
    done.store(true);
  });
  while (waits.load() == 0) ::pthread_kill(sleeper.native_handle(), SIGUSR1);
  for (int i = 0; i < 100; ++i) ::pthread_kill(sleeper.native_handle(), SIGUSR1);
  EXPECT_FALSE(done.load());
  RingBell(bell.get());
  sleeper.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(RingBell, ABadFdIsHarmless) {
  RingBell(-1);
  RingBell(1'000'000);
}

TEST(Doorbell, LimitsAreNamed) {
  auto doorbell = Doorbell::Create();
  ASSERT_TRUE(doorbell.ok());
  const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
  for (const absl::Status& status : {Doorbell::Create().status(), doorbell->AddBell().status()}) {
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("RLIMIT_NOFILE"));
  }
}

// ---- CheckBell ----

TEST(CheckBell, AcceptsABell) {
  auto doorbell = Doorbell::Create();
  EXPECT_TRUE(CheckBell(doorbell->AddBell()->get()).ok());
}

TEST(CheckBell, RefusesWhatCouldBlockOrStore) {
  EXPECT_FALSE(CheckBell(-1).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::eventfd(0, EFD_CLOEXEC)).get()).ok()) << "it would block";
  const int flags = O_CLOEXEC | O_NONBLOCK;
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, flags), 0);
  const UniqueFd reading(pipe[0]);
  const UniqueFd writing(pipe[1]);
  EXPECT_FALSE(CheckBell(reading.get()).ok());
  EXPECT_FALSE(CheckBell(writing.get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::open("/dev/null", O_RDWR | flags)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::open("/tmp", O_TMPFILE | O_RDWR | flags, 0600)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::epoll_create1(EPOLL_CLOEXEC)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)).get()).ok());
}

}  // namespace
}  // namespace holler
