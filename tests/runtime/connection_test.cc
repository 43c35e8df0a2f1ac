#include "holler/connection.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process_support.h"

namespace holler {
namespace {

std::string Gone(uint64_t number) {
  wire::GoneT gone;
  gone.endpoint = number;
  return EncodeCard(gone);
}
std::string SubscriberCard(uint64_t number) {
  wire::SubscriberCardT card;
  card.subscriber = number;
  return EncodeCard(card);
}
std::string PublisherCard(uint64_t number) {
  wire::PublisherCardT card;
  card.publisher = number;
  card.topic = "t";
  return EncodeCard(card);
}
UniqueFd NewBell() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    a_ = std::move(*Connection::Adopt(UniqueFd(ends[0])));
    b_ = std::move(*Connection::Adopt(UniqueFd(ends[1])));
  }

  absl::StatusOr<ReceivedCard> Receive() { return b_->Receive(buffer_.get()); }
  // The number in the next message, a Gone; 0 if there is no such message.
  uint64_t ReceiveGone() {
    const auto card = Receive();
    if (!card.ok() || card->envelope.message.AsGone() == nullptr) return 0;
    return card->envelope.message.AsGone()->endpoint;
  }

  // Sends past all checks of Connection.
  void SendRaw(const std::string& bytes, const std::vector<int>& fds = {}) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::vector<char> control(CMSG_SPACE(sizeof(int) * fds.size()));
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
      std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
    }
    ASSERT_EQ(::sendmsg(a_->fd(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  std::unique_ptr<Connection> a_;
  std::unique_ptr<Connection> b_;
  const std::unique_ptr<char[]> buffer_{new char[kMaxMessageBytes]};
};

TEST_F(ConnectionTest, KnowsItsPeer) {
  EXPECT_EQ(a_->peer().pid, ::getpid());
  EXPECT_EQ(a_->peer().uid, ::geteuid());
}

TEST(Connection, AdoptsOnlySockets) { EXPECT_FALSE(Connection::Adopt(NewBell()).ok()); }

TEST_F(ConnectionTest, NothingToReceive) { EXPECT_TRUE(absl::IsUnavailable(Receive().status())); }

TEST_F(ConnectionTest, KeepsMessagesWholeAndInOrder) {
  for (uint64_t n = 1; n <= 100; ++n) ASSERT_TRUE(a_->Send(Gone(n)).ok());
  for (uint64_t n = 1; n <= 100; ++n) ASSERT_EQ(ReceiveGone(), n);
  EXPECT_TRUE(absl::IsUnavailable(Receive().status()));
}

TEST_F(ConnectionTest, PassesFds) {
  UniqueFd one = NewBell();
  UniqueFd two = NewBell();
  ASSERT_EQ(::eventfd_write(one.get(), 11), 0);
  ASSERT_EQ(::eventfd_write(two.get(), 22), 0);
  ASSERT_TRUE(a_->Send(SubscriberCard(1), {one.get(), two.get()}).ok());
  one.reset();
  two.reset();
  auto card = Receive();
  ASSERT_TRUE(card.ok()) << card.status();
  ASSERT_EQ(card->fds.size(), 2u);
  eventfd_t value;
  ASSERT_EQ(::eventfd_read(card->fds[0].get(), &value), 0);
  EXPECT_EQ(value, 11u);
  ASSERT_EQ(::eventfd_read(card->fds[1].get(), &value), 0);
  EXPECT_EQ(value, 22u);
  EXPECT_NE(::fcntl(card->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ConnectionTest, QueuesForAPeerThatDoesNotRead) {
  const int before = CountOpenFds();
  uint64_t sent = 0;
  while (!a_->wants_to_write()) {
    const UniqueFd one = NewBell();
    const UniqueFd two = NewBell();
    ::eventfd_write(one.get(), ++sent);
    ASSERT_TRUE(a_->Send(SubscriberCard(sent), {one.get(), two.get()}).ok());
  }
  for (int more = 0; more < 500; ++more) {
    const UniqueFd one = NewBell();
    const UniqueFd two = NewBell();
    ::eventfd_write(one.get(), ++sent);
    ASSERT_TRUE(a_->Send(SubscriberCard(sent), {one.get(), two.get()}).ok());
  }
  for (uint64_t n = 1; n <= sent; ++n) {
    ASSERT_TRUE(a_->Flush().ok());
    auto card = Receive();
    ASSERT_TRUE(card.ok()) << n << ": " << card.status();
    ASSERT_EQ(card->envelope.message.AsSubscriberCard()->subscriber, n);
    ASSERT_EQ(card->fds.size(), 2u);
    eventfd_t value = 0;
    ASSERT_EQ(::eventfd_read(card->fds[0].get(), &value), 0);
    ASSERT_EQ(value, n);
  }
  EXPECT_FALSE(a_->wants_to_write());
  EXPECT_EQ(CountOpenFds(), before);
}

TEST_F(ConnectionTest, GivesUpOnAPeerThatNeverReads) {
  absl::Status status;
  int sent = 0;
  while (status.ok() && sent < 100'000) {
    status = a_->Send(Gone(1));
    ++sent;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(std::to_string(::getpid())));
}

TEST_F(ConnectionTest, SurvivesThatFdsDoNotFit) {
  const UniqueFd one = NewBell();
  const UniqueFd two = NewBell();
  const int before = CountOpenFds();
  for (rlim_t room = 0; room < 2; ++room) {
    ASSERT_TRUE(a_->Send(SubscriberCard(1), {one.get(), two.get()}).ok());
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd() + room);
    const absl::Status status = Receive().status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("RLIMIT_NOFILE"));
  }
  ASSERT_TRUE(a_->Send(PublisherCard(1), {one.get()}).ok());
  {
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
    EXPECT_TRUE(absl::IsResourceExhausted(Receive().status()));
  }
  EXPECT_EQ(CountOpenFds(), before);
  ASSERT_TRUE(a_->Send(Gone(5)).ok());
  EXPECT_EQ(ReceiveGone(), 5u);
  ASSERT_TRUE(a_->Send(SubscriberCard(2), {one.get(), two.get()}).ok());
  EXPECT_TRUE(Receive().ok());
}

TEST_F(ConnectionTest, RefusesFdsBeyondWhatACardCarries) {
  std::vector<UniqueFd> bells;
  std::vector<int> fds;
  for (int i = 0; i < 250; ++i) {
    bells.push_back(NewBell());
    fds.push_back(bells.back().get());
  }
  const auto some = [&](size_t count) {
    return std::vector<int>(fds.begin(), fds.begin() + static_cast<std::ptrdiff_t>(count));
  };
  const int before = CountOpenFds();
  const std::pair<std::string, size_t> messages[] = {{Gone(1), 1},
                                                     {Gone(1), 2},
                                                     {Gone(1), 3},
                                                     {Gone(1), 250},
                                                     {PublisherCard(1), 2},
                                                     {PublisherCard(1), 3},
                                                     {PublisherCard(1), 250},
                                                     {SubscriberCard(1), 3},
                                                     {SubscriberCard(1), 250}};
  for (const auto& [bytes, count] : messages) {
    SendRaw(bytes, some(count));
    EXPECT_TRUE(absl::IsInvalidArgument(Receive().status())) << count;
    EXPECT_EQ(CountOpenFds(), before) << "leaked";
  }
}

TEST_F(ConnectionTest, RefusesTooFewFds) {
  const UniqueFd bell = NewBell();
  const int before = CountOpenFds();
  SendRaw(PublisherCard(1));
  EXPECT_TRUE(absl::IsInvalidArgument(Receive().status()));
  SendRaw(SubscriberCard(1));
  EXPECT_TRUE(absl::IsInvalidArgument(Receive().status()));
  SendRaw(SubscriberCard(1), {bell.get()});
  EXPECT_TRUE(absl::IsInvalidArgument(Receive().status()));
  EXPECT_EQ(CountOpenFds(), before);
}

TEST_F(ConnectionTest, RefusesGarbage) {
  const UniqueFd bell = NewBell();
  const int before = CountOpenFds();
  SendRaw("garbage", {bell.get()});
  EXPECT_TRUE(absl::IsInvalidArgument(Receive().status()));
  SendRaw(std::string(kMaxMessageBytes, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(Receive().status()));
  EXPECT_EQ(CountOpenFds(), before);
}

TEST_F(ConnectionTest, RefusesOversizedMessages) {
  const UniqueFd bell = NewBell();
  const int before = CountOpenFds();
  SendRaw(Gone(1) + std::string(kMaxMessageBytes, '\0'), {bell.get()});
  const absl::Status status = Receive().status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("65536"));
  EXPECT_EQ(CountOpenFds(), before);
  ASSERT_TRUE(a_->Send(Gone(2)).ok());
  EXPECT_EQ(ReceiveGone(), 2u) << "of the long message nothing may be left";
}

TEST_F(ConnectionTest, TheEndComesAfterAllMessages) {
  for (uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(a_->Send(Gone(n)).ok());
  a_.reset();
  for (uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(ReceiveGone(), n);
  EXPECT_TRUE(absl::IsAborted(Receive().status()));
  EXPECT_TRUE(absl::IsAborted(Receive().status()));
}

// The kernel reports a reset, once, to who had sent something that the dead peer never read.
TEST_F(ConnectionTest, WhatADeadPeerSaidIsStillReceived) {
  ASSERT_TRUE(b_->Send(Gone(100)).ok());
  for (uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(a_->Send(Gone(n)).ok());
  a_.reset();
  EXPECT_TRUE(b_->Send(Gone(101)).ok()) << "the end is told by Receive";
  for (uint64_t n = 1; n <= 3; ++n) EXPECT_EQ(ReceiveGone(), n);
  EXPECT_TRUE(absl::IsAborted(Receive().status()));
  EXPECT_TRUE(b_->Send(Gone(102)).ok());
}

TEST_F(ConnectionTest, FdsInFlightDieWithTheConnection) {
  const int before = CountOpenFds();
  {
    const UniqueFd one = NewBell();
    const UniqueFd two = NewBell();
    ASSERT_TRUE(a_->Send(SubscriberCard(1), {one.get(), two.get()}).ok());
  }
  a_.reset();
  b_.reset();
  EXPECT_EQ(CountOpenFds(), before - 2);
}

TEST_F(ConnectionTest, AnEmptyMessageIsSafe) {
  SendRaw("");
  EXPECT_FALSE(Receive().ok());
}

}  // namespace
}  // namespace holler
