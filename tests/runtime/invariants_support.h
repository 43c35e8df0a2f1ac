// Samples that show whether they are whole, and a process to exchange them with, for the tests of
// the invariants.
#ifndef HOLLER_TESTS_RUNTIME_INVARIANTS_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_INVARIANTS_SUPPORT_H_

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "node_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {

inline bool IsHollers(const std::string& file) {
  return file.find("memfd:holler") != std::string::npos;
}

// A sample whose every word follows from its number.
inline uint64_t PublishLarge(test::LargePublisher& publisher, uint64_t number) {
  auto loan = publisher.LoanUninitialized();
  if (!loan) return 0;
  loan->set_number(number);
  for (uint32_t i = 0; i < 1'023; ++i) loan->mutable_words().Mutate(i, number * 31 + i);
  return publisher.Publish(std::move(loan));
}
inline bool IsWhole(const test::Large& large) {
  for (uint32_t i = 0; i < 1'023; ++i) {
    if (large.words()->Get(i) != large.number() * 31 + i) return false;
  }
  return true;
}

// A child with a node that publishes one large topic and subscribes to one small, and echoes.
inline int Peer(Child::Line& line, uint32_t domain) {
  auto node = Node::Create({.name = "peer", .domain = domain});
  auto large = test::LargePublisher::Create(*node);
  auto small = test::SmallSubscriber::Create(*node);
  if (!large->WaitForSubscriber(kLong) || !small->WaitForPublisher(kLong)) return 1;
  line.Tell('m');
  while (line.Hear() == 'g') {
    const uint64_t number = TakeNumber(*small);
    if (PublishLarge(*large, number) == 0) return 2;
  }
  return 0;
}

// Files of these folders that bear Holler's name or the process's number.
inline std::set<std::string> TracesOf(pid_t pid) {
  std::set<std::string> traces;
  for (const char* folder : {"/dev/shm", "/tmp", "/run", "/var/tmp"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename();
      if (name.find("holler") != std::string::npos ||
          name.find(std::to_string(pid)) != std::string::npos) {
        traces.insert(entry.path());
      }
    }
  }
  return traces;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_INVARIANTS_SUPPORT_H_
