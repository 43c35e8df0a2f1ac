#include "bench_startup_parts.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iostream>
#include <semaphore>
#include <utility>

#include "bench_startup_topics.h"
#include "holler/clock.h"

namespace bench {
namespace {

void Tell(const Message& message) {
  if (::write(STDOUT_FILENO, &message, sizeof(message)) != sizeof(message)) ::_exit(1);
}

void TellUnmatched() {
  const int64_t now = holler::MonotonicNow();
  Tell({.kind = Message::kUnmatched, .unmatched = now});
}

int Fail(const absl::Status& status) {
  std::cerr << "bench_startup: " << status << "\n";
  return 1;
}

// Publishes one sample for each subscriber that comes.
int ResidentPublisher(holler::Node& node) {
  std::counting_semaphore<> matched(0);
  auto publisher = BirthPublisher::Create(
      node, {.topic = kSubscriberLast,
             .on_matched = [&](const holler::PeerInfo&) { matched.release(); },
             .on_unmatched = [](const holler::PeerInfo&) { TellUnmatched(); }});
  if (!publisher.ok()) return Fail(publisher.status());
  Tell({.kind = Message::kReady});
  while (true) {
    matched.acquire();
    publisher->Publish(Birth());
  }
}

int ResidentSubscriber(holler::Node& node) {
  auto subscriber = BirthSubscriber::Create(
      node,
      {.topic = kPublisherLast, .on_unmatched = [](const holler::PeerInfo&) { TellUnmatched(); }});
  if (!subscriber.ok()) return Fail(subscriber.status());
  Tell({.kind = Message::kReady});
  while (subscriber->Wait(absl::InfiniteDuration())) {
    while (const auto birth = subscriber->Take()) {
      const int64_t now = holler::MonotonicNow();
      Tell({.kind = Message::kFirstSample,
            .moments = {birth->exec_ns(), birth->main_ns(), birth->node_ns(), birth->endpoint_ns(),
                        now}});
    }
  }
  return 1;
}

int NewcomerPublisher(holler::Node& node, Moments moments) {
  auto publisher = BirthPublisher::Create(node, {.topic = kPublisherLast});
  if (!publisher.ok()) return Fail(publisher.status());
  moments.endpoint = holler::MonotonicNow();
  publisher->WaitForSubscriber(absl::InfiniteDuration());
  publisher->Publish(Birth(moments.exec, moments.main, moments.node, moments.endpoint));
  while (true) ::pause();
}

int NewcomerSubscriber(holler::Node& node, Moments moments) {
  auto subscriber = BirthSubscriber::Create(node, {.topic = kSubscriberLast});
  if (!subscriber.ok()) return Fail(subscriber.status());
  moments.endpoint = holler::MonotonicNow();
  while (true) {
    subscriber->Wait(absl::InfiniteDuration());
    if (!subscriber->Take()) continue;
    moments.sample = holler::MonotonicNow();
    Tell({.kind = Message::kFirstSample, .moments = moments});
  }
}

}  // namespace

int RunPart(const std::string& role, uint32_t domain, int64_t exec_time, int64_t main_time) {
  if (role == "main") {
    const FloorMoments floor{exec_time, main_time};
    return ::write(STDOUT_FILENO, &floor, sizeof(floor)) == sizeof(floor) ? 0 : 1;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Not to outlive a driver that was killed.
  Moments moments{.exec = exec_time, .main = main_time};
  auto node = holler::Node::Create({.name = role, .domain = domain});
  if (!node.ok()) return Fail(node.status());
  moments.node = holler::MonotonicNow();
  if (role == "resident-publisher") return ResidentPublisher(*node);
  if (role == "resident-subscriber") return ResidentSubscriber(*node);
  if (role == "newcomer-publisher") return NewcomerPublisher(*node, moments);
  return NewcomerSubscriber(*node, moments);
}

}  // namespace bench
