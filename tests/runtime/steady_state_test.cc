// After matching, publishing and taking allocate nothing, take no lock of discovery, and make no
// system call but the doorbell of a subscriber that sleeps.
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "allocation_counter.h"
#include "gtest/gtest.h"
#include "loop_support.h"
#include "node_support.h"
#include "process_support.h"
#include "sanitizers.h"
#include "syscall_filter.h"
#include "topics_topics.h"
#include "variants.h"

namespace holler {
namespace {

constexpr int kRounds = 10'000;

// One topic's publishers and subscribers, matched, each of which has published or taken once.
template <typename Publisher, typename Subscriber>
struct Pair {
  explicit Pair(Node& node, int publishers = 1) {
    for (int i = 0; i < publishers; ++i) sources.push_back(Make<Publisher>(node));
    subscriber = Make<Subscriber>(node);
    subscriber->Take();
  }
  Publisher& publisher() { return *sources.front(); }

  std::vector<std::unique_ptr<Publisher>> sources;
  std::unique_ptr<Subscriber> subscriber;
};

using SmallPair = Pair<test::SmallPublisher, test::SmallSubscriber>;
using TreePair = Pair<test::TreePublisher, test::TreeSubscriber>;
using BoundedPair = Pair<test::BoundedTreePublisher, test::BoundedTreeSubscriber>;

// Each returns whether all went well, without gtest, whose checks may allocate.
bool StructRound(SmallPair& pair, uint64_t n) {
  for (auto& source : pair.sources) {
    if (PublishNumber(*source, n) == 0) return false;
    auto sample = pair.subscriber->Take();
    if (!sample || sample->number() != n || pair.subscriber->lost() != 0) return false;
  }
  return true;
}

bool TableRound(TreePair& pair, uint64_t n) {
  auto loan = pair.publisher().Loan();
  if (!loan) return false;
  auto& fbb = loan->builder();
  const auto name = fbb.CreateString("a name of some length, beyond what strings keep inside");
  uint8_t* bytes = nullptr;
  const auto bytes_offset = fbb.CreateUninitializedVector(100, &bytes);
  const test::Point point(1, 2);
  const auto leaf = test::CreateLeaf(fbb, name);
  test::TreeBuilder builder(fbb);
  builder.add_number(n);
  builder.add_name(name);
  builder.add_point(&point);
  builder.add_leaf(leaf);
  builder.add_bytes(bytes_offset);
  loan->Finish(builder.Finish());
  if (pair.publisher().Publish(std::move(loan)) == 0) return false;
  auto sample = pair.subscriber->TakeLatest();
  return sample && sample->number() == n && sample->leaf()->name()->size() == 54;
}

bool BoundedRound(BoundedPair& pair, uint64_t n) {
  auto loan = pair.publisher().Loan();
  if (!loan) return false;
  loan->set_number(n);
  loan->set_name("a name of some length, beyond what strings keep inside");
  loan->set_point({1, 2});
  loan->mutable_any_as_Leaf().set_name("any");
  loan->mutable_bytes().resize_uninitialized(100);
  auto leaf = loan->mutable_leaves().emplace_back();
  if (!leaf || !leaf->CopyFrom(loan->mutable_leaf().message())) return false;
  if (pair.publisher().Publish(std::move(loan)) == 0) return false;
  auto sample = pair.subscriber->TakeLatest();
  return sample && sample->number() == n && sample->name()->size() == 54;
}

template <typename Round>
void ExpectNoAllocations(Round&& round) {
  ASSERT_TRUE(round(1));
  const uint64_t before = AllocatorCalls();
  bool good = true;
  for (uint64_t n = 1; n <= kRounds && good; ++n) good = round(n);
  const uint64_t after = AllocatorCalls();
  EXPECT_TRUE(good);
  EXPECT_EQ(after - before, 0u) << "calls of malloc or free in " << kRounds << " rounds";
}

TEST(AllocationCounter, Counts) {
  const uint64_t before = AllocatorCalls();
  void* volatile memory = std::malloc(10);  // Volatile, or the compiler leaves both out.
  std::free(memory);
  EXPECT_EQ(AllocatorCalls() - before, 2u);
  std::string* volatile text = new std::string(100, 'x');
  delete text;
  EXPECT_EQ(AllocatorCalls() - before, 6u);
}

class SteadyState : public testing::Test {
 protected:
  TestNode node_{"node", NextDomain()};
};

TEST_F(SteadyState, StructsAllocateNothing) {
  SmallPair pair(*node_);
  ExpectNoAllocations([&](uint64_t n) { return StructRound(pair, n); });
}

TEST_F(SteadyState, SeveralPublishersAllocateNothing) {
  SmallPair pair(*node_, 5);
  ExpectNoAllocations([&](uint64_t n) { return StructRound(pair, n); });
}

TEST_F(SteadyState, TablesAllocateNothing) {
  TreePair pair(*node_);
  ExpectNoAllocations([&](uint64_t n) { return TableRound(pair, n); });
}

TEST_F(SteadyState, BoundedTablesAllocateNothing) {
  BoundedPair pair(*node_);
  ExpectNoAllocations([&](uint64_t n) { return BoundedRound(pair, n); });
}

TEST_F(SteadyState, HeldAndOvertakenSamplesAllocateNothing) {
  SmallPair pair(*node_);
  Sample<test::Small> held;
  ExpectNoAllocations([&](uint64_t n) {
    for (int i = 0; i < 20; ++i) PublishNumber(pair.publisher(), n);
    held = pair.subscriber->Take();
    return static_cast<bool>(held);
  });
}

TEST_F(SteadyState, SleepingAllocatesNothing) {
  SmallPair pair(*node_);
  ExpectNoAllocations([&](uint64_t n) {
    return !pair.subscriber->Wait(absl::ZeroDuration()) && StructRound(pair, n);
  });
  pair.subscriber->fd();
  ExpectNoAllocations([&](uint64_t n) { return StructRound(pair, n) && !pair.subscriber->Take(); });
}

// Samples, a deadline, a timer, a file and a task in each round.
TEST_F(SteadyState, EventLoopsAllocateNothing) {
  FakeClock clock;
  TestLoop loop(clock.function());
  SmallPair pair(*node_);
  const UniqueFd file(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  uint64_t samples = 0;
  uint64_t ticks = 0;
  uint64_t reads = 0;
  uint64_t tasks = 0;
  auto on_sample = loop->OnSample(
      *pair.subscriber, [&](const auto& sample) { samples += sample->number() > 0 ? 1 : 0; },
      {.deadline = absl::Milliseconds(3), .on_deadline = [](const DeadlineEvent&) {}});
  auto tick = loop->Every(absl::Milliseconds(1), [&] { ++ticks; });
  auto watch = loop->OnReadable(file.get(), [&] {
    eventfd_t value;
    reads += ::eventfd_read(file.get(), &value) == 0 ? 1 : 0;
  });
  auto rate =
      loop->OnDeadline(pair.publisher(), absl::Milliseconds(3), [](const DeadlineEvent&) {});
  const auto round = [&](uint64_t n) {
    const uint64_t before = samples + ticks + reads + tasks;
    clock.Advance(kMillisecond);
    PublishNumber(pair.publisher(), n);
    ::eventfd_write(file.get(), 1);
    loop->Post([&tasks] { ++tasks; });
    loop->RunOnce();
    return samples + ticks + reads + tasks == before + 4;
  };
  for (uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(round(n));
  ExpectNoAllocations(round);
}

// Loans that are refused, given back, or not to be had are no exception.
TEST_F(SteadyState, FailuresAllocateNothing) {
  TreePair pair(*node_);
  auto alone = Make<test::SmallPublisher>(*node_);
  ExpectNoAllocations([&](uint64_t) {
    { auto unused = pair.publisher().Loan(); }
    return pair.publisher().Publish(pair.publisher().Loan()) == 0 && !alone->Loan();
  });
}

// ---- Page faults ----

long PageFaults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

// What the first samples of a new pair cost in page faults: all their slots are new.
long FaultsOfFirstSamples(Node& node, const MemoryOptions& memory) {
  auto publisher = test::LargePublisher::Create(node, {.memory = memory});
  auto subscriber = test::LargeSubscriber::Create(node, {.memory = memory});
  if (!publisher.ok() || !subscriber.ok()) return -1;
  const long before = PageFaults();
  for (uint64_t n = 1; n <= 20; ++n) {
    auto loan = publisher->Loan();
    if (!loan) return -1;
    loan->set_number(n);
    publisher->Publish(std::move(loan));
    const auto sample = subscriber->Take();
    if (!sample || sample->number() != n) return -1;
  }
  return PageFaults() - before;
}

TEST(PageFaults, PreparedMemoryMakesNone) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have memory of their own";
  auto node = Node::Create({.domain = NextDomain()});
  ASSERT_TRUE(node.ok());
  EXPECT_GT(FaultsOfFirstSamples(*node, {}), 4) << "the test could not tell";
  EXPECT_EQ(FaultsOfFirstSamples(*node, {.prefault = true}), 0);
  EXPECT_EQ(FaultsOfFirstSamples(*node, {.huge_pages = true}), 0);
}

// A subscriber that cannot have its memory says why, and is matched when it can.
TEST(PageFaults, MemoryThatCannotBeLockedIsRefused) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have mlock do nothing";
  const int result = InChild([] {
    const rlimit limit{.rlim_cur = 4'096, .rlim_max = 4'096};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 1;
    if (::geteuid() == 0 && ::setuid(65'534) != 0) return 2;
    Lines log;
    auto node = Node::Create({.domain = NextDomain(),
                              .log = [&](LogSeverity, const std::string& line) { log.Add(line); }});
    if (!node.ok()) return 3;
    const auto locked = test::LargePublisher::Create(*node, {.memory = {.lock = true}});
    if (!absl::IsResourceExhausted(locked.status())) return 4;
    auto publisher = test::LargePublisher::Create(*node);
    auto subscriber = test::LargeSubscriber::Create(*node, {.memory = {.lock = true}});
    if (!publisher.ok() || !subscriber.ok()) return 5;
    if (!Await([&] { return log.Count("RLIMIT_MEMLOCK") > 0; })) return 6;
    if (subscriber->has_publishers()) return 7;
    return log.Find("RLIMIT_MEMLOCK").find("test/large") != std::string::npos ? 0 : 8;
  });
  EXPECT_TRUE(ExitedWith(result, 0)) << "wait status " << result;
}

// ---- System calls ----

// Runs `rounds` in a child that may make only these system calls by then.
template <typename Rounds>
void ExpectOnlyCalls(const std::vector<int>& calls, Rounds&& rounds) {
  if (kSanitized) GTEST_SKIP() << "sanitizers make system calls of their own";
  const int status = InChild([&] {
    auto node = Node::Create({.domain = NextDomain()});
    if (!node.ok()) return 1;
    return rounds(*node, [&] { return AllowOnly(calls); });
  });
  EXPECT_TRUE(ExitedWith(status, 0))
      << (ExitedWith(status, kForbiddenCall) ? "a forbidden system call"
                                             : "wait status " + std::to_string(status));
}

TEST(SystemCalls, TheFilterForbids) {
  if (kSanitized) GTEST_SKIP();
  const int status = InChild([] {
    if (!AllowOnly({})) return 0;
    return ::syscall(SYS_getppid) > 0 ? 1 : 2;
  });
  EXPECT_TRUE(ExitedWith(status, kForbiddenCall));
}

TEST(SystemCalls, StructsMakeNone) {
  ExpectOnlyCalls({}, [](Node& node, auto&& restrict) {
    SmallPair pair(node);
    if (!restrict()) return 2;
    for (uint64_t n = 1; n <= kRounds; ++n) {
      if (!StructRound(pair, n)) return 3;
      if (pair.subscriber->Take() || pair.subscriber->TakeLatest()) return 4;
    }
    ::_exit(0);
  });
}

TEST(SystemCalls, ReliableTopicsMakeNone) {
  ExpectOnlyCalls({}, [](Node& node, auto&& restrict) {
    Pair<test::SurePublisher, test::SureSubscriber> pair(node);
    if (!restrict()) return 2;
    for (uint64_t n = 1; n <= kRounds; ++n) {
      if (PublishNumber(pair.publisher(), n) != n) return 3;
      auto sample = pair.subscriber->Take();
      if (!sample || sample->number() != n || pair.subscriber->lost() != 0) return 4;
    }
    ::_exit(0);
  });
}

TEST(SystemCalls, SeveralPublishersMakeNone) {
  ExpectOnlyCalls({}, [](Node& node, auto&& restrict) {
    SmallPair pair(node, 5);
    if (!restrict()) return 2;
    for (uint64_t n = 1; n <= kRounds; ++n) {
      if (!StructRound(pair, n)) return 3;
    }
    ::_exit(0);
  });
}

TEST(SystemCalls, TablesMakeNone) {
  ExpectOnlyCalls({}, [](Node& node, auto&& restrict) {
    TreePair pair(node);
    // The slots' memory comes with page faults, which are no calls.
    if (!restrict()) return 2;
    for (uint64_t n = 1; n <= kRounds; ++n) {
      if (!TableRound(pair, n)) return 3;
    }
    ::_exit(0);
  });
}

// A publisher wakes who sleeps, and does nothing else.
TEST(SystemCalls, BoundedTablesMakeNone) {
  ExpectOnlyCalls({}, [](Node& node, auto&& restrict) {
    BoundedPair pair(node);
    // The slots' memory comes with page faults, which are no calls.
    if (!restrict()) return 2;
    for (uint64_t n = 1; n <= kRounds; ++n) {
      if (!BoundedRound(pair, n)) return 3;
    }
    ::_exit(0);
  });
}

// A publisher wakes who sleeps, and does nothing else.
TEST(SystemCalls, APublisherOnlyWakes) {
  ExpectOnlyCalls({SYS_futex}, [](Node& node, auto&& restrict) {
    auto publisher = Make<test::ManyPublisher>(node);
    auto subscriber = Make<test::ManySubscriber>(node);
    std::atomic<uint64_t> taken{0};
    std::thread sleeper([&] {
      while (taken.load() < 1'000) taken.store(TakeNumber(*subscriber));
    });
    if (!restrict()) return 2;
    for (uint64_t n = 1; n <= 1'000; ++n) {
      if (PublishNumber(*publisher, n) == 0) return 3;
      while (taken.load() < n) {
      }
    }
    ::_exit(0);
  });
}

// A subscriber that spins takes what comes without a system call, and goes to sleep when it may.
TEST(SystemCalls, ASpinningSubscriberMakesNone) {
  ExpectOnlyCalls({}, [](Node& node, auto&& restrict) {
    auto publisher = Make<test::ManyPublisher>(node);
    auto subscriber = std::make_unique<test::ManySubscriber>(
        *test::ManySubscriber::Create(node, SubscriberOptions{.spin = absl::InfiniteDuration()}));
    subscriber->Take();
    std::atomic<uint64_t> taken{0};
    std::thread publishing([&] {
      for (uint64_t n = 1; n <= 1'000; ++n) {
        PublishNumber(*publisher, n);
        while (taken.load() < n) std::this_thread::yield();
      }
    });
    if (!restrict()) return 2;  // This thread, not the publishing one.
    for (uint64_t n = 1; n <= 1'000; ++n) {
      if (!subscriber->Wait(absl::InfiniteDuration())) return 3;
      if (subscriber->Take()->number() != n) return 4;
      taken.store(n);
    }
    if (subscriber->Wait(absl::Milliseconds(1))) return 5;
    ::_exit(0);
  });
}

// Where futex_waitv is missing, subscribers wait for bells.
TEST(SystemCalls, WaitingWorksOnOldKernelsAndInSandboxes) {
  if (kSanitized) GTEST_SKIP() << "sanitizers make system calls of their own";
  constexpr int kFutexWaitv = 449;
  for (const int error_number : {ENOSYS, EPERM}) {
    const int status = InChild([&] {
      if (!Deny(kFutexWaitv, error_number)) return 0;
      auto node = Node::Create({.domain = NextDomain()});
      if (!node.ok()) return 1;
      auto publisher = Make<test::ManyPublisher>(*node);
      auto subscriber = Make<test::ManySubscriber>(*node);
      std::atomic<uint64_t> taken{0};
      std::thread sleeper([&] {
        while (taken.load() < 1'000) taken.store(TakeNumber(*subscriber));
      });
      for (uint64_t n = 1; n <= 1'000; ++n) {
        if (PublishNumber(*publisher, n) == 0) return 2;
        while (taken.load() < n) {
        }
      }
      sleeper.join();
      return subscriber->Wait(absl::Milliseconds(1)) ? 3 : 0;
    });
    EXPECT_TRUE(ExitedWith(status, 0)) << status;
  }
}

// There, a publisher that waits sleeps on one cursor at a time.
TEST(SystemCalls, WaitingForRoomWorksOnOldKernelsAndInSandboxes) {
  if (kSanitized) GTEST_SKIP() << "sanitizers make system calls of their own";
  constexpr int kFutexWaitv = 449;
  const int status = InChild([&] {
    if (!Deny(kFutexWaitv, ENOSYS)) return 0;
    auto node = Node::Create({.domain = NextDomain()});
    if (!node.ok()) return 1;
    auto publisher = Make<test::StrictPublisher>(
        *node, PublisherOptions{.stall_limit = absl::InfiniteDuration()});
    std::vector<std::unique_ptr<test::StrictSubscriber>> subscribers;
    std::atomic<int> lost{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) subscribers.push_back(Make<test::StrictSubscriber>(*node));
    for (auto& subscriber : subscribers) {
      threads.emplace_back([&] {
        for (uint64_t n = 1; n <= 500; ++n) lost += TakeNumber(*subscriber) == n ? 0 : 1;
      });
    }
    for (uint64_t n = 1; n <= 500; ++n) {
      if (PublishNumber(*publisher, n) != n) return 2;
    }
    for (auto& thread : threads) thread.join();
    if (lost.load() != 0) return 3;
    // One whose match ends wakes nobody there, but is noticed.
    if (PublishNumber(*publisher, 501) == 0) return 4;
    std::thread closer([&] { subscribers.clear(); });
    const bool has_room = static_cast<bool>(publisher->Loan(kLong));
    closer.join();
    return has_room ? 0 : 5;
  });
  EXPECT_TRUE(ExitedWith(status, 0)) << status;
}

// ---- Locks ----

// While discovery is busy, with its lock held, samples flow.
TEST(Locks, PublishingAndTakingNeedNone) {
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  bool let_go = false;
  NodeOptions options{.name = "busy", .domain = NextDomain()};
  options.log = [&](LogSeverity severity, const std::string&) {  // With discovery's lock held.
    if (severity == LogSeverity::kInfo) return;
    std::unique_lock lock(mutex);
    held = true;
    changed.notify_all();
    changed.wait(lock, [&] { return let_go; });
  };
  auto node = Node::Create(options);
  ASSERT_TRUE(node.ok());
  SmallPair pair(*node);
  auto old = Make<v_old::test::PosePublisher>(*node);
  std::thread refused([&] { auto odd = Make<v_odd::test::PoseSubscriber>(*node); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held; });
  }
  for (uint64_t n = 1; n <= 1'000; ++n) ASSERT_TRUE(StructRound(pair, n));
  EXPECT_TRUE(pair.publisher().has_subscribers());
  {
    std::lock_guard lock(mutex);
    let_go = true;
    changed.notify_all();
  }
  refused.join();
}

}  // namespace
}  // namespace holler
