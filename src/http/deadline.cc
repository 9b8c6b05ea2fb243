#include "http/deadline.h"

#include <utility>

#include "base/recycled.h"
#include "base/require.h"
#include "http/net/loops_impl.h"

namespace writ::http {

class Deadline::Watched final : public Timed {
 public:
  Watched(Deadlines& deadlines, std::chrono::milliseconds delay, Task task) : task_(std::move(task)) {
    watch(deadlines);
    expire_after(delay);
  }
  static void* operator new(std::size_t) { return Recycled<Watched>().allocate(1); }
  static void operator delete(void* watched) {
    Recycled<Watched>().deallocate(static_cast<Watched*>(watched), 1);
  }

 private:
  // It may end this.
  void on_deadline() override { std::exchange(task_, nullptr)(); }

  Task task_;
};

Deadline::Deadline() noexcept = default;
Deadline::Deadline(Deadline&&) noexcept = default;
Deadline& Deadline::operator=(Deadline&&) noexcept = default;
Deadline::~Deadline() = default;

Deadline::Deadline(Loops& loops, std::size_t loop, std::chrono::milliseconds delay, Task task) {
  WRIT_REQUIRE(loops.current() == loop);
  watched_ = std::make_unique<Watched>(loops.impl().loops[loop]->deadlines, delay, std::move(task));
}

}  // namespace writ::http
