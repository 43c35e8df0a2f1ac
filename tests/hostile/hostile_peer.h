// One who speaks Holler's protocol, but says what it likes: raw bytes, raw fds.
#ifndef HOLLER_TESTS_HOSTILE_HOSTILE_PEER_H_
#define HOLLER_TESTS_HOSTILE_HOSTILE_PEER_H_

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holler/name_card.h"
#include "holler/segment.h"
#include "holler/unique_fd.h"

namespace hostile {

inline constexpr int kAllSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

// Of this test: HOLLER_DOMAIN.
uint32_t Domain();
holler::wire::NodeId RandomId();

// Sends `bytes` to the multicast group, `times` times.
void Shout(const std::string& bytes, int times = 1);

// A holler of a node that publishes and subscribes to the honest topics.
holler::wire::HollerT MakeHoller(const holler::wire::NodeId& id);
// Its hello, likewise.
holler::wire::HelloT MakeHello(const holler::wire::NodeId& id);
std::string HelloBytes(const holler::wire::NodeId& id);

// Waits until `state` holds, with pauses, for as long as something may take that is not hung.
template <typename State>
bool Await(State&& state);
void PauseBriefly();
int64_t NowSeconds();

// A memfd of these bytes with these seals.
holler::UniqueFd MakeMemfd(const std::string& bytes, int seals, unsigned flags = 0);
// A bell as an honest subscriber hands it over.
holler::UniqueFd MakeBell();
// A page as an honest subscriber makes it.
holler::UniqueFd MakePage();
// A descriptor of the same file.
holler::UniqueFd Dup(int fd);

// Cards, encoded.
std::string PublisherCard(uint64_t publisher, const holler::TopicInfo& topic);
std::string SubscriberCard(uint64_t subscriber, uint64_t publisher);
std::string Confirmation(uint64_t publisher, uint64_t subscriber, uint64_t start);
std::string Refusal(bool by_publisher, uint64_t publisher, uint64_t subscriber,
                    holler::wire::RefusalCode code);
std::string Gone(uint64_t endpoint);
std::string Topics(const std::vector<uint64_t>& publishes, const std::vector<uint64_t>& subscribes);

// A connection to a node.
class HostilePeer {
 public:
  // Connects; calls again while the backlog is full.
  explicit HostilePeer(const holler::wire::NodeId& to);
  // Takes a connection over.
  explicit HostilePeer(holler::UniqueFd socket) : socket_(std::move(socket)) {}

  // False: closed by the other side, or, for large messages, not possible.
  bool Send(const std::string& bytes, const std::vector<int>& fds = {});
  // As Send, but false at once if the other side does not read.
  bool TrySend(const std::string& bytes, const std::vector<int>& fds = {});
  // The next message; empty at the end of the connection. Its fds go to `fds`, or are closed.
  std::optional<holler::wire::EnvelopeT> Receive(std::vector<holler::UniqueFd>* fds = nullptr);
  // The next message of this kind; others are passed over.
  std::optional<holler::wire::EnvelopeT> ReceiveOnly(holler::wire::Message type,
                                                     std::vector<holler::UniqueFd>* fds = nullptr);
  // Reads until the other side has closed. False if it does not.
  bool IsClosed();

  // Says hello as a node that has the honest topics, and hears the other's.
  void Greet(const holler::wire::NodeId& id = RandomId());
  int fd() const { return socket_.get(); }

 private:
  holler::UniqueFd socket_;
};

// A socket that listens where node `id` would.
holler::UniqueFd ListenAs(const holler::wire::NodeId& id);
// The next call; empty if none comes.
holler::UniqueFd AcceptCall(int listener);

// ---- Implementation ----

template <typename State>
bool Await(State&& state) {
  for (const int64_t limit = NowSeconds() + 60; !state();) {
    if (NowSeconds() > limit) return false;
    PauseBriefly();
  }
  return true;
}

}  // namespace hostile

#endif  // HOLLER_TESTS_HOSTILE_HOSTILE_PEER_H_
