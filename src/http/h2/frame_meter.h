// FrameMeter: what a peer's frames cost, counted on the bytes before anything is done with them.
//
// nghttp2 keeps the protocol; it does not know when a proper frame is one too many. Here each frame's header
// is looked at (RFC 9113 §4.1), also of the kinds that nghttp2 skips, and paid for (h2/limits.h). Time is an
// argument. Pure; not thread-safe; internal to http.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2/limits.h"

namespace writ::http {

// RFC 9113 §3.4: what a client says first.
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class FrameMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A client begins with the preface, a server does not.
  enum class Peer { kClient, kServer };
  FrameMeter(std::size_t max_head_bytes, Time now, Peer peer = Peer::kClient)
      : max_block_bytes_(max_head_bytes + h2::kBlockBytesBeyondHead),
        preface_left_(peer == Peer::kClient ? kHttp2Preface.size() : 0),
        filled_at_(now) {}

  // The next bytes of the connection, in any pieces.
  void see(std::string_view bytes, Time now);
  void note_answered(std::size_t data_bytes) noexcept;
  // To a server: a frame of a request's body, which it may acknowledge however short it is.
  void note_asked() noexcept;
  // A request came to nothing, by the peer's doing.
  void note_reset(Time now) noexcept;

  // Why the connection has to end; empty: it may go on. What it says once, it says for good.
  std::string_view flood() const noexcept { return flood_; }
  // Preface and first SETTINGS have come.
  bool begun() const noexcept { return begun_; }
  // A block of fields has begun, and is not whole.
  bool in_block() const noexcept { return block_open_; }

 private:
  void begin_frame();
  void end_frame() noexcept;
  void fill(Time now) noexcept;
  void pay(std::int64_t cost, std::string_view what) noexcept;
  void earn(std::int64_t credit) noexcept;

  const std::size_t max_block_bytes_;
  std::size_t preface_left_;
  std::array<unsigned char, 9> header_{};
  std::size_t header_size_ = 0;
  std::size_t payload_left_ = 0;
  std::size_t block_bytes_ = 0;
  bool block_open_ = false;
  bool begun_ = false;
  Time filled_at_;
  std::int64_t credit_ = h2::kCredit;
  std::int64_t resets_ = h2::kResets;
  std::string_view flood_;
};

}  // namespace writ::http
