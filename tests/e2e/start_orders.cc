// Processes that start in any order, at any moment: the first sample published after
// WaitForSubscriber arrives, every time.
//
//   start_orders [ROUNDS [SEED]]      the driver; HOLLER_E2E_ROUNDS sets ROUNDS as well
//
// Each round is a small cast of processes in one of several shapes, with topics of its own; several
// rounds run at a time, in one domain, so that they get in each other's way. Between any two steps
// there may be a pause made of work, of random length.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <semaphore>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pattern.h"

extern char** environ;

namespace e2e {
namespace {

// Far beyond what a match takes: whoever waits longer waits for ever.
constexpr absl::Duration kHung = absl::Seconds(30);
constexpr int kRoundsAtOnce = 4;

using Random = std::mt19937_64;

uint64_t Below(Random& random, uint64_t limit) { return random() % limit; }

// Keeps the CPU busy for a random while, mostly short.
void Work(Random& random) {
  static constexpr uint64_t kMost[] = {1, 10'000, 100'000, 1'000'000};
  volatile uint64_t sink = 0;
  for (uint64_t left = Below(random, kMost[Below(random, std::size(kMost))]); left > 0; --left) {
    sink = sink + left;
  }
}

// ---- One process of a round ----

struct Part {
  uint64_t seed = 0;
  int listeners = 1;  // Subscribers that each of its publishers waits for.
  std::vector<std::string> publishes{};
  std::vector<std::string> subscribes{};
};

int Fail(const std::string& what) {
  std::cerr << "process " << ::getpid() << ": " << what << std::endl;
  return 1;
}

int Play(const Part& part) {
  ::alarm(static_cast<unsigned>(absl::ToInt64Seconds(4 * kHung)));
  Random random(part.seed);
  Work(random);
  auto node = holler::Node::Create({.name = "start_orders"});
  if (!node.ok()) return Fail(node.status().ToString());

  std::vector<std::unique_ptr<std::counting_semaphore<>>> matched;  // Outlives the callbacks.
  std::vector<TickPublisher> publishers;
  std::vector<TickSubscriber> subscribers;
  size_t to_publish = part.publishes.size();
  size_t to_subscribe = part.subscribes.size();
  while (to_publish + to_subscribe > 0) {
    Work(random);
    if (Below(random, to_publish + to_subscribe) < to_publish) {
      std::counting_semaphore<>* count =
          matched.emplace_back(std::make_unique<std::counting_semaphore<>>(0)).get();
      auto publisher = TickPublisher::Create(
          *node, {.topic = part.publishes[--to_publish],
                  .on_matched = [count](const holler::PeerInfo&) { count->release(); }});
      if (!publisher.ok()) return Fail(publisher.status().ToString());
      publishers.push_back(std::move(*publisher));
    } else {
      auto subscriber = TickSubscriber::Create(*node, {.topic = part.subscribes[--to_subscribe]});
      if (!subscriber.ok()) return Fail(subscriber.status().ToString());
      subscribers.push_back(std::move(*subscriber));
    }
  }

  for (size_t i = 0; i < publishers.size(); ++i) {
    Work(random);
    if (part.listeners > 1) {
      for (int left = part.listeners; left > 0; --left) {
        if (!matched[i]->try_acquire_for(absl::ToChronoSeconds(kHung))) {
          return Fail(absl::StrCat("no subscriber ", left, " on ", publishers[i].topic()));
        }
      }
    } else if (!publishers[i].WaitForSubscriber(kHung)) {
      return Fail(absl::StrCat("nobody subscribes to ", publishers[i].topic()));
    }
    auto loan = publishers[i].LoanUninitialized();
    if (!loan) return Fail(absl::StrCat("no loan for ", publishers[i].topic()));
    FillTick(part.seed, 1, &loan->message());
    if (publishers[i].Publish(std::move(loan)) != 1) return Fail("a first sample that is not 1");
  }
  for (TickSubscriber& subscriber : subscribers) {
    Work(random);
    if (!subscriber.Wait(kHung)) {
      const holler::NodeStats stats = node->stats();
      return Fail(absl::StrCat(
          "nothing on ", subscriber.topic(), "; publishers matched: ", subscriber.publisher_count(),
          ", connections: ", stats.connections, ", refused: ", stats.refused_endpoints,
          ", malformed: ", stats.malformed));
    }
    const auto sample = subscriber.Take();
    if (!sample || sample.sequence() != 1 || sample->number() != 1 || !IsWhole(*sample)) {
      return Fail(absl::StrCat("not the first sample on ", subscriber.topic()));
    }
  }
  if (Below(random, 2) == 0) ::_exit(0);  // As a process does that crashes when all is done.
  return 0;
}

std::vector<std::string> Words(const std::string& list) {
  return absl::StrSplit(list, ',', absl::SkipEmpty());
}

// ---- The driver ----

std::vector<Part> ARound(Random& random, const std::string& name) {
  const auto topic = [&](int i) { return absl::StrCat(name, "/", i); };
  std::vector<Part> parts;
  switch (Below(random, 4)) {
    case 0:  // One speaks, one listens.
      parts = {{.publishes = {topic(0)}}, {.subscribes = {topic(0)}}};
      break;
    case 1:  // Both speak and listen.
      parts = {{.publishes = {topic(0)}, .subscribes = {topic(1)}},
               {.publishes = {topic(1)}, .subscribes = {topic(0)}}};
      break;
    case 2:  // One speaks to three.
      parts = {{.listeners = 3, .publishes = {topic(0)}},
               {.subscribes = {topic(0)}},
               {.subscribes = {topic(0)}},
               {.subscribes = {topic(0)}}};
      break;
    default:  // Three processes with several topics, in a ring.
      for (int i = 0; i < 3; ++i) {
        const int next = (i + 1) % 3 * 3;
        parts.push_back({.publishes = {topic(i * 3), topic(i * 3 + 1), topic(i * 3 + 2)},
                         .subscribes = {topic(next), topic(next + 1), topic(next + 2)}});
      }
  }
  for (Part& part : parts) part.seed = random();
  std::shuffle(parts.begin(), parts.end(), random);
  return parts;
}

pid_t Spawn(const Part& part) {
  const std::string arguments[] = {"start_orders",
                                   "play",
                                   absl::StrCat(part.seed),
                                   absl::StrCat(part.listeners),
                                   absl::StrJoin(part.publishes, ","),
                                   absl::StrJoin(part.subscribes, ",")};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, argv.data(), environ);
  return error == 0 ? pid : -1;
}

int Drive(int rounds, uint64_t seed) {
  std::cout << rounds << " rounds, seed " << seed << std::endl;
  Random random(seed);
  const absl::Time start = absl::Now();
  std::map<pid_t, int> running;  // Process to round.
  std::map<int, int> left;       // Round to its processes.
  int next = 0;
  int processes = 0;
  int failures = 0;
  while (next < rounds || !running.empty()) {
    while (next < rounds && left.size() < kRoundsAtOnce) {
      const std::vector<Part> parts =
          ARound(random, absl::StrCat("start", ::getpid(), "/round", next));
      for (const Part& part : parts) {
        const pid_t pid = Spawn(part);
        if (pid < 0) return Fail("posix_spawn failed");
        running[pid] = next;
        ++left[next];
        ++processes;
        Work(random);
      }
      ++next;
    }
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    const auto it = running.find(pid);
    if (it == running.end()) continue;
    if (status != 0) {
      ++failures;
      std::cout << "round " << it->second << ", process " << pid << ": "
                << (WIFSIGNALED(status) ? "signal " : "exit status ")
                << (WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)) << std::endl;
    }
    if (--left[it->second] == 0) left.erase(it->second);
    running.erase(it);
  }
  std::cout << rounds << " rounds of " << processes << " processes took " << absl::Now() - start
            << "; processes that failed: " << failures << std::endl;
  return failures == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  if (argc == 6 && argv[1] == std::string_view("play")) {
    Part part{.publishes = Words(argv[4]), .subscribes = Words(argv[5])};
    if (!absl::SimpleAtoi(argv[2], &part.seed) || !absl::SimpleAtoi(argv[3], &part.listeners)) {
      return Fail("bad arguments");
    }
    return Play(part);
  }
  int rounds = 1'000;
  uint64_t seed = std::random_device{}();
  const char* wish = std::getenv("HOLLER_E2E_ROUNDS");
  if (argc > 1) wish = argv[1];
  if ((wish != nullptr && !absl::SimpleAtoi(wish, &rounds)) ||
      (argc > 2 && !absl::SimpleAtoi(argv[2], &seed))) {
    return Fail("usage: start_orders [ROUNDS [SEED]]");
  }
  return Drive(rounds, seed);
}

}  // namespace
}  // namespace e2e

int main(int argc, char** argv) { return e2e::Main(argc, argv); }
