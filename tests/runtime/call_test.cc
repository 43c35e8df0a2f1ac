// Calls: a request and its reply, and all other ways in which a call can end.
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "call_support.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process_support.h"

namespace holler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Calls : public TwoHalves {};
INSTANTIATE_TEST_SUITE_P(, Calls, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

TEST_P(Calls, ACallIsAnswered) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  EXPECT_EQ(client->server()->node_name, "a");
  const CallId call = SendNumber(*client, 21);
  ASSERT_NE(call, 0u);
  EXPECT_EQ(client->Wait(call, absl::ZeroDuration()).end(), CallEnd::kPending);
  EXPECT_EQ(client->pending(), 1u);

  auto incoming = NextCall(*server);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->number(), 21u);
  EXPECT_EQ(incoming.caller().node_name, GetParam() ? "b" : "a");
  EXPECT_FALSE(incoming.is_abandoned());
  EXPECT_FALSE(incoming.is_expired());
  EXPECT_EQ(incoming.deadline(), clock_.Now() + 60 * kSecond);
  EXPECT_TRUE(AnswerDouble(std::move(incoming)));

  auto reply = client->Wait(call);
  ASSERT_TRUE(reply) << reply.status();
  EXPECT_EQ(reply->number(), 42u);
  EXPECT_EQ(reply.call(), call);
  EXPECT_EQ(reply.end(), CallEnd::kReply);
  EXPECT_TRUE(reply.status().ok());
  EXPECT_EQ(reply.sample().publisher().node_name, "a");
  EXPECT_EQ(client->pending(), 0u);
  EXPECT_EQ(client->Wait(call).end(), CallEnd::kUnknown) << "it is told once";
  EXPECT_EQ(server->stats().replied, 1u);
}

TEST_P(Calls, TheBlockingCall) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  std::thread serving([&] {
    for (int i = 0; i < 1'000; ++i) AnswerDouble(NextCall(*server));
  });
  for (uint64_t i = 0; i < 500; ++i) {
    auto filled = client->Call([&](auto& request) { request.set_number(i); });
    ASSERT_TRUE(filled) << filled.status();
    ASSERT_EQ(filled->number(), 2 * i);
    auto copied = client->Call(test::Number(i + 1));
    ASSERT_TRUE(copied) << copied.status();
    ASSERT_EQ(copied->number(), 2 * i + 2);
  }
  serving.join();
}

TEST_P(Calls, TablesOfBothKinds) {
  auto server = Make<test::SumsCountServer>(a());
  auto client = Make<test::SumsCountClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const std::vector<uint64_t> numbers = {1, 2, 3};
  auto request = client->Loan();
  ASSERT_TRUE(request);
  auto& fbb = request->builder();
  request->Finish(test::CreateBulk(fbb, fbb.CreateVector(numbers)));
  const CallId call = client->Send(std::move(request));
  auto incoming = NextCall(*server);
  ASSERT_TRUE(incoming);
  auto reply = incoming.Loan();
  reply->set_text(std::to_string(incoming->numbers()->size()) + " numbers");
  EXPECT_TRUE(incoming.Reply(std::move(reply)));
  EXPECT_EQ(client->Wait(call)->text()->str(), "3 numbers");
}

TEST_P(Calls, MessagesWithoutFieldsAndWithLargeAlignment) {
  auto pings = Make<test::SumsPingServer>(a());
  auto ping = Make<test::SumsPingClient>(b());
  ASSERT_TRUE(ping->WaitForServer(kLong));
  const CallId pinged = ping->Send(ping->Loan());
  auto incoming = NextCall(*pings);
  ASSERT_TRUE(incoming);
  EXPECT_TRUE(incoming.Reply(incoming.Loan()));
  EXPECT_TRUE(ping->Wait(pinged));

  auto aligned = Make<test::SumsAlignServer>(a());
  auto align = Make<test::SumsAlignClient>(b());
  ASSERT_TRUE(align->WaitForServer(kLong));
  const CallId call = SendNumber(*align, 7);
  auto wide = NextCall(*aligned);
  ASSERT_TRUE(wide);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&*wide) % 32, 0u);
  EXPECT_TRUE(AnswerDouble(std::move(wide)));
  EXPECT_EQ(align->Wait(call)->number(), 14u);
}

TEST_P(Calls, RepliesInAnyOrderAreToldInTheirs) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  std::vector<CallId> calls;
  for (uint64_t i = 0; i < 4; ++i) calls.push_back(SendNumber(*client, i));
  std::vector<DoubleServer::CallType> held;
  for (int i = 0; i < 4; ++i) held.push_back(NextCall(*server));
  for (const size_t i : {2, 0, 3, 1}) AnswerDouble(std::move(held[i]));
  // One by its number; then the others as they came.
  EXPECT_EQ(client->Wait(calls[3])->number(), 6u);
  EXPECT_EQ(client->WaitAny().call(), calls[2]);
  EXPECT_EQ(client->Take().call(), calls[0]);
  EXPECT_EQ(client->Take().call(), calls[1]);
  EXPECT_EQ(client->Take().end(), CallEnd::kUnknown);
  EXPECT_EQ(client->WaitAny().end(), CallEnd::kUnknown) << "none is under way";
}

TEST_P(Calls, EachClientGetsItsOwnReplies) {
  auto server = Make<DoubleServer>(a());
  std::vector<std::unique_ptr<DoubleClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(Make<DoubleClient>(i % 2 == 0 ? b() : a()));
    ASSERT_TRUE(clients.back()->WaitForServer(kLong));
  }
  std::thread serving([&] {
    for (int i = 0; i < 8 * 300; ++i) ASSERT_TRUE(AnswerDouble(NextCall(*server)));
  });
  std::vector<std::thread> calling;
  for (uint64_t i = 0; i < 8; ++i) {
    calling.emplace_back([&, i] {
      for (uint64_t n = 0; n < 300; ++n) {
        auto reply = clients[i]->Call(test::Number(1'000 * i + n));
        ASSERT_TRUE(reply) << reply.status();
        ASSERT_EQ(reply->number(), 2 * (1'000 * i + n));
      }
    });
  }
  for (auto& thread : calling) thread.join();
  serving.join();
  EXPECT_EQ(server->stats().replied, 8u * 300);
  for (auto& client : clients) EXPECT_EQ(client->late(), 0u);
}

// ---- Ends that are no replies ----

TEST_P(Calls, WithoutAServerNothingIsSent) {
  auto client = Make<DoubleClient>(b());
  EXPECT_FALSE(client->has_server());
  EXPECT_FALSE(client->WaitForServer(absl::ZeroDuration()));
  EXPECT_EQ(client->Loan().why(), CallEnd::kNoServer);
  auto reply = client->Call(test::Number(1));
  EXPECT_FALSE(reply);
  EXPECT_EQ(reply.end(), CallEnd::kNoServer);
  EXPECT_EQ(reply.code(), absl::StatusCode::kUnavailable);
#ifndef NDEBUG
  EXPECT_DEATH((void)reply->number(), "no reply");
  EXPECT_DEATH((void)client->Loan()->set_number(1), "an empty loan");
#endif
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(client->Send(client->Loan()), 0u);
}

TEST_P(Calls, NoMoreThanMaxCallsAreUnderWay) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  std::vector<CallId> calls;
  for (uint64_t i = 0; i < 3; ++i) calls.push_back(SendNumber(*client, i));
  {
    auto loan = client->Loan();
    EXPECT_TRUE(loan);
    EXPECT_EQ(client->Loan().why(), CallEnd::kFull) << "the loan will need a place";
  }
  calls.push_back(SendNumber(*client, 3));
  EXPECT_EQ(client->Loan().why(), CallEnd::kFull);
  EXPECT_EQ(client->Call(test::Number(9)).end(), CallEnd::kFull);
  AnswerDouble(NextCall(*server));
  EXPECT_TRUE(client->Wait(calls[0]));
  EXPECT_NE(SendNumber(*client, 4), 0u);
}

// Ended calls that no server took keep their slots, or a server could lose one.
TEST_P(Calls, AServerThatIsBehindMakesItFull) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  for (uint64_t i = 0; i < 4; ++i) ASSERT_NE(SendNumber(*client, i, absl::Seconds(1)), 0u);
  clock_.Advance(kSecond);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client->Take().end(), CallEnd::kDeadline);
  EXPECT_EQ(client->pending(), 0u);
  EXPECT_EQ(client->Loan().why(), CallEnd::kFull);
  ASSERT_TRUE(Await([&] {
    EXPECT_FALSE(server->Take()) << "they are too late";
    return server->stats().expired == 4;
  }));
  const CallId call = SendNumber(*client, 5);
  ASSERT_NE(call, 0u);
  AnswerDouble(NextCall(*server));
  EXPECT_EQ(client->Wait(call)->number(), 10u);
}

TEST_P(Calls, DeadlinesEndCallsAndLateRepliesAreDropped) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 1, absl::Seconds(5));
  auto incoming = NextCall(*server);
  clock_.Advance(5 * kSecond - 1);
  EXPECT_FALSE(incoming.is_expired());
  EXPECT_EQ(client->Wait(call, absl::ZeroDuration()).end(), CallEnd::kPending);
  EXPECT_EQ(client->next_deadline(), clock_.Now() + 1);
  clock_.Advance(1);
  EXPECT_TRUE(incoming.is_expired());
  auto reply = client->Wait(call);
  EXPECT_EQ(reply.end(), CallEnd::kDeadline);
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(client->next_deadline(), INT64_MAX);
  EXPECT_TRUE(AnswerDouble(std::move(incoming))) << "the server cannot know";
  const CallId next = SendNumber(*client, 2);
  AnswerDouble(NextCall(*server));
  EXPECT_EQ(client->Wait(next)->number(), 4u);
  EXPECT_EQ(client->late(), 1u);
}

// By the real clock, which ends a Wait by itself.
TEST(CallDeadline, WakesWhoWaits) {
  const uint32_t domain = NextDomain();
  const TestNode node("a", domain);
  auto server = Make<DoubleServer>(*node);
  auto client = Make<DoubleClient>(*node);
  ASSERT_TRUE(client->WaitForServer(kLong));
  EXPECT_EQ(client->Call(test::Number(1), absl::Milliseconds(1)).end(), CallEnd::kDeadline);
  ASSERT_TRUE(Await([&] {
    EXPECT_FALSE(server->Take());
    return server->stats().expired == 1;
  }));
}

TEST_P(Calls, AReplyInTimeCountsHoweverLateItIsTaken) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 1, absl::Seconds(5));
  AnswerDouble(NextCall(*server));
  clock_.Advance(6 * kSecond);
  EXPECT_TRUE(client->Wait(call));
}

TEST_P(Calls, CancelledCallsEndAtOnce) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 1);
  auto incoming = NextCall(*server);
  EXPECT_TRUE(client->Cancel(call));
  EXPECT_FALSE(client->Cancel(call));
  EXPECT_FALSE(client->Cancel(call + 1));
  EXPECT_EQ(client->Wait(call).end(), CallEnd::kCancelled);
  AnswerDouble(std::move(incoming));
  const CallId next = SendNumber(*client, 2);
  AnswerDouble(NextCall(*server));
  EXPECT_TRUE(client->Wait(next));
  EXPECT_EQ(client->late(), 1u);
}

TEST_P(Calls, ServersFailCalls) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId refused = SendNumber(*client, 1);
  NextCall(*server).Fail(absl::StatusCode::kOutOfRange);
  auto reply = client->Wait(refused);
  EXPECT_FALSE(reply);
  EXPECT_EQ(reply.end(), CallEnd::kFailed);
  EXPECT_EQ(reply.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kOutOfRange);

  const CallId dropped = SendNumber(*client, 2);
  NextCall(*server);  // And lets it go.
  EXPECT_EQ(client->Wait(dropped).code(), absl::StatusCode::kAborted);

  const CallId ok = SendNumber(*client, 2);
  NextCall(*server).Fail(absl::StatusCode::kOk);
  EXPECT_EQ(client->Wait(ok).code(), absl::StatusCode::kUnknown) << "kOk promises a message";
  EXPECT_EQ(server->stats().failed, 3u);
}

// There is no slot for the answer, and nobody but the user can make one.
TEST_P(Calls, ACallThatFailsWhileAllLoansAreOutIsAnsweredLater) {
  auto server = Make<test::SumsSingleServer>(a());
  auto client = Make<test::SumsSingleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId id = SendNumber(*client, 1);
  auto call = NextCall(*server);
  std::vector<decltype(call.Loan())> loans;
  while (auto loan = call.Loan()) loans.push_back(std::move(loan));
  ASSERT_EQ(loans.size(), 4u);
  call.Fail(absl::StatusCode::kOutOfRange);
  EXPECT_EQ(server->dropped(), 0u) << "no client is to blame";
  EXPECT_EQ(server->stats().failed, 0u);
  EXPECT_EQ(client->Take().end(), CallEnd::kUnknown);
  EXPECT_FALSE(server->Take());
  loans.pop_back();
  EXPECT_FALSE(server->Take()) << "answers what is overdue first";
  auto reply = client->Wait(id);
  EXPECT_EQ(reply.end(), CallEnd::kFailed);
  EXPECT_EQ(reply.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(server->stats().failed, 1u);
  EXPECT_EQ(server->dropped(), 0u);
}

// What cannot be kept for later, and what would be late, ends by the deadline.
TEST_P(Calls, AnAnswerThatIsPutOffBeyondTheDeadlineIsNotSent) {
  auto server = Make<test::SumsSingleServer>(a());
  auto client = Make<test::SumsSingleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId id = SendNumber(*client, 1);
  auto call = NextCall(*server);
  std::vector<decltype(call.Loan())> loans;
  while (auto loan = call.Loan()) loans.push_back(std::move(loan));
  call.Fail(absl::StatusCode::kOutOfRange);
  clock_.Advance(61 * kSecond);
  loans.clear();
  EXPECT_FALSE(server->Take());
  EXPECT_EQ(client->Wait(id).end(), CallEnd::kDeadline);
  EXPECT_EQ(client->late(), 0u);
  EXPECT_EQ(server->stats().failed, 0u);
}

TEST_P(Calls, UnfinishedTablesAreRefused) {
  auto server = Make<test::SumsCountServer>(a());
  auto client = Make<test::SumsCountClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  EXPECT_EQ(client->Send(client->Loan()), 0u);
  EXPECT_EQ(client->Call([](auto&) {}).end(), CallEnd::kInvalid);
  EXPECT_EQ(client->pending(), 0u);
}

// ---- Peers that go ----

TEST_P(Calls, AServerThatGoesEndsItsCalls) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId answered = SendNumber(*client, 1);
  const CallId held = SendNumber(*client, 2);
  const CallId waiting = SendNumber(*client, 3);
  AnswerDouble(NextCall(*server));
  auto incoming = NextCall(*server);
  std::thread closer([&] { server.reset(); });
  EXPECT_EQ(client->Wait(waiting).end(), CallEnd::kPeerGone);
  EXPECT_EQ(client->Wait(held).end(), CallEnd::kPeerGone);
  EXPECT_EQ(client->Wait(answered)->number(), 2u) << "it was sent before";
  closer.join();
  EXPECT_FALSE(AnswerDouble(std::move(incoming)));
  ASSERT_TRUE(Await([&] { return !client->has_server(); }));
  EXPECT_EQ(client->Loan().why(), CallEnd::kNoServer);
  server = Make<DoubleServer>(a());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId again = SendNumber(*client, 4);
  AnswerDouble(NextCall(*server));
  EXPECT_EQ(client->Wait(again)->number(), 8u);
}

TEST_P(Calls, ServersSeeThatTheirCallerIsGone) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  SendNumber(*client, 1);
  SendNumber(*client, 2);
  auto incoming = NextCall(*server);
  client.reset();
  ASSERT_TRUE(Await([&] { return incoming.is_abandoned(); }));
  EXPECT_EQ(incoming->number(), 1u) << "the request stays as it is";
  EXPECT_FALSE(AnswerDouble(std::move(incoming)));
  EXPECT_FALSE(server->Take()) << "nobody waits for the second";
  EXPECT_EQ(server->stats().abandoned, 2u);
  // Others are served.
  client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 3);
  AnswerDouble(NextCall(*server));
  EXPECT_EQ(client->Wait(call)->number(), 6u);
}

TEST_P(Calls, RepliesOutliveTheirClient) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId held = SendNumber(*client, 1);
  SendNumber(*client, 2);
  AnswerDouble(NextCall(*server));
  AnswerDouble(NextCall(*server));
  auto reply = client->Wait(held);
  ASSERT_TRUE(reply);
  client.reset();  // One reply is held, one was not collected.
  server.reset();
  EXPECT_EQ(reply->number(), 2u);
}

// ---- Several servers ----

TEST_P(Calls, OneServesAndTheOtherStandsBy) {
  auto first = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  auto second = Make<DoubleServer>(a());
  // Matched by then, whoever else is.
  ASSERT_TRUE(Await([&] { return second->client_count() == 1; }));
  for (uint64_t i = 0; i < 100; ++i) {
    const CallId call = SendNumber(*client, i);
    ASSERT_NE(call, 0u) << "the second takes nothing, and is not waited for";
    ASSERT_TRUE(AnswerDouble(NextCall(*first)));
    ASSERT_EQ(client->Wait(call)->number(), 2 * i);
  }
  EXPECT_FALSE(second->Take());
  const CallId lost = SendNumber(*client, 1);
  first.reset();
  EXPECT_EQ(client->Wait(lost).end(), CallEnd::kPeerGone) << "not sent twice";
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 5);
  AnswerDouble(NextCall(*second));
  EXPECT_EQ(client->Wait(call)->number(), 10u);
  EXPECT_EQ(second->stats().taken, 1u);
}

bool IsReadable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 1;
}

// Each message wakes the one it is for.
TEST_P(Calls, OthersAreLeftAsleep) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  auto idle = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  ASSERT_TRUE(idle->WaitForServer(kLong));
  auto standby = Make<DoubleServer>(a());
  ASSERT_TRUE(Await([&] { return standby->client_count() == 2; }));
  // It is told of each server twice: that its replies come, and that requests reach it.
  ASSERT_TRUE(Await([&] { return idle->core()->replies()->news() == 4; }));
  // News is counted before the bell is rung; what discovery does next comes after both.
  std::atomic<bool> is_next = false;
  auto other_server = Make<test::SumsAlignServer>(a());
  auto other_client = Make<test::SumsAlignClient>(
      b(), ClientOptions{.on_matched = [&is_next](const PeerInfo&) { is_next = true; }});
  ASSERT_TRUE(Await([&] { return is_next.load(); }));
  for (const int fd : {idle->fd(), standby->fd()}) ASSERT_GE(fd, 0);  // In use from now on.
  EXPECT_EQ(idle->Take().end(), CallEnd::kUnknown);
  EXPECT_FALSE(standby->Take());
  for (uint64_t i = 0; i < 20; ++i) {
    const CallId call = SendNumber(*client, i);
    AnswerDouble(NextCall(*server));
    ASSERT_TRUE(client->Wait(call));
  }
  EXPECT_FALSE(IsReadable(idle->fd()));
  EXPECT_FALSE(IsReadable(standby->fd()));
  const CallId call = SendNumber(*idle, 1);
  AnswerDouble(NextCall(*server));
  EXPECT_TRUE(IsReadable(idle->fd()));
  EXPECT_TRUE(idle->Wait(call, absl::ZeroDuration()));
}

// ---- Clients that do not take ----

TEST_P(Calls, AClientThatTakesNothingHoldsUpOthersOnlySoLong) {
  auto server = Make<DoubleServer>(a(), ServerOptions{.stall_limit = absl::Milliseconds(20)});
  auto idle = Make<DoubleClient>(b());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(idle->WaitForServer(kLong));
  ASSERT_TRUE(client->WaitForServer(kLong));
  const auto call = [&](uint64_t number) {
    const CallId call = SendNumber(*client, number);
    AnswerDouble(NextCall(*server));
    return client->Wait(call)->number();
  };
  // One that is owed nothing is not waited for.
  for (uint64_t i = 0; i < 100; ++i) ASSERT_EQ(call(i), 2 * i);
  EXPECT_EQ(server->dropped(), 0u);
  // One that is owed a reply is, but not for ever.
  SendNumber(*idle, 1);
  AnswerDouble(NextCall(*server));
  for (uint64_t i = 0; i < 100; ++i) ASSERT_EQ(call(i), 2 * i);
  EXPECT_EQ(server->dropped(), 1u);
  // Back by taking; what it missed ends by its deadline.
  EXPECT_EQ(idle->Take().end(), CallEnd::kUnknown);
  clock_.Advance(60 * kSecond);
  EXPECT_EQ(idle->Take().end(), CallEnd::kDeadline);
  const CallId again = SendNumber(*idle, 7);
  AnswerDouble(NextCall(*server));
  EXPECT_EQ(idle->Wait(again)->number(), 14u);
}

// Its next reply may be the one that finds it taking again: it is owed as any other.
TEST_P(Calls, AClientThatTakesAgainIsOwedItsNextReply) {
  auto server = Make<DoubleServer>(a(), ServerOptions{.stall_limit = absl::Milliseconds(10)});
  auto idle = Make<DoubleClient>(b());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(idle->WaitForServer(kLong));
  ASSERT_TRUE(client->WaitForServer(kLong));
  for (uint64_t round = 1; round <= 10; ++round) {
    ASSERT_NE(SendNumber(*idle, 1), 0u);
    ASSERT_TRUE(AnswerDouble(NextCall(*server)));
    for (uint64_t i = 0; i < 20 + round; ++i) {  // Meets each place in the ring.
      const CallId call = SendNumber(*client, i);
      ASSERT_TRUE(AnswerDouble(NextCall(*server)));
      ASSERT_EQ(client->Wait(call)->number(), 2 * i);
    }
    ASSERT_EQ(server->dropped(), round) << "it is waited for, until it stalls anew";
    clock_.Advance(61 * kSecond);
    ASSERT_EQ(idle->Take().end(), CallEnd::kDeadline);
  }
}

TEST_P(Calls, PlacesForClientsAreLimited) {
  Lines refusals;
  auto server = Make<test::SumsSingleServer>(a());
  auto first = Make<test::SumsSingleClient>(b());
  ASSERT_TRUE(first->WaitForServer(kLong));
  auto second = Make<test::SumsSingleClient>(
      b(), ClientOptions{.on_refused = [&](const PeerInfo&, const absl::Status& why) {
        refusals.Add(std::string(why.ToString()));
      }});
  ASSERT_TRUE(Await([&] { return refusals.size() > 0; }));
  EXPECT_THAT(refusals.all().front(), HasSubstr("UNAVAILABLE"));
  EXPECT_EQ(second->Loan().why(), CallEnd::kNoServer);
  first.reset();
  ASSERT_TRUE(second->WaitForServer(kLong));
  for (uint64_t i = 0; i < 10; ++i) {
    const CallId call = SendNumber(*second, i);
    AnswerDouble(NextCall(*server));
    ASSERT_EQ(second->Wait(call)->number(), 2 * i);
  }
}

TEST_P(Calls, ServicesCanBeRenamed) {
  auto left = Make<DoubleServer>(a(), ServerOptions{.service = "left/sums"});
  auto plain = Make<DoubleClient>(b());
  auto client = Make<DoubleClient>(b(), ClientOptions{.service = "left/sums"});
  ASSERT_TRUE(client->WaitForServer(kLong));
  EXPECT_FALSE(plain->has_server());
  EXPECT_FALSE(DoubleClient::Create(a(), {.service = "left sums"}).ok());
  EXPECT_FALSE(DoubleServer::Create(a(), {.service = "/"}).ok());
}

TEST_P(Calls, LoansCanBeMovedAndGivenBack) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  for (int i = 0; i < 100; ++i) {
    auto loan = client->Loan();
    ASSERT_TRUE(loan) << "those before were given back";
    auto moved = std::move(loan);
    EXPECT_FALSE(loan);
    EXPECT_TRUE(moved);
    EXPECT_EQ(client->Send(std::move(loan)), 0u);
  }
  EXPECT_EQ(client->pending(), 0u);
}

TEST_P(Calls, NothingPilesUp) {
  auto keeper = Make<DoubleServer>(a());
  int fds = 0;
  for (int round = 0; round < 30; ++round) {
    auto client = Make<DoubleClient>(b());
    ASSERT_TRUE(client->WaitForServer(kLong));
    auto second = Make<DoubleServer>(a());
    SendNumber(*client, 1);
    const CallId answered = SendNumber(*client, 2);
    SendNumber(*client, 3);
    AnswerDouble(NextCall(*keeper));
    AnswerDouble(NextCall(*keeper));
    ASSERT_TRUE(client->Wait(answered));
    client.reset();  // The first reply was taken with the second, and not collected.
    second.reset();
    ASSERT_TRUE(Await([&] { return keeper->client_count() == 0; }));
    EXPECT_FALSE(keeper->Take());
    if (round == 2) fds = CountOpenFds();
  }
  EXPECT_TRUE(Await([&] { return CountOpenFds() <= fds; })) << CountOpenFds() << ", not " << fds;
}

TEST_P(Calls, WhatACallHeldIsLetGoWhenAnotherIsMovedThere) {
  auto server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId first = SendNumber(*client, 1);
  const CallId second = SendNumber(*client, 2);
  auto call = NextCall(*server);
  auto next = NextCall(*server);
  call = std::move(next);
  EXPECT_FALSE(next);
  EXPECT_EQ(client->Wait(first).code(), absl::StatusCode::kAborted);
  auto& itself = call;
  call = std::move(itself);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number(), 2u);
  EXPECT_TRUE(AnswerDouble(std::move(call)));
  EXPECT_EQ(client->Wait(second)->number(), 4u);
}

TEST_P(Calls, AnEndpointLeavesWhenAnotherIsMovedThere) {
  auto server = Make<DoubleServer>(a());
  auto other_server = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  auto other_client = Make<DoubleClient>(b());
  ASSERT_TRUE(Await([&] { return server->client_count() == 2; }));
  ASSERT_TRUE(Await([&] { return other_server->client_count() == 2; }));
  *client = std::move(*other_client);
  EXPECT_TRUE(Await([&] { return server->client_count() == 1; }));
  *server = std::move(*other_server);
  EXPECT_EQ(server->client_count(), 1);
  auto& itself = *server;
  *server = std::move(itself);
  auto& same_client = *client;
  *client = std::move(same_client);
  // Or it would call the one that has left.
  ASSERT_TRUE(Await([&] { return client->core()->replies()->publisher_count() == 1; }));
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 4);
  ASSERT_NE(call, 0u);
  EXPECT_TRUE(AnswerDouble(NextCall(*server)));
  EXPECT_EQ(client->Wait(call)->number(), 8u);
}

TEST_P(Calls, EndpointsCanBeMoved) {
  auto made = Make<DoubleServer>(a());
  auto client = Make<DoubleClient>(b());
  ASSERT_TRUE(client->WaitForServer(kLong));
  const CallId call = SendNumber(*client, 4);
  DoubleClient moved = std::move(*client);
  DoubleServer server = std::move(*made);
  client.reset();
  made.reset();
  AnswerDouble(NextCall(server));
  EXPECT_EQ(moved.Wait(call)->number(), 8u);
}

}  // namespace
}  // namespace holler
