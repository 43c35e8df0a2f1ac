#include "holler/service.h"

#include "holler/discovery.h"

namespace holler {

CallTopics CallTopicsOf(std::string_view method, std::string_view service,
                        const std::string& instead) {
  std::string name = instead.empty() ? std::string(service) : instead;
  name.append("/").append(method);
  return {.request = name + "/request", .reply = name + "/reply"};
}

Clock ClockOf(Node& node) { return node.discovery()->clock(); }

}  // namespace holler
