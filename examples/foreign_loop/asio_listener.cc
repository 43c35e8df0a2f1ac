// A Holler event loop inside Asio's.
#include <signal.h>

#include <asio.hpp>
#include <functional>
#include <iostream>

#include "holler/event_loop.h"
#include "tick_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "asio_listener"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto ticks = loop::TickSubscriber::Create(*node);
  if (!ticks.ok()) return std::cerr << ticks.status() << "\n", 1;
  auto loop = holler::EventLoop::Create();
  if (!loop.ok()) return std::cerr << loop.status() << "\n", 1;
  auto on_tick = loop->OnSample(
      *ticks, [](const auto& tick) { std::cout << "tick " << tick->count() << std::endl; });
  if (!on_tick.ok()) return std::cerr << on_tick.status() << "\n", 1;
  if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) {
    return std::cerr << status << "\n", 1;
  }

  asio::io_context io;
  asio::posix::stream_descriptor holler_fd(io, loop->fd());
  std::function<void()> wait_for_holler = [&] {
    holler_fd.async_wait(asio::posix::descriptor_base::wait_read, [&](std::error_code error) {
      if (error) return;
      loop->RunOnce();  // Does what there is to do, and does not sleep.
      if (loop->stopped()) return io.stop();
      wait_for_holler();
    });
  };
  wait_for_holler();

  // Besides Holler, the program waits for a line on its standard input.
  asio::posix::stream_descriptor input(io, STDIN_FILENO);
  input.async_wait(asio::posix::descriptor_base::wait_read, [&](std::error_code) { io.stop(); });
  io.run();
  input.release();
  holler_fd.release();  // The loop closes it.
  std::cout << "ended\n";
}
