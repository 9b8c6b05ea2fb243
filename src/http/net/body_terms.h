// What a request's body may take of time and memory while it is read: the same for HTTP/1 and HTTP/2.
//
// Time: a streamed body may fall behind its least rate by body_timeout; a whole one has that long for all of
// it. Only the time counts for which somebody waited: a slow upstream is not its caller's fault. Memory: what
// is kept until the answer is taken from a budget that all requests of its kind share. Loop thread only, but
// let_go(). Internal to http.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "http/exchange.h"
#include "http/h1/framing.h"
#include "http/net/deadlines.h"

namespace writ::http {

class ByteBudget;
struct ServerCore;

class BodyTerms {
 public:
  // For the next request; it holds nothing yet.
  void begin(const ServerCore& core) noexcept;

  // All of the body has one deadline: what comes earns no patience.
  void set_one_deadline() noexcept { one_deadline_ = true; }
  // Somebody waits from now on, and will for so long.
  std::chrono::milliseconds wait() noexcept;
  // So much has come; the wait is over.
  void came(const ServerCore& core, std::size_t bytes) noexcept;
  bool waiting() const noexcept { return wait_began_ != kNever; }

  // What is held from here on counts; null: it is within the memory that every connection has.
  void charge(ByteBudget* budget) noexcept { budget_ = budget; }
  // False: there is no room for it.
  bool hold(ServerCore& core, std::size_t bytes);
  void let_go() noexcept;  // any thread, once nobody uses it

 private:
  ByteBudget* budget_ = nullptr;
  bool one_deadline_ = false;
  std::uint64_t held_bytes_ = 0;
  std::chrono::milliseconds patience_{0};
  SteadyTime wait_began_ = kNever;
};

FramingRefusal body_too_large(std::uint64_t max);
FramingRefusal streamed_body_too_large();
FramingRefusal body_too_slow();
FramingRefusal no_memory_for_body();

}  // namespace writ::http
