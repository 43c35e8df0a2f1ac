#include "event_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "format.h"

namespace system_monitor {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : PrintableAscii(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Start(const char* event, const TopicStatus& topic) {
  return absl::StrCat("{\"event\": \"", event, "\", \"topic\": ", Quoted(topic.name));
}

std::string End(int64_t time) { return absl::StrCat(", \"time_ns\": ", time, "}\n"); }

}  // namespace

EventLog::~EventLog() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

absl::Status EventLog::Open(const std::string& path) {
  fd_ = path == "-" ? STDOUT_FILENO
                    : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  return fd_ >= 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
}

void EventLog::PublisherMatched(const TopicStatus& topic, const holler::PeerInfo& peer,
                                int64_t time) {
  Write(absl::StrCat(Start("publisher_matched", topic), ", \"pid\": ", peer.pid,
                     ", \"node\": ", Quoted(peer.node_name), End(time)));
}

void EventLog::FirstSample(const TopicStatus& topic, pid_t pid, int64_t time) {
  Write(absl::StrCat(Start("first_sample", topic), ", \"pid\": ", pid, ", \"sequence\": ",
                     topic.sequence, ", \"publish_time_ns\": ", topic.publish_time, End(time)));
}

void EventLog::PublisherGone(const TopicStatus& topic, pid_t pid, const PublisherStatus& publisher,
                             int64_t time) {
  Write(absl::StrCat(Start("publisher_gone", topic), ", \"pid\": ", pid, ", \"samples\": ",
                     publisher.samples, ", \"first_sequence\": ", publisher.first_sequence,
                     ", \"last_sequence\": ", publisher.last_sequence, End(time)));
}

void EventLog::Summary(const TopicStatus& topic, int64_t time) {
  Write(absl::StrCat(Start("summary", topic), ", \"samples\": ", topic.samples,
                     ", \"lost\": ", topic.lost, End(time)));
}

void EventLog::Write(const std::string& object) const {
  if (fd_ < 0) return;
  // In one piece, so that lines of several writers do not mix.
  while (::write(fd_, object.data(), object.size()) < 0 && errno == EINTR) {
  }
}

}  // namespace system_monitor
