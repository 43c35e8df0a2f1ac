// What a message costs two processes that sleep in between. See --help.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bench_wake_topics.h"
#include "holler/clock.h"
#include "holler/unique_fd.h"

namespace bench {
namespace {

constexpr char kHelp[] =
    R"(usage: bench_wake [--seconds=N] [--domain=N]

Measures the CPU time, user and system, that a message of 64 bytes costs the process that sends it
and the process that receives it, if both sleep between two messages: at 100 and at 1000 messages
a second, N seconds (default 10) for each way. The ways take turns, half a second each:

  eventfd  a bare ping: the sender writes an eventfd, the receiver reads it, blocking
  wait     Holler: Loan, Publish; Wait, Take
  fd       Holler: Loan, Publish; epoll_wait with the subscriber's fd(), Take until nothing is left

The sender sleeps by clock_nanosleep, which is part of its cost in each way. The domain (default
4991) keeps the benchmark apart from other nodes of this machine.
)";

constexpr double kTarget = 1.2;
enum Way : uint32_t { kEventfd, kWait, kFd, kWays };
constexpr std::array<const char*, kWays> kNames = {"eventfd", "wait", "fd"};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench_wake: %s\n", what.c_str());
  std::exit(1);
}

double CpuMicroseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// What the sender tells the receiver to do, which answers with the CPU time it took.
struct Order {
  Way way;
  uint32_t messages;
};

template <typename T>
bool ReadFrom(int fd, T* value) {
  return ::read(fd, value, sizeof(*value)) == sizeof(*value);
}
template <typename T>
void WriteTo(int fd, const T& value) {
  if (::write(fd, &value, sizeof(value)) != sizeof(value)) Die("the other process is gone");
}

// ---- The receiver ----

void ReceivePings(int eventfd, uint32_t messages) {
  uint64_t value = 0;
  for (uint64_t received = 0; received < messages; received += value) {
    if (!ReadFrom(eventfd, &value)) Die("reading the eventfd");
  }
}

void ReceiveByWait(TickSubscriber& ticks, uint32_t messages) {
  for (uint32_t received = 0; received < messages;) {
    ticks.Wait(absl::InfiniteDuration());
    while (ticks.Take()) ++received;
  }
}

void ReceiveByFd(TickSubscriber& ticks, int epoll, uint32_t messages) {
  uint32_t received = 0;
  while (ticks.Take()) ++received;
  while (received < messages) {
    epoll_event event{};
    ::epoll_wait(epoll, &event, 1, -1);
    while (ticks.Take()) ++received;
  }
}

int Receive(uint32_t domain, int eventfd, int in, int out) {
  auto node = holler::Node::Create({.name = "bench_wake_receiver", .domain = domain});
  if (!node.ok()) Die(node.status().ToString());
  // Two, since one whose fd() is in use sleeps by it in all cases.
  auto by_wait = TickSubscriber::Create(*node, {.topic = "bench/wait"});
  auto by_fd = TickSubscriber::Create(*node, {.topic = "bench/fd"});
  if (!by_wait.ok() || !by_fd.ok()) Die("cannot subscribe");
  const holler::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, by_fd->fd(), &event);
  for (Order order; ReadFrom(in, &order);) {
    const double before = CpuMicroseconds();
    WriteTo(out, before);  // Ready.
    if (order.way == kEventfd) ReceivePings(eventfd, order.messages);
    if (order.way == kWait) ReceiveByWait(*by_wait, order.messages);
    if (order.way == kFd) ReceiveByFd(*by_fd, epoll.get(), order.messages);
    WriteTo(out, CpuMicroseconds() - before);
  }
  return by_wait->lost() + by_fd->lost() == 0 ? 0 : 1;
}

// ---- The sender ----

struct Cost {
  double sender = 0;  // Microseconds of CPU for a message.
  double receiver = 0;
  double both() const { return sender + receiver; }
};

class Sender {
 public:
  Sender(uint32_t domain, int eventfd, int in, int out) : eventfd_(eventfd), in_(in), out_(out) {
    auto node = holler::Node::Create({.name = "bench_wake_sender", .domain = domain});
    if (!node.ok()) Die(node.status().ToString());
    for (const char* topic : {"bench/wait", "bench/fd"}) {
      auto publisher = TickPublisher::Create(*node, {.topic = topic});
      if (!publisher.ok()) Die(publisher.status().ToString());
      if (!publisher->WaitForSubscriber(absl::Seconds(30))) Die("the receiver does not come");
      publishers_.push_back(std::move(*publisher));
    }
  }

  Cost Measure(Way way, uint32_t rate, uint32_t messages) {
    WriteTo(out_, Order{way, messages});
    double receiver = 0;
    if (!ReadFrom(in_, &receiver)) Die("the receiver is gone");
    const double before = CpuMicroseconds();
    int64_t due = holler::MonotonicNow();
    for (uint32_t i = 0; i < messages; ++i) {
      due += 1'000'000'000 / rate;
      const timespec until{.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
      while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
      }
      Send(way);
    }
    const double sender = CpuMicroseconds() - before;
    if (!ReadFrom(in_, &receiver)) Die("the receiver is gone");
    return {sender / messages, receiver / messages};
  }

 private:
  void Send(Way way) {
    if (way == kEventfd) return WriteTo(eventfd_, uint64_t{1});
    TickPublisher& publisher = publishers_[way == kWait ? 0 : 1];
    auto loan = publisher.Loan();
    if (!loan) Die("no loan");
    loan->set_number(++number_);
    publisher.Publish(std::move(loan));
  }

  const int eventfd_;
  const int in_;
  const int out_;
  std::vector<TickPublisher> publishers_;
  uint64_t number_ = 0;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Report(uint32_t rate, const std::array<std::vector<Cost>, kWays>& costs) {
  std::printf("%4u messages a second           sender  receiver    both   both / eventfd\n", rate);
  for (uint32_t way = 0; way < kWays; ++way) {
    std::vector<double> sender, receiver, both, ratio;
    for (size_t i = 0; i < costs[way].size(); ++i) {
      sender.push_back(costs[way][i].sender);
      receiver.push_back(costs[way][i].receiver);
      both.push_back(costs[way][i].both());
      ratio.push_back(costs[way][i].both() / costs[kEventfd][i].both());
    }
    std::printf("  %-24s %7.2f us %6.2f us %5.2f us    %5.2f", kNames[way], Median(sender),
                Median(receiver), Median(both), Median(ratio));
    if (way != kWait) {  // The blocking mode; who polls pays for epoll as well.
      std::printf("\n");
    } else {
      std::printf("    target <= %.1f: %s\n", kTarget, Median(ratio) <= kTarget ? "met" : "MISSED");
    }
  }
}

int Main(uint32_t seconds, uint32_t domain) {
  const holler::UniqueFd eventfd(::eventfd(0, EFD_CLOEXEC));
  int orders[2];
  int answers[2];
  if (!eventfd || ::pipe(orders) != 0 || ::pipe(answers) != 0) Die(std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0) Die(std::strerror(errno));
  if (child == 0) {
    ::close(orders[1]);
    return Receive(domain, eventfd.get(), orders[0], answers[1]);
  }
  ::close(orders[0]);
  ::close(answers[1]);
  {
    Sender sender(domain, eventfd.get(), answers[0], orders[1]);
    for (const uint32_t rate : {100u, 1'000u}) {
      std::array<std::vector<Cost>, kWays> costs;
      for (uint32_t turn = 0; turn < 2 * seconds; ++turn) {
        for (uint32_t i = 0; i < kWays; ++i) {
          // Another order each time, so that no way is always the one after the same.
          const Way way = static_cast<Way>((i + turn) % kWays);
          costs[way].push_back(sender.Measure(way, rate, rate / 2));
        }
      }
      Report(rate, costs);
    }
    ::close(orders[1]);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) Die("samples were lost");
  return 0;
}

uint32_t Number(const std::string& text, size_t at) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str() + at, &end, 10);
  if (text.size() == at || *end != '\0' || value == 0 || value > 4'999) {
    Die("\"" + text + "\": a number from 1 to 4999 is needed; see --help");
  }
  return static_cast<uint32_t>(value);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  uint32_t seconds = 10;
  uint32_t domain = 4'991;
  for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    if (argument == "--help") {
      std::fputs(bench::kHelp, stdout);
      return 0;
    }
    if (argument.starts_with("--seconds=")) {
      seconds = bench::Number(argument, 10);
    } else if (argument.starts_with("--domain=")) {
      domain = bench::Number(argument, 9);
    } else {
      bench::Die("unknown argument \"" + argument + "\"; see --help");
    }
  }
  return bench::Main(seconds, domain);
}
