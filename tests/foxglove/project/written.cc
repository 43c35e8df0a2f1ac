#include <array>
#include <string>

#include "messages.h"

namespace robot {
namespace {

// Each topic has writers of its own for the types it holds; these fill any of them.

template <typename Vector>
void SetVector(Vector vector, double base) {
  vector.set_x(base);
  vector.set_y(base + 1);
  vector.set_z(base + 2);
}

template <typename Quaternion>
void SetQuaternion(Quaternion quaternion, double base) {
  quaternion.set_x(base);
  quaternion.set_y(base + 1);
  quaternion.set_z(base + 2);
  quaternion.set_w(base + 3);
}

template <typename Pose>
void SetPose(Pose pose, double base) {
  SetVector(pose.mutable_position(), base);
  SetQuaternion(pose.mutable_orientation(), base + 3);
}

template <typename Color>
void SetColor(Color color, double base) {
  color.set_r(base);
  color.set_g(base / 2);
  color.set_b(base / 3);
  color.set_a(1);
}

template <typename Metadata>
bool SetMetadata(Metadata metadata) {
  for (const char* key : {"maker", "model"}) {
    auto pair = metadata.emplace_back();
    if (!pair || !pair->set_key(key) || !pair->set_value("unknown")) return false;
  }
  return true;
}

template <typename Vector>
bool SetNumbers(Vector vector, size_t count) {
  return vector.assign(Numbers(count));
}

}  // namespace

bool Write(CameraWriter& camera) {
  camera.set_timestamp(kTime);
  camera.set_width(640);
  camera.set_height(480);
  camera.set_step(640 * 3);
  const auto pixels = camera.mutable_data().resize_uninitialized(640 * 480 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7);
  return pixels.size() == 640 * 480 * 3 && camera.set_frame_id("camera") &&
         camera.set_encoding("rgb8");
}

bool Write(PhotoWriter& photo) {
  photo.set_timestamp(kTime);
  return photo.set_frame_id("camera") && photo.set_data(Bytes(150000)) && photo.set_format("jpeg");
}

bool Write(CloudWriter& cloud) {
  cloud.set_timestamp(kTime);
  SetPose(cloud.mutable_pose(), 1);
  cloud.set_point_stride(12);
  auto fields = cloud.mutable_fields();
  for (const std::string name : {"x", "y", "z"}) {
    auto field = fields.emplace_back();
    if (!field || !field->set_name(name)) return false;
    field->set_offset(static_cast<uint32_t>(4 * (fields.size() - 1)));
    field->set_type(foxglove::NumericType_FLOAT32);
  }
  return cloud.set_frame_id("lidar") && cloud.set_data(Bytes(12 * 5000));
}

bool Write(LidarWriter& lidar) {
  lidar.set_timestamp(kTime);
  SetPose(lidar.mutable_pose(), 2);
  lidar.set_start_angle(-1.5);
  lidar.set_end_angle(1.5);
  return lidar.set_frame_id("lidar") && SetNumbers(lidar.mutable_ranges(), 1080) &&
         SetNumbers(lidar.mutable_intensities(), 1080);
}

bool Write(TransformsWriter& transforms) {
  auto all = transforms.mutable_transforms();
  for (int i = 0; i < 32; ++i) {
    auto transform = all.emplace_back();
    if (!transform || !transform->set_parent_frame_id("base") ||
        !transform->set_child_frame_id("joint" + std::to_string(i))) {
      return false;
    }
    transform->set_timestamp(kTime);
    SetVector(transform->mutable_translation(), i);
    SetQuaternion(transform->mutable_rotation(), i);
  }
  return true;
}

bool Write(FixWriter& fix) {
  fix.set_timestamp(kTime);
  fix.set_latitude(47.5);
  fix.set_longitude(8.5);
  fix.set_altitude(408);
  fix.set_position_covariance_type(foxglove::PositionCovarianceType_KNOWN);
  fix.set_heading(0);  // Optional: 0 is not the same as none.
  SetVector(fix.mutable_velocity(), 3);
  SetColor(fix.mutable_color(), 0.5);
  return fix.set_frame_id("gnss") && SetNumbers(fix.mutable_position_covariance(), 9) &&
         SetMetadata(fix.mutable_metadata());
}

bool Write(MotionWriter& motion) {
  motion.set_timestamp(kTime);
  SetPose(motion.mutable_pose(), 4);
  SetVector(motion.mutable_linear_velocity(), 5);
  SetVector(motion.mutable_angular_velocity(), 6);
  return motion.set_frame_id("odom") && motion.set_body_frame_id("base") &&
         SetNumbers(motion.mutable_pose_covariance(), 36) &&
         SetNumbers(motion.mutable_velocity_covariance(), 36) &&
         SetMetadata(motion.mutable_metadata());
}

bool Write(PathWriter& path) {
  path.set_timestamp(kTime);
  auto poses = path.mutable_poses();
  if (!poses.resize(100)) return false;
  double base = 0;
  for (auto pose : poses) SetPose(pose, base++);
  return path.set_frame_id("map");
}

bool Write(JointsWriter& joints) {
  joints.set_timestamp(kTime);
  auto all = joints.mutable_joints();
  for (int i = 0; i < 12; ++i) {
    auto joint = all.emplace_back();
    if (!joint || !joint->set_name("joint" + std::to_string(i))) return false;
    joint->set_position(i);
    if (i % 2 == 1) joint->set_effort(0);
  }
  return true;
}

bool Write(SceneWriter& scene) {
  auto deletion = scene.mutable_deletions().emplace_back();
  auto entity = scene.mutable_entities().emplace_back();
  if (!deletion || !deletion->set_id("old") || !entity) return false;
  deletion->set_timestamp(kTime);
  deletion->set_type(foxglove::SceneEntityDeletionType_MATCHING_ID);
  entity->set_timestamp(kTime);
  entity->set_lifetime(foxglove::Duration(5, 6));
  entity->set_frame_locked(true);
  auto cube = entity->mutable_cubes().emplace_back();
  auto line = entity->mutable_lines().emplace_back();
  auto text = entity->mutable_texts().emplace_back();
  auto model = entity->mutable_models().emplace_back();
  if (!cube || !line || !text || !model || !line->mutable_points().resize(64)) return false;
  SetPose(cube->mutable_pose(), 7);
  SetVector(cube->mutable_size(), 8);
  SetColor(cube->mutable_color(), 0.25);
  line->set_type(foxglove::LineType_LINE_LOOP);
  line->set_thickness(2);
  double base = 0;
  for (auto point : line->mutable_points()) SetVector(point, base++);
  const std::array<uint32_t, 3> indices = {1, 2, 3};
  text->set_billboard(true);
  text->set_font_size(12);
  model->set_override_color(true);
  return entity->set_frame_id("map") && entity->set_id("new") &&
         SetMetadata(entity->mutable_metadata()) && line->set_indices(indices) &&
         text->set_text("hello") && model->set_url("https://example.org/model") &&
         model->set_data(Bytes(4096));
}

}  // namespace robot
