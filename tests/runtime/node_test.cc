#include "holler/node.h"

#include <sched.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using testing::HasSubstr;

// Sets an environment variable, and puts it back.
class ScopedEnv {
 public:
  ScopedEnv(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    Set(value);
  }
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;
  ~ScopedEnv() { Set(before_); }

 private:
  void Set(const std::optional<std::string>& value) {
    if (value.has_value()) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  const char* name_;
  std::optional<std::string> before_;
};

TEST(Node, HasTheNameAndDomainItWasGiven) {
  const uint32_t domain = NextDomain();
  auto node = Node::Create({.name = "driver", .domain = domain});
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(node->name(), "driver");
  EXPECT_EQ(node->domain(), domain);
}

TEST(Node, IsNamedAfterTheProgramByDefault) {
  auto node = Node::Create({.domain = NextDomain()});
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(node->name(), ::program_invocation_short_name);
}

TEST(Node, BadNamesAreRefused) {
  const uint32_t domain = NextDomain();
  for (const std::string& name : {std::string(256, 'n'), std::string("two\nlines"),
                                  std::string("zero\0", 5), std::string("latin \xE9")}) {
    const absl::Status status = Node::Create({.name = name, .domain = domain}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("NodeOptions::name"));
  }
  const std::string longest(255, 'n');
  auto node = Node::Create({.name = longest, .domain = domain});
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(node->name(), longest);
}

TEST(Node, TakesItsDomainFromTheEnvironment) {
  const std::string domain = std::to_string(NextDomain());
  {
    const ScopedEnv env("HOLLER_DOMAIN", domain);
    auto node = Node::Create();
    ASSERT_TRUE(node.ok()) << node.status();
    EXPECT_EQ(std::to_string(node->domain()), domain);
  }
  for (const std::optional<std::string>& unset : {std::optional<std::string>(), {""}}) {
    const ScopedEnv env("HOLLER_DOMAIN", unset);
    auto node = Node::Create({.multicast = false});
    ASSERT_TRUE(node.ok()) << node.status();
    EXPECT_EQ(node->domain(), 0u);
  }
}

TEST(Node, OptionsComeBeforeTheEnvironment) {
  const ScopedEnv env("HOLLER_DOMAIN", "nonsense");
  const uint32_t domain = NextDomain();
  auto node = Node::Create({.domain = domain});
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(node->domain(), domain);
}

TEST(Node, BadDomainsAreRefused) {
  for (const char* value : {"nonsense", "-1", "5000", "1.5", "0x10", "99999999999", "1 2"}) {
    const ScopedEnv env("HOLLER_DOMAIN", value);
    const absl::Status status = Node::Create().status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << value << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("0 to 4999")) << value;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Node::Create({.domain = 5'000}).status()));
  EXPECT_TRUE(Node::Create({.domain = 4'999}).ok());
}

TEST(Node, UnknownUsersAreRefused) {
  const absl::Status status =
      Node::Create({.domain = NextDomain(), .allowed_users = {"no such user"}}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no such user"));
  EXPECT_TRUE(Node::Create({.domain = NextDomain(), .allowed_users = {"root", "12345"}}).ok());
}

TEST(Node, BadInterfacesAreRefused) {
  const absl::Status status =
      Node::Create({.domain = NextDomain(), .interface_address = "eth0"}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("eth0"));
}

TEST(Node, WorksWithoutTheInterface) {
  auto node = Node::Create({.domain = NextDomain(), .interface_address = "192.0.2.1"});
  EXPECT_TRUE(node.ok()) << node.status();
}

TEST(Node, ItsThreadRunsWhereItIsTold) {
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  int cpu = CPU_SETSIZE - 1;
  while (!CPU_ISSET(cpu, &set)) --cpu;
  const auto node =
      Node::Create({.domain = NextDomain(), .discovery_thread = {.priority = 0, .cpus = {cpu}}});
  ASSERT_TRUE(node.ok()) << node.status();
  std::string allowed;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name != "holler") continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Cpus_allowed_list:")) allowed = line.substr(19);
    }
  }
  EXPECT_EQ(allowed, std::to_string(cpu));
}

TEST(Node, AThreadThatCannotBeSetUpIsAnError) {
  ASSERT_TRUE(Node::Create({.domain = NextDomain()}).ok());  // What a first thread opens, stays.
  const int before = CountOpenFds();
  const auto node = Node::Create({.domain = NextDomain(), .discovery_thread = {.priority = 100}});
  EXPECT_TRUE(absl::IsInvalidArgument(node.status())) << node.status();
  EXPECT_THAT(std::string(node.status().message()), HasSubstr("the discovery thread"));
  EXPECT_EQ(CountOpenFds(), before);
}

TEST(Node, LimitsAreNamed) {
  const uint32_t domain = NextDomain();
  const int before = CountOpenFds();
  const rlim_t next = NextFd();
  bool created = false;
  for (rlim_t room = 0; room < 20 && !created; ++room) {
    absl::Status status;
    {
      const ScopedLimit limit(RLIMIT_NOFILE, next + room);
      status = Node::Create({.domain = domain, .multicast = false}).status();
    }
    created = status.ok();
    if (created) break;
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("RLIMIT_NOFILE"));
    EXPECT_EQ(CountOpenFds(), before);
  }
  EXPECT_TRUE(created);
}

TEST(Node, IsOfNoUseToAForkedChild) {
  auto node = Node::Create({.name = "mother", .domain = NextDomain()});
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(InChild([&] {
              for (const absl::Status& status : {test::SmallPublisher::Create(*node).status(),
                                                 test::SmallSubscriber::Create(*node).status()}) {
                const std::string text(status.message());
                if (!absl::IsFailedPrecondition(status)) return 1;
                if (text.find("'mother'") == std::string::npos) return 2;
                if (text.find("after fork()") == std::string::npos) return 3;
              }
              return 0;
            }),
            0);
}

// As a child does that returns from main.
TEST(Node, AChildThatDestroysItsCopiesChangesNothing) {
  const uint32_t domain = NextDomain();
  TestNode other("other", domain);
  auto subscriber = Make<test::SmallSubscriber>(*other);
  auto back = Make<test::LargePublisher>(*other);
  auto node = std::make_unique<TestNode>("node", domain);
  auto publisher = Make<test::SmallPublisher>(**node);
  auto large = Make<test::LargeSubscriber>(**node);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  ASSERT_TRUE(back->WaitForSubscriber(kLong));
  EXPECT_EQ(InChild([&] {
              publisher.reset();
              large.reset();
              node.reset();
              return 0;
            }),
            0);
  // Had it said goodbye, that would have come before this.
  auto later = Make<test::SmallPublisher>(**node);
  ASSERT_TRUE(later->WaitForSubscriber(kLong));
  EXPECT_TRUE(Await([&] { return subscriber->publisher_count() == 2; }));
  EXPECT_EQ(back->subscriber_count(), 1);
  {
    auto loan = publisher->Loan();
    ASSERT_TRUE(loan);
    loan->set_number(5);
    publisher->Publish(std::move(loan));
  }
  ASSERT_TRUE(subscriber->Wait(kLong));
  EXPECT_EQ(subscriber->Take()->number(), 5u);
}

// Whoever writes the log may block; or throw.
TEST(Node, LogsOnItsOwnThread) {
  std::mutex mutex;
  std::condition_variable changed;
  bool blocks = true;
  std::vector<std::thread::id> threads;
  const LogSink sink = [&](LogSeverity, const std::string&) {
    std::unique_lock lock(mutex);
    threads.push_back(std::this_thread::get_id());
    changed.notify_all();
    changed.wait(lock, [&] { return !blocks; });
    throw std::runtime_error("no room for logs");
  };
  auto node = Node::Create({.name = "node", .domain = NextDomain(), .log = sink});
  ASSERT_TRUE(node.ok());
  auto subscriber = Make<test::SureSubscriber>(*node);
  auto publisher =
      Make<test::SurePublisher>(*node, PublisherOptions{.stall_limit = absl::Milliseconds(1)});
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  // Nobody takes, so it stalls and there is much to be logged; and nobody waits for that.
  for (uint64_t n = 0; n < 100; ++n) {
    auto loan = publisher->Loan(kLong);
    ASSERT_TRUE(loan);
    loan->set_number(n);
    publisher->Publish(std::move(loan));
  }
  EXPECT_EQ(publisher->dropped(), 1u);
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !threads.empty(); });
    blocks = false;
    changed.notify_all();
    changed.wait(lock, [&] { return threads.size() >= 3; });
    EXPECT_THAT(threads, testing::Each(testing::Ne(std::this_thread::get_id())));
  }
}

TEST(Node, LeavesNothingOpen) {
  const uint32_t domain = NextDomain();
  const int before = CountOpenFds();
  {
    TestNode a("a", domain);
    TestNode b("b", domain);
    auto publisher = Make<test::SmallPublisher>(*a);
    auto subscriber = Make<test::SmallSubscriber>(*b);
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    PublishNumber(*publisher, 1);
    EXPECT_EQ(TakeNumber(*subscriber), 1u);
  }
  EXPECT_EQ(CountOpenFds(), before);
}

}  // namespace
}  // namespace holler
