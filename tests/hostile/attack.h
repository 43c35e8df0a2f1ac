// What every attack has in common: honest nodes before, and whether all is well with them after.
#ifndef HOLLER_TESTS_HOSTILE_ATTACK_H_
#define HOLLER_TESTS_HOSTILE_ATTACK_H_

#include <cstdint>
#include <iostream>
#include <string>

#include "gtest/gtest.h"
#include "honest.h"
#include "hostile_peer.h"
#include "hostile_topics.h"

namespace hostile {

namespace wire = holler::wire;

// Honest nodes under attack. After each test: samples still flow, none was lost or torn, new honest
// peers match, fds and memory are back at their level, and the log repeats nothing.
class Attack : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Await([&] { return AreConnected() && Value("taken") > 0; }));
    before_ = honest_.Ask();
  }

  void TearDown() override {
    EXPECT_EQ(honest_.Command("newcomers"), "fine");
    const int64_t published = Value("published");
    EXPECT_TRUE(Await([&] { return Value("taken") > published; })) << "samples do not flow";
    EXPECT_TRUE(Await([&] { return Value("fds") <= before_["fds"]; }))
        << Value("fds") << " fds, " << before_["fds"] << " before";
    const Report after = honest_.Ask();
    EXPECT_EQ(after.at("gaps"), 0);
    EXPECT_EQ(after.at("torn"), 0);
    EXPECT_LE(after.at("rss_kb"), before_["rss_kb"] + 40'000);
    EXPECT_EQ(after.at("repeated"), 0);
    EXPECT_LE(after.at("lines"), most_lines_);
    EXPECT_EQ(after.at("speaker.connections"), 1);
    EXPECT_EQ(after.at("listener.connections"), 1);
    if (HasFailure()) std::cout << honest_.Command("report") << "\n" << honest_.Command("log");
  }

  int64_t Value(const std::string& key) { return honest_.Ask()[key]; }
  // How much a counter grew since the attack began.
  int64_t Growth(const std::string& key) { return Value(key) - before_[key]; }
  // Waits until a counter has grown by `least`.
  bool Counted(const std::string& key, int64_t least = 1) {
    return Await([&] { return Growth(key) >= least; });
  }

  const wire::NodeId& speaker() const { return honest_.speaker(); }
  const wire::NodeId& listener() const { return honest_.listener(); }

  // A segment of a topic, with the writable mapping of its maker.
  template <typename Topic>
  static holler::Segment MakeSegment() {
    auto segment = holler::Segment::Create(holler::InfoOf<Topic>());
    EXPECT_TRUE(segment.ok()) << segment.status();
    return std::move(*segment);
  }
  static std::string BytesOf(const holler::Segment& segment) {
    return std::string(reinterpret_cast<const char*>(segment.data()), segment.size());
  }

  Honest honest_;
  Report before_;
  int64_t most_lines_ = 20;

 private:
  bool AreConnected() {
    const Report report = honest_.Ask();
    return report.at("speaker.connections") == 1 && report.at("listener.connections") == 1;
  }
};

}  // namespace hostile

#endif  // HOLLER_TESTS_HOSTILE_ATTACK_H_
