#include "holler/observer_feed.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace holler {
namespace {

// What ends a round of Tell before its end: the observer does not read. Tell goes on later.
absl::Status Later() { return absl::UnavailableError("the observer does not read"); }

}  // namespace

void ObserverFeed::OnLook(uint64_t look) { look_ = std::max(look_, look); }

absl::Status ObserverFeed::Tell() {
  if (connection_.has_backlog()) return absl::OkStatus();
  const auto tell = [&]() -> absl::Status {
    std::set<MatchKey> matches;
    for (const auto& [id, publisher] : registry_.publishers()) {
      absl::Status told = TellPublisher(id, *publisher);
      if (!told.ok()) return told;
      for (const auto& [subscriber, peer] : publisher->matches()) {
        matches.emplace(id, subscriber);
        told = TellMatch(id, subscriber, peer);
        if (!told.ok()) return told;
      }
    }
    for (const auto& [id, subscriber] : registry_.subscribers()) {
      absl::Status told = TellSubscriber(id, *subscriber);
      if (!told.ok()) return told;
    }
    if (absl::Status told = TellEnds(matches); !told.ok()) return told;
    if (answered_ == look_) return absl::OkStatus();
    wire::ObservedT observed;
    observed.look = look_;
    observed.program = self_.program;
    observed.created_at = self_.created_at;
    if (absl::Status sent = Send(EncodeCard(std::move(observed))); !sent.ok()) return sent;
    answered_ = look_;
    return absl::OkStatus();
  };
  absl::Status told = tell();
  return absl::IsUnavailable(told) ? absl::OkStatus() : told;
}

absl::Status ObserverFeed::TellPublisher(uint64_t id, const PublisherEndpoint& publisher) {
  if (publishers_.contains(id)) return absl::OkStatus();  // Its counters are in the segment.
  wire::PublisherCardT card;
  card.publisher = id;
  card.topic = publisher.topic_name();
  card.type_name = std::string(publisher.topic().type_name);
  card.fingerprint = publisher.topic().fingerprint;
  absl::Status sent = Send(EncodeCard(std::move(card)), publisher.segment_fd());
  if (sent.ok()) publishers_.insert(id);
  return sent;
}

absl::Status ObserverFeed::TellSubscriber(uint64_t id, const SubscriberEndpoint& subscriber) {
  const auto told = subscribers_.find(id);
  if (told != subscribers_.end() && told->second == look_) return absl::OkStatus();
  wire::SubscriberReportT report;
  report.subscriber = id;
  report.topic = subscriber.topic_name();
  report.type_name = subscriber.type_name();
  report.counts = std::make_unique<wire::CountsT>(ToCounts(subscriber.counters()));
  absl::Status sent = Send(EncodeCard(std::move(report)));
  if (sent.ok()) subscribers_[id] = look_;
  return sent;
}

absl::Status ObserverFeed::TellMatch(uint64_t publisher, const EndpointKey& subscriber,
                                     const SubscriberPeer& peer) {
  const auto told = matches_.find({publisher, subscriber});
  if (told != matches_.end() && told->second == look_) return absl::OkStatus();
  wire::MatchReportT report;
  report.publisher = publisher;
  report.node = std::make_unique<wire::NodeId>(subscriber.node);
  report.subscriber = subscriber.endpoint;
  report.node_name = peer.peer.node_name;
  report.pid = peer.peer.pid;
  report.uid = peer.peer.uid;
  report.position = peer.position;
  report.counts = std::make_unique<wire::CountsT>(ToCounts(peer.counters));
  absl::Status sent = Send(EncodeCard(std::move(report)));
  if (sent.ok()) matches_[{publisher, subscriber}] = look_;
  return sent;
}

absl::Status ObserverFeed::TellEnds(const std::set<MatchKey>& matches) {
  for (auto it = matches_.begin(); it != matches_.end();) {
    if (!matches.contains(it->first)) {
      if (absl::Status told = TellEnd(it->first); !told.ok()) return told;
      it = matches_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto it = publishers_.begin(); it != publishers_.end();) {
    if (registry_.FindPublisher(*it) == nullptr) {
      if (absl::Status told = TellGone(*it); !told.ok()) return told;
      it = publishers_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto it = subscribers_.begin(); it != subscribers_.end();) {
    if (registry_.FindSubscriber(it->first) == nullptr) {
      if (absl::Status told = TellGone(it->first); !told.ok()) return told;
      it = subscribers_.erase(it);
    } else {
      ++it;
    }
  }
  return absl::OkStatus();
}

absl::Status ObserverFeed::TellEnd(const MatchKey& match) {
  wire::MatchEndT end;
  end.publisher = match.first;
  end.node = std::make_unique<wire::NodeId>(match.second.node);
  end.subscriber = match.second.endpoint;
  return Send(EncodeCard(std::move(end)));
}

absl::Status ObserverFeed::TellGone(uint64_t endpoint) {
  wire::GoneT gone;
  gone.endpoint = endpoint;
  return Send(EncodeCard(std::move(gone)));
}

absl::Status ObserverFeed::Send(std::string card, int fd) {
  if (connection_.has_backlog()) return Later();
  return connection_.Send(card, fd < 0 ? std::vector<int>{} : std::vector<int>{fd});
}

wire::CountsT ToCounts(const SubscriberCounters& counters) {
  wire::CountsT counts;
  counts.taken = counters.taken;
  counts.lost = counters.lost;
  counts.skipped = counters.skipped;
  counts.malformed = counters.malformed;
  counts.dropped = counters.dropped;
  counts.wakeups = counters.wakeups;
  counts.longest_lag = counters.longest_lag;
  counts.longest_latency = static_cast<uint64_t>(absl::ToInt64Nanoseconds(counters.latency.max()));
  const LatencyHistogram::Buckets& buckets = counters.latency.buckets();
  counts.latencies.assign(buckets.begin(), buckets.end());
  return counts;
}

SubscriberCounters ToCounters(const wire::CountsT& counts) {
  LatencyHistogram::Buckets buckets{};
  std::copy_n(counts.latencies.begin(), std::min(counts.latencies.size(), buckets.size()),
              buckets.begin());
  return {.taken = counts.taken,
          .lost = counts.lost,
          .skipped = counts.skipped,
          .malformed = counts.malformed,
          .dropped = counts.dropped,
          .wakeups = counts.wakeups,
          .longest_lag = counts.longest_lag,
          .latency = LatencyHistogram(buckets, counts.longest_latency)};
}

}  // namespace holler
