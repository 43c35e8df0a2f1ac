// Prints what it sees, until it has seen the fifth image.
#include <algorithm>
#include <iostream>

#include "camera_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "camera_subscriber"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto images = camera::ImageSubscriber::Create(*node);
  if (!images.ok()) return std::cerr << images.status() << "\n", 1;

  while (images->Wait(absl::InfiniteDuration())) {
    while (auto image = images->Take()) {
      const auto& pixels = *image->pixels();
      std::cout << "image " << image->number() << ": " << image->width() << " x " << image->height()
                << " " << image->encoding()->string_view() << ", "
                << std::count(pixels.begin(), pixels.end(), 240) << " bright pixels";
      for (const camera::Spot* spot : *image->spots()) {
        std::cout << ", spot at " << spot->x() << ", " << spot->y();
      }
      std::cout << "\n";
      if (image->number() == 5) return 0;
    }
  }
}
