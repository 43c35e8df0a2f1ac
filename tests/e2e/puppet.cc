// A process with one node, moved by strings: commands on stdin, one line each.
//
//   puppet [NODE_NAME [mute]]     mute: without multicast
//
// Each command is answered by one line, "= words" or "! error"; what happens in between is told by
// lines "* kind words" (voice.h, endpoint.h).
//
//   pub ID CLASS [TOPIC]           = SOURCE
//   sub ID CLASS [TOPIC] [fd|wait] =                     how its thread waits for samples
//   close ID                       =
//   publish ID COUNT               = NUMBER_OF_LAST
//   stream ID MICROSECONDS         =                     publishes from a thread, until
//   halt ID                        = NUMBER_OF_LAST
//   subscribers ID                 = COUNT
//   expect ID SOURCE NUMBER        =                     then "* reached"
//   pause ID, resume ID            =                     a listener takes nothing meanwhile
//   report ID                      = key=value...
//   stats                          = key=value...        of the node
//   heap                           = BYTES               in use
//   exit                           the end, all endpoints closed; so does the end of stdin
//   quit                           the end by _exit
#include <malloc.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "endpoint.h"
#include "voice.h"

namespace e2e {
namespace {

class Puppet {
 public:
  explicit Puppet(holler::Node node) : node_(std::move(node)) {}

  // Errors: what the command ran into. Otherwise the words of its answer.
  absl::StatusOr<std::string> Obey(const std::vector<std::string>& words) {
    const std::string& verb = words[0];
    if (verb == "stats") return Stats();
    if (verb == "heap") return absl::StrCat(::mallinfo2().uordblks);
    if (words.size() < 2) return absl::InvalidArgumentError("no such command, or no ID");
    const std::string& id = words[1];
    if (verb == "pub") return Pub(id, words);
    if (verb == "sub") return Sub(id, words);
    if (verb == "close") {
      if (speakers_.erase(id) + listeners_.erase(id) == 1) return "";
    } else if (const auto speaker = speakers_.find(id); speaker != speakers_.end()) {
      return ObeySpeaker(*speaker->second, words);
    } else if (const auto listener = listeners_.find(id); listener != listeners_.end()) {
      return ObeyListener(*listener->second, words);
    }
    return absl::NotFoundError("no such endpoint");
  }

 private:
  static std::string At(const std::vector<std::string>& words, size_t i) {
    return i < words.size() ? words[i] : "";
  }
  static uint64_t Number(const std::vector<std::string>& words, size_t i) {
    uint64_t number = 0;
    return absl::SimpleAtoi(At(words, i), &number) ? number : 0;
  }

  std::string Stats() const {
    const holler::NodeStats s = node_.stats();
    return absl::StrCat("hollers_sent=", s.hollers_sent, " hollers_received=", s.hollers_received,
                        " sweeps=", s.sweeps, " connections=", s.connections,
                        " malformed=", s.malformed, " refused_endpoints=", s.refused_endpoints,
                        " exhausted=", s.exhausted);
  }

  absl::StatusOr<std::string> Pub(const std::string& id, const std::vector<std::string>& words) {
    auto speaker = MakeSpeaker(node_, id, At(words, 2), At(words, 3));
    if (!speaker.ok()) return speaker.status();
    const uint64_t source = (*speaker)->source();
    speakers_[id] = std::move(*speaker);
    return absl::StrCat(source);
  }

  absl::StatusOr<std::string> Sub(const std::string& id, const std::vector<std::string>& words) {
    const bool wait = words.back() == "wait";
    auto listener = MakeListener(node_, id, At(words, 2), At(words, 3),
                                 wait ? Listener::Wakeup::kWait : Listener::Wakeup::kFd);
    if (!listener.ok()) return listener.status();
    listeners_[id] = std::move(*listener);
    return "";
  }

  static absl::StatusOr<std::string> ObeySpeaker(Speaker& speaker,
                                                 const std::vector<std::string>& words) {
    if (words[0] == "publish") {
      const absl::StatusOr<uint64_t> last = speaker.Publish(Number(words, 2));
      if (!last.ok()) return last.status();
      return absl::StrCat(*last);
    }
    if (words[0] == "halt") return absl::StrCat(speaker.Halt());
    if (words[0] == "subscribers") return absl::StrCat(speaker.subscribers());
    if (words[0] == "stream") {
      speaker.Stream(absl::Microseconds(Number(words, 2)));
      return "";
    }
    return absl::InvalidArgumentError("not a command for a publisher");
  }

  static absl::StatusOr<std::string> ObeyListener(Listener& listener,
                                                  const std::vector<std::string>& words) {
    if (words[0] == "report") return listener.Report();
    if (words[0] == "expect") {
      listener.Expect(Number(words, 2), Number(words, 3));
      return "";
    }
    if (words[0] == "pause" || words[0] == "resume") {
      listener.Pause(words[0] == "pause");
      return "";
    }
    return absl::InvalidArgumentError("not a command for a subscriber");
  }

  holler::Node node_;
  std::map<std::string, std::unique_ptr<Speaker>> speakers_;
  std::map<std::string, std::unique_ptr<Listener>> listeners_;
};

int Main(int argc, char** argv) {
  auto node = holler::Node::Create(
      {.name = argc > 1 ? argv[1] : "puppet",
       .multicast = argc < 3,
       .log = [](holler::LogSeverity, const std::string& line) { SayEvent("log", line); }});
  if (!node.ok()) {
    SayLine(absl::StrCat("! ", node.status().ToString()));
    return 1;
  }
  Puppet puppet(std::move(*node));
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty()) continue;
    if (words[0] == "exit") return 0;
    if (words[0] == "quit") ::_exit(0);
    const absl::StatusOr<std::string> answer = puppet.Obey(words);
    SayLine(answer.ok() ? absl::StrCat("= ", *answer)
                        : absl::StrCat("! ", answer.status().ToString()));
  }
  return 0;
}

}  // namespace
}  // namespace e2e

int main(int argc, char** argv) { return e2e::Main(argc, argv); }
