// How long it takes until a program that is started has its first sample, and until a program
// learns that its peer was killed. See --help.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench_startup_parts.h"
#include "holler/clock.h"
#include "holler/unique_fd.h"

namespace bench {
namespace {

constexpr char kHelp[] =
    R"(usage: bench_startup [--runs=N] [--domain=N]

Measures, N times (default 200) each, in ms:

  start  from just before execve of the second of two programs, to the first sample the
         subscriber holds: with the subscriber started last (it takes the sample itself) and with
         the publisher started last (the waiting subscriber takes it). The program that was there
         before is asleep.
  death  from kill(SIGKILL) of one of them to on_unmatched in the other, for both roles. The
         kernel ends the process in between.
  floor  from just before execve of a program to its main: an empty one, and this one. No program
         that loads the same libraries can be faster than the latter.

The domain (default 4990) keeps the benchmark apart from other nodes of this machine.
)";

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench_startup: %s\n", what.c_str());
  std::exit(1);
}

[[noreturn]] void DieOfError(const char* call) {
  Die(std::string(call) + ": " + std::strerror(errno));
}

// ---- Processes ----

// A program that runs, and the pipe from its stdout.
struct Child {
  pid_t pid = 0;
  holler::UniqueFd pipe{};

  template <typename Record>
  Record Read() const {
    Record record;
    ssize_t size;
    do {
      size = ::read(pipe.get(), &record, sizeof(record));
    } while (size < 0 && errno == EINTR);
    if (size != sizeof(record)) Die("a program ended too early");
    return record;
  }
  Message Expect(Message::Kind kind) const {
    const Message message = Read<Message>();
    if (message.kind != kind) Die("a program said something unexpected");
    return message;
  }

  // Returns when it was killed.
  int64_t Kill() const {
    const int64_t now = holler::MonotonicNow();
    ::kill(pid, SIGKILL);
    return now;
  }
  void Await() const { ::waitpid(pid, nullptr, 0); }
};

class Programs {
 public:
  explicit Programs(uint32_t domain) : domain_(std::to_string(domain)) {
    char path[PATH_MAX] = {};
    if (::readlink("/proc/self/exe", path, sizeof(path) - 1) <= 0) DieOfError("readlink");
    self_ = path;
  }

  Child Start(const std::string& role) const { return Start(self_, {"--part", role, domain_}); }
  Child StartEmpty() const { return Start(self_ + "_empty", {}); }

 private:
  // The last argument becomes the time just before execve, taken by the child.
  static Child Start(const std::string& path, std::vector<std::string> arguments) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) DieOfError("pipe2");
    Child child{.pid = 0, .pipe = holler::UniqueFd(pipe[0])};
    const holler::UniqueFd write_end(pipe[1]);
    arguments.insert(arguments.begin(), path);
    arguments.push_back(std::string(20, '\0'));
    std::string& time = arguments.back();
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    child.pid = ::fork();
    if (child.pid < 0) DieOfError("fork");
    if (child.pid == 0) {
      ::dup2(write_end.get(), STDOUT_FILENO);
      std::to_chars(time.data(), time.data() + time.size(), holler::MonotonicNow());
      ::execv(path.c_str(), argv.data());
      ::_exit(127);
    }
    return child;
  }

  const std::string domain_;
  std::string self_;
};

// ---- What is measured ----

struct Times {
  std::vector<double> all{};  // Milliseconds.

  void Add(int64_t from, int64_t to) { all.push_back(static_cast<double>(to - from) / 1e6); }

  // 0.5: the median; 1: the maximum.
  double Quantile(double part) {
    std::sort(all.begin(), all.end());
    return all[static_cast<size_t>(part * static_cast<double>(all.size() - 1) + 0.5)];
  }
};

void MeasureFloor(const Child& child, Times* times) {
  const FloorMoments moments = child.Read<FloorMoments>();
  times->Add(moments.exec, moments.main);
  child.Await();
}

// One order of starting, in all runs.
struct Order {
  Times to_main{};
  Times to_node{};
  Times to_endpoint{};
  Times to_sample{};
  Times to_unmatched{};

  // Starts a newcomer, and kills it once the subscriber, `teller` or else the newcomer, has told
  // of its first sample.
  void Measure(const Programs& programs, const std::string& role, const Child& resident,
               const Child* teller) {
    const Child newcomer = programs.Start(role);
    const Child& subscriber = teller != nullptr ? *teller : newcomer;
    const Moments moments = subscriber.Expect(Message::kFirstSample).moments;
    to_main.Add(moments.exec, moments.main);
    to_node.Add(moments.exec, moments.node);
    to_endpoint.Add(moments.exec, moments.endpoint);
    to_sample.Add(moments.exec, moments.sample);
    const int64_t killed = newcomer.Kill();
    to_unmatched.Add(killed, resident.Expect(Message::kUnmatched).unmatched);
    newcomer.Await();
  }
};

void Print(const char* what, Times& times, double floor) {
  std::printf("%-50s %8.2f %8.2f %8.2f %8.1f\n", what, times.Quantile(0.5), times.Quantile(0.9),
              times.Quantile(1), times.Quantile(0.5) / floor);
}

void Print(Order& order, const char* start, const char* death, double floor) {
  Print("  exec to main", order.to_main, floor);
  Print("  exec to the node", order.to_node, floor);
  Print("  exec to the publisher or subscriber", order.to_endpoint, floor);
  Print(start, order.to_sample, floor);
  Print(death, order.to_unmatched, floor);
}

void PrintTable(int runs, Times& empty, Times& self, Order& subscriber_last,
                Order& publisher_last) {
  const double floor = self.Quantile(0.5);
  std::printf("%d runs, times in ms; \"floors\": median / median of the floor marked *\n\n", runs);
  std::printf("%-50s %8s %8s %8s %8s\n", "", "median", "p90", "max", "floors");
  Print("floor: exec to main, an empty program", empty, floor);
  Print("floor: exec to main, this program *", self, floor);
  std::printf("\nsubscriber started last\n");
  Print(subscriber_last, "  start: exec to its first sample",
        "  death: SIGKILL to the publisher's on_unmatched", floor);
  std::printf("\npublisher started last\n");
  Print(publisher_last, "  start: exec to the subscriber's first sample",
        "  death: SIGKILL to the subscriber's on_unmatched", floor);
  std::printf(
      "\nHow to read it: the lines of a start are sums, each contains the one above it. What is\n"
      "before main is the kernel's and the dynamic linker's; from there to the node, the first\n"
      "sockets and a thread; from the endpoint to the sample, the two nodes' conversation.\n"
      "Aims, on an idle machine: start <= 5 ms, better <= 3; death <= 5 ms, better <= 2.\n");
}

void Drive(int runs, uint32_t domain) {
  const Programs programs(domain);
  const Child publisher = programs.Start("resident-publisher");
  const Child subscriber = programs.Start("resident-subscriber");
  publisher.Expect(Message::kReady);
  subscriber.Expect(Message::kReady);

  Times empty;
  Times self;
  Order subscriber_last;
  Order publisher_last;
  // Alternating, so that all see the same machine. Run 0 only warms up: it reads from disk.
  for (int run = 0; run <= runs; ++run) {
    if (run % 10 == 0) std::fprintf(stderr, "\rrun %d of %d ", run, runs);
    if (run == 1) {
      empty = self = {};
      subscriber_last = publisher_last = {};
    }
    MeasureFloor(programs.StartEmpty(), &empty);
    MeasureFloor(programs.Start("main"), &self);
    subscriber_last.Measure(programs, "newcomer-subscriber", publisher, nullptr);
    publisher_last.Measure(programs, "newcomer-publisher", subscriber, &subscriber);
  }
  std::fprintf(stderr, "\r%-30s\r", "");
  for (const Child* child : {&publisher, &subscriber}) {
    child->Kill();
    child->Await();
  }
  PrintTable(runs, empty, self, subscriber_last, publisher_last);
}

// ---- The command line ----

template <typename Value>
bool Parse(std::string_view text, Value* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

int Main(int argc, char** argv, int64_t main_time) {
  int runs = 200;
  uint32_t domain = 4990;
  int64_t exec_time = 0;
  if (argc == 5 && argv[1] == std::string_view("--part") && Parse(argv[3], &domain) &&
      Parse(argv[4], &exec_time)) {
    return RunPart(argv[2], domain, exec_time, main_time);
  }
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    const std::string_view value = argument.substr(argument.find('=') + 1);
    if (argument.starts_with("--runs=") && Parse(value, &runs) && runs > 0) continue;
    if (argument.starts_with("--domain=") && Parse(value, &domain)) continue;
    std::fprintf(stderr, "bench_startup: bad argument '%s'\n%s", argv[i], kHelp);
    return 2;
  }
  Drive(runs, domain);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main(argc, argv, holler::MonotonicNow()); }
