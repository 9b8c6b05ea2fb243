// The buffers of one write and how far it got: sent at once as far as the connection takes them, the rest
// when it can. Internal to http.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "http/net/stream.h"

namespace writ::http {

class SendQueue {
 public:
  // More than there is room for is a defect of whoever adds them: then sending fails, and with it this one
  // message.
  void add(std::string_view bytes) noexcept {
    if (bytes.empty()) return;
    if (count_ == kMost) {
      overfull_ = true;
    } else {
      buffers_[count_++] = asio::const_buffer(bytes.data(), bytes.size());
    }
  }
  bool empty() const noexcept { return first_ == count_; }
  void clear() noexcept {
    first_ = count_ = 0;
    overfull_ = false;
  }

  enum class Sent { kAll, kBlocked, kFailed };
  Sent send(Stream& stream) {
    if (overfull_) return Sent::kFailed;
    if (TlsSession* tls = stream.tls()) return send(*tls);
    Tcp::socket& socket = stream.socket();
    while (!empty()) {
      SystemError error;
      // Unused entries are empty buffers, which sendmsg skips.
      std::size_t sent = count_ - first_ == 1 ? socket.send(asio::buffer(buffers_[first_]), 0, error)
                                              : socket.send(rest(), 0, error);
      if (error == asio::error::would_block || error == asio::error::try_again) return Sent::kBlocked;
      if (error == asio::error::interrupted) continue;
      if (error) return Sent::kFailed;
      sent_off(sent);
    }
    clear();
    return Sent::kAll;
  }

 private:
  static constexpr std::size_t kMost = 4;
  Sent send(TlsSession& tls);
  std::string_view next_record() const;
  void sent_off(std::size_t sent) noexcept {
    while (sent > 0) {
      const std::size_t part = std::min(sent, buffers_[first_].size());
      buffers_[first_] += part;
      sent -= part;
      if (buffers_[first_].size() == 0) ++first_;
    }
  }
  struct Range {
    using value_type = asio::const_buffer;
    const asio::const_buffer* first;
    const asio::const_buffer* last;
    const asio::const_buffer* begin() const { return first; }
    const asio::const_buffer* end() const { return last; }
  };
  Range rest() const { return {.first = buffers_.data() + first_, .last = buffers_.data() + count_}; }

  std::array<asio::const_buffer, kMost> buffers_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  bool overfull_ = false;
};

}  // namespace writ::http
