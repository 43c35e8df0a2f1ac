// Publishes a tick every tenth of a second, until it is told to end.
#include <signal.h>

#include <iostream>
#include <utility>

#include "holler/event_loop.h"
#include "tick_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "ticker"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto ticks = loop::TickPublisher::Create(*node);
  if (!ticks.ok()) return std::cerr << ticks.status() << "\n", 1;
  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;

  uint64_t count = 0;
  auto timer = loop->Every(absl::Milliseconds(100), [&](const holler::TimerEvent& event) {
    count += 1 + event.missed;
    if (auto tick = ticks->Loan()) {  // Empty while nobody listens.
      tick->set_count(count);
      ticks->Publish(std::move(tick));
    }
  });
  if (!timer.ok()) return std::cerr << timer.status() << "\n", 1;
  if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) {
    return std::cerr << status << "\n", 1;
  }
  loop->Run();
}
