// Keeps the robot at the speed an operator asks for, 100 times a second; stops it when it no longer
// knows what the robot does.
#include <signal.h>

#include <cmath>
#include <iostream>
#include <string>
#include <utility>

#include "holler/event_loop.h"
#include "robot_topics.h"

namespace {

constexpr double kFastest = 10;  // rad/s
constexpr double kGain = 4;      // N m s

class Controller {
 public:
  explicit Controller(robot::DrivePublisher drive) : drive_(std::move(drive)) {}

  void OnImu(const robot::Imu& imu) { speed_ = imu.speed(); }

  void OnDeadline(const holler::DeadlineEvent& event) {
    switch (event.state) {
      case holler::DeadlineState::kMet:
        return Enter("running");
      case holler::DeadlineState::kUnmatched:
        return Enter("stopped, no sensor");
      case holler::DeadlineState::kStopped:
        return Enter("stopped, sensor halted");
      case holler::DeadlineState::kSilent:
        return Enter("stopped, sensor silent");
    }
  }

  void Control() {
    const double torque = state_ == "running" ? kGain * (target_ - speed_) : 0;
    if (auto loan = drive_.Loan()) {
      loan->set_torque(torque);
      drive_.Publish(std::move(loan));
    }
  }

  template <typename Reply>
  absl::StatusCode OnSetSpeed(const robot::Target& target, Reply& reply) {
    if (!(std::abs(target.speed()) <= kFastest)) return absl::StatusCode::kOutOfRange;
    reply.set_before(target_);
    reply.set_state(state_);
    target_ = target.speed();
    return absl::StatusCode::kOk;
  }

 private:
  void Enter(const std::string& state) {
    state_ = state;
    std::cout << "controller: " << state << std::endl;
  }

  robot::DrivePublisher drive_;
  std::string state_ = "running";
  double speed_ = 0;
  double target_ = 0;
};

}  // namespace

int main() {
  auto node = holler::Node::Create({.name = "controller"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto imu = robot::ImuSubscriber::Create(*node);
  if (!imu.ok()) return std::cerr << imu.status() << "\n", 1;
  auto drive = robot::DrivePublisher::Create(*node);
  if (!drive.ok()) return std::cerr << drive.status() << "\n", 1;
  auto server = robot::ControllerSetSpeedServer::Create(*node);
  if (!server.ok()) return std::cerr << server.status() << "\n", 1;
  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;

  Controller controller(std::move(*drive));
  // Only the newest counts, and none for 20 ms is reason to stop.
  auto on_imu = loop->OnSample(
      *imu, [&](const auto& sample) { controller.OnImu(*sample); },
      {.latest = true,
       .deadline = absl::Milliseconds(20),
       .on_deadline = [&](const holler::DeadlineEvent& event) { controller.OnDeadline(event); }});
  if (!on_imu.ok()) return std::cerr << on_imu.status() << "\n", 1;
  auto timer = loop->Every(absl::Milliseconds(10), [&] { controller.Control(); });
  if (!timer.ok()) return std::cerr << timer.status() << "\n", 1;
  auto on_call = loop->OnCall(
      *server, [&](const auto& call, auto& reply) { return controller.OnSetSpeed(*call, reply); });
  if (!on_call.ok()) return std::cerr << on_call.status() << "\n", 1;
  if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) {
    return std::cerr << status << "\n", 1;
  }
  std::cout << "controller: ready" << std::endl;
  loop->Run();
}
