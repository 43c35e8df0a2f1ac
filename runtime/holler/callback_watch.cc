#include "holler/callback_watch.h"

#include "absl/strings/str_cat.h"
#include "holler/discovery.h"

namespace holler {
namespace {

template <typename Options>
Options Watch(Node& node, std::string_view topic, Options options) {
  // Callbacks run on the thread of the discovery, so it is there.
  const auto warn = [discovery = node.discovery().get()](const std::string& what,
                                                         const std::string& line) {
    discovery->WarnOnce(what, line);
  };
  const CallbackWatch watch(options.topic.empty() ? std::string(topic) : options.topic, warn);
  return watch.Wrap(std::move(options));
}

}  // namespace

void CallbackWatch::Tell(const char* name, int64_t took) const {
  const std::string what = absl::StrCat("topic '", topic_, "': ", name);
  warn_(what, absl::StrCat(what, " ran for ", took / kMillisecond,
                           " ms, and while it runs nobody is matched: let another thread do what "
                           "takes long"));
}

PublisherOptions WatchCallbacks(Node& node, std::string_view topic, PublisherOptions options) {
  return Watch(node, topic, std::move(options));
}

SubscriberOptions WatchCallbacks(Node& node, std::string_view topic, SubscriberOptions options) {
  return Watch(node, topic, std::move(options));
}

}  // namespace holler
