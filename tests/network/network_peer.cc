// One node with one endpoint, which does what a test tells it.
//
//   network_peer publisher|subscriber [--topic=NAME] [--domain=N] [--multicast=false]
//                [--interface=ADDRESS] [--allow=USER]... [--uid=N]
//
// It writes what happens to stdout, one line each: a word, then key=value. `ns` is of
// CLOCK_MONOTONIC.
//
//   created ns=N pid=N          the endpoint exists
//   log TEXT                    what the node has to say
//   error TEXT                  and the end
//
// It obeys the lines on stdin, and ends with them:
//
//   publish        waits for a subscriber: `ready ns=N`; publishes: `published sequence=N`
//   take           waits for a sample: `sample ns=N sequence=N source=PID`
//   await KEY N    waits until the statistic KEY is at least N; answers as to stats
//   stats          `stats KEY=N...`
//   rob            tries to change memory of peers: see handed_over.h; then `robbed`
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "handed_over.h"
#include "holler/clock.h"
#include "network_topics.h"

namespace network {
namespace {

// Far beyond what anything takes: whoever waits longer waits for ever.
constexpr absl::Duration kHung = absl::Seconds(30);
constexpr unsigned kAbandoned = 280;  // Seconds; whoever told it what to do is gone.

// By any thread: one write, so that lines do not mix.
void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) ::_exit(1);
}

[[noreturn]] void Fail(const std::string& why) {
  Say(absl::StrCat("error ", why));
  ::_exit(1);
}

struct Settings {
  holler::NodeOptions node{};
  std::string topic{};
  std::optional<uint32_t> uid{};
};

Settings Parse(const std::vector<std::string>& arguments) {
  Settings settings;
  for (const std::string& argument : arguments) {
    const std::pair<std::string, std::string> option =
        absl::StrSplit(argument, absl::MaxSplits('=', 1));
    const auto& [key, value] = option;
    uint32_t number = 0;
    const bool is_number = absl::SimpleAtoi(value, &number);
    if (key == "--topic") {
      settings.topic = value;
    } else if (key == "--interface") {
      settings.node.interface_address = value;
    } else if (key == "--allow") {
      settings.node.allowed_users.push_back(value);
    } else if (argument == "--multicast=false") {
      settings.node.multicast = false;
    } else if (key == "--domain" && is_number) {
      settings.node.domain = number;
    } else if (key == "--uid" && is_number) {
      settings.uid = number;
    } else {
      Fail(absl::StrCat("unknown argument ", argument));
    }
  }
  return settings;
}

// For good. The process stays an ordinary one in all other ways.
void Become(uid_t uid) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0 ||
      ::prctl(PR_SET_DUMPABLE, 1) != 0) {
    Fail(absl::StrCat("cannot become user ", uid));
  }
}

class Peer {
 public:
  Peer(holler::Node node, std::optional<BeatPublisher> publisher,
       std::optional<BeatSubscriber> subscriber)
      : node_(std::move(node)),
        publisher_(std::move(publisher)),
        subscriber_(std::move(subscriber)) {}

  void Obey(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    uint64_t least = 0;
    if (line == "publish" && publisher_.has_value()) {
      Publish();
    } else if (line == "take" && subscriber_.has_value()) {
      Take();
    } else if (line == "stats") {
      SayStats();
    } else if (line == "rob") {
      for (const std::string& said : TryToChangeMemory()) Say(said);
      Say("robbed");
    } else if (words.size() == 3 && words[0] == "await" && absl::SimpleAtoi(words[2], &least)) {
      Await(words[1], least);
    } else {
      Fail(absl::StrCat("cannot ", line));
    }
  }

 private:
  void Publish() {
    if (!publisher_->WaitForSubscriber(kHung)) Fail("nobody subscribes");
    Say(absl::StrCat("ready ns=", holler::MonotonicNow()));
    auto loan = publisher_->Loan();
    if (!loan) Fail("no loan");
    loan->set_source(static_cast<uint64_t>(::getpid()));
    Say(absl::StrCat("published sequence=", publisher_->Publish(std::move(loan))));
  }

  void Take() {
    if (!subscriber_->Wait(kHung)) Fail("no sample came");
    const int64_t now = holler::MonotonicNow();
    const auto sample = subscriber_->Take();
    if (!sample) Fail("no sample to take");
    Say(absl::StrCat("sample ns=", now, " sequence=", sample.sequence(),
                     " source=", sample->source()));
  }

  std::map<std::string, uint64_t> Stats() const {
    const holler::NodeStats stats = node_.stats();
    return {
        {"hollers_sent", stats.hollers_sent},
        {"hollers_received", stats.hollers_received},
        {"sweeps", stats.sweeps},
        {"connections", stats.connections},
        {"malformed", stats.malformed},
        {"refused_users", stats.refused_users},
        {"refused_endpoints", stats.refused_endpoints},
        {"matches", publisher_.has_value() ? publisher_->subscriber_count()
                                           : static_cast<uint64_t>(subscriber_->publisher_count())},
    };
  }

  void SayStats() const {
    std::string line = "stats";
    for (const auto& [key, value] : Stats()) absl::StrAppend(&line, " ", key, "=", value);
    Say(line);
  }

  void Await(const std::string& key, uint64_t least) const {
    for (const int64_t start = holler::MonotonicNow(); Stats()[key] < least;) {
      if (holler::MonotonicNow() - start > absl::ToInt64Nanoseconds(kHung)) {
        SayStats();
        Fail(absl::StrCat(key, " never became ", least));
      }
      absl::SleepFor(absl::Milliseconds(2));  // Nothing tells when a statistic changes.
    }
    SayStats();
  }

  holler::Node node_;
  std::optional<BeatPublisher> publisher_;
  std::optional<BeatSubscriber> subscriber_;
};

int Main(const std::vector<std::string>& arguments) {
  const bool publishes = !arguments.empty() && arguments[0] == "publisher";
  if (!publishes && (arguments.empty() || arguments[0] != "subscriber")) {
    Fail("usage: network_peer publisher|subscriber [OPTION]...; see network_peer.cc");
  }
  ::alarm(kAbandoned);
  Settings settings = Parse({arguments.begin() + 1, arguments.end()});
  if (settings.uid.has_value()) Become(*settings.uid);
  settings.node.name = arguments[0];
  settings.node.log = [](holler::LogSeverity, const std::string& line) {
    Say(absl::StrCat("log ", line));
  };
  auto node = holler::Node::Create(settings.node);
  if (!node.ok()) Fail(node.status().ToString());

  std::optional<BeatPublisher> publisher;
  std::optional<BeatSubscriber> subscriber;
  if (publishes) {
    auto created = BeatPublisher::Create(*node, {.topic = settings.topic});
    if (!created.ok()) Fail(created.status().ToString());
    publisher = std::move(*created);
  } else {
    auto created = BeatSubscriber::Create(*node, {.topic = settings.topic});
    if (!created.ok()) Fail(created.status().ToString());
    subscriber = std::move(*created);
  }
  Say(absl::StrCat("created ns=", holler::MonotonicNow(), " pid=", ::getpid()));

  Peer peer(std::move(*node), std::move(publisher), std::move(subscriber));
  for (std::string line; std::getline(std::cin, line);) peer.Obey(line);
  return 0;
}

}  // namespace
}  // namespace network

int main(int argc, char** argv) { return network::Main({argv + 1, argv + argc}); }
