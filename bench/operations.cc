#include "operations.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace bench {
namespace {

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
  std::exit(1);
}

template <typename T>
T Must(absl::StatusOr<T> made) {
  if (!made.ok()) Die(made.status().ToString());
  return std::move(*made);
}

// A domain of its own keeps other nodes of this machine away.
constexpr uint32_t kDomain = 4'994;

template <typename Publisher>
void PublishOne(Publisher& publisher, uint64_t number) {
  auto loan = publisher.Loan();
  loan->set_number(number);
  publisher.Publish(std::move(loan));
}

template <typename Publisher>
void LoanAndGiveBack(Publisher& publisher, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) {
    if (!publisher.Loan()) Die("no loan");
  }
}

// ---- The operations ----

void Nothing(World&, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) asm volatile("" : : "r"(i));
}

void Loan(World& world, uint64_t times) { LoanAndGiveBack(world.cells, times); }
void LoanTable(World& world, uint64_t times) { LoanAndGiveBack(world.poses, times); }
void LoanPicture(World& world, uint64_t times) { LoanAndGiveBack(world.pictures, times); }

void Publish(World& world, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) PublishOne(world.cells, i);
}

void PublishAndTake(World& world, uint64_t times) {
  while (world.cell_reader.Take()) {
  }
  for (uint64_t i = 0; i < times; ++i) {
    PublishOne(world.cells, i);
    if (world.cell_reader.Take()->number() != i) Die("a sample came out of its turn");
  }
}

void PublishAndTakeReliably(World& world, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) {
    PublishOne(world.sure_cells, i);
    if (world.sure_cell_reader.Take()->number() != i) Die("a sample came out of its turn");
  }
}

void TakeLatestOfFour(World& world, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) {
    for (uint64_t j = 0; j < 4; ++j) PublishOne(world.cells, j);
    if (world.cell_reader.TakeLatest()->number() != 3) Die("that was not the latest");
  }
}

void TakeNothing(World& world, uint64_t times) {
  while (world.cell_reader.Take()) {
  }
  for (uint64_t i = 0; i < times; ++i) {
    if (world.cell_reader.Take()) Die("a sample out of nothing");
  }
}

void FillTable(World& world, uint64_t times) {
  constexpr float kRanges[16] = {1, 2, 3};
  for (uint64_t i = 0; i < times; ++i) {
    auto loan = world.poses.Loan();
    loan->set_stamp_ns(i);
    auto position = loan->mutable_position();
    position.set_x(1);
    position.set_y(2);
    auto speed = loan->mutable_speed();
    speed.set_z(3);
    loan->set_frame("map");
    loan->mutable_ranges().assign(kRanges);
    world.poses.Publish(std::move(loan));
  }
}

void CallAndReply(World& world, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) {
    auto request = world.client.Loan();
    request->set_number(i);
    const holler::CallId id = world.client.Send(std::move(request));
    auto call = world.server.Take();
    auto reply = call.Loan();
    reply->set_number(call->number() + 1);
    call.Reply(std::move(reply));
    if (world.client.Wait(id, absl::ZeroDuration())->number() != i + 1) Die("a wrong reply");
  }
}

void Match(World& world, uint64_t times) {
  for (uint64_t i = 0; i < times; ++i) {
    auto publisher = Must(CellPublisher::Create(world.node, {.topic = "bench/match"}));
    const auto subscriber = Must(CellSubscriber::Create(world.node, {.topic = "bench/match"}));
    if (!publisher.has_subscribers()) Die("not matched");
  }
}

constexpr Operation kOperations[] = {
    {"nothing", &Nothing, 10'000},
    {"loan 64 bytes, give it back", &Loan, 1'000},
    {"loan a table, give it back", &LoanTable, 1'000},
    {"loan 6 MiB, give it back", &LoanPicture, 1'000},
    {"loan and publish", &Publish, 1'000},
    {"loan, publish, take, release", &PublishAndTake, 1'000},
    {"the same, reliable", &PublishAndTakeReliably, 1'000},
    {"publish four, take the latest", &TakeLatestOfFour, 1'000},
    {"take, nothing there", &TakeNothing, 1'000},
    {"loan a table, fill and publish it", &FillTable, 1'000},
    {"call and reply", &CallAndReply, 1'000},
    {"create, match and destroy", &Match, 20},
};

}  // namespace

World::World()
    // With a clock of its own, though it is the usual one: how often that is asked and how often
    // counted on by ticks depends on the time, and what is counted here must not.
    : node(Must(holler::Node::Create({.name = "bench",
                                      .domain = kDomain,
                                      .multicast = false,
                                      .clock = &holler::MonotonicNow}))),
      cells(Must(CellPublisher::Create(node))),
      cell_reader(Must(CellSubscriber::Create(node))),
      sure_cells(Must(SureCellPublisher::Create(node))),
      sure_cell_reader(Must(SureCellSubscriber::Create(node))),
      poses(Must(PosePublisher::Create(node))),
      pose_reader(Must(PoseSubscriber::Create(node))),
      pictures(Must(PicturePublisher::Create(node))),
      picture_reader(Must(PictureSubscriber::Create(node))),
      server(Must(CellsNextServer::Create(node))),
      client(Must(CellsNextClient::Create(node))) {
  const bool matched = cells.has_subscribers() && sure_cells.has_subscribers() &&
                       poses.has_subscribers() && pictures.has_subscribers();
  if (!matched || !client.WaitForServer(absl::Seconds(10))) Die("not all are matched");
}

std::span<const Operation> Operations() { return kOperations; }

}  // namespace bench
