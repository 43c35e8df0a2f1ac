// What bench_writer does to the same twenty values in each way of writing and reading them. One
// source of its own: its functions are not inlined into the loops that time them, so that each is
// compiled for whatever message it is given, as in a program.
#ifndef HOLLER_BENCH_WRITER_PARTS_H_
#define HOLLER_BENCH_WRITER_PARTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bench_writer_topics.h"
#include "flatbuffers/flatbuffers.h"

namespace bench {

// The values: what a driver has in hand when it fills a message.
struct Values {
  double position[3];
  double orientation[4];
  double pressure_pa, altitude_m, latitude, longitude;
  std::string_view frame_id;
  std::span<const float> ranges;
  float battery_v, current_a, temperature_c, heading, throttle;
  bool armed;
  uint8_t mode, satellites;
  int16_t error;
  uint32_t frame;
  int64_t uptime_ms;
  uint64_t stamp_ns;
};

// The same message as a programmer would write it without FlatBuffers, with the same defaults.
struct PlainState {
  struct Vector3 {
    double x = 0, y = 0, z = 0;
  };
  struct Quaternion {
    double x = 0, y = 0, z = 0, w = 0;
  };

  uint64_t stamp_ns = 0;
  uint32_t frame = 0;
  uint8_t mode = 0;
  bool armed = false;
  int16_t error = 0;
  float battery_v = 0, current_a = 0, temperature_c = 0;
  double pressure_pa = 0, altitude_m = 0, latitude = 0, longitude = 0;
  float heading = 0, throttle = 0.5;
  uint8_t satellites = 0;
  int64_t uptime_ms = 0;
  Vector3 position{};
  Quaternion orientation{};
  uint32_t frame_id_length = 0;
  uint32_t ranges_length = 0;
  std::array<char, 33> frame_id;
  std::array<float, 16> ranges;
};

// Each returns false if a string or vector is too long for the message.

// As if there were no message in `message` before.
bool FillFresh(const Values& values, PlainState& message);
// Over the one before.
bool Fill(const Values& values, PlainState& message);
// As a loan of `payload` starts the message.
bool Fill(const Values& values, holler::PayloadSpan payload, StateWriter& writer);
bool Fill(const Values& values, flatbuffers::FlatBufferBuilder& builder);

// A number in which every value takes part.
double Read(const PlainState& message);
double Read(const State& message);

}  // namespace bench

#endif  // HOLLER_BENCH_WRITER_PARTS_H_
