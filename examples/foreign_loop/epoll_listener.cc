// A Holler event loop inside a program that has its own loop: plain epoll.
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "holler/event_loop.h"
#include "tick_topics.h"

int main() {
  auto node = holler::Node::Create({.name = "epoll_listener"});
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

  // The program's own loop. Besides Holler, it waits for a line on its standard input.
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  for (const int fd : {STDIN_FILENO, loop->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return std::cerr << "epoll\n", 1;
  }
  while (true) {
    epoll_event event;
    const int count = ::epoll_wait(epoll, &event, 1, -1);
    if (count < 0 && errno != EINTR) return std::cerr << "epoll\n", 1;
    if (count != 1) continue;
    if (event.data.fd == STDIN_FILENO) break;
    loop->RunOnce();  // Does what there is to do, and does not sleep.
    if (loop->stopped()) break;
  }
  std::cout << "ended\n";
}
