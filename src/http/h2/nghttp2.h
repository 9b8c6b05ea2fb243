// What both sides of HTTP/2 share in speaking with nghttp2. Internal to http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <nghttp2/nghttp2.h>
#include <string_view>

namespace writ::http::h2 {

inline constexpr std::size_t kFrameHeaderBytes = 9;
inline constexpr std::size_t kFieldOverhead = 32;  // RFC 9113 §6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE
// Of the buffer for what is sent, while nothing is.
inline constexpr std::size_t kKeptOutBytes = 4 * 1024;

inline std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// No exception may pass through C.
template <class Step>
int guarded(Step step) noexcept {
  try {
    return step();
  } catch (...) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

// nghttp2 fails for want of memory, or by a defect; what the peer did wrong it answers itself.
inline void check(int error) {
  if (error == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

}  // namespace writ::http::h2
