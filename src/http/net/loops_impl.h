// What Server and Client see of Loops. Internal to http.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "http/loops.h"
#include "http/net/asio.h"
#include "http/net/deadlines.h"
#include "http/net/turns.h"

namespace writ::http {

struct Loop {
  // The hint says that one thread runs it: Asio then keeps work posted from that thread in a queue without
  // locks.
  asio::io_context context{1};
  Deadlines deadlines{context};
  Turns handshakes{context};
  std::thread thread;
};

struct Loops::Impl {
  std::vector<std::unique_ptr<Loop>> loops;
  std::atomic<bool> stopped{false};
};

}  // namespace writ::http
