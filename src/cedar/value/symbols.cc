#include "cedar/symbols.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/auxv.h>
#include <utility>

#include "base/append.h"
#include "base/byte_run.h"
#include "base/check.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kFirstBlockBytes = 1024;
constexpr std::size_t kLargestBlockBytes = 1 << 20;

template <class Word>
std::uint64_t load(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// The last one to eight bytes of a text as they lie in memory, filled up with zeros.
inline std::uint64_t load_rest(const char* bytes, std::size_t count) noexcept {
  if (count == 8) return load<std::uint64_t>(bytes);
  if (count >= 4)
    return load<std::uint32_t>(bytes) | load<std::uint32_t>(bytes + count - 4) << 8 * (count - 4);
  return load<std::uint8_t>(bytes) | load<std::uint8_t>(bytes + count / 2) << 8 * (count / 2) |
         load<std::uint8_t>(bytes + count - 1) << 8 * (count - 1);
}

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Sixteen random bytes that the kernel gives every process.
inline const std::uint64_t* process_key() noexcept {
  static const auto key = [] {
    std::pair<std::uint64_t, std::uint64_t> words{0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL};
    if (const auto* random = reinterpret_cast<const char*>(getauxval(AT_RANDOM))) {
      words.first ^= load<std::uint64_t>(random);
      words.second ^= load<std::uint64_t>(random + 8);
    }
    return words;
  }();
  return &key.first;
}

// Hands over the words of the text on the way, the last one filled up with zeros.
template <class Take>
std::uint32_t hash_words(std::string_view text, Take take) noexcept {
  const std::uint64_t* key = process_key();
  std::uint64_t state = key[0] ^ text.size();
  const char* bytes = text.data();
  std::size_t left = text.size();
  for (; left > 8; left -= 8, bytes += 8) {
    const auto word = load<std::uint64_t>(bytes);
    take(word);
    state = fold(state ^ word, key[1] | 1);
  }
  if (left > 0) {
    const auto rest = load_rest(bytes, left);
    take(rest);
    state ^= rest;
  }
  state = fold(state, 0x9e3779b97f4a7c15ULL ^ key[1]);
  return static_cast<std::uint32_t>(state ^ (state >> 32));
}

}  // namespace

std::uint32_t hash_text(std::string_view text) noexcept {
  return hash_words(text, [](std::uint64_t) {});
}

std::string EntityRef::to_string() const {
  std::string out;
  append_entity(out, type(), id());
  return out;
}

namespace {

// Stands for itself between quotes, as what is not ASCII does.
constexpr auto kPlain = [](auto byte) {
  return in_range(byte, 0x20, 0xff) & (byte != 0x7f) & (byte != '"') & (byte != '\\');
};

}  // namespace

void append_entity(std::string& out, std::string_view type, std::string_view id) {
  if (is_run_of(id, kPlain)) return append(out, type, "::\"", id, "\"");
  append(out, type, "::\"");
  append_escaped(out, id);
  out.push_back('"');
}

void append_escaped(std::string& out, std::string_view text) {
  const auto plain = run_length(text, kPlain);
  out.append(text.substr(0, plain));
  for (const char c : text.substr(plain)) {
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      case '\0':
        out.append("\\0");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<unsigned char>(c));
        } else {
          out.push_back(c);
        }
    }
  }
}

// Two open-addressing tables: of text, and of entity names.
struct Arena::Table {
  std::vector<const Text*> texts = std::vector<const Text*>(64);
  std::vector<const Uid*> uids = std::vector<const Uid*>(64);
  std::size_t text_count = 0;
  std::size_t uid_count = 0;

  template <class Node>
  static void grow(std::vector<const Node*>& places) {
    std::vector<const Node*> larger(places.size() * 2);
    for (const Node* node : places) {
      if (node == nullptr) continue;
      std::size_t at = node->hash & (larger.size() - 1);
      while (larger[at] != nullptr) at = (at + 1) & (larger.size() - 1);
      larger[at] = node;
    }
    places.swap(larger);
  }

  // The place of the node that `matches`, or the free place where it belongs.
  template <class Node, class Matches>
  static const Node*& find(std::vector<const Node*>& places, std::uint32_t hash, Matches matches) {
    std::size_t at = hash & (places.size() - 1);
    while (places[at] != nullptr && !(places[at]->hash == hash && matches(*places[at])))
      at = (at + 1) & (places.size() - 1);
    return places[at];
  }
};

Arena::Arena(Symbols symbols) {
  if (symbols == Symbols::kUnique) unique_ = std::make_unique<Table>();
}

Arena::Arena(Arena&& other) noexcept
    : next_(std::exchange(other.next_, nullptr)),
      limit_(std::exchange(other.limit_, nullptr)),
      used_blocks_(std::exchange(other.used_blocks_, 0)),
      blocks_(std::move(other.blocks_)),
      unique_(std::move(other.unique_)) {
  other.blocks_.clear();
}

Arena& Arena::operator=(Arena&& other) noexcept {
  next_ = std::exchange(other.next_, nullptr);
  limit_ = std::exchange(other.limit_, nullptr);
  used_blocks_ = std::exchange(other.used_blocks_, 0);
  blocks_ = std::move(other.blocks_);
  other.blocks_.clear();
  unique_ = std::move(other.unique_);
  return *this;
}

Arena::~Arena() = default;

void* Arena::allocate_slow(std::size_t bytes) {
  // After a reset the blocks are used again in their order; one that is too small for this is passed over.
  while (used_blocks_ < blocks_.size()) {
    const Block& block = blocks_[used_blocks_++];
    if (bytes > block.size) continue;
    next_ = block.memory.get() + bytes;
    limit_ = block.memory.get() + block.size;
    return block.memory.get();
  }
  const std::size_t doubled =
      blocks_.empty() ? kFirstBlockBytes : std::min(blocks_.back().size * 2, kLargestBlockBytes);
  const std::size_t size = std::max(bytes, doubled);
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
  used_blocks_ = blocks_.size();
  next_ = blocks_.back().memory.get() + bytes;
  limit_ = blocks_.back().memory.get() + size;
  return blocks_.back().memory.get();
}

void Arena::reset() noexcept {
  next_ = nullptr;
  limit_ = nullptr;
  used_blocks_ = 0;
  if (unique_) {
    std::fill(unique_->texts.begin(), unique_->texts.end(), nullptr);
    std::fill(unique_->uids.begin(), unique_->uids.end(), nullptr);
    unique_->text_count = unique_->uid_count = 0;
  }
}

void Arena::stop_uniquing() noexcept {
  unique_.reset();
}

std::size_t Arena::bytes_reserved() const noexcept {
  std::size_t total = 0;
  for (const Block& block : blocks_) total += block.size;
  return total;
}

const Text* Arena::text(std::string_view bytes) {
  WRIT_CHECK(bytes.size() <= UINT32_MAX);
  const Text** place = nullptr;
  if (unique_) {
    const auto hash = hash_text(bytes);
    if (unique_->text_count * 2 >= unique_->texts.size()) Table::grow(unique_->texts);
    place = &Table::find(unique_->texts, hash, [&](const Text& text) { return text.view() == bytes; });
    if (*place != nullptr) return *place;
    ++unique_->text_count;
  }
  const std::size_t padded = (bytes.size() + 7) & ~std::size_t{7};
  auto* memory = static_cast<char*>(allocate(sizeof(Text) + padded));
  char* at = memory + sizeof(Text);
  const auto hash = hash_words(bytes, [&](std::uint64_t word) {
    std::memcpy(at, &word, sizeof(word));
    at += sizeof(word);
  });
  auto* text = new (memory) Text{static_cast<std::uint32_t>(bytes.size()), hash};
  if (place != nullptr) *place = text;
  return text;
}

EntityRef Arena::entity(std::string_view type, std::string_view id) {
  const Text* type_text = text(type);
  return entity(type_text, text(id));
}

EntityRef Arena::entity(const Text* type, const Text* id) {
  const std::uint32_t hash = mix_hash(type->hash, id->hash);
  const Uid** place = nullptr;
  if (unique_) {
    if (unique_->uid_count * 2 >= unique_->uids.size()) Table::grow(unique_->uids);
    place = &Table::find(unique_->uids, hash,
                         [&](const Uid& uid) { return same_text(uid.id, id) && same_text(uid.type, type); });
    if (*place != nullptr) return EntityRef(*place);
    ++unique_->uid_count;
  }
  auto* uid = static_cast<Uid*>(allocate(sizeof(Uid)));
  *uid = {type, id, hash};
  if (place != nullptr) *place = uid;
  return EntityRef(uid);
}

}  // namespace writ::cedar
