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
#include <cerrno>
#include <cstring>
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
  Bell AddBell() { return std::move(*doorbell_.AddBell()); }
  bool Readable() {
    pollfd poll{doorbell_.fd(), POLLIN, 0};
    return ::poll(&poll, 1, 0) == 1;
  }

  Doorbell doorbell_ = std::move(*Doorbell::Create());
};

TEST_F(DoorbellTest, SilenceTimesOut) {
  const Bell bell = AddBell();
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
  const Bell bell = AddBell();
  RingBell(bell.pull.get());
  RingBell(bell.pull.get());
  EXPECT_TRUE(doorbell_.Wait(kLong));
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration())) << "two rings are one news";
  RingBell(bell.pull.get());
  EXPECT_TRUE(doorbell_.Wait(absl::InfiniteDuration()));
}

TEST_F(DoorbellTest, ClearForgetsRings) {
  std::vector<Bell> bells;
  for (int i = 0; i < 40; ++i) bells.push_back(AddBell());
  for (const Bell& bell : bells) RingBell(bell.pull.get());
  EXPECT_TRUE(Readable());
  doorbell_.Clear();
  EXPECT_FALSE(Readable());
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  RingBell(bells.back().pull.get());
  EXPECT_TRUE(Readable());
}

TEST_F(DoorbellTest, ClearReturnsThoughBellsNeverRest) {
  std::vector<Bell> bells;
  for (int i = 0; i < 40; ++i) bells.push_back(AddBell());
  for (const Bell& bell : bells) ASSERT_EQ(::shutdown(bell.ear.get(), SHUT_RD), 0);
  doorbell_.Clear();
  EXPECT_TRUE(Readable());
}

TEST_F(DoorbellTest, HearsEachOfItsBells) {
  std::vector<Bell> bells;
  for (int i = 0; i < 40; ++i) bells.push_back(AddBell());
  for (const Bell& bell : bells) {
    RingBell(bell.pull.get());
    EXPECT_TRUE(doorbell_.Wait(kLong));
    EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  }
}

TEST_F(DoorbellTest, IsDeafToARemovedBell) {
  Bell bell = AddBell();
  const UniqueFd copy(::fcntl(bell.ear.get(), F_DUPFD_CLOEXEC, 0));  // As a forked child has.
  doorbell_.RemoveBell(std::move(bell.ear));
  RingBell(bell.pull.get());
  EXPECT_FALSE(Readable());
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
}

TEST_F(DoorbellTest, RemovingForgetsTheRing) {
  Bell bell = AddBell();
  RingBell(bell.pull.get());
  doorbell_.RemoveBell(std::move(bell.ear));
  EXPECT_FALSE(doorbell_.Wait(absl::ZeroDuration()));
  doorbell_.RemoveBell(std::move(bell.ear));  // Twice is once.
  RingBell(bell.pull.get());                  // Nobody hears it, and no signal comes of it.
}

TEST_F(DoorbellTest, RingsFromWithin) {
  EXPECT_FALSE(Readable());
  doorbell_.Ring();
  doorbell_.Ring();
  EXPECT_TRUE(Readable());
  EXPECT_TRUE(doorbell_.Wait(kLong));
  EXPECT_FALSE(Readable());
}

// Bells come and go while the sleeper is being rung; no ring of one that stays is missed, and no
// file of somebody else is read that got the number of an ear.
TEST_F(DoorbellTest, BellsComeAndGoDuringRings) {
  const Bell bell = AddBell();
  std::atomic<bool> done{false};
  std::thread comes_and_goes([&] {
    while (!done.load()) {
      Bell other = AddBell();
      RingBell(other.pull.get());
      doorbell_.RemoveBell(std::move(other.ear));
      int pair[2];
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
      const UniqueFd here(pair[0]);  // Most likely the number of the ear.
      const UniqueFd there(pair[1]);
      ASSERT_EQ(::send(there.get(), "x", 1, 0), 1);
      std::this_thread::yield();
      char letter;
      ASSERT_EQ(::recv(here.get(), &letter, 1, MSG_DONTWAIT), 1);
    }
  });
  for (int i = 0; i < 5'000; ++i) {
    RingBell(bell.pull.get());
    ASSERT_TRUE(doorbell_.Wait(kLong));
  }
  done.store(true);
  comes_and_goes.join();
}

TEST_F(DoorbellTest, FdIsReadableUntilHeard) {
  const Bell bell = AddBell();
  EXPECT_FALSE(Readable());
  RingBell(bell.pull.get());
  EXPECT_TRUE(Readable());
  EXPECT_TRUE(Readable()) << "looking is not hearing";
  EXPECT_TRUE(doorbell_.Wait(kLong));
  EXPECT_FALSE(Readable());
}

TEST_F(DoorbellTest, FdWorksInEpoll) {
  const Bell bell = AddBell();
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, doorbell_.fd(), &event), 0);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
    RingBell(bell.pull.get());
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 60'000), 1);
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 1) << "level-triggered";
    doorbell_.Clear();
  }
}

TEST_F(DoorbellTest, WakesASleeper) {
  const Bell bell = AddBell();
  std::atomic<bool> heard{false};
  std::thread sleeper([&] { heard.store(doorbell_.Wait(kLong)); });
  RingBell(bell.pull.get());
  sleeper.join();
  EXPECT_TRUE(heard.load());
}

TEST_F(DoorbellTest, ABellAddedDuringASleepIsHeard) {
  std::atomic<bool> heard{false};
  std::thread sleeper([&] { heard.store(doorbell_.Wait(kLong)); });
  const Bell bell = AddBell();
  RingBell(bell.pull.get());
  sleeper.join();
  EXPECT_TRUE(heard.load());
}

// A peer that rings without end, on a bell that it made blocking.
TEST_F(DoorbellTest, AFloodNeitherBlocksNorSilencesOthers) {
  const Bell flooded = AddBell();
  const Bell other = AddBell();
  ASSERT_EQ(::fcntl(flooded.pull.get(), F_SETFL, 0), 0);
  for (int i = 0; i < 1'000; ++i) RingBell(flooded.pull.get());
  EXPECT_TRUE(doorbell_.Wait(kLong));
  for (int i = 0; i < 1'000; ++i) RingBell(flooded.pull.get());
  RingBell(other.pull.get());
  while (doorbell_.Wait(absl::ZeroDuration())) {
  }
  EXPECT_FALSE(Readable());
  RingBell(other.pull.get());
  EXPECT_TRUE(doorbell_.Wait(kLong));
}

// What else a peer can do with its end: shut it down, connect it elsewhere, send files and letters.
TEST_F(DoorbellTest, APeerCanDoNoMoreThanRing) {
  const Bell bell = AddBell();
  const Bell other = AddBell();
  char letters[] = "letters";
  iovec io{letters, sizeof(letters)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = other.pull.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  const int before = NextFd();
  if (::sendmsg(bell.pull.get(), &message, 0) < 0) {
    ASSERT_EQ(errno, EPERM) << "since Linux 6.16 the ear refuses files";
    ASSERT_EQ(::send(bell.pull.get(), letters, sizeof(letters), 0), ssize_t{sizeof(letters)});
  }
  EXPECT_TRUE(doorbell_.Wait(kLong));
  EXPECT_EQ(NextFd(), before) << "no file is taken in";
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ASSERT_EQ(::connect(bell.pull.get(), &nobody, sizeof(nobody)), 0);
  ::shutdown(bell.pull.get(), SHUT_RDWR);
  while (doorbell_.Wait(absl::ZeroDuration())) {
  }
  EXPECT_FALSE(Readable()) << "it must not keep its sleeper awake";
  RingBell(other.pull.get());
  EXPECT_TRUE(doorbell_.Wait(kLong));
}

extern "C" void IgnoreSignal(int) {}

TEST_F(DoorbellTest, ASignalIsNoRing) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = IgnoreSignal;  // Without SA_RESTART: system calls end with EINTR.
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  const Bell bell = AddBell();
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
  RingBell(bell.pull.get());
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
  EXPECT_TRUE(CheckBell(doorbell->AddBell()->pull.get()).ok());
}

TEST(CheckBell, RefusesWhatCouldBlockOrStore) {
  EXPECT_FALSE(CheckBell(-1).ok());
  const int flags = O_CLOEXEC | O_NONBLOCK;
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, flags), 0);
  const UniqueFd reading(pipe[0]);
  const UniqueFd writing(pipe[1]);
  EXPECT_FALSE(CheckBell(reading.get()).ok());
  EXPECT_FALSE(CheckBell(writing.get()).ok());
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, type | flags, 0, pair), 0);
    const UniqueFd here(pair[0]);
    const UniqueFd there(pair[1]);
    EXPECT_FALSE(CheckBell(here.get()).ok()) << type;
  }
  EXPECT_FALSE(CheckBell(UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::open("/dev/null", O_RDWR | flags)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::open("/tmp", O_TMPFILE | O_RDWR | flags, 0600)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::epoll_create1(EPOLL_CLOEXEC)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)).get()).ok());
  EXPECT_FALSE(CheckBell(UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)).get()).ok());
}

TEST_F(DoorbellTest, AForkedChildThatRemovesABellLeavesTheParentsAlone) {
  Bell bell = AddBell();
  EXPECT_TRUE(ExitedWith(InChild([&] {
                           doorbell_.RemoveBell(std::move(bell.ear));
                           return 0;
                         }),
                         0));
  EXPECT_TRUE(RingBell(bell.pull.get()));
  EXPECT_TRUE(Readable());
}

}  // namespace
}  // namespace holler
