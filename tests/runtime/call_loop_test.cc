// Clients and servers in event loops.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "call_support.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Call = DoubleServer::CallType;
using Writer = test::SumsDoubleReplyWriter;

class CallLoops : public TwoHalves {
 protected:
  void SetUp() override {
    server_ = Make<DoubleServer>(a());
    client_ = Make<DoubleClient>(b());
    ASSERT_TRUE(client_->WaitForServer(kLong));
  }
  // Notes the ends of calls.
  auto NoteEnds() {
    return [this](DoubleClient::ReplyType reply) {
      ends_.push_back(reply.end());
      codes_.push_back(reply.code());
      if (reply) numbers_.push_back(reply->number());
    };
  }

  TestLoop loop_{clock_.function()};
  std::unique_ptr<DoubleServer> server_;
  std::unique_ptr<DoubleClient> client_;
  std::vector<CallEnd> ends_;
  std::vector<absl::StatusCode> codes_;
  std::vector<uint64_t> numbers_;
};
// In another loop, which sleeps until fd() is readable.
TEST_P(CallLoops, ACallCancelledBetweenTurnsMakesTheFdReadable) {
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  ASSERT_TRUE(on_reply.ok()) << on_reply.status();
  const int fd = loop_->fd();
  const CallId call = SendNumber(*client_, 1);
  while (Readable(fd)) loop_->RunOnce();
  ASSERT_TRUE(client_->Cancel(call));
  EXPECT_TRUE(Readable(fd));
  while (Readable(fd)) loop_->RunOnce();
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kCancelled));
}

INSTANTIATE_TEST_SUITE_P(, CallLoops, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

TEST_P(CallLoops, BothSidesInOneThread) {
  auto on_call = loop_->OnCall(
      *server_, [](const Call& call, Writer& reply) { reply.set_number(2 * call->number()); });
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  ASSERT_TRUE(on_call.ok() && on_reply.ok());
  for (uint64_t i = 1; i <= 4; ++i) ASSERT_NE(SendNumber(*client_, i), 0u);
  ASSERT_TRUE(loop_.RunUntil([&] { return numbers_.size() == 4; }));
  EXPECT_THAT(numbers_, ElementsAre(2, 4, 6, 8));
  // Handlers may call.
  on_reply->Remove();
  on_reply = loop_->OnReply(*client_, [&](DoubleClient::ReplyType reply) {
    numbers_.push_back(reply->number());
    if (numbers_.size() < 100) SendNumber(*client_, numbers_.size());
  });
  ASSERT_TRUE(on_reply.ok()) << on_reply.status();
  SendNumber(*client_, 0);
  ASSERT_TRUE(loop_.RunUntil([&] { return numbers_.size() == 100; }));
}

TEST_P(CallLoops, OneHandlerForEach) {
  auto on_call = loop_->OnCall(*server_, [](Call) {});
  auto on_reply = loop_->OnReply(*client_, [](DoubleClient::ReplyType) {});
  ASSERT_TRUE(on_call.ok() && on_reply.ok());
  EXPECT_TRUE(absl::IsAlreadyExists(loop_->OnCall(*server_, [](Call) {}).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(loop_->OnReply(*client_, NoteEnds()).status()));
  SendNumber(*client_, 1);
  ASSERT_TRUE(loop_.RunUntil([&] { return client_->pending() == 0; })) << "the first still serves";
}

TEST_P(CallLoops, HandlersFailCalls) {
  auto on_call = loop_->OnCall(*server_, [](const Call& call, Writer& reply) {
    if (call->number() == 3) throw std::runtime_error("three");
    if (call->number() % 2 == 1) return absl::StatusCode::kInvalidArgument;
    reply.set_number(call->number() / 2);
    return absl::StatusCode::kOk;
  });
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_NE(SendNumber(*client_, i), 0u);
  ASSERT_TRUE(loop_.RunUntil([&] { return ends_.size() == 3; }));
  EXPECT_THAT(codes_, ElementsAre(absl::StatusCode::kInvalidArgument, absl::StatusCode::kOk,
                                  absl::StatusCode::kAborted));
  EXPECT_THAT(numbers_, ElementsAre(1));
  EXPECT_THAT(loop_.log->Find("three"), HasSubstr("test/Sums/Double/request"));
}

TEST_P(CallLoops, CallsAreAnsweredLater) {
  std::vector<Call> held;
  auto on_call = loop_->OnCall(*server_, [&](Call call) { held.push_back(std::move(call)); });
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_NE(SendNumber(*client_, i), 0u);
  ASSERT_TRUE(loop_.RunUntil([&] { return held.size() == 3; }));
  EXPECT_TRUE(ends_.empty());
  AnswerDouble(std::move(held[2]));
  AnswerDouble(std::move(held[0]));
  held.clear();  // The second with it.
  ASSERT_TRUE(loop_.RunUntil([&] { return ends_.size() == 3; }));
  EXPECT_THAT(numbers_, ElementsAre(6, 2));
  EXPECT_EQ(codes_.back(), absl::StatusCode::kAborted);
}

TEST_P(CallLoops, DeadlinesAreTimers) {
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  const CallId late = SendNumber(*client_, 1, absl::Seconds(20));
  const CallId soon = SendNumber(*client_, 2, absl::Seconds(10));
  SendNumber(*client_, 3, absl::InfiniteDuration());
  loop_.RunAll();
  EXPECT_TRUE(ends_.empty());
  clock_.Advance(10 * kSecond);
  loop_.RunAll();
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kDeadline));
  EXPECT_EQ(client_->Wait(soon).end(), CallEnd::kUnknown);
  EXPECT_EQ(client_->Wait(late, absl::ZeroDuration()).end(), CallEnd::kPending);
  clock_.Advance(10 * kSecond);
  loop_.RunAll();
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kDeadline, CallEnd::kDeadline));
  EXPECT_EQ(client_->pending(), 1u);
}

TEST_P(CallLoops, CallsSentBeforeAndCancelledOnesAreTold) {
  const CallId before = SendNumber(*client_, 1, absl::Seconds(1));
  const CallId cancelled = SendNumber(*client_, 2);
  ASSERT_NE(before, 0u);
  EXPECT_TRUE(client_->Cancel(cancelled));
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  loop_.RunAll();
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kCancelled));
  clock_.Advance(kSecond);
  loop_.RunAll();
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kCancelled, CallEnd::kDeadline));
}

TEST_P(CallLoops, AServerThatGoesIsTold) {
  auto on_reply = loop_->OnReply(*client_, NoteEnds());
  SendNumber(*client_, 1);
  SendNumber(*client_, 2);
  server_.reset();
  ASSERT_TRUE(loop_.RunUntil([&] { return ends_.size() == 2; }));
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kPeerGone, CallEnd::kPeerGone));
}

TEST_P(CallLoops, HandlersMayDestroyWhatTheyServe) {
  auto on_call = loop_->OnCall(*server_, [&](const Call&, Writer&) { server_.reset(); });
  auto on_reply = loop_->OnReply(*client_, [&](DoubleClient::ReplyType reply) {
    ends_.push_back(reply.end());
    client_.reset();
  });
  SendNumber(*client_, 1);
  SendNumber(*client_, 2);
  ASSERT_TRUE(loop_.RunUntil([&] { return client_ == nullptr; }));
  EXPECT_EQ(server_, nullptr);
  EXPECT_THAT(ends_, ElementsAre(CallEnd::kPeerGone));
  ASSERT_TRUE(loop_.RunUntil([&] { return !on_call->active() && !on_reply->active(); }));
}

TEST_P(CallLoops, RegistrationsEndAndClientsGoOn) {
  {
    auto on_reply = loop_->OnReply(*client_, NoteEnds());
    ASSERT_TRUE(on_reply.ok());
  }
  const CallId call = SendNumber(*client_, 4);
  AnswerDouble(NextCall(*server_));
  loop_.RunAll();
  EXPECT_TRUE(ends_.empty());
  EXPECT_EQ(client_->Wait(call)->number(), 8u);
}

}  // namespace
}  // namespace holler
