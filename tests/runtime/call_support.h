// Clients and servers on nodes whose clock stands still until it is moved, for tests.
#ifndef HOLLER_TESTS_RUNTIME_CALL_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_CALL_SUPPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "holler/client.h"
#include "holler/server.h"
#include "loop_support.h"
#include "node_support.h"
#include "services_topics.h"

namespace holler {

using DoubleClient = test::SumsDoubleClient;
using DoubleServer = test::SumsDoubleServer;

// A node that goes by `clock`.
inline std::unique_ptr<Node> NodeWithClock(const std::string& name, uint32_t domain,
                                           ClockFunction clock) {
  auto node = Node::Create({.name = name, .domain = domain, .clock = std::move(clock)});
  EXPECT_TRUE(node.ok()) << node.status();
  return std::make_unique<Node>(std::move(*node));
}

// Begins a call with a number. 0: it could not be sent.
template <typename Client>
CallId SendNumber(Client& client, uint64_t number) {
  auto request = client.Loan();
  if (!request) return 0;
  request->set_number(number);
  return client.Send(std::move(request));
}
template <typename Client>
CallId SendNumber(Client& client, uint64_t number, absl::Duration deadline) {
  auto request = client.Loan();
  if (!request) return 0;
  request->set_number(number);
  return client.Send(std::move(request), deadline);
}

// The next call, waiting for it.
template <typename Server>
typename Server::CallType NextCall(Server& server) {
  while (server.Wait(kLong)) {
    if (auto call = server.Take()) return call;
  }
  return {};
}

// Answers it with twice its number.
template <typename Call>
bool AnswerDouble(Call call) {
  auto reply = call.Loan();
  if (reply) reply->set_number(2 * call->number());
  return call.Reply(std::move(reply));
}

// One node, or two that meet through sockets, with a clock of their own.
class TwoHalves : public testing::TestWithParam<bool> {
 protected:
  TwoHalves() {
    a_ = NodeWithClock("a", domain_, clock_.function());
    b_ = GetParam() ? NodeWithClock("b", domain_, clock_.function()) : nullptr;
  }
  Node& a() { return *a_; }
  Node& b() { return b_ != nullptr ? *b_ : *a_; }

  const uint32_t domain_ = NextDomain();
  FakeClock clock_;
  std::unique_ptr<Node> a_;
  std::unique_ptr<Node> b_;
};

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_CALL_SUPPORT_H_
