// What clients and servers of a service need to know before they meet.
#ifndef HOLLER_SERVICE_H_
#define HOLLER_SERVICE_H_

#include <string>
#include <string_view>

#include "holler/clock.h"
#include "holler/node.h"

namespace holler {

// The topics of one method.
struct CallTopics {
  std::string request;
  std::string reply;
};

// "nav/Planner/Plan/request" and ".../reply" for the service "nav/Planner", or for the name a user
// gave it instead.
CallTopics CallTopicsOf(std::string_view method, std::string_view service,
                        const std::string& instead);

// What deadlines go by: NodeOptions::clock.
Clock ClockOf(Node& node);

}  // namespace holler

#endif  // HOLLER_SERVICE_H_
