// Bytes received and not yet used up: one block, filled at its end and used from its begin. Internal to http.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace writ::http {

class ReceiveBuffer {
 public:
  explicit ReceiveBuffer(std::size_t capacity)
      : bytes_(new char[capacity]), capacity_(capacity), base_(capacity) {}

  std::string_view unread() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  // The views of what was used stay valid until the next call of space() or reset().
  void use(std::size_t count) noexcept { begin_ += count; }
  void filled(std::size_t count) noexcept { end_ += count; }

  struct Space {
    char* data;
    std::size_t size;
  };
  // Room for at least one more byte, in a block of at most `max` bytes; size 0 when that is full.
  Space space(std::size_t wanted, std::size_t max) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_ || (wanted > capacity_ && begin_ == 0 && end_ == 0))
      make_room(std::min(wanted, max), max);
    const std::size_t limit = std::min(capacity_, std::max(max, end_));
    return {.data = bytes_.get() + end_, .size = limit - end_};
  }

  // Gives the memory of a large message back, once all of it is used.
  void shrink() {
    if (begin_ != end_ || capacity_ == base_) return;
    bytes_.reset(new char[base_]);
    capacity_ = base_;
    begin_ = end_ = 0;
  }

 private:
  void make_room(std::size_t wanted, std::size_t max) {
    const std::size_t kept = end_ - begin_;
    if (kept == capacity_ || wanted > capacity_) {
      const std::size_t capacity = std::max(std::min(std::max(capacity_ * 2, wanted), max), capacity_);
      std::unique_ptr<char[]> bytes(new char[capacity]);
      std::memcpy(bytes.get(), bytes_.get() + begin_, kept);
      bytes_ = std::move(bytes);
      capacity_ = capacity;
    } else {
      std::memmove(bytes_.get(), bytes_.get() + begin_, kept);
    }
    begin_ = 0;
    end_ = kept;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t base_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace writ::http
