// Bucket: a few packed entities in one piece of memory: their hashes, then their bytes. What is looked up
// among very many is in no cache of the processor: here that is waited for once, and not for pointer after
// pointer.
//
// Immutable and thread-safe; a change makes another bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace writ::facts {

class Bucket {
 public:
  struct Item {
    std::uint32_t hash;
    std::string_view bytes;
  };

  std::size_t size() const noexcept { return words_ != nullptr ? words_[0] : 0; }
  std::uint32_t hash(std::size_t at) const noexcept { return words_[1 + 2 * at]; }
  std::string_view bytes(std::size_t at) const noexcept {
    const auto begin = at != 0 ? end(at - 1) : 0;
    return {reinterpret_cast<const char*>(&words_[1 + 2 * size()]) + begin, end(at) - begin};
  }
  // In place of the one that stands at `at`; behind them all where `at` is their number.
  Bucket with(std::size_t at, Item item) const;
  Bucket without(std::size_t at) const;
  // It is read soon.
  void prefetch() const noexcept;

 private:
  std::uint32_t end(std::size_t at) const noexcept { return words_[2 + 2 * at]; }
  static Bucket of(std::span<const Item> items);

  // The number of items; of each its hash, and where its bytes end; the bytes. Null: it is empty.
  std::shared_ptr<const std::uint32_t[]> words_;
};

}  // namespace writ::facts
