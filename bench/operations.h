// The steps of the data path, one by one, for bench_micro, which times them, and for
// count_instructions, which counts what they execute.
#ifndef HOLLER_BENCH_OPERATIONS_H_
#define HOLLER_BENCH_OPERATIONS_H_

#include <cstdint>
#include <span>

#include "bench_micro_topics.h"

namespace bench {

// A publisher and a subscriber of each topic, matched, in one node, and a client with its server.
// All is done by one thread, so nobody sleeps and nobody is woken.
// Thread safety: thread-compatible.
struct World {
  // Ends the process if anything fails.
  World();

  holler::Node node;
  CellPublisher cells;
  CellSubscriber cell_reader;
  SureCellPublisher sure_cells;
  SureCellSubscriber sure_cell_reader;
  PosePublisher poses;
  PoseSubscriber pose_reader;
  PicturePublisher pictures;
  PictureSubscriber picture_reader;
  CellsNextServer server;
  CellsNextClient client;
};

struct Operation {
  const char* name;
  void (*run)(World& world, uint64_t times);
  uint64_t times;  // How often to do it to know what it costs.
};

// The first does nothing, over and over: what the loop costs.
std::span<const Operation> Operations();

}  // namespace bench

#endif  // HOLLER_BENCH_OPERATIONS_H_
