// Deadlines of connections, without a timer operation per request.
//
// Every connection of a loop is in one list with its deadline. One timer per loop stands at the earliest
// deadline it has been told of; deadlines mostly move later, which costs nothing: when the timer fires early,
// it looks at the list and is set anew. Loop thread only. Internal to http.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "http/net/asio.h"

namespace writ::http {

using SteadyTime = std::chrono::steady_clock::time_point;
inline constexpr SteadyTime kNever = SteadyTime::max();
inline SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

class Deadlines;

// Something with a deadline. Added on construction through watch(), gone at unwatch() or destruction.
class Timed {
 public:
  Timed() = default;
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 protected:
  virtual ~Timed();
  // The deadline has passed, and is kNever now.
  virtual void on_deadline() = 0;

  void watch(Deadlines& deadlines);
  void unwatch() noexcept;
  void expire_after(std::chrono::milliseconds delay);
  void expire_never() noexcept { deadline_ = kNever; }

 private:
  friend class Deadlines;
  Deadlines* deadlines_ = nullptr;
  std::size_t index_ = 0;
  SteadyTime deadline_ = kNever;
};

class Deadlines {
 public:
  explicit Deadlines(asio::io_context& context) : timer_(context) {}
  // Cancels the timer and forgets everything.
  void clear() noexcept;

 private:
  friend class Timed;
  void arm(SteadyTime when);
  void fire();

  asio::steady_timer timer_;
  SteadyTime armed_ = kNever;
  std::vector<Timed*> all_;
};

}  // namespace writ::http
