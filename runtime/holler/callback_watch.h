// Tells of callbacks that take their time: while one runs, nobody is matched.
#ifndef HOLLER_CALLBACK_WATCH_H_
#define HOLLER_CALLBACK_WATCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "holler/clock.h"
#include "holler/node.h"
#include "holler/options.h"

namespace holler {

// Wraps the callbacks of one endpoint, so that a slow one is told of in a warning.
// Thread safety: immutable; what it returns runs where the callbacks run.
class CallbackWatch {
 public:
  // Longer than anything a callback should do.
  static constexpr int64_t kSlow = 100 * kMillisecond;

  // `what` names the callback; it is the same each time, while `line` has the time in it.
  using Warn = std::function<void(const std::string& what, const std::string& line)>;
  using Clock = std::function<int64_t()>;

  CallbackWatch(std::string topic, Warn warn, Clock clock = MonotonicNow)
      : topic_(std::move(topic)), warn_(std::move(warn)), clock_(std::move(clock)) {}

  // The same options with watched callbacks. Options: PublisherOptions, SubscriberOptions.
  template <typename Options>
  Options Wrap(Options options) const {
    options.on_matched = Wrap("on_matched", std::move(options.on_matched));
    options.on_unmatched = Wrap("on_unmatched", std::move(options.on_unmatched));
    options.on_refused = Wrap("on_refused", std::move(options.on_refused));
    return options;
  }

 private:
  template <typename... Args>
  std::function<void(Args...)> Wrap(const char* name, std::function<void(Args...)> callback) const {
    if (!callback) return nullptr;
    return [watch = *this, name, callback = std::move(callback)](Args... args) {
      const int64_t start = watch.clock_();
      callback(args...);
      const int64_t took = watch.clock_() - start;
      if (took > kSlow) watch.Tell(name, took);
    };
  }
  void Tell(const char* name, int64_t took) const;

  std::string topic_;
  Warn warn_;
  Clock clock_;
};

// Watches the callbacks of an endpoint of `node`, whose log is told: once for each callback of a
// topic. `topic` is the one of the schema.
PublisherOptions WatchCallbacks(Node& node, std::string_view topic, PublisherOptions options);
SubscriberOptions WatchCallbacks(Node& node, std::string_view topic, SubscriberOptions options);

}  // namespace holler

#endif  // HOLLER_CALLBACK_WATCH_H_
