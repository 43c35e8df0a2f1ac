// Writes what the sensor said to stdout, ten times a second: slower than the sensor by far, but it
// misses nothing.
#include <signal.h>

#include <cstdio>
#include <iostream>

#include "holler/event_loop.h"
#include "robot_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "recorder"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto imu = robot::ImuSubscriber::Create(*node);
  if (!imu.ok()) return std::cerr << imu.status() << "\n", 1;
  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;

  uint64_t recorded = 0;
  auto timer = loop->Every(absl::Milliseconds(100), [&] {
    while (auto sample = imu->Take()) {
      ++recorded;
      if (recorded % 100 != 1) continue;  // Enough for a reader of this example.
      std::printf("%.3f s: %.3f rad/s, %lu recorded, %lu lost\n",
                  static_cast<double>(sample->stamp_ns()) / 1e9, sample->speed(), recorded,
                  imu->lost());
    }
    std::fflush(stdout);
  });
  if (!timer.ok()) return std::cerr << timer.status() << "\n", 1;
  if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) {
    return std::cerr << status << "\n", 1;
  }
  loop->Run();
  std::printf("recorder: %lu recorded, %lu lost\n", recorded, imu->lost());
}
