// Asks the controller for a speed: robot_operator 2.5
#include <cstdlib>
#include <iostream>

#include "robot_topics.h"

int main(int argc, char** argv) {
  char* end = nullptr;
  const double speed = argc == 2 ? std::strtod(argv[1], &end) : 0;
  if (end == nullptr || end == argv[1] || *end != '\0') {
    return std::cerr << "usage: robot_operator SPEED, in rad/s\n", 2;
  }
  auto node = holler::Node::Create({.name = "operator"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto set_speed = robot::ControllerSetSpeedClient::Create(*node);
  if (!set_speed.ok()) return std::cerr << set_speed.status() << "\n", 1;
  if (!set_speed->WaitForServer(absl::Seconds(2))) {
    return std::cerr << "operator: there is no controller\n", 1;
  }
  const auto reply = set_speed->Call(robot::Target(speed));
  if (!reply) return std::cerr << "operator: " << reply.status() << "\n", 1;
  std::cout << "operator: from " << reply->before() << " to " << speed << " rad/s, the robot is "
            << reply->state()->str() << "\n";
}
