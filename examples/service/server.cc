// Divides for whoever asks, until SIGINT or SIGTERM.
#include <signal.h>

#include <iostream>
#include <limits>

#include "division_topics.h"
#include "holler/event_loop.h"

int main() {
  auto node = holler::Node::Create({.name = "service_server"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto server = service::ArithmeticDivideServer::Create(*node);
  if (!server.ok()) return std::cerr << server.status() << "\n", 1;

  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;
  auto on_call = loop->OnCall(*server, [](const auto& call, auto& answer) {
    if (call->divisor() == 0) return absl::StatusCode::kInvalidArgument;
    if (call->dividend() == std::numeric_limits<int64_t>::min() && call->divisor() == -1) {
      return absl::StatusCode::kOutOfRange;  // One more than the largest, and a trap on x86.
    }
    answer.set_quotient(call->dividend() / call->divisor());
    answer.set_remainder(call->dividend() % call->divisor());
    return absl::StatusCode::kOk;
  });
  if (!on_call.ok()) return std::cerr << on_call.status() << "\n", 1;
  auto status = loop->StopOnSignals({SIGINT, SIGTERM});
  if (!status.ok()) return std::cerr << status << "\n", 1;
  loop->Run();
}
