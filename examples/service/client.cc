// Asks for some quotients, two of which do not exist, and prints the answers.
#include <iostream>
#include <limits>
#include <utility>

#include "division_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "service_client"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto divide = service::ArithmeticDivideClient::Create(*node);
  if (!divide.ok()) return std::cerr << divide.status() << "\n", 1;

  divide->WaitForServer(absl::InfiniteDuration());  // Sleeps until somebody serves.
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  using Numbers = std::pair<int64_t, int64_t>;
  for (const auto& [dividend, divisor] :
       {Numbers(100, 3), Numbers(100, 7), Numbers(100, 0), Numbers(kLowest, -1)}) {
    std::cout << dividend << " / " << divisor << ": ";
    if (auto answer = divide->Call(service::Numbers(dividend, divisor))) {
      std::cout << answer->quotient() << ", remainder " << answer->remainder() << "\n";
    } else {
      std::cout << answer.status() << "\n";
    }
  }
}
