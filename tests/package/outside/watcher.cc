// Subscribes to topics that Holler brings along: a struct and a table. Exit status 0: both arrived
// as they were sent.
#include <iostream>
#include <utility>
#include <vector>

#include "load_topics.h"
#include "processes_topics.h"

namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

int Fail(const char* what) { return std::cerr << "FAILED: " << what << "\n", 1; }

}  // namespace

int main() {
  auto node = holler::Node::Create({.name = "outside_watcher"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto loads = machine::LoadSubscriber::Create(*node);
  auto lists = machine::ProcessesSubscriber::Create(*node);
  auto load_publisher = machine::LoadPublisher::Create(*node);
  auto list_publisher = machine::ProcessesPublisher::Create(*node);
  if (!loads.ok() || !lists.ok() || !load_publisher.ok() || !list_publisher.ok()) {
    return Fail("endpoints of system/load and system/processes");
  }
  if (!load_publisher->WaitForSubscriber(kPatience) ||
      !list_publisher->WaitForSubscriber(kPatience)) {
    return Fail("a match");
  }

  auto load = load_publisher->Loan();
  load->set_average_1(0.5);
  load_publisher->Publish(std::move(load));
  auto list = list_publisher->Loan();
  const std::vector<flatbuffers::Offset<machine::Process>> none;
  list->Finish(machine::CreateProcesses(list->builder(), list->builder().CreateVector(none)));
  list_publisher->Publish(std::move(list));

  if (!loads->Wait(kPatience) || !lists->Wait(kPatience)) return Fail("the samples");
  if (loads->Take()->average_1() != 0.5) return Fail("the load that was sent");
  if (!lists->Take()) return Fail("the list that was sent");
  std::cout << "Topics that came with Holler were sent and received.\n";
}
