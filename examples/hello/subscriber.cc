// Prints what it hears, until it has heard the fifth greeting.
#include <iostream>

#include "greeting_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "hello_subscriber"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto greetings = hello::GreetingSubscriber::Create(*node);
  if (!greetings.ok()) return std::cerr << greetings.status() << "\n", 1;

  while (greetings->Wait(absl::InfiniteDuration())) {  // Sleeps until there is a sample.
    while (auto greeting = greetings->Take()) {
      std::cout << "hello number " << greeting->count() << ", sample " << greeting.sequence()
                << ", said " << greeting.age() << " ago\n";
      if (greeting->count() == 5) return 0;
    }
  }
}
