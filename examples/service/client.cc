// Asks for some quotients, one of which does not exist, and prints the answers.
#include <iostream>

#include "division_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "service_client"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto divide = service::ArithmeticDivideClient::Create(*node);
  if (!divide.ok()) return std::cerr << divide.status() << "\n", 1;

  divide->WaitForServer(absl::InfiniteDuration());  // Sleeps until somebody serves.
  for (const int64_t divisor : {3, 7, 0}) {
    std::cout << "100 / " << divisor << ": ";
    if (auto answer = divide->Call(service::Numbers(100, divisor))) {
      std::cout << answer->quotient() << ", remainder " << answer->remainder() << "\n";
    } else {
      std::cout << answer.status() << "\n";
    }
  }
}
