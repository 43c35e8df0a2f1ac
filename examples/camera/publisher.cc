// Publishes five images of a bright spot that moves, for whoever looks first, and ends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <utility>

#include "camera_topics.h"

constexpr uint32_t kWidth = 640;
constexpr uint32_t kHeight = 480;

// A square around the spot; the rest is dark. Stands for a driver that fills a buffer.
void TakePicture(const camera::Spot& spot, std::span<uint8_t> pixels) {
  std::fill(pixels.begin(), pixels.end(), uint8_t{16});
  for (uint32_t y = spot.y() - spot.radius(); y < spot.y() + spot.radius(); ++y) {
    std::fill_n(&pixels[size_t{y} * kWidth + spot.x() - spot.radius()], 2 * spot.radius(),
                uint8_t{240});
  }
}

int main() {
  auto node = holler::Node::Create({.name = "camera_publisher"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto images = camera::ImagePublisher::Create(*node);
  if (!images.ok()) return std::cerr << images.status() << "\n", 1;

  images->WaitForSubscriber(absl::InfiniteDuration());
  for (uint32_t number = 1; number <= 5; ++number) {
    if (auto image = images->Loan()) {
      const camera::Spot spot(100 * number, 60 * number, 20);
      image->set_number(number);
      image->set_width(kWidth);
      image->set_height(kHeight);
      image->set_encoding("mono8");
      image->mutable_spots().push_back(spot);
      // The pixels are filled where subscribers will read them.
      TakePicture(spot, image->mutable_pixels().resize_uninitialized(kWidth * kHeight));
      images->Publish(std::move(image));
    }
  }
}
