// Turns: work of strangers that is long for a loop (the handshakes of TLS), one piece after the other.
//
// Between two pieces everything else on the loop that is ready has its turn: so however many come at once, a
// connection that is served waits for one piece at most. Loop thread only. Internal to http.
#pragma once

#include <deque>
#include <exception>
#include <utility>

#include "http/loops.h"
#include "http/net/asio.h"

namespace writ::http {

class Turns {
 public:
  explicit Turns(asio::io_context& context) : context_(context) {}

  void add(Task piece) {
    waiting_.push_back(std::move(piece));
    if (std::exchange(under_way_, true)) return;
    next();
  }
  std::size_t waiting() const noexcept { return waiting_.size(); }
  void clear() noexcept { waiting_.clear(); }

 private:
  void next() {
    try {
      asio::post(context_, [this] { run(); });
    } catch (...) {
      // Whoever comes next tries again.
      under_way_ = false;
      throw;
    }
  }
  void run() {
    if (waiting_.empty()) {
      under_way_ = false;
      return;
    }
    Task piece = std::move(waiting_.front());
    waiting_.pop_front();
    // Before the piece, which may throw.
    if (waiting_.empty()) {
      under_way_ = false;
    } else {
      next();
    }
    piece();
  }

  asio::io_context& context_;
  std::deque<Task> waiting_;
  bool under_way_ = false;
};

}  // namespace writ::http
