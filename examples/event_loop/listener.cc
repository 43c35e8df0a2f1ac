// Prints the ticks it hears, who comes and goes, and why it hears nothing; all in one thread.
#include <signal.h>

#include <iostream>

#include "holler/event_loop.h"
#include "tick_topics.h"

namespace {

void Explain(const holler::DeadlineEvent& event) {
  switch (event.state) {
    case holler::DeadlineState::kMet:
      std::cout << "ticks again, after a silence\n";
      break;
    case holler::DeadlineState::kUnmatched:
      std::cout << "no ticks: there is no ticker\n";
      break;
    case holler::DeadlineState::kStopped:
      std::cout << "no ticks: the ticker is stopped\n";
      break;
    case holler::DeadlineState::kSilent:
      std::cout << "no ticks: the ticker runs, but is silent\n";
      break;
  }
  std::cout.flush();
}

}  // namespace

int main() {
  auto node = holler::Node::Create({.name = "listener"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto ticks = loop::TickSubscriber::Create(*node);
  if (!ticks.ok()) return std::cerr << ticks.status() << "\n", 1;
  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;

  auto on_tick = loop->OnSample(
      *ticks, [](const auto& tick) { std::cout << "tick " << tick->count() << std::endl; },
      {.deadline = absl::Milliseconds(500), .on_deadline = Explain});
  if (!on_tick.ok()) return std::cerr << on_tick.status() << "\n", 1;
  auto on_match =
      loop->OnMatchCount(*ticks, [](int count) { std::cout << "tickers: " << count << std::endl; });
  if (!on_match.ok()) return std::cerr << on_match.status() << "\n", 1;
  if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) {
    return std::cerr << status << "\n", 1;
  }
  loop->Run();
  std::cout << "ended\n";
}
