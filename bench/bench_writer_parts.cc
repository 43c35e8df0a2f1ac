#include "bench_writer_parts.h"

#include <cstring>
#include <new>

namespace bench {
namespace {

inline bool SetAll(const Values& values, PlainState& message) {
  message.stamp_ns = values.stamp_ns;
  message.frame = values.frame;
  message.mode = values.mode;
  message.armed = values.armed;
  message.error = values.error;
  message.battery_v = values.battery_v;
  message.current_a = values.current_a;
  message.temperature_c = values.temperature_c;
  message.pressure_pa = values.pressure_pa;
  message.altitude_m = values.altitude_m;
  message.latitude = values.latitude;
  message.longitude = values.longitude;
  message.heading = values.heading;
  message.throttle = values.throttle;
  message.satellites = values.satellites;
  message.uptime_ms = values.uptime_ms;
  message.position.x = values.position[0];
  message.position.y = values.position[1];
  message.position.z = values.position[2];
  message.orientation.x = values.orientation[0];
  message.orientation.y = values.orientation[1];
  message.orientation.z = values.orientation[2];
  message.orientation.w = values.orientation[3];
  if (values.frame_id.size() >= message.frame_id.size()) return false;
  std::memcpy(message.frame_id.data(), values.frame_id.data(), values.frame_id.size());
  message.frame_id[values.frame_id.size()] = '\0';
  message.frame_id_length = static_cast<uint32_t>(values.frame_id.size());
  if (values.ranges.size() > message.ranges.size()) return false;
  std::memcpy(message.ranges.data(), values.ranges.data(), values.ranges.size_bytes());
  message.ranges_length = static_cast<uint32_t>(values.ranges.size());
  return true;
}

double Sum(double first, double second, double third, double fourth = 0) {
  return first + second + third + fourth;
}

}  // namespace

bool FillFresh(const Values& values, PlainState& message) {
  return SetAll(values, *new (&message) PlainState);
}

bool Fill(const Values& values, PlainState& message) { return SetAll(values, message); }

bool Fill(const Values& values, holler::PayloadSpan payload, StateWriter& writer) {
  writer.Start(payload, StateTopic::kFileIdentifier);
  writer.set_stamp_ns(values.stamp_ns);
  writer.set_frame(values.frame);
  writer.set_mode(values.mode);
  writer.set_armed(values.armed);
  writer.set_error(values.error);
  writer.set_battery_v(values.battery_v);
  writer.set_current_a(values.current_a);
  writer.set_temperature_c(values.temperature_c);
  writer.set_pressure_pa(values.pressure_pa);
  writer.set_altitude_m(values.altitude_m);
  writer.set_latitude(values.latitude);
  writer.set_longitude(values.longitude);
  writer.set_heading(values.heading);
  writer.set_throttle(values.throttle);
  writer.set_satellites(values.satellites);
  writer.set_uptime_ms(values.uptime_ms);
  auto position = writer.mutable_position();
  position.set_x(values.position[0]);
  position.set_y(values.position[1]);
  position.set_z(values.position[2]);
  auto orientation = writer.mutable_orientation();
  orientation.set_x(values.orientation[0]);
  orientation.set_y(values.orientation[1]);
  orientation.set_z(values.orientation[2]);
  orientation.set_w(values.orientation[3]);
  return writer.set_frame_id(values.frame_id) && writer.set_ranges(values.ranges);
}

bool Fill(const Values& values, flatbuffers::FlatBufferBuilder& builder) {
  builder.Clear();
  const auto position =
      CreateVector3(builder, values.position[0], values.position[1], values.position[2]);
  const auto orientation = CreateQuaternion(builder, values.orientation[0], values.orientation[1],
                                            values.orientation[2], values.orientation[3]);
  const auto frame_id = builder.CreateString(values.frame_id.data(), values.frame_id.size());
  const auto ranges = builder.CreateVector(values.ranges.data(), values.ranges.size());
  StateBuilder state(builder);
  state.add_stamp_ns(values.stamp_ns);
  state.add_frame(values.frame);
  state.add_mode(values.mode);
  state.add_armed(values.armed);
  state.add_error(values.error);
  state.add_battery_v(values.battery_v);
  state.add_current_a(values.current_a);
  state.add_temperature_c(values.temperature_c);
  state.add_pressure_pa(values.pressure_pa);
  state.add_altitude_m(values.altitude_m);
  state.add_latitude(values.latitude);
  state.add_longitude(values.longitude);
  state.add_heading(values.heading);
  state.add_throttle(values.throttle);
  state.add_satellites(values.satellites);
  state.add_uptime_ms(values.uptime_ms);
  state.add_position(position);
  state.add_orientation(orientation);
  state.add_frame_id(frame_id);
  state.add_ranges(ranges);
  builder.Finish(state.Finish());
  return true;
}

double Read(const PlainState& m) {
  double sum = static_cast<double>(m.stamp_ns) + static_cast<double>(m.uptime_ms);
  sum += m.frame + m.mode + m.armed + m.error + m.satellites;
  sum += m.battery_v + m.current_a + m.temperature_c + m.heading + m.throttle;
  sum += m.pressure_pa + m.altitude_m + m.latitude + m.longitude;
  sum += Sum(m.position.x, m.position.y, m.position.z);
  sum += Sum(m.orientation.x, m.orientation.y, m.orientation.z, m.orientation.w);
  for (uint32_t i = 0; i < m.frame_id_length; ++i) sum += m.frame_id[i];
  for (uint32_t i = 0; i < m.ranges_length; ++i) sum += m.ranges[i];
  return sum;
}

double Read(const State& m) {
  double sum = static_cast<double>(m.stamp_ns()) + static_cast<double>(m.uptime_ms());
  sum += m.frame() + m.mode() + m.armed() + m.error() + m.satellites();
  sum += m.battery_v() + m.current_a() + m.temperature_c() + m.heading() + m.throttle();
  sum += m.pressure_pa() + m.altitude_m() + m.latitude() + m.longitude();
  const Vector3& position = *m.position();
  sum += Sum(position.x(), position.y(), position.z());
  const Quaternion& orientation = *m.orientation();
  sum += Sum(orientation.x(), orientation.y(), orientation.z(), orientation.w());
  for (const char c : *m.frame_id()) sum += c;
  for (const float range : *m.ranges()) sum += range;
  return sum;
}

}  // namespace bench
