#include <string>

#include "messages.h"

namespace robot {
namespace {

template <typename T>
using Offset = flatbuffers::Offset<T>;

Offset<foxglove::Vector3> Vector(Builder& b, double base) {
  return foxglove::CreateVector3(b, base, base + 1, base + 2);
}

Offset<foxglove::Quaternion> Quaternion(Builder& b, double base) {
  return foxglove::CreateQuaternion(b, base, base + 1, base + 2, base + 3);
}

Offset<foxglove::Pose> Pose(Builder& b, double base) {
  const auto position = Vector(b, base);
  return foxglove::CreatePose(b, position, Quaternion(b, base + 3));
}

Offset<foxglove::Color> Color(Builder& b, double base) {
  return foxglove::CreateColor(b, base, base / 2, base / 3, 1);
}

auto Metadata(Builder& b) {
  std::vector<Offset<foxglove::KeyValuePair>> pairs;
  for (const char* key : {"maker", "model"}) {
    pairs.push_back(foxglove::CreateKeyValuePairDirect(b, key, "unknown"));
  }
  return b.CreateVector(pairs);
}

}  // namespace

void Build(Builder& b, const foxglove::RawImage*) {
  const auto pixels = Bytes(640 * 480 * 3);
  b.Finish(foxglove::CreateRawImageDirect(b, &kTime, "camera", 640, 480, "rgb8", 640 * 3, &pixels));
}

void Build(Builder& b, const foxglove::CompressedImage*) {
  const auto data = Bytes(150000);
  b.Finish(foxglove::CreateCompressedImageDirect(b, &kTime, "camera", &data, "jpeg"));
}

void Build(Builder& b, const foxglove::PointCloud*) {
  std::vector<Offset<foxglove::PackedElementField>> fields;
  for (const char* name : {"x", "y", "z"}) {
    fields.push_back(foxglove::CreatePackedElementFieldDirect(
        b, name, static_cast<uint32_t>(4 * fields.size()), foxglove::NumericType_FLOAT32));
  }
  const auto pose = Pose(b, 1);
  const auto data = Bytes(12 * 5000);
  b.Finish(foxglove::CreatePointCloudDirect(b, &kTime, "lidar", pose, 12, &fields, &data));
}

void Build(Builder& b, const foxglove::LaserScan*) {
  const auto pose = Pose(b, 2);
  const auto numbers = Numbers(1080);
  b.Finish(
      foxglove::CreateLaserScanDirect(b, &kTime, "lidar", pose, -1.5, 1.5, &numbers, &numbers));
}

void Build(Builder& b, const foxglove::FrameTransforms*) {
  std::vector<Offset<foxglove::FrameTransform>> all;
  for (int i = 0; i < 32; ++i) {
    const auto translation = Vector(b, i);
    const auto rotation = Quaternion(b, i);
    const std::string child = "joint" + std::to_string(i);
    all.push_back(foxglove::CreateFrameTransformDirect(b, &kTime, "base", child.c_str(),
                                                       translation, rotation));
  }
  b.Finish(foxglove::CreateFrameTransformsDirect(b, &all));
}

void Build(Builder& b, const foxglove::LocationFix*) {
  const auto frame_id = b.CreateString("gnss");
  const auto covariance = b.CreateVector(Numbers(9));
  const auto velocity = Vector(b, 3);
  const auto color = Color(b, 0.5);
  const auto metadata = Metadata(b);
  foxglove::LocationFixBuilder fix(b);
  fix.add_timestamp(&kTime);
  fix.add_frame_id(frame_id);
  fix.add_latitude(47.5);
  fix.add_longitude(8.5);
  fix.add_altitude(408);
  fix.add_position_covariance(covariance);
  fix.add_position_covariance_type(foxglove::PositionCovarianceType_KNOWN);
  fix.add_heading(0);
  fix.add_velocity(velocity);
  fix.add_color(color);
  fix.add_metadata(metadata);
  b.Finish(fix.Finish());
}

void Build(Builder& b, const foxglove::Odometry*) {
  const auto frame_id = b.CreateString("odom");
  const auto body_frame_id = b.CreateString("base");
  const auto pose = Pose(b, 4);
  const auto linear = Vector(b, 5);
  const auto angular = Vector(b, 6);
  const auto covariance = b.CreateVector(Numbers(36));
  const auto metadata = Metadata(b);
  b.Finish(foxglove::CreateOdometry(b, &kTime, frame_id, body_frame_id, pose, linear, angular,
                                    covariance, covariance, metadata));
}

void Build(Builder& b, const foxglove::PosesInFrame*) {
  std::vector<Offset<foxglove::Pose>> poses;
  for (int i = 0; i < 100; ++i) poses.push_back(Pose(b, i));
  b.Finish(foxglove::CreatePosesInFrameDirect(b, &kTime, "map", &poses));
}

void Build(Builder& b, const foxglove::JointStates*) {
  std::vector<Offset<foxglove::JointState>> joints;
  for (int i = 0; i < 12; ++i) {
    const auto name = b.CreateString("joint" + std::to_string(i));
    foxglove::JointStateBuilder joint(b);
    joint.add_name(name);
    joint.add_position(i);
    if (i % 2 == 1) joint.add_effort(0);
    joints.push_back(joint.Finish());
  }
  b.Finish(foxglove::CreateJointStatesDirect(b, &kTime, &joints));
}

void Build(Builder& b, const foxglove::SceneUpdate*) {
  const std::vector deletions = {foxglove::CreateSceneEntityDeletionDirect(
      b, &kTime, foxglove::SceneEntityDeletionType_MATCHING_ID, "old")};

  const auto cube_pose = Pose(b, 7);
  const auto cube_size = Vector(b, 8);
  const auto cubes =
      b.CreateVector({foxglove::CreateCubePrimitive(b, cube_pose, cube_size, Color(b, 0.25))});

  std::vector<Offset<foxglove::Point3>> all;
  for (int i = 0; i < 64; ++i) all.push_back(foxglove::CreatePoint3(b, i, i + 1, i + 2));
  const auto points = b.CreateVector(all);
  const auto indices = b.CreateVector(std::vector<uint32_t>{1, 2, 3});
  foxglove::LinePrimitiveBuilder line(b);
  line.add_type(foxglove::LineType_LINE_LOOP);
  line.add_thickness(2);
  line.add_scale_invariant(false);
  line.add_points(points);
  line.add_indices(indices);
  const auto lines = b.CreateVector({line.Finish()});

  const auto hello = b.CreateString("hello");
  const auto texts =
      b.CreateVector({foxglove::CreateTextPrimitive(b, 0, true, 12, false, 0, hello)});

  const auto url = b.CreateString("https://example.org/model");
  const auto data = b.CreateVector(Bytes(4096));
  const auto models =
      b.CreateVector({foxglove::CreateModelPrimitive(b, 0, 0, 0, true, url, 0, data)});

  const auto frame_id = b.CreateString("map");
  const auto id = b.CreateString("new");
  const auto metadata = Metadata(b);
  const foxglove::Duration lifetime(5, 6);
  foxglove::SceneEntityBuilder entity(b);
  entity.add_timestamp(&kTime);
  entity.add_frame_id(frame_id);
  entity.add_id(id);
  entity.add_lifetime(&lifetime);
  entity.add_frame_locked(true);
  entity.add_metadata(metadata);
  entity.add_cubes(cubes);
  entity.add_lines(lines);
  entity.add_texts(texts);
  entity.add_models(models);
  const std::vector entities = {entity.Finish()};
  b.Finish(foxglove::CreateSceneUpdateDirect(b, &deletions, &entities));
}

}  // namespace robot
