// The robot itself, and its sensor: turns as it is driven, and tells its speed 1,000 times a
// second.
#include <signal.h>

#include <iostream>
#include <utility>

#include "holler/event_loop.h"
#include "robot_topics.h"

int main() {
  constexpr double kPeriod = 0.001;  // s
  constexpr double kInertia = 0.5;   // kg m^2
  constexpr double kFriction = 0.2;  // N m s

  // A sensor must not wait for discovery: that runs like any other thread, whatever this one is.
  auto node = holler::Node::Create({.name = "sensor", .discovery_thread = {.priority = 0}});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto imu = robot::ImuPublisher::Create(*node, {.memory = {.prefault = true}});
  if (!imu.ok()) return std::cerr << imu.status() << "\n", 1;
  auto drive = robot::DriveSubscriber::Create(*node);
  if (!drive.ok()) return std::cerr << drive.status() << "\n", 1;
  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;

  double torque = 0;
  double speed = 0;
  // Without commands the motor must not go on with the last torque it was told: five in a row are
  // missing, for whatever reason. A controller that hangs is still matched.
  auto on_drive = loop->OnSample(*drive, [&](const auto& sample) { torque = sample->torque(); },
                                 {.latest = true,
                                  .deadline = absl::Milliseconds(50),
                                  .on_deadline = [&](const holler::DeadlineEvent& event) {
                                    if (event.state != holler::DeadlineState::kMet) torque = 0;
                                  }});
  if (!on_drive.ok()) return std::cerr << on_drive.status() << "\n", 1;
  // Nobody drives any more: that is known at once.
  auto on_controllers = loop->OnMatchCount(*drive, [&](int count) {
    if (count == 0) torque = 0;
  });
  if (!on_controllers.ok()) return std::cerr << on_controllers.status() << "\n", 1;

  auto timer = loop->Every(absl::Seconds(kPeriod), [&](const holler::TimerEvent& event) {
    const double passed = kPeriod * static_cast<double>(1 + event.missed);
    speed += (torque - kFriction * speed) / kInertia * passed;
    if (auto loan = imu->Loan()) {  // Empty while nobody listens.
      loan->set_stamp_ns(event.due);
      loan->set_speed(speed);
      imu->Publish(std::move(loan));
    }
  });
  if (!timer.ok()) return std::cerr << timer.status() << "\n", 1;
  if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) {
    return std::cerr << status << "\n", 1;
  }
  std::cout << "sensor: ready" << std::endl;
  loop->Run();
}
