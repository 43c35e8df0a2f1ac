#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "holler/discovery.h"
#include "honest.h"
#include "hostile_topics.h"

namespace hostile {
namespace {

constexpr absl::Duration kHung = absl::Seconds(60);

Beat MakeBeat(uint64_t number) {
  Beat beat;
  beat.mutate_number(number);
  for (uint16_t i = 0; i < 6; ++i) beat.mutable_inverse()->Mutate(i, ~number);
  return beat;
}

bool IsWhole(const Beat& beat) {
  for (const uint64_t word : *beat.inverse()) {
    if (word != ~beat.number()) return false;
  }
  return true;
}

// Counts what a node logs, but for infos: those tell of each match.
class LogCount {
 public:
  holler::LogSink Sink() {
    return [this](holler::LogSeverity severity, const std::string& line) {
      if (severity == holler::LogSeverity::kInfo) return;
      std::lock_guard lock(mutex_);
      ++lines_[line];
    };
  }
  int64_t lines() const {
    std::lock_guard lock(mutex_);
    return static_cast<int64_t>(lines_.size());
  }
  int64_t repeated() const {
    std::lock_guard lock(mutex_);
    int64_t count = 0;
    for (const auto& [line, times] : lines_) count += times > 1 ? 1 : 0;
    return count;
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [line, times] : lines_) text += line + "\n";
    return text;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> lines_;
};

class Process {
 public:
  std::string Start() {
    auto speaker = holler::Node::Create({.name = "speaker", .log = speaker_log_.Sink()});
    auto listener = holler::Node::Create({.name = "listener", .log = listener_log_.Sink()});
    if (!speaker.ok() || !listener.ok()) return "no nodes";
    speaker_ = std::make_unique<holler::Node>(std::move(*speaker));
    listener_ = std::make_unique<holler::Node>(std::move(*listener));
    auto beats = BeatPublisher::Create(*speaker_);
    auto rare = RarePublisher::Create(*speaker_);
    auto heard = BeatSubscriber::Create(*listener_);
    auto notes = NoteSubscriber::Create(*listener_);
    if (!beats.ok() || !rare.ok() || !heard.ok() || !notes.ok()) return "no endpoints";
    rare_ = std::make_unique<RarePublisher>(std::move(*rare));
    if (!beats->WaitForSubscriber(kHung)) return "no match";
    threads_.emplace_back(&Process::Speak, this, std::move(*beats));
    threads_.emplace_back(&Process::Listen, this, std::move(*heard));
    threads_.emplace_back(&Process::ReadNotes, this, std::move(*notes));
    return holler::ToString(speaker_->discovery()->self().id) + " " +
           holler::ToString(listener_->discovery()->self().id);
  }

  std::string Describe() {
    std::ostringstream out;
    // What was published is read first, so that it cannot be more than what is taken in the end.
    out << "published " << published_ << " taken " << taken_ << " gaps " << gaps_ << " torn "
        << torn_ << " foreign " << foreign_ << " malformed " << bad_beats_ + bad_notes_ << " notes "
        << notes_ << " fds " << CountFds() << " rss_kb " << ResidentKb() << " lines "
        << speaker_log_.lines() + listener_log_.lines() << " repeated "
        << speaker_log_.repeated() + listener_log_.repeated();
    Describe("speaker", speaker_->stats(), out);
    Describe("listener", listener_->stats(), out);
    return out.str();
  }

  // A new subscriber hears the speaker, and a new publisher is heard by the listener.
  std::string Newcomers() {
    auto node = holler::Node::Create({.name = "newcomer", .log = newcomer_log_.Sink()});
    if (!node.ok()) return std::string(node.status().message());
    auto ears = BeatSubscriber::Create(*node);
    if (!ears.ok()) return std::string(ears.status().message());
    if (!ears->WaitForPublisher(kHung)) return "a new subscriber is not matched";
    if (!ears->Wait(kHung) || !ears->Take()) return "a new subscriber hears nothing";
    auto other = holler::Node::Create({.name = "newcomer", .log = newcomer_log_.Sink()});
    if (!other.ok()) return std::string(other.status().message());
    auto mouth = NotePublisher::Create(*other);
    if (!mouth.ok()) return std::string(mouth.status().message());
    if (!mouth->WaitForSubscriber(kHung)) return "a new publisher is not matched";
    const int64_t before = notes_;
    // The first to listen may be another process.
    for (const absl::Time limit = absl::Now() + kHung; notes_ == before;) {
      if (absl::Now() > limit) return "a new publisher is not heard";
      auto loan = mouth->Loan();
      NoteBuilder note(loan->builder());
      note.add_number(1);
      loan->Finish(note.Finish());
      mouth->Publish(std::move(loan));
      Pause();
    }
    return "fine";
  }

  // Leaves this process with no fd to spare, and gives them back.
  std::string Starve() {
    const holler::UniqueFd next(::dup(0));
    ::getrlimit(RLIMIT_NOFILE, &limit_);
    // Fds below the highest may be free as well.
    while (true) {
      hoard_.emplace_back(::dup(0));
      if (hoard_.back().get() > next.get() + 64) break;
    }
    const rlimit lower{static_cast<rlim_t>(hoard_.back().get()) + 1, limit_.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &lower) != 0) return "no limit";
    while (true) {
      const int fd = ::dup(0);
      if (fd < 0) break;
      hoard_.emplace_back(fd);
    }
    return "starved";
  }
  std::string Feed() {
    hoard_.clear();
    ::setrlimit(RLIMIT_NOFILE, &limit_);
    return "fed";
  }
  // A node without topics: it says its id, but nobody calls it, nor does it call anybody.
  std::string AddBystander() {
    auto node = holler::Node::Create({.name = "bystander", .log = newcomer_log_.Sink()});
    if (!node.ok()) return std::string(node.status().message());
    bystander_ = std::make_unique<holler::Node>(std::move(*node));
    return holler::ToString(bystander_->discovery()->self().id);
  }
  std::string BystanderJoins() {
    auto ears = BeatSubscriber::Create(*bystander_);
    const bool matched = ears.ok() && ears->WaitForPublisher(kHung);
    bystander_.reset();
    return matched ? "matched" : "not matched";
  }

  // A new subscriber of the rare topic, which only others publish from now on.
  std::string AddRare() {
    rare_.reset();  // So that it can only match with that of another process.
    auto rare = RareSubscriber::Create(*listener_);
    if (!rare.ok()) return std::string(rare.status().message());
    rare_heard_ = std::make_unique<RareSubscriber>(std::move(*rare));
    return "added";
  }
  std::string AwaitRare() {
    return rare_heard_->WaitForPublisher(kHung) ? "matched" : "not matched";
  }

  std::string LogText() const { return "log:\n" + speaker_log_.text() + listener_log_.text(); }

  void End() {
    ending_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  static void Pause() {
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::nanosleep(&pause, nullptr);
  }

  void Speak(BeatPublisher beats) {
    while (!ending_) {
      const uint64_t number = beats.published() + 1;
      if (beats.Publish(MakeBeat(number)) == number) published_ = static_cast<int64_t>(number);
      Pause();
    }
  }

  void Listen(BeatSubscriber beats) {
    uint64_t last = 0;
    while (!ending_) {
      beats.Wait(absl::Milliseconds(100));
      while (const auto beat = beats.Take()) {
        if (beat.publisher().node_name != "speaker" || beat.publisher().pid != ::getpid()) {
          ++foreign_;
          if (ending_) break;
          continue;
        }
        if (last != 0 && beat.sequence() != last + 1) ++gaps_;
        if (!IsWhole(*beat) || beat->number() != beat.sequence()) ++torn_;
        last = beat.sequence();
        taken_ = static_cast<int64_t>(last);
      }
      bad_beats_ = static_cast<int64_t>(beats.malformed());
    }
  }

  void ReadNotes(NoteSubscriber notes) {
    while (!ending_) {
      notes.Wait(absl::Milliseconds(100));
      while (notes.Take() && !ending_) ++notes_;
      bad_notes_ = static_cast<int64_t>(notes.malformed());
    }
  }

  static int64_t CountFds() {
    DIR* directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return -1;
    int64_t count = -3;  // ".", ".." and the directory itself.
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count;
  }

  static int64_t ResidentKb() {
    int64_t pages = -1;
    int64_t resident = -1;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident < 0 ? -1 : resident * ::sysconf(_SC_PAGESIZE) / 1024;
  }

  static void Describe(const char* who, const holler::NodeStats& stats, std::ostream& out) {
    const std::pair<const char*, uint64_t> counters[] = {
        {"hollers_received", stats.hollers_received},
        {"sweeps", stats.sweeps},
        {"connections", stats.connections},
        {"malformed", stats.malformed},
        {"refused_versions", stats.refused_versions},
        {"refused_endpoints", stats.refused_endpoints},
        {"handshake_timeouts", stats.handshake_timeouts},
        {"exhausted", stats.exhausted}};
    for (const auto& [name, value] : counters) out << " " << who << "." << name << " " << value;
  }

  LogCount speaker_log_;
  LogCount listener_log_;
  LogCount newcomer_log_;
  std::unique_ptr<holler::Node> speaker_;
  std::unique_ptr<holler::Node> listener_;
  std::unique_ptr<holler::Node> bystander_;
  std::unique_ptr<RarePublisher> rare_;
  std::unique_ptr<RareSubscriber> rare_heard_;
  std::vector<std::thread> threads_;
  std::vector<holler::UniqueFd> hoard_;
  rlimit limit_{};
  std::atomic<bool> ending_{false};
  std::atomic<int64_t> published_{0};
  std::atomic<int64_t> taken_{0};
  std::atomic<int64_t> gaps_{0};
  std::atomic<int64_t> torn_{0};
  std::atomic<int64_t> foreign_{0};
  std::atomic<int64_t> bad_beats_{0};
  std::atomic<int64_t> bad_notes_{0};
  std::atomic<int64_t> notes_{0};
};

std::string Obey(Process& process, const std::string& command) {
  if (command == "start") return process.Start();
  if (command == "report") return process.Describe();
  if (command == "newcomers") return process.Newcomers();
  if (command == "add bystander") return process.AddBystander();
  if (command == "bystander joins") return process.BystanderJoins();
  if (command == "starve") return process.Starve();
  if (command == "feed") return process.Feed();
  if (command == "add rare from others") return process.AddRare();
  if (command == "await rare") return process.AwaitRare();
  if (command == "log") return process.LogText();
  return "what?";
}

}  // namespace

int RunHonest(int control) {
  Process process;
  while (true) {
    std::string command(1024, '\0');
    const ssize_t size = ::recv(control, command.data(), command.size(), 0);
    const bool end = size <= 0 || command.substr(0, static_cast<size_t>(size)) == "end";
    std::string answer = "ended";
    if (end) {
      process.End();
    } else {
      answer = Obey(process, command.substr(0, static_cast<size_t>(size)));
      answer.resize(std::min<size_t>(answer.size(), 60'000));
    }
    ::send(control, answer.data(), answer.size(), MSG_NOSIGNAL);
    if (end) return 0;
  }
}

}  // namespace hostile
