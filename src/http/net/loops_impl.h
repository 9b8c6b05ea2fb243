// What Server and Client see of Loops. Internal to http.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "http/loops.h"
#include "http/net/asio.h"
#include "http/net/deadlines.h"
#include "http/net/turns.h"

namespace writ::http {

// What other threads want done on a loop. Many tasks wake it once, and none of them takes memory of its own.
class Mailbox {
 public:
  explicit Mailbox(asio::io_context& context) : context_(context) {}
  void put(Task task);
  // Drops what waits. Once nothing runs the loop any more.
  void clear();

 private:
  void wake_loop() noexcept;
  void run_all();
  void run_taken();

  asio::io_context& context_;
  std::mutex mutex_;
  std::vector<Task> waiting_;
  bool awake_ = false;  // the loop comes for what waits
  // The loop's own: those it runs, and which is next.
  std::vector<Task> taken_;
  std::size_t next_ = 0;
};

struct Loop {
  // The hint says that one thread runs it: Asio then keeps work posted from that thread in a queue without
  // locks.
  asio::io_context context{1};
  Mailbox mailbox{context};
  Deadlines deadlines{context};
  Turns handshakes{context};
  std::thread thread;
};

struct Loops::Impl {
  std::vector<std::unique_ptr<Loop>> loops;
  std::atomic<bool> stopped{false};
};

}  // namespace writ::http
