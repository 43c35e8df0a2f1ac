#include "holler/finder.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "holler/clock.h"
#include "holler/connection.h"
#include "holler/topic_set.h"

namespace holler {
namespace {

constexpr int kDatagramsAtOnce = 64;  // Then other events get their turn.
constexpr size_t kMostForeigners = 16;
constexpr int kMostBlurs = 32;  // Names that are tried where one is taken.

uint64_t Random() {
  uint64_t random = 0;
  (void)::getrandom(&random, sizeof(random), 0);  // Has so few bytes at once (getrandom(2)).
  return random;
}

// Whether bind(2) says that somebody has the name.
bool IsTaken(const absl::Status& status) {
  return status.code() == absl::ErrnoToStatusCode(EADDRINUSE);
}

}  // namespace

absl::Status Finder::Open(const NodeOptions& options) {
  if (!options.multicast) return absl::OkStatus();
  absl::StatusOr<MulticastGroup> group =
      MulticastGroup::Join(host_.self().domain, options.interface_address);
  if (group.ok()) {
    group_ = std::move(*group);
    return poll_.Add(group_->fd(), EPOLLIN);
  }
  if (absl::IsInvalidArgument(group.status()) || absl::IsResourceExhausted(group.status())) {
    return group.status();
  }
  host_.LogOnce(LogSeverity::kInfo,
                absl::StrCat("no multicast, so matching takes a tenth of a second longer: ",
                             std::string(group.status().message())));
  return absl::OkStatus();
}

void Finder::ShowTopics() {
  if (host_.observation() != nullptr) return;  // It is of use to anybody.
  const Registry& registry = host_.registry();
  const TopicFilter topics(registry.publishes(), registry.subscribes());
  if (shown_ && topics == topics_) return;
  topics_ = topics;
  const NodeAddress address{host_.self().domain, host_.self().uid, host_.self().id};
  absl::StatusOr<UniqueFd> shown = holler::ShowTopics(address, topics);
  // The name is somebody else's: a child's that was forked when the topics were these, or
  // anybody's, for abstract names are free for all. Then another that knows some more topics, by
  // chance: nobody can have them all.
  for (int i = 0; i < kMostBlurs && IsTaken(shown.status()); ++i) {
    TopicFilter blurred = topics;
    blurred.Blur(Random());
    shown = holler::ShowTopics(address, blurred);
  }
  if (!shown.ok()) {  // It may take the place of what was shown before.
    shown_.reset();
    shown = holler::ShowTopics(address, topics);
  }
  // What was shown before goes only now: whoever looks meanwhile sees one of the two, or calls. If
  // there is no fd for it, nothing is shown, and everybody calls, until there is.
  shown_ = shown.ok() ? std::move(*shown) : UniqueFd();
  if (!shown.ok()) host_.RetryLater();
}

void Finder::StartAnnouncing() {
  met_.OnOwnTopicsChanged();
  schedule_.Start(MonotonicNow());
  Holler();
}

void Finder::Announce(int64_t now) {
  while (const std::optional<AnnounceStep> step = schedule_.TakeDue(now)) {
    if (step->holler) Holler();
    if (step->sweep) Sweep();
  }
}

void Finder::Holler() {
  if (!group_.has_value()) return;
  wire::HollerT holler;
  holler.abi_version = kAbiVersion;
  holler.domain = host_.self().domain;
  holler.uid = host_.self().uid;
  holler.node = std::make_unique<wire::NodeId>(host_.self().id);
  holler.publishes = host_.registry().publishes();
  holler.subscribes = host_.registry().subscribes();
  const absl::Status sent = group_->Send(EncodeHoller(holler));
  if (sent.ok()) {
    ++host_.stats().hollers_sent;
  } else {
    host_.LogOnce(LogSeverity::kInfo, std::string(sent.message()));
  }
}

void Finder::OnDatagrams() {
  const NodeIdentity& self = host_.self();
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    const std::optional<std::string_view> bytes = group_->Receive(buffer_.get());
    if (!bytes.has_value()) return;
    absl::StatusOr<wire::HollerT> holler = DecodeHoller(*bytes);
    if (!holler.ok()) {
      ++host_.stats().malformed;
      host_.LogOnce(LogSeverity::kWarning,
                    absl::StrCat("ignored ", std::string(holler.status().message())));
      continue;
    }
    if (*holler->node == self.id || holler->domain != self.domain) continue;
    ++host_.stats().hollers_received;
    if (holler->abi_version != kAbiVersion) {
      ++host_.stats().refused_versions;
      // Nothing of what the datagram says: anybody may send one, and each text is logged once.
      host_.LogOnce(LogSeverity::kWarning,
                    absl::StrCat("a node of another ABI version than ", kAbiVersion,
                                 ", this program's: build both with the same version of Holler"));
      continue;
    }
    if (host_.observation() == nullptr && !IsWorthwhile(*holler)) continue;
    if (self.allowed.contains(holler->uid)) {
      met_.ForgetTries(*holler->node);
      Call({holler->domain, holler->uid, *holler->node});
    } else if (host_.observation() == nullptr) {
      TellOfForeigner(holler->uid);
    }
  }
}

// Anybody may send a datagram in any user's name: few lines, and nothing else comes of it.
void Finder::TellOfForeigner(uid_t uid) {
  if (foreigners_.size() == kMostForeigners || !foreigners_.insert(uid).second) return;
  host_.LogOnce(
      LogSeverity::kWarning,
      absl::StrCat("user ", uid, " has a node with topics of this node, of user ", host_.self().uid,
                   ": they match only if each names the other's user in "
                   "NodeOptions::allowed_users"));
}

bool Finder::IsWorthwhile(const wire::HollerT& holler) const {
  const TopicSet publishes(holler.publishes);
  const TopicSet subscribes(holler.subscribes);
  return host_.registry().HasCommonTopics(
      [&](uint64_t topic) { return subscribes.contains(topic); },
      [&](uint64_t topic) { return publishes.contains(topic); });
}

bool Finder::IsWorthwhile(const SweptNode& node) const {
  if (host_.observation() != nullptr || !node.topics.has_value()) return true;
  return host_.registry().HasCommonTopics(
      [&](uint64_t topic) { return node.topics->MaySubscribe(topic); },
      [&](uint64_t topic) { return node.topics->MayPublish(topic); });
}

bool Finder::Sweep() {
  ++host_.stats().sweeps;
  absl::StatusOr<std::vector<SweptNode>> nodes = SweepNodes();
  if (!nodes.ok()) {
    host_.LogOnce(LogSeverity::kWarning,
                  absl::StrCat("cannot look for nodes whose hollers are lost: ",
                               std::string(nodes.status().message())));
    if (absl::IsResourceExhausted(nodes.status())) {
      ++host_.stats().exhausted;
      host_.RetryLater();
    }
    return false;
  }
  const NodeIdentity& self = host_.self();
  present_.clear();
  for (const SweptNode& node : *nodes) {
    if (node.domain != self.domain || !self.allowed.contains(node.uid) || node.id == self.id) {
      continue;
    }
    present_.insert(node.id);
    if (!met_.IsInVain(node.id) && IsWorthwhile(node)) Call(node);
  }
  met_.KeepOnly(present_);
  return true;
}

std::vector<wire::NodeId> Finder::Sought() const {
  std::vector<wire::NodeId> sought;
  std::copy_if(present_.begin(), present_.end(), std::back_inserter(sought),
               [&](const wire::NodeId& id) { return !met_.IsBanned(id) && !met_.IsInVain(id); });
  return sought;
}

void Finder::Call(const NodeAddress& address) {
  if (sessions_.IsConnectedOrCalling(address.id) || met_.IsBanned(address.id)) return;
  absl::StatusOr<UniqueFd> socket = Connect(address);
  if (!socket.ok()) {
    if (absl::IsUnavailable(socket.status())) {
      if (const auto pause = met_.NextPause(address.id)) host_.RetryAfter(*pause);
    } else if (!absl::IsNotFound(socket.status())) {
      ++host_.stats().exhausted;
      host_.RetryLater();
      host_.LogOnce(LogSeverity::kError, std::string(socket.status().message()));
    }
    return;
  }
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Adopt(std::move(*socket));
  if (!connection.ok()) return;
  const PeerCredentials peer = (*connection)->peer();
  if (!host_.self().allowed.contains(peer.uid)) {
    ++host_.stats().refused_users;
    host_.LogFirst(absl::StrCat("an address of ", address.uid), LogSeverity::kWarning,
                   absl::StrCat("process ", peer.pid, " of user ", peer.uid,
                                " listens at an address of user ", address.uid, ": not connected"));
    met_.Ban(address.id);
    return;
  }
  // A node that is stopped may answer later, so calls have no deadline; but one process must not
  // take all fds by listening at many addresses.
  if (peer.pid != 0 && sessions_.CountCalls(peer.pid) >= kMostPerProcess) {
    host_.LogFirst("too many addresses", LogSeverity::kWarning,
                   absl::StrCat("process ", peer.pid,
                                " listens at more addresses than any process has nodes"));
    return;
  }
  sessions_.Add(std::move(*connection), address.id);
}

}  // namespace holler
