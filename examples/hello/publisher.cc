// Counts to five for whoever listens first, and ends at once. Nothing it said is lost.
#include <iostream>
#include <utility>

#include "greeting_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "hello_publisher"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto greetings = hello::GreetingPublisher::Create(*node);
  if (!greetings.ok()) return std::cerr << greetings.status() << "\n", 1;

  greetings->WaitForSubscriber(absl::InfiniteDuration());  // Sleeps until somebody listens.
  for (uint32_t count = 1; count <= 5; ++count) {
    if (auto loan = greetings->Loan()) {
      loan->set_count(count);
      greetings->Publish(std::move(loan));
    }
  }
}
