#include "holler/timer_queue.h"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace holler {
namespace {

TEST(TimerQueue, GivesThemInTheOrderInWhichTheyAreDue) {
  TimerQueue queue;
  TimerNode a(nullptr), b(nullptr), c(nullptr);
  EXPECT_EQ(queue.next_due(), TimerQueue::kNever);
  queue.Schedule(a, 30);
  queue.Schedule(b, 10);
  queue.Schedule(c, 20);
  EXPECT_EQ(queue.next_due(), 10);
  const uint64_t order = queue.next_order();
  EXPECT_EQ(queue.PopDue(9, order), nullptr);
  EXPECT_EQ(queue.PopDue(20, order), &b);
  EXPECT_FALSE(b.scheduled());
  EXPECT_EQ(queue.PopDue(20, order), &c);
  EXPECT_EQ(queue.PopDue(20, order), nullptr);
  EXPECT_EQ(queue.PopDue(30, order), &a);
  EXPECT_EQ(queue.PopDue(1'000, order), nullptr);
}

TEST(TimerQueue, AmongEqualsTheFirstIsFirst) {
  TimerQueue queue;
  std::deque<TimerNode> nodes;
  for (int i = 0; i < 20; ++i) queue.Schedule(nodes.emplace_back(nullptr), 5);
  for (TimerNode& node : nodes) EXPECT_EQ(queue.PopDue(5, queue.next_order()), &node);
}

TEST(TimerQueue, WhatIsScheduledInATurnIsForTheNext) {
  TimerQueue queue;
  TimerNode node(nullptr);
  queue.Schedule(node, 1);
  const uint64_t order = queue.next_order();
  EXPECT_EQ(queue.PopDue(1, order), &node);
  queue.Schedule(node, 1);
  EXPECT_EQ(queue.PopDue(1, order), nullptr);
  EXPECT_EQ(queue.PopDue(1, queue.next_order()), &node);
}

TEST(TimerQueue, CancellingTwiceAndSchedulingTwice) {
  TimerQueue queue;
  TimerNode node(nullptr);
  queue.Cancel(node);
  queue.Schedule(node, 10);
  queue.Schedule(node, 5);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.next_due(), 5);
  queue.Cancel(node);
  queue.Cancel(node);
  EXPECT_EQ(queue.size(), 0u);
}

// Against a plain list.
TEST(TimerQueue, RandomSteps) {
  std::mt19937 random(1);
  TimerQueue queue;
  std::deque<TimerNode> nodes;
  for (int i = 0; i < 50; ++i) nodes.emplace_back(nullptr);
  std::vector<TimerNode*> listed;
  for (int step = 0; step < 20'000; ++step) {
    TimerNode& node = nodes[random() % nodes.size()];
    switch (random() % 3) {
      case 0:
        queue.Schedule(node, static_cast<int64_t>(random() % 100));
        std::erase(listed, &node);
        listed.push_back(&node);
        break;
      case 1:
        queue.Cancel(node);
        std::erase(listed, &node);
        break;
      default: {
        // The list is in order of scheduling, so of equals the first is the right one.
        const auto first = std::min_element(listed.begin(), listed.end(),
                                            [](auto* a, auto* b) { return a->due < b->due; });
        const int64_t now = static_cast<int64_t>(random() % 100);
        TimerNode* expected = first == listed.end() || (*first)->due > now ? nullptr : *first;
        ASSERT_EQ(queue.PopDue(now, queue.next_order()), expected);
        std::erase(listed, expected);
      }
    }
    ASSERT_EQ(queue.size(), listed.size());
  }
}

}  // namespace
}  // namespace holler
