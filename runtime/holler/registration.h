// What keeps a handler of an event loop registered.
#ifndef HOLLER_REGISTRATION_H_
#define HOLLER_REGISTRATION_H_

#include <memory>
#include <utility>

#include "holler/loop_core.h"
#include "holler/loop_source.h"

namespace holler {

// Its destructor ends what it stands for: the handler is not called again, and what the handler
// holds is destroyed, at the latest when the present turn of the loop ends. All handlers may do
// that, to themselves and to others. May outlive the loop.
//
//   auto camera = loop->OnReadable(fd, [&] { ReadFrame(fd); });
//   camera->Remove();              // or let it go out of scope
//
// Thread safety: the thread that runs the loop; or any one while none does.
class [[nodiscard]] Registration {
 public:
  // Stands for nothing.
  Registration() = default;
  Registration(std::weak_ptr<LoopCore> loop, std::weak_ptr<LoopSource> source)
      : loop_(std::move(loop)), source_(std::move(source)) {}
  Registration(Registration&&) noexcept = default;
  Registration& operator=(Registration&& other) noexcept {
    if (this != &other) {
      Remove();
      loop_ = std::move(other.loop_);
      source_ = std::move(other.source_);
    }
    return *this;
  }
  ~Registration() { Remove(); }

  void Remove() noexcept {
    const std::shared_ptr<LoopCore> loop = std::exchange(loop_, {}).lock();
    const std::shared_ptr<LoopSource> source = std::exchange(source_, {}).lock();
    if (loop != nullptr && source != nullptr) loop->Remove(*source);
  }

  // Lets go of it: it stays registered as long as the loop lives.
  void Release() noexcept {
    loop_.reset();
    source_.reset();
  }

  // Whether the handler may still be called: the loop lives, and so does what it listens to.
  bool active() const noexcept {
    const std::shared_ptr<LoopSource> source = source_.lock();
    return source != nullptr && !source->removed();
  }

 protected:
  const std::weak_ptr<LoopCore>& loop() const noexcept { return loop_; }
  const std::weak_ptr<LoopSource>& source() const noexcept { return source_; }

 private:
  std::weak_ptr<LoopCore> loop_;
  std::weak_ptr<LoopSource> source_;
};

}  // namespace holler

#endif  // HOLLER_REGISTRATION_H_
