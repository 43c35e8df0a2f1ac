#include "holler/neighbourhood.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "holler/system_error.h"

namespace holler {
namespace {

// 239.255.0.0/16 is the "local scope" of administratively scoped multicast (RFC 2365, section
// 6.1): private use. One port for each domain.
constexpr char kGroup[] = "239.255.72.79";
constexpr uint16_t kFirstPort = 27'200;

static_assert(sizeof("holler/4999/4294967295/") + 32 + sizeof("/") + TopicFilter::kTextLength <=
              sizeof(sockaddr_un::sun_path));

socklen_t FillAddress(const std::string& name, sockaddr_un* to) {
  *to = sockaddr_un{};
  to->sun_family = AF_UNIX;
  // sun_path[0] stays 0: an abstract address (unix(7)), which vanishes with its socket.
  std::memcpy(to->sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

absl::StatusOr<UniqueFd> NewSocket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError(errno, "socket(AF_UNIX, SOCK_SEQPACKET)");
  return socket;
}

// A socket with this abstract address.
absl::StatusOr<UniqueFd> BindTo(const std::string& name) {
  absl::StatusOr<UniqueFd> socket = NewSocket();
  if (!socket.ok()) return socket.status();
  sockaddr_un address;
  const socklen_t size = FillAddress(name, &address);
  if (::bind(socket->get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    return SystemError(errno, absl::StrCat("bind to abstract address ", name));
  }
  return socket;
}

template <typename Value>
bool ParseNumber(std::string_view text, Value* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string ToAbstractName(const NodeAddress& address) {
  return absl::StrCat("holler/", address.domain, "/", address.uid, "/", ToString(address.id));
}

std::optional<NodeAddress> ParseAbstractName(std::string_view name) {
  NodeAddress address;
  std::string_view parts[4];
  for (int i = 0; i < 3; ++i) {
    const size_t slash = name.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    parts[i] = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  parts[3] = name;
  if (parts[0] != "holler" || !ParseNumber(parts[1], &address.domain) ||
      !ParseNumber(parts[2], &address.uid) || !ParseNodeId(parts[3], &address.id)) {
    return std::nullopt;
  }
  return address;
}

absl::StatusOr<UniqueFd> Listen(const NodeAddress& address) {
  absl::StatusOr<UniqueFd> socket = BindTo(ToAbstractName(address));
  if (!socket.ok()) return socket.status();
  if (::listen(socket->get(), SOMAXCONN) != 0) return SystemError(errno, "listen for other nodes");
  return socket;
}

absl::StatusOr<UniqueFd> ShowTopics(const NodeAddress& address, const TopicFilter& topics) {
  return BindTo(absl::StrCat(ToAbstractName(address), "/", topics.ToText()));
}

absl::StatusOr<UniqueFd> Connect(const NodeAddress& address) {
  absl::StatusOr<UniqueFd> socket = NewSocket();
  if (!socket.ok()) return socket.status();
  sockaddr_un name;
  const socklen_t size = FillAddress(ToAbstractName(address), &name);
  while (::connect(socket->get(), reinterpret_cast<sockaddr*>(&name), size) != 0) {
    if (errno == EINTR) continue;
    const std::string what = absl::StrCat("connect to ", ToAbstractName(address));
    if (errno == ECONNREFUSED) return absl::NotFoundError(absl::StrCat(what, ": nobody listens"));
    // connect(2): for Unix sockets EAGAIN means that the backlog is full.
    if (errno == EAGAIN) return absl::UnavailableError(absl::StrCat(what, ": backlog full"));
    return SystemError(errno, what);
  }
  return socket;
}

absl::StatusOr<MulticastGroup> MulticastGroup::Join(uint32_t domain,
                                                    const std::string& interface_address) {
  in_addr interface {};
  if (::inet_pton(AF_INET, interface_address.c_str(), &interface) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("interface_address '", interface_address,
                                                   "' is not an IPv4 address, as in 127.0.0.1"));
  }
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError(errno, "socket(AF_INET, SOCK_DGRAM)");
  const auto option = [&](int level, int name, const auto& value, const char* what) {
    if (::setsockopt(socket.get(), level, name, &value, sizeof(value)) == 0) {
      return absl::OkStatus();
    }
    // Not every sandbox has all of them; a node works without.
    return absl::UnavailableError(
        absl::StrCat(what, " on ", interface_address, ": ", std::strerror(errno)));
  };
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(static_cast<uint16_t>(kFirstPort + domain));
  ::inet_pton(AF_INET, kGroup, &group.sin_addr);

  // Every node of the machine binds the same group and port, and each gets every datagram.
  absl::Status status = option(SOL_SOCKET, SO_REUSEADDR, int{1}, "SO_REUSEADDR");
  // Bound to the group, not to any address: unicast datagrams do not arrive.
  if (status.ok() &&
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&group), sizeof(group)) != 0) {
    status = SystemError(errno, absl::StrCat("bind to ", kGroup, ":", kFirstPort + domain));
  }
  ip_mreqn membership{};
  membership.imr_multiaddr = group.sin_addr;
  membership.imr_address = interface;
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_ALL, int{0}, "IP_MULTICAST_ALL");
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_IF, membership, "IP_MULTICAST_IF");
  // Hop limit 0: no datagram leaves the machine, whatever the interface (ip(7)).
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_TTL, int{0}, "IP_MULTICAST_TTL");
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_LOOP, int{1}, "IP_MULTICAST_LOOP");
  if (status.ok()) status = option(IPPROTO_IP, IP_ADD_MEMBERSHIP, membership, "IP_ADD_MEMBERSHIP");
  if (!status.ok()) return status;
  return MulticastGroup(std::move(socket), group.sin_addr.s_addr, group.sin_port);
}

absl::Status MulticastGroup::Send(const std::string& bytes) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = group_;
  to.sin_port = port_;
  ssize_t sent;
  do {
    sent = ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<sockaddr*>(&to), sizeof(to));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return absl::UnavailableError(absl::StrCat(
        "sending a holler to ", kGroup, ": ", std::strerror(errno),
        "; no network or a firewall; nodes find each other all the same, a little later"));
  }
  return absl::OkStatus();
}

std::optional<std::string_view> MulticastGroup::Receive(char* buffer) {
  ssize_t size;
  do {
    size = ::recv(socket_.get(), buffer, kMaxMessageBytes, MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return std::nullopt;
  return std::string_view(buffer, static_cast<size_t>(size));
}

namespace {

// What the lines of /proc/net/unix say of nodes.
class Sockets {
 public:
  void OnLine(std::string_view line) {
    // proc(5): Num RefCount Protocol Flags Type St Inode Path, where Flags has __SO_ACCEPTCON for
    // a listening socket and an abstract Path starts with '@'.
    constexpr std::string_view kListening = " 00010000 ";
    constexpr std::string_view kPath = " @";
    const size_t at = line.find(kPath);
    if (at == std::string_view::npos) return;
    const std::string_view name = line.substr(at + kPath.size());
    if (line.find(kListening) < at) {
      if (const auto address = ParseAbstractName(name)) nodes_.push_back({*address, {}});
    } else if (const size_t slash = name.rfind('/'); slash != std::string_view::npos) {
      OnTopics(name.substr(0, slash), name.substr(slash + 1));
    }
  }

  std::vector<SweptNode> TakeNodes() {
    for (SweptNode& node : nodes_) {
      if (const auto shown = shown_.find(node.id); shown != shown_.end()) {
        node.topics = shown->second;
      }
    }
    return std::move(nodes_);
  }

 private:
  // Connections bear a listener's name, without topics.
  void OnTopics(std::string_view name, std::string_view text) {
    const std::optional<TopicFilter> topics = TopicFilter::Parse(text);
    if (!topics.has_value()) return;
    const std::optional<NodeAddress> address = ParseAbstractName(name);
    // Anybody may show topics in a node's name, and it may just be changing them: all count, so
    // that the worst that comes of it is a call in vain.
    if (address.has_value()) shown_[address->id].Merge(*topics);
  }

  std::vector<SweptNode> nodes_;
  std::map<wire::NodeId, TopicFilter> shown_;
};

}  // namespace

absl::StatusOr<std::vector<SweptNode>> SweepNodes() {
  UniqueFd file(::open("/proc/net/unix", O_RDONLY | O_CLOEXEC));
  if (!file) return SystemError(errno, "open /proc/net/unix");
  Sockets sockets;
  // Line by line: the list has every connection of the machine, and may have megabytes.
  char chunk[16 * 1024];
  std::string line;
  while (true) {
    const ssize_t size = ::read(file.get(), chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError(errno, "read /proc/net/unix");
    if (size == 0) return sockets.TakeNodes();
    std::string_view rest(chunk, static_cast<size_t>(size));
    for (size_t end; (end = rest.find('\n')) != std::string_view::npos;
         rest.remove_prefix(end + 1)) {
      line.append(rest.substr(0, end));
      sockets.OnLine(line);
      line.clear();
    }
    line.append(rest);
  }
}

}  // namespace holler
