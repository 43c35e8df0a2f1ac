// Nodes that keep their log, and waiting for a state, for tests.
#ifndef HOLLER_TESTS_RUNTIME_NODE_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_NODE_SUPPORT_H_

#include <time.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "domain.h"
#include "gtest/gtest.h"
#include "holler/node.h"

namespace holler {

// Longer than anything takes: it ends tests that fail.
inline constexpr absl::Duration kLong = absl::Seconds(60);

// Looks until `state` holds. Returns whether it does.
template <typename State>
bool Await(State&& state) {
  const absl::Time deadline = absl::Now() + kLong;
  while (!state()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Microseconds(100));
  }
  return true;
}

// What a node logs, and callbacks note down. Thread safety: thread-safe.
class Lines {
 public:
  void Add(std::string line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> all() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  // The first line that has `text` in it; empty if there is none.
  std::string Find(const std::string& text) const {
    for (const std::string& line : all()) {
      if (line.find(text) != std::string::npos) return line;
    }
    return "";
  }
  // How many lines have `text` in them.
  size_t Count(const std::string& text) const {
    size_t count = 0;
    for (const std::string& line : all()) count += line.find(text) != std::string::npos ? 1 : 0;
    return count;
  }
  size_t size() const { return all().size(); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// A node whose log is kept.
struct TestNode {
  explicit TestNode(const std::string& name, uint32_t domain, bool multicast = true) {
    NodeOptions options{.name = name, .domain = domain, .multicast = multicast};
    options.log = [log = log, infos = infos](LogSeverity severity, const std::string& line) {
      (severity == LogSeverity::kInfo ? infos : log)->Add(line);
    };
    auto created = Node::Create(options);
    EXPECT_TRUE(created.ok()) << created.status();
    node = std::make_unique<Node>(std::move(*created));
  }
  Node& operator*() const { return *node; }
  Node* operator->() const { return node.get(); }

  std::shared_ptr<Lines> log = std::make_shared<Lines>();    // Warnings and errors.
  std::shared_ptr<Lines> infos = std::make_shared<Lines>();  // The rest.
  std::unique_ptr<Node> node;
};

// The endpoint, or a failed test.
template <typename Endpoint, typename... Options>
std::unique_ptr<Endpoint> Make(Node& node, Options&&... options) {
  auto endpoint = Endpoint::Create(node, std::forward<Options>(options)...);
  EXPECT_TRUE(endpoint.ok()) << endpoint.status();
  return endpoint.ok() ? std::make_unique<Endpoint>(std::move(*endpoint)) : nullptr;
}

// Publishes one sample of a struct topic that has a number. Returns its sequence number.
template <typename Publisher>
uint64_t PublishNumber(Publisher& publisher, uint64_t number) {
  auto loan = publisher.Loan();
  if (!loan) return 0;
  loan->set_number(number);
  return publisher.Publish(std::move(loan));
}

// Takes the next sample, waiting for it. Returns its number; UINT64_MAX if none came.
template <typename Subscriber>
uint64_t TakeNumber(Subscriber& subscriber) {
  while (subscriber.Wait(kLong)) {
    if (auto sample = subscriber.Take()) return sample->number();
  }
  return UINT64_MAX;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_NODE_SUPPORT_H_
