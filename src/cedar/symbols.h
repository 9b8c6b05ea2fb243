// Text, entity names and the arena they live in: the ground that values, entities and compiled policies stand
// on.
//
// There is no global table of symbols. A symbol is an immutable piece of text that carries its own hash, so
// two symbols of different owners compare by pointer first, hash next, bytes last. A policy set, a set of
// entities and a request therefore never share state, and a hostile request can only fill the arena of that
// one request.
//
// An Arena owns what it makes until it is reset or destroyed; whatever points into it borrows. It is not
// thread-safe while it is being filled; afterwards anyone may read. reset() keeps the memory, so a warm arena
// does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace writ::cedar {

// Bytes with their length and hash. Made only by an Arena; the bytes follow the header in memory, filled up
// with zeros to a whole number of words, so that they can be compared by words.
struct Text {
  std::uint32_t size;
  std::uint32_t hash;

  const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  std::string_view view() const noexcept { return {bytes(), size}; }
};

inline bool same_text(const Text* a, const Text* b) noexcept {
  if (a == b) return true;
  if (a->hash != b->hash || a->size != b->size) return false;
  for (std::size_t at = 0; at < a->size; at += sizeof(std::uint64_t)) {
    std::uint64_t word_a;
    std::uint64_t word_b;
    std::memcpy(&word_a, a->bytes() + at, sizeof(word_a));
    std::memcpy(&word_b, b->bytes() + at, sizeof(word_b));
    if (word_a != word_b) return false;
  }
  return true;
}

// The hash is keyed per process, so that nobody outside can prepare names that collide.
std::uint32_t hash_text(std::string_view text) noexcept;
inline std::uint32_t mix_hash(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint64_t mixed = ((std::uint64_t{a} << 32) | b) * 0x9e3779b97f4a7c15ULL;
  mixed ^= mixed >> 29;
  mixed *= 0xbf58476d1ce4e5b9ULL;
  return static_cast<std::uint32_t>(mixed >> 32);
}

// The name of an entity: its type, e.g. `Billing::Invoice`, and its id. Made only by an Arena.
struct Uid {
  const Text* type;
  const Text* id;
  std::uint32_t hash;
};

// A borrowed name of an entity; as cheap to copy as a pointer, never null.
class EntityRef {
 public:
  explicit EntityRef(const Uid* uid) noexcept : uid_(uid) {}

  std::string_view type() const noexcept { return uid_->type->view(); }
  std::string_view id() const noexcept { return uid_->id->view(); }
  const Text* type_text() const noexcept { return uid_->type; }
  const Text* id_text() const noexcept { return uid_->id; }
  std::uint32_t hash() const noexcept { return uid_->hash; }
  const Uid* raw() const noexcept { return uid_; }

  // As a policy writes it: `Billing::Invoice::"17"`.
  std::string to_string() const;

  friend bool operator==(EntityRef a, EntityRef b) noexcept {
    return a.uid_ == b.uid_ || (a.uid_->hash == b.uid_->hash && same_text(a.uid_->id, b.uid_->id) &&
                                same_text(a.uid_->type, b.uid_->type));
  }

 private:
  const Uid* uid_;
};

class Arena {
 public:
  // With kUnique, equal text and equal entity names are stored once: for large, long-lived owners.
  enum class Symbols { kPlain, kUnique };

  explicit Arena(Symbols symbols = Symbols::kPlain);
  Arena(Arena&&) noexcept;
  Arena& operator=(Arena&&) noexcept;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // At most 4 GiB of text each.
  const Text* text(std::string_view bytes);
  EntityRef entity(std::string_view type, std::string_view id);
  EntityRef entity(const Text* type, const Text* id);
  // A copy that lives as long as this arena.
  EntityRef entity(EntityRef other) { return entity(other.type(), other.id()); }

  // Uninitialised memory, aligned to eight bytes.
  void* allocate(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (bytes > static_cast<std::size_t>(limit_ - next_)) [[unlikely]]
      return allocate_slow(bytes);
    char* memory = next_;
    next_ += bytes;
    return memory;
  }
  template <class T>
  T* allocate_array(std::size_t count) {
    static_assert(alignof(T) <= 8 && std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(count * sizeof(T)));
  }

  // Forgets everything made so far and keeps the memory for the next use.
  void reset() noexcept;
  // Drops the table that makes symbols unique; later symbols are stored plainly.
  void stop_uniquing() noexcept;

  std::size_t bytes_reserved() const noexcept;

 private:
  struct Block {
    std::unique_ptr<char[]> memory;
    std::size_t size;
  };
  struct Table;

  void* allocate_slow(std::size_t bytes);

  char* next_ = nullptr;
  char* limit_ = nullptr;
  std::size_t used_blocks_ = 0;
  std::vector<Block> blocks_;
  std::unique_ptr<Table> unique_;
};

// `Billing::Invoice::"17"` with the id escaped as in a policy.
void append_entity(std::string& out, std::string_view type, std::string_view id);
// The characters of a Cedar string literal, without the quotes.
void append_escaped(std::string& out, std::string_view text);

}  // namespace writ::cedar
