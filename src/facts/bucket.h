// Bucket: some packed entities in one block of memory: a table of where each stands, and their bytes. What is
// looked up among very many is in no cache of the processor. Here it is two waits away, and nobody has to
// stand still for them: seek() sends for its place in the table, and a while later expect() for its bytes.
//
// Immutable to those who read, and thread-safe. What belongs to an edit, by its number, is changed in place:
// nobody else has seen it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace writ::facts {

// A bucket as it is read. Its memory is the bucket's.
class BucketReader {
 public:
  BucketReader() = default;
  // Those of that hash that `is_it` says yes to; empty: they are not there.
  template <class IsIt>
  std::string_view find(std::uint32_t hash, const IsIt& is_it) const {
    if (block_ == nullptr) return {};
    for (auto at = first_place(hash); places()[at].begin != kFree; at = place_after(at)) {
      if (places()[at].hash != hash) continue;
      if (const auto bytes = bytes_at(places()[at].begin); is_it(bytes)) return bytes;
    }
    return {};
  }
  // Where it stands is read soon.
  void seek(std::uint32_t hash) const noexcept;
  // It is read soon. Waits for where it stands.
  void expect(std::uint32_t hash) const noexcept;

 private:
  friend class Bucket;
  template <std::size_t kCount>
  friend class BucketReaders;

  static constexpr std::uint32_t kFree = 0;
  struct Place {
    std::uint32_t hash;
    std::uint32_t begin;  // from the block's: there is their number, and then the bytes
  };
  // The table of places follows it, and then what they stand for.
  struct Block {
    std::uint64_t edit;
    std::uint32_t size;  // of all of it
    std::uint32_t end;   // of what is there
    std::uint32_t entities;
  };

  BucketReader(const Block* block, std::uint32_t mask) noexcept : block_(block), mask_(mask) {}
  const Place* places() const noexcept { return reinterpret_cast<const Place*>(block_ + 1); }
  std::uint32_t first_place(std::uint32_t hash) const noexcept { return hash & mask_; }
  std::uint32_t place_after(std::uint32_t at) const noexcept { return (at + 1) & mask_; }
  const char* at(std::uint32_t begin) const noexcept { return reinterpret_cast<const char*>(block_) + begin; }
  std::string_view bytes_at(std::uint32_t begin) const noexcept {
    std::uint32_t size;
    std::memcpy(&size, at(begin), sizeof(size));
    return {at(begin) + sizeof(size), size};
  }

  const Block* block_ = nullptr;  // null: nothing is there
  // Beside the block and not in it: where a place stands is known without waiting for the block.
  std::uint32_t mask_ = 0;
};

class Bucket {
 public:
  BucketReader reader() const noexcept { return {block_.get(), mask_}; }
  // As a reader's.
  template <class IsIt>
  std::string_view find(std::uint32_t hash, const IsIt& is_it) const {
    return reader().find(hash, is_it);
  }

  // `bytes`, which are some, in place of what find() gave; empty: of none.
  void put(std::uint64_t edit, std::uint32_t hash, std::string_view bytes, std::string_view old);
  void erase(std::uint64_t edit, std::string_view old);

  // All that it takes, beside itself.
  std::span<const char> memory() const noexcept {
    return block_ != nullptr ? std::span<const char>(at(0), block_->size) : std::span<const char>();
  }
  // `visit(hash, bytes)` for each, in no order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    if (block_ == nullptr) return;
    for (std::uint32_t at = 0; at <= mask_; ++at) {
      if (places()[at].begin != kFree) visit(places()[at].hash, reader().bytes_at(places()[at].begin));
    }
  }

 private:
  using Block = BucketReader::Block;
  using Place = BucketReader::Place;
  static constexpr auto kFree = BucketReader::kFree;

  Place* places() const noexcept { return reinterpret_cast<Place*>(block_.get() + 1); }
  char* at(std::uint32_t begin) const noexcept { return reinterpret_cast<char*>(block_.get()) + begin; }

  bool has_room(std::uint64_t edit, std::size_t bytes) const noexcept;
  // The same without `old`, in a block of this edit that has room for one of so many bytes.
  Bucket copy(std::uint64_t edit, std::size_t bytes, std::string_view old) const;
  void add(std::uint32_t hash, std::string_view bytes, std::string_view old) noexcept;

  std::shared_ptr<Block> block_;  // null: nothing is there
  std::uint32_t mask_ = 0;
};

// What is read of some buckets, by their places: nine bytes for each, so that of all buckets together it
// stays in the processor's cache, whatever else a request reads.
template <std::size_t kCount>
class BucketReaders {
 public:
  BucketReader operator[](std::size_t at) const noexcept {
    return {blocks_[at], (std::uint32_t{1} << mask_bits_[at]) - 1};
  }
  // The bucket is another one now.
  void set(std::size_t at, const Bucket& bucket) noexcept {
    const auto reader = bucket.reader();
    blocks_[at] = reader.block_;
    mask_bits_[at] = static_cast<std::uint8_t>(std::popcount(reader.mask_));
  }

 private:
  std::array<const BucketReader::Block*, kCount> blocks_{};
  std::array<std::uint8_t, kCount> mask_bits_{};  // a mask is all ones
};

}  // namespace writ::facts
