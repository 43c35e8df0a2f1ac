#include "holler/discovery.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/system_error.h"

namespace holler {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

// After an endpoint was added: a holler at once, then these. A lost datagram costs 100 ms (the
// first sweep); a peer whose listener appeared during a sweep is met by the next. Then silence.
struct AnnounceStep {
  int64_t after;
  bool holler;
  bool sweep;
};
constexpr AnnounceStep kSchedule[] = {
    {100 * kMillisecond, true, true},
    {400 * kMillisecond, true, true},
    {1'200 * kMillisecond, false, true},
};
constexpr int64_t kHelloTimeout = 2'000 * kMillisecond;
constexpr int64_t kRetryFull = 200 * kMillisecond;         // A node's backlog was full.
constexpr int64_t kRetryExhausted = 1'000 * kMillisecond;  // This node was out of fds.
constexpr int64_t kLingerCheck = 50 * kMillisecond;
// Connections that have not said who they are; more are turned away.
constexpr size_t kMostUnknown = 512;
constexpr size_t kMostBanned = 1'000;
// Nodes of one other process; keeps it from taking all of this one's fds.
constexpr long kMostPerProcess = 256;
constexpr int kEventsAtOnce = 64;
constexpr int kDatagramsAtOnce = 64;  // Then other events get their turn.
constexpr int kMessagesAtOnce = 64;

absl::StatusOr<uint32_t> DomainOf(const NodeOptions& options) {
  uint32_t domain = options.domain.value_or(0);
  const char* variable = std::getenv("HOLLER_DOMAIN");
  if (!options.domain.has_value() && variable != nullptr && *variable != '\0' &&
      !absl::SimpleAtoi(variable, &domain)) {
    return absl::InvalidArgumentError(absl::StrCat("HOLLER_DOMAIN is '", variable,
                                                   "': set it to a number from 0 to ", kMaxDomain));
  }
  if (domain > kMaxDomain) {
    return absl::InvalidArgumentError(
        absl::StrCat("domain ", domain, ": use a number from 0 to ", kMaxDomain));
  }
  return domain;
}

absl::StatusOr<std::set<uid_t>> UidsOf(const std::vector<std::string>& users) {
  std::set<uid_t> uids{::geteuid()};
  for (const std::string& user : users) {
    uid_t uid;
    if (absl::SimpleAtoi(user, &uid)) {
      uids.insert(uid);
      continue;
    }
    passwd entry;
    passwd* found = nullptr;
    std::string buffer(16 * 1024, '\0');
    ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "allowed_users names '", user, "', whom this system does not know: see `getent passwd`"));
    }
    uids.insert(found->pw_uid);
  }
  return uids;
}

absl::Status TooManyTopics() {
  return absl::ResourceExhaustedError(
      absl::StrCat("a node publishes and subscribes to at most ", kMaxTopicsPerList,
                   " topics each: create a second node in this process for more"));
}

std::string NameOf(const NodeOptions& options) {
  std::string name = options.name.empty() ? ::program_invocation_short_name : options.name;
  name.resize(std::min(name.size(), kNodeNameMax));
  return name;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Discovery>> Discovery::Start(const NodeOptions& options) {
  NodeIdentity self;
  absl::StatusOr<uint32_t> domain = DomainOf(options);
  if (!domain.ok()) return domain.status();
  absl::StatusOr<std::set<uid_t>> allowed = UidsOf(options.allowed_users);
  if (!allowed.ok()) return allowed.status();
  uint64_t random[2];
  if (::getrandom(random, sizeof(random), 0) != sizeof(random)) {
    return SystemError(errno, "getrandom for a node id");
  }
  self.id = wire::NodeId(random[0], random[1]);
  self.domain = *domain;
  self.uid = ::geteuid();
  self.name = NameOf(options);
  LogSink log = options.log ? options.log : StderrLog(self.name);

  std::unique_ptr<Discovery> discovery(
      new Discovery(std::move(self), std::move(*allowed), std::move(log)));
  absl::Status status = discovery->Open(options);
  if (!status.ok()) return status;

  // Signals are for the user's threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    discovery->thread_ = std::thread(&Discovery::Run, discovery.get());
  } catch (const std::system_error& error) {
    status = SystemError(error.code().value(), "starting the discovery thread");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (status.ok()) ::pthread_setname_np(discovery->thread_.native_handle(), "holler");
  if (!status.ok()) return status;
  return std::shared_ptr<Discovery>(discovery.release(), &Discovery::Destroy);
}

absl::Status Discovery::Open(const NodeOptions& options) {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  spare_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!epoll_ || !timer_ || !wake_ || !spare_) return SystemError(errno, "opening a node");
  absl::StatusOr<UniqueFd> listener = Listen({self_.domain, self_.uid, self_.id});
  if (!listener.ok()) return listener.status();
  listener_ = std::move(*listener);

  if (options.multicast) {
    absl::StatusOr<MulticastGroup> group =
        MulticastGroup::Join(self_.domain, options.interface_address);
    if (group.ok()) {
      group_ = std::move(*group);
    } else if (absl::IsInvalidArgument(group.status()) ||
               absl::IsResourceExhausted(group.status())) {
      return group.status();
    } else {
      log_.Log(LogSeverity::kInfo,
               absl::StrCat("no multicast, so matching takes a tenth of a second longer: ",
                            std::string(group.status().message())));
    }
  }
  for (const int fd : {timer_.get(), wake_.get(), listener_.get()}) {
    if (absl::Status status = Watch(fd, EPOLLIN); !status.ok()) return status;
  }
  return group_.has_value() ? Watch(group_->fd(), EPOLLIN) : absl::OkStatus();
}

absl::Status Discovery::Watch(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return SystemError(errno, "epoll_ctl for discovery");
}

void Discovery::Destroy(Discovery* discovery) {
  const bool inside = discovery->thread_.get_id() == std::this_thread::get_id();
  {
    std::lock_guard lock(discovery->mutex_);
    discovery->stop_ = true;
    discovery->delete_on_exit_ = inside;
  }
  if (inside) {  // A callback dropped the last reference: the thread finishes on its own.
    discovery->thread_.detach();
    return;
  }
  ::eventfd_write(discovery->wake_.get(), 1);
  discovery->thread_.join();
  delete discovery;
}

Discovery::~Discovery() = default;

NodeStats Discovery::GetStats() const {
  std::lock_guard lock(mutex_);
  NodeStats stats = stats_;
  stats.connections = static_cast<uint64_t>(std::count_if(
      sessions_.begin(), sessions_.end(), [](const auto& s) { return s.second->established(); }));
  return stats;
}

// ---- The thread ----

void Discovery::Run() {
  epoll_event events[kEventsAtOnce];
  bool stop = false;
  while (!stop) {
    const int count = ::epoll_wait(epoll_.get(), events, kEventsAtOnce, -1);
    {
      std::lock_guard lock(mutex_);
      for (int i = 0; i < count; ++i) HandleEvent(events[i].data.fd, events[i].events);
    }
    RunCallbacks();
    std::lock_guard lock(mutex_);
    stop = stop_;
  }
  if (delete_on_exit_) delete this;  // No reference is left, and nobody joins: see Destroy.
}

void Discovery::HandleEvent(int fd, uint32_t events) {
  if (fd == wake_.get()) {
    eventfd_t value;
    ::eventfd_read(fd, &value);
  } else if (fd == timer_.get()) {
    OnTimer();
  } else if (fd == listener_.get()) {
    OnAccept();
  } else if (group_.has_value() && fd == group_->fd()) {
    OnDatagrams();
  } else if (const auto it = sessions_.find(fd); it != sessions_.end()) {
    Session& session = *it->second;
    // Reading comes first: what a peer said before it died still counts.
    absl::Status status = OnMessages(session);
    if (status.ok() && (events & EPOLLOUT) != 0) {
      status = session.connection().Flush();
      // The peer reads again: what was held back meanwhile is due.
      if (status.ok() && session.established()) status = session.IntroducePublishers();
    }
    if (!status.ok()) DropLater(session, status);
    UpdateWatch(session);
  }
  DropFailed();
  ArmTimer();
}

void Discovery::RunCallbacks() {
  std::unique_lock lock(mutex_);
  while (!callbacks_.empty()) {
    Callback callback = std::move(callbacks_.front());
    callbacks_.pop_front();
    running_callback_ = callback.endpoint;
    lock.unlock();
    callback.run();
    callback.run = nullptr;  // What it captured goes while AwaitCallbackOf still waits.
    lock.lock();
    running_callback_ = 0;
    callback_done_.notify_all();
  }
}

void Discovery::PostCallback(uint64_t endpoint, std::function<void()> callback) {
  callbacks_.push_back({endpoint, std::move(callback)});
  ::eventfd_write(wake_.get(), 1);
}

void Discovery::AwaitCallbackOf(uint64_t endpoint, std::unique_lock<std::mutex>& lock) {
  std::erase_if(callbacks_, [&](const Callback& c) { return c.endpoint == endpoint; });
  if (thread_.get_id() == std::this_thread::get_id()) return;
  callback_done_.wait(lock, [&] { return running_callback_ != endpoint; });
}

// ---- Local endpoints ----

absl::Status Discovery::Add(uint64_t id, PublisherEndpoint* publisher) {
  std::lock_guard lock(mutex_);
  if (registry_.publishes().size() >= kMaxTopicsPerList) return TooManyTopics();
  const auto publishes = registry_.publishes();
  registry_.Add(id, publisher);
  for (const auto& [subscriber_id, subscriber] : registry_.subscribers()) {
    if (subscriber->topic_name() == publisher->topic_name()) {
      MatchLocally(id, publisher, subscriber_id, subscriber);
    }
  }
  TopicsChanged(publishes, registry_.subscribes());
  ForEachEstablished([](Session& session) { return session.IntroducePublishers(); });
  StartAnnouncing();
  return absl::OkStatus();
}

absl::Status Discovery::Add(uint64_t id, SubscriberEndpoint* subscriber) {
  std::lock_guard lock(mutex_);
  if (registry_.subscribes().size() >= kMaxTopicsPerList) return TooManyTopics();
  const auto subscribes = registry_.subscribes();
  registry_.Add(id, subscriber);
  for (const auto& [publisher_id, publisher] : registry_.publishers()) {
    if (subscriber->topic_name() == publisher->topic_name()) {
      MatchLocally(publisher_id, publisher, id, subscriber);
    }
  }
  ForEachEstablished([&](Session& session) { return session.Introduce(id, subscriber); });
  TopicsChanged(registry_.publishes(), subscribes);
  StartAnnouncing();
  return absl::OkStatus();
}

void Discovery::RemovePublisher(uint64_t id) {
  std::unique_lock lock(mutex_);
  const auto publishes = registry_.publishes();
  registry_.Remove(id);
  for (const auto& [subscriber_id, subscriber] : registry_.subscribers()) {
    subscriber->End(LocalKey(id));
  }
  ForEachEstablished([&](Session& session) { return session.SendGone(id); });
  TopicsChanged(publishes, registry_.subscribes());
  DropFailed();
  AwaitCallbackOf(id, lock);
}

void Discovery::RemoveSubscriber(uint64_t id) {
  std::unique_lock lock(mutex_);
  Unregister(id);
  AwaitCallbackOf(id, lock);
}

void Discovery::Unregister(uint64_t subscriber) {
  const auto subscribes = registry_.subscribes();
  registry_.Remove(subscriber);
  for (const auto& [publisher_id, publisher] : registry_.publishers()) {
    Announce(publisher_id, publisher->Dismiss(LocalKey(subscriber)));
  }
  ForEachEstablished([&](Session& session) { return session.SendGone(subscriber); });
  TopicsChanged(registry_.publishes(), subscribes);
  DropFailed();
}

void Discovery::RemoveWhenReleased(uint64_t id, std::shared_ptr<SubscriberEndpoint> subscriber) {
  std::unique_lock lock(mutex_);
  // No new matches, no callbacks; but publishers are not told, and leave its samples alone.
  const auto subscribes = registry_.subscribes();
  registry_.Remove(id);
  TopicsChanged(registry_.publishes(), subscribes);
  DropFailed();
  lingering_.emplace(id, std::move(subscriber));
  linger_at_ = MonotonicNow() + kLingerCheck;
  ArmTimer();
  AwaitCallbackOf(id, lock);
}

void Discovery::TopicsChanged(const std::vector<uint64_t>& publishes_before,
                              const std::vector<uint64_t>& subscribes_before) {
  if (registry_.publishes() == publishes_before && registry_.subscribes() == subscribes_before) {
    return;
  }
  for (const auto& [fd, session] : sessions_) {
    // Where the peer's hello is still to come, this goes right after the own one.
    if (failed_.contains(fd) || (!session->established() && !session->initiated())) continue;
    const absl::Status status = session->SendTopics();
    if (!status.ok()) DropLater(*session, status);
    UpdateWatch(*session);
  }
}

void Discovery::MatchLocally(uint64_t publisher_id, PublisherEndpoint* publisher,
                             uint64_t subscriber_id, SubscriberEndpoint* subscriber) {
  const EndpointKey publisher_key = LocalKey(publisher_id);
  const EndpointKey subscriber_key = LocalKey(subscriber_id);
  const PeerInfo self{self_.name, ::getpid(), self_.uid};
  bool waits = false;  // For a place: not the end of it.
  // The same steps as between processes, through the same checks.
  const auto match = [&]() -> absl::Status {
    UniqueFd fd(::fcntl(publisher->segment_fd(), F_DUPFD_CLOEXEC, 0));
    if (!fd) return SystemError(errno, "duplicating the segment's fd");
    absl::StatusOr<std::shared_ptr<const PeerSegment>> segment = PeerSegment::Map(std::move(fd));
    if (!segment.ok()) return segment.status();
    absl::StatusOr<SubscriberEndpoint::Offer> offer =
        subscriber->Propose(publisher_key, self, std::move(*segment));
    if (!offer.ok()) return offer.status();
    UniqueFd page_fd(::fcntl(offer->page_fd, F_DUPFD_CLOEXEC, 0));
    UniqueFd bell(::fcntl(offer->bell_fd, F_DUPFD_CLOEXEC, 0));
    if (!page_fd || !bell) return SystemError(errno, "duplicating a subscriber's fds");
    absl::StatusOr<PeerPage> page = PeerPage::Map(std::move(page_fd));
    if (!page.ok()) return page.status();
    absl::StatusOr<std::optional<uint64_t>> start =
        publisher->Admit(subscriber_key, self, std::move(*page), std::move(bell));
    if (!start.ok()) return start.status();
    if (!start->has_value()) {
      waits = true;
      return publisher->FullStatus();
    }
    subscriber->Confirm(publisher_key, **start);
    publisher->Confirmed(subscriber_key);
    return absl::OkStatus();
  };
  const absl::Status status = match();
  if (status.ok()) return;
  if (!waits) subscriber->End(publisher_key);
  const absl::Status why(
      status.code(), absl::StrCat("topic '", publisher->topic_name(), "' within node '", self_.name,
                                  "': ", std::string(status.message())));
  ++stats_.refused_endpoints;
  if (!waits && !absl::IsInvalidArgument(why)) {  // Out of fds or memory: that passes.
    ++stats_.exhausted;
    local_again_.emplace(publisher_id, subscriber_id);
    RetryAfter(kRetryExhausted);
  }
  log_.Log(LogSeverity::kWarning, std::string(why.message()));
  subscriber->Refused(self, why);
  publisher->Refused(self, why);
}

void Discovery::Announce(uint64_t publisher,
                         const std::vector<PublisherEndpoint::Admitted>& admitted) {
  for (const auto& [key, start] : admitted) {
    bool told = false;
    if (key.node == self_.id) {
      SubscriberEndpoint* subscriber = registry_.FindSubscriber(key.endpoint);
      told = subscriber != nullptr && subscriber->Confirm(LocalKey(publisher), start);
    } else if (Session* session = FindEstablished(key.node)) {
      const absl::Status sent = session->SendConfirmation(publisher, key.endpoint, start);
      if (!sent.ok()) DropLater(*session, sent);
      UpdateWatch(*session);
      told = sent.ok();
    }
    if (told) registry_.FindPublisher(publisher)->Confirmed(key);
  }
}

// ---- Finding nodes ----

void Discovery::StartAnnouncing() {
  ++topics_version_;
  announce_start_ = MonotonicNow();
  announce_step_ = 0;
  Holler();
  DropFailed();
  ArmTimer();
}

void Discovery::Holler() {
  if (!group_.has_value()) return;
  wire::HollerT holler;
  holler.abi_version = kAbiVersion;
  holler.domain = self_.domain;
  holler.uid = self_.uid;
  holler.node = std::make_unique<wire::NodeId>(self_.id);
  holler.publishes = registry_.publishes();
  holler.subscribes = registry_.subscribes();
  const absl::Status sent = group_->Send(EncodeHoller(holler));
  if (sent.ok()) {
    ++stats_.hollers_sent;
  } else {
    log_.Log(LogSeverity::kInfo, std::string(sent.message()));
  }
}

void Discovery::OnDatagrams() {
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    const std::optional<std::string_view> bytes = group_->Receive(buffer_.get());
    if (!bytes.has_value()) return;
    absl::StatusOr<wire::HollerT> holler = DecodeHoller(*bytes);
    if (!holler.ok()) {
      ++stats_.malformed;
      log_.Log(LogSeverity::kWarning,
               absl::StrCat("ignored ", std::string(holler.status().message())));
      continue;
    }
    if (*holler->node == self_.id || holler->domain != self_.domain) continue;
    ++stats_.hollers_received;
    if (holler->abi_version != kAbiVersion) {
      ++stats_.refused_versions;
      log_.Log(LogSeverity::kWarning,
               absl::StrCat("a node of user ", holler->uid, " has ABI version ",
                            holler->abi_version, ", this program ", kAbiVersion,
                            ": build both with the same version of Holler"));
      continue;
    }
    if (allowed_.contains(holler->uid) && Worthwhile(*holler)) {
      CallNode({holler->domain, holler->uid, *holler->node});
    }
  }
}

bool Discovery::Worthwhile(const wire::HollerT& holler) const {
  const auto common = [](const std::vector<uint64_t>& ours, const std::vector<uint64_t>& theirs) {
    return std::any_of(theirs.begin(), theirs.end(), [&](uint64_t hash) {
      return std::binary_search(ours.begin(), ours.end(), hash);
    });
  };
  return common(registry_.publishes(), holler.subscribes) ||
         common(registry_.subscribes(), holler.publishes);
}

void Discovery::Sweep() {
  ++stats_.sweeps;
  absl::StatusOr<std::vector<NodeAddress>> nodes = SweepNodes();
  if (!nodes.ok()) {
    log_.Log(LogSeverity::kWarning, absl::StrCat("cannot look for nodes whose hollers are lost: ",
                                                 std::string(nodes.status().message())));
    if (absl::IsResourceExhausted(nodes.status())) {
      ++stats_.exhausted;
      RetryAfter(kRetryExhausted);
    }
    return;
  }
  std::map<wire::NodeId, uint64_t> still_there;
  std::set<wire::NodeId> still_banned;
  for (const NodeAddress& address : *nodes) {
    if (address.domain != self_.domain || !allowed_.contains(address.uid) ||
        address.id == self_.id) {
      continue;
    }
    if (banned_.contains(address.id)) still_banned.insert(address.id);
    const auto met = nothing_common_.find(address.id);
    if (met != nothing_common_.end() && met->second == topics_version_) {
      still_there.insert(*met);
      continue;
    }
    CallNode(address);
  }
  nothing_common_ = std::move(still_there);
  banned_ = std::move(still_banned);
}

void Discovery::CallNode(const NodeAddress& address) {
  if (FindEstablished(address.id) != nullptr || FindCalling(address.id) != nullptr ||
      banned_.contains(address.id)) {
    return;
  }
  absl::StatusOr<UniqueFd> socket = Connect(address);
  if (!socket.ok()) {
    if (absl::IsUnavailable(socket.status())) {
      RetryAfter(kRetryFull);
    } else if (!absl::IsNotFound(socket.status())) {
      ++stats_.exhausted;
      RetryAfter(kRetryExhausted);
      log_.Log(LogSeverity::kError, std::string(socket.status().message()));
    }
    return;
  }
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Adopt(std::move(*socket));
  if (!connection.ok()) return;
  if (!allowed_.contains((*connection)->peer().uid)) {
    ++stats_.refused_users;
    log_.Log(
        LogSeverity::kWarning,
        absl::StrCat("process ", (*connection)->peer().pid, " of user ", (*connection)->peer().uid,
                     " listens at an address of user ", address.uid, ": not connected"));
    return;
  }
  // A node that is stopped may answer later, so calls have no deadline; but one process must not
  // take all fds by listening at many addresses.
  const pid_t pid = (*connection)->peer().pid;
  const auto same_process = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& s) {
    return s.second->initiated() && s.second->peer().pid == pid;
  });
  if (pid != 0 && same_process >= kMostPerProcess) {
    log_.Log(
        LogSeverity::kWarning,
        absl::StrCat("process ", pid, " listens at more addresses than any process has nodes"));
    return;
  }
  AddSession(std::move(*connection), address.id);
}

// Whether the process of this session listens at the address of the id it gave.
bool Discovery::IsOwner(const Session& session) const {
  if (session.initiated()) return true;
  absl::StatusOr<UniqueFd> socket = Connect({self_.domain, session.peer().uid, session.peer_id()});
  if (!socket.ok()) return false;
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Adopt(std::move(*socket));
  return connection.ok() && (*connection)->peer().pid == session.peer().pid;
}

void Discovery::RetryLater() { RetryAfter(kRetryExhausted); }

// Sweeps and proposes again, after `delay` or earlier: what keeps failing must not put it off.
void Discovery::RetryAfter(int64_t delay) {
  const int64_t at = MonotonicNow() + delay;
  if (retry_at_ == 0 || at < retry_at_) retry_at_ = at;
  ArmTimer();
}

void Discovery::OnAccept() {
  while (true) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // Out of fds: the caller would stay in the backlog and this thread would spin. Turn it away
      // with the spare fd, and look for it later.
      log_.Log(LogSeverity::kError,
               std::string(SystemError(errno, "accepting another node").message()));
      ++stats_.exhausted;
      RetryAfter(kRetryExhausted);
      spare_.reset();
      UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      OpenSpare();
      return;
    }
    absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Adopt(std::move(socket));
    if (!connection.ok()) continue;
    const uid_t uid = (*connection)->peer().uid;
    if (!allowed_.contains(uid)) {
      ++stats_.refused_users;
      log_.Log(LogSeverity::kWarning,
               absl::StrCat("refused a node of user ", uid, " (pid ", (*connection)->peer().pid,
                            "): to allow it, name the user in NodeOptions::allowed_users"));
      continue;
    }
    if (hello_deadlines_.size() >= kMostUnknown) {
      // Perhaps it is one that means well: look for it when the silent ones are gone.
      ++stats_.handshake_timeouts;
      RetryAfter(kRetryExhausted);
      continue;
    }
    AddSession(std::move(*connection), std::nullopt);
  }
}

// Another thread may have taken the fd meanwhile. Then callers wait in the backlog, unwatched, or
// this thread would spin.
void Discovery::OpenSpare() {
  spare_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  epoll_event event{};
  if (spare_) event.events = EPOLLIN;
  event.data.fd = listener_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), &event);
  if (!spare_) RetryAfter(kRetryExhausted);
}

void Discovery::OnTimer() {
  uint64_t expirations;
  [[maybe_unused]] const ssize_t size = ::read(timer_.get(), &expirations, sizeof(expirations));
  const int64_t now = MonotonicNow();
  while (announce_step_ < std::size(kSchedule) &&
         now >= announce_start_ + kSchedule[announce_step_].after) {
    const AnnounceStep& step = kSchedule[announce_step_++];
    if (step.holler) Holler();
    if (step.sweep) Sweep();
  }
  if (retry_at_ != 0 && now >= retry_at_) {
    retry_at_ = 0;
    if (!spare_) OpenSpare();
    Sweep();
    ForEachEstablished([](Session& session) {
      const absl::Status flushed = session.connection().Flush();
      return flushed.ok() ? session.Retry() : flushed;
    });
    for (const auto& [publisher_id, subscriber_id] : std::exchange(local_again_, {})) {
      PublisherEndpoint* publisher = registry_.FindPublisher(publisher_id);
      SubscriberEndpoint* subscriber = registry_.FindSubscriber(subscriber_id);
      if (publisher == nullptr || subscriber == nullptr) continue;
      MatchLocally(publisher_id, publisher, subscriber_id, subscriber);
    }
  }
  if (linger_at_ != 0 && now >= linger_at_) {
    std::erase_if(lingering_, [&](const auto& entry) {
      if (entry.second->holds_samples()) return false;
      Unregister(entry.first);
      // Dropped without the lock: it may be the last to refer to this discovery.
      callbacks_.push_back({0, [subscriber = entry.second] {}});
      return true;
    });
    linger_at_ = lingering_.empty() ? 0 : now + kLingerCheck;
  }
  std::vector<int> overdue;
  for (const auto& [fd, deadline] : hello_deadlines_) {
    if (now >= deadline && !failed_.contains(fd)) overdue.push_back(fd);
  }
  for (const int fd : overdue) {
    // On a busy machine it may be this thread that was late: reading comes first.
    Session& session = *sessions_.at(fd);
    absl::Status status = OnMessages(session);
    if (status.ok() && hello_deadlines_.contains(fd)) {
      ++stats_.handshake_timeouts;
      status = absl::DeadlineExceededError("it never said who it is");
      // Or the caller was, and has no reason to call again: look for it.
      RetryLater();
    }
    if (!status.ok()) DropLater(session, status);
    UpdateWatch(session);
  }
}

void Discovery::ArmTimer() {
  int64_t next = INT64_MAX;
  if (announce_step_ < std::size(kSchedule)) {
    next = announce_start_ + kSchedule[announce_step_].after;
  }
  if (retry_at_ != 0) next = std::min(next, retry_at_);
  if (linger_at_ != 0) next = std::min(next, linger_at_);
  for (const auto& [fd, deadline] : hello_deadlines_) next = std::min(next, deadline);
  itimerspec spec{};  // All zero: disarmed.
  if (next != INT64_MAX) {
    spec.it_value = absl::ToTimespec(absl::Nanoseconds(std::max<int64_t>(next, 1)));
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

// ---- Sessions ----

void Discovery::AddSession(std::unique_ptr<Connection> connection,
                           std::optional<wire::NodeId> expected) {
  const int fd = connection->fd();
  auto session =
      std::make_unique<Session>(static_cast<SessionHost&>(*this), std::move(connection), expected);
  absl::Status status = Watch(fd, EPOLLIN);
  if (status.ok() && expected.has_value()) status = session->SendHello();
  if (!status.ok()) {
    log_.Log(LogSeverity::kWarning, std::string(status.message()));
    return;
  }
  if (!expected.has_value()) hello_deadlines_[fd] = MonotonicNow() + kHelloTimeout;
  UpdateWatch(*session);
  sessions_.emplace(fd, std::move(session));
}

absl::Status Discovery::OnMessages(Session& session) {
  for (int i = 0; i < kMessagesAtOnce; ++i) {
    absl::StatusOr<ReceivedCard> card = session.connection().Receive(buffer_.get());
    if (absl::IsUnavailable(card.status())) return absl::OkStatus();
    if (absl::IsResourceExhausted(card.status())) {
      // The fds are lost, the connection is not: other matches go on.
      ++stats_.exhausted;
      ++stats_.refused_endpoints;
      log_.Log(LogSeverity::kError, std::string(card.status().message()));
      if (!session.established()) continue;
      const absl::Status sent = session.OnLostFds(card.status());
      if (!sent.ok()) return sent;
      continue;
    }
    if (!card.ok()) return card.status();
    const bool is_hello = card->envelope.message.type == wire::Message_Hello;
    if (!session.established() && !is_hello) {
      return absl::InvalidArgumentError("a card before the hello");
    }
    absl::Status status = !session.established()
                              ? OnHello(session, *card->envelope.message.AsHello())
                              : session.OnCard(std::move(*card));
    if (!status.ok()) return status;
    if (failed_.contains(session.connection().fd())) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Discovery::OnHello(Session& session, const wire::HelloT& hello) {
  absl::Status status = session.OnHello(hello);
  if (!status.ok()) return status;
  hello_deadlines_.erase(session.connection().fd());
  const wire::NodeId& id = session.peer_id();
  const auto same_process = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& s) {
    return s.second->established() && s.second->peer().pid == session.peer().pid;
  });
  // Pid 0: a process of another pid namespace, of which there may be many.
  if (session.peer().pid != 0 && same_process >= kMostPerProcess) {
    return absl::InvalidArgumentError("more nodes than any process has");
  }
  if (Session* before = FindEstablished(id)) {
    if (before->peer().pid != session.peer().pid) {
      // One of them is an impostor; the kernel knows who listens at the address of that id.
      if (!IsOwner(session)) {
        return absl::InvalidArgumentError("a hello with the id of another node");
      }
      before->Close();
      DropLater(*before, absl::InvalidArgumentError("it gave the id of another node"));
    } else if (!before->connection().closed_by_peer()) {
      // Both called each other at once, and the peer has settled for the other connection already.
      return absl::AbortedError("the other connection stays");
    } else {
      // The peer lost the other connection and calls again. What it said there comes first, and
      // all matches made there end before new ones are made here.
      absl::Status last_words;
      while (last_words.ok() && !failed_.contains(before->connection().fd())) {
        last_words = OnMessages(*before);
      }
      before->Close();
      DropLater(*before, last_words);
    }
  }
  if (Session* calling = FindCalling(id); calling != nullptr && calling != &session) {
    // Both called each other at once: the call of the smaller id stays, on both sides.
    if (self_.id < id) return absl::AbortedError("the other connection stays");
    DropLater(*calling, absl::AbortedError("the other connection stays"));
  }
  if (!session.initiated()) {
    status = session.SendHello();
    if (!status.ok()) return status;
  } else if (!session.HasCommonTopics()) {
    nothing_common_[id] = topics_version_;
    return absl::AbortedError("nothing in common");
  }
  return session.Establish();
}

Session* Discovery::FindEstablished(const wire::NodeId& id) {
  for (const auto& [fd, session] : sessions_) {
    if (session->established() && session->peer_id() == id && !failed_.contains(fd)) {
      return session.get();
    }
  }
  return nullptr;
}

Session* Discovery::FindCalling(const wire::NodeId& id) {
  for (const auto& [fd, session] : sessions_) {
    if (!session->established() && session->expected() == id && !failed_.contains(fd)) {
      return session.get();
    }
  }
  return nullptr;
}

void Discovery::ForEachEstablished(const std::function<absl::Status(Session&)>& visit) {
  for (const auto& [fd, session] : sessions_) {
    if (!session->established() || failed_.contains(fd)) continue;
    const absl::Status status = visit(*session);
    if (!status.ok()) DropLater(*session, status);
    UpdateWatch(*session);
  }
}

void Discovery::UpdateWatch(Session& session) {
  Connection& connection = session.connection();
  if (connection.held()) RetryAfter(kRetryExhausted);
  if (connection.wants_to_write() == connection.watched_for_writing) return;
  connection.watched_for_writing = connection.wants_to_write();
  epoll_event event{};
  event.events = connection.wants_to_write() ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.fd = connection.fd();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, event.data.fd, &event);
}

void Discovery::DropLater(Session& session, const absl::Status& why) {
  if (!failed_.insert(session.connection().fd()).second || absl::IsAborted(why)) return;
  if (absl::IsInvalidArgument(why)) {
    ++stats_.malformed;
    // An impostor must not have the owner of its name banned.
    if (session.established() && IsOwner(session)) banned_.insert(session.peer_id());
    if (session.initiated()) banned_.insert(*session.expected());
    if (banned_.size() > kMostBanned) banned_.clear();
  }
  log_.Log(LogSeverity::kWarning,
           absl::StrCat("dropped the connection to node '", session.peer().node_name, "' (pid ",
                        session.peer().pid, "): ", std::string(why.message())));
}

void Discovery::DropFailed() {
  while (!failed_.empty()) {
    const int fd = *failed_.begin();
    const auto it = sessions_.find(fd);
    // A peer that lives may have dropped this connection, or this node may have, for a passing
    // reason: look for it again.
    if (it->second->established() && it->second->HasCommonTopics()) RetryAfter(kRetryFull);
    it->second->Close();  // May make others fail.
    hello_deadlines_.erase(fd);
    // Closing is not enough to leave the epoll set where a forked child has a copy.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    sessions_.erase(it);
    failed_.erase(fd);
  }
}

}  // namespace holler
