// One message of each topic, made in two ways that must come out the same.
#ifndef HOLLER_TESTS_FOXGLOVE_MESSAGES_H_
#define HOLLER_TESTS_FOXGLOVE_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "foxglove_topics_topics.h"

namespace robot {

// By the generated writers, in place. False if something does not fit.
bool Write(CameraWriter& camera);
bool Write(PhotoWriter& photo);
bool Write(CloudWriter& cloud);
bool Write(LidarWriter& lidar);
bool Write(TransformsWriter& transforms);
bool Write(FixWriter& fix);
bool Write(MotionWriter& motion);
bool Write(PathWriter& path);
bool Write(JointsWriter& joints);
bool Write(SceneWriter& scene);

// By flatc's own code.
using Builder = flatbuffers::FlatBufferBuilder;
void Build(Builder& builder, const foxglove::RawImage*);
void Build(Builder& builder, const foxglove::CompressedImage*);
void Build(Builder& builder, const foxglove::PointCloud*);
void Build(Builder& builder, const foxglove::LaserScan*);
void Build(Builder& builder, const foxglove::FrameTransforms*);
void Build(Builder& builder, const foxglove::LocationFix*);
void Build(Builder& builder, const foxglove::Odometry*);
void Build(Builder& builder, const foxglove::PosesInFrame*);
void Build(Builder& builder, const foxglove::JointStates*);
void Build(Builder& builder, const foxglove::SceneUpdate*);

// What is in them.

inline const foxglove::Time kTime(1700000000, 123456789);

// The pixels of an image, or other bytes.
inline std::vector<uint8_t> Bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  return bytes;
}

inline std::vector<double> Numbers(size_t count) {
  std::vector<double> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = static_cast<double>(i) + 0.25;
  return numbers;
}

}  // namespace robot

#endif  // HOLLER_TESTS_FOXGLOVE_MESSAGES_H_
