#include "hostile_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "holler/doorbell.h"
#include "holler/neighbourhood.h"
#include "hostile_topics.h"

namespace hostile {
namespace {

namespace wire = holler::wire;

constexpr int kHungMilliseconds = 60'000;
constexpr size_t kMostFds = 253;  // SCM_MAX_FD of the kernel.

std::vector<uint64_t> HonestTopics() {
  return {holler::TopicHash(BeatTopic::kName), holler::TopicHash(NoteTopic::kName),
          holler::TopicHash(RareTopic::kName)};
}

}  // namespace

uint32_t Domain() {
  const char* domain = std::getenv("HOLLER_DOMAIN");
  return domain == nullptr ? 0 : static_cast<uint32_t>(std::atoi(domain));
}

wire::NodeId RandomId() {
  uint64_t random[2];
  if (::getrandom(random, sizeof(random), 0) != sizeof(random)) std::abort();
  return wire::NodeId(random[0], random[1]);
}

void Shout(const std::string& bytes, int times) {
  auto group = holler::MulticastGroup::Join(Domain(), "127.0.0.1");
  if (!group.ok()) return;  // Nobody can holler on this machine: nor can an attacker.
  std::string own(64 * 1024, '\0');
  for (int i = 0; i < times; ++i) {
    (void)group->Send(bytes);
    while (group->Receive(own.data()).has_value()) {
    }
  }
}

wire::HollerT MakeHoller(const wire::NodeId& id) {
  wire::HollerT holler;
  holler.abi_version = holler::kAbiVersion;
  holler.domain = Domain();
  holler.uid = ::geteuid();
  holler.node = std::make_unique<wire::NodeId>(id);
  holler.publishes = HonestTopics();
  holler.subscribes = HonestTopics();
  return holler;
}

wire::HelloT MakeHello(const wire::NodeId& id) {
  wire::HelloT hello;
  hello.abi_version = holler::kAbiVersion;
  hello.domain = Domain();
  hello.node = std::make_unique<wire::NodeId>(id);
  hello.node_name = "hostile";
  hello.pid = ::getpid();
  hello.publishes = HonestTopics();
  hello.subscribes = HonestTopics();
  return hello;
}

std::string HelloBytes(const wire::NodeId& id) { return holler::EncodeCard(MakeHello(id)); }

void PauseBriefly() {
  const timespec pause{.tv_sec = 0, .tv_nsec = 5'000'000};
  ::nanosleep(&pause, nullptr);
}

int64_t NowSeconds() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

holler::UniqueFd MakeMemfd(const std::string& bytes, int seals, unsigned flags) {
  holler::UniqueFd fd(::memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes.size())) != 0) return {};
  if (!bytes.empty() &&
      ::pwrite(fd.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return {};
  }
  if (seals != 0 && ::fcntl(fd.get(), F_ADD_SEALS, seals) != 0) return {};
  return fd;
}

holler::UniqueFd MakeBell() {
  // The other end stays open as long as the process: who rings must not notice a closed one.
  static auto& doorbell = *new holler::Doorbell(std::move(*holler::Doorbell::Create()));
  static auto& ears = *new std::vector<holler::UniqueFd>();
  holler::Bell bell = std::move(*doorbell.AddBell());
  ears.push_back(std::move(bell.ear));
  return std::move(bell.pull);
}

holler::UniqueFd MakePage() {
  auto page = holler::OwnPage::Create(4);
  return page.ok() ? Dup(page->fd()) : holler::UniqueFd();
}

holler::UniqueFd Dup(int fd) { return holler::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

std::string PublisherCard(uint64_t publisher, const holler::TopicInfo& topic) {
  wire::PublisherCardT card;
  card.publisher = publisher;
  card.topic = std::string(topic.name);
  card.type_name = std::string(topic.type_name);
  card.fingerprint = topic.fingerprint;
  return holler::EncodeCard(std::move(card));
}

std::string SubscriberCard(uint64_t subscriber, uint64_t publisher) {
  wire::SubscriberCardT card;
  card.subscriber = subscriber;
  card.publisher = publisher;
  return holler::EncodeCard(std::move(card));
}

std::string Confirmation(uint64_t publisher, uint64_t subscriber, uint64_t start) {
  wire::ConfirmationT confirmation;
  confirmation.publisher = publisher;
  confirmation.subscriber = subscriber;
  confirmation.start = start;
  return holler::EncodeCard(std::move(confirmation));
}

std::string Refusal(bool by_publisher, uint64_t publisher, uint64_t subscriber,
                    wire::RefusalCode code) {
  wire::RefusalT refusal;
  refusal.by_publisher = by_publisher;
  refusal.publisher = publisher;
  refusal.subscriber = subscriber;
  refusal.code = code;
  refusal.reason = "out of spite\n\x1b[31m";
  return holler::EncodeCard(std::move(refusal));
}

std::string Gone(uint64_t endpoint) {
  wire::GoneT gone;
  gone.endpoint = endpoint;
  return holler::EncodeCard(std::move(gone));
}

std::string Topics(const std::vector<uint64_t>& publishes,
                   const std::vector<uint64_t>& subscribes) {
  wire::TopicsT topics;
  topics.publishes = publishes;
  topics.subscribes = subscribes;
  return holler::EncodeCard(std::move(topics));
}

HostilePeer::HostilePeer(const wire::NodeId& to) {
  Await([&] {
    auto socket = holler::Connect({Domain(), ::geteuid(), to});
    if (socket.ok()) socket_ = std::move(*socket);
    return !absl::IsUnavailable(socket.status());
  });
}

bool HostilePeer::TrySend(const std::string& bytes, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostFds)] = {};
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  return ::sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

bool HostilePeer::Send(const std::string& bytes, const std::vector<int>& fds) {
  while (!TrySend(bytes, fds)) {
    if (errno != EAGAIN && errno != ENOBUFS) return false;
    pollfd poll{.fd = fd(), .events = POLLOUT, .revents = 0};
    if (::poll(&poll, 1, kHungMilliseconds) <= 0) return false;
  }
  return true;
}

std::optional<wire::EnvelopeT> HostilePeer::Receive(std::vector<holler::UniqueFd>* fds) {
  pollfd poll{.fd = fd(), .events = POLLIN, .revents = 0};
  std::string bytes(holler::kMaxMessageBytes, '\0');
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 4)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (::poll(&poll, 1, kHungMilliseconds) <= 0) {
    ADD_FAILURE() << "neither a message nor an end";
    return std::nullopt;
  }
  ssize_t size;
  do {
    size = ::recvmsg(fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == ECONNRESET);
  if (size <= 0) return std::nullopt;
  std::vector<holler::UniqueFd> received;
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
      received.emplace_back(fd);
    }
  }
  if (fds != nullptr) *fds = std::move(received);
  auto envelope = holler::DecodeCard({bytes.data(), static_cast<size_t>(size)});
  EXPECT_TRUE(envelope.ok()) << envelope.status();
  if (!envelope.ok()) return std::nullopt;
  return std::move(*envelope);
}

std::optional<wire::EnvelopeT> HostilePeer::ReceiveOnly(wire::Message type,
                                                        std::vector<holler::UniqueFd>* fds) {
  while (true) {
    auto envelope = Receive(fds);
    if (!envelope.has_value() || envelope->message.type == type) return envelope;
  }
}

bool HostilePeer::IsClosed() {
  while (true) {
    pollfd poll{.fd = fd(), .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, kHungMilliseconds) <= 0) return false;
    char byte;
    const ssize_t size = ::recv(fd(), &byte, 1, MSG_DONTWAIT);  // Its fds are dropped.
    if (size == 0) return true;
    if (size < 0 && errno != ECONNRESET && errno != EAGAIN) return true;
  }
}

void HostilePeer::Greet(const wire::NodeId& id) {
  ASSERT_TRUE(Send(HelloBytes(id)));
  ASSERT_TRUE(ReceiveOnly(wire::Message_Hello).has_value());
}

holler::UniqueFd ListenAs(const wire::NodeId& id) {
  auto socket = holler::Listen({Domain(), ::geteuid(), id});
  return socket.ok() ? std::move(*socket) : holler::UniqueFd();
}

holler::UniqueFd AcceptCall(int listener) {
  pollfd poll{.fd = listener, .events = POLLIN, .revents = 0};
  if (::poll(&poll, 1, kHungMilliseconds) <= 0) return {};
  return holler::UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

}  // namespace hostile
