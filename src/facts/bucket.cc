#include "facts/bucket.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/prefetch.h"

namespace writ::facts {
namespace {

constexpr std::size_t kLineBytes = 64;
// Of most entities that is all.
constexpr std::size_t kExpectedLines = 3;

std::size_t room_for(std::size_t bytes) noexcept {
  return sizeof(std::uint32_t) + bytes;
}

// A fourth of a table stays free: a search ends there, and soon.
bool has_place(std::size_t places, std::size_t entities) noexcept {
  return entities * 4 <= places * 3;
}

}  // namespace

void BucketReader::seek(std::uint32_t hash) const noexcept {
  if (block_ != nullptr) prefetch(&places()[first_place(hash)]);
}

void BucketReader::expect(std::uint32_t hash) const noexcept {
  if (block_ == nullptr) return;
  auto at = first_place(hash);
  // Another of the same hash is as rare as it is harmless here.
  while (places()[at].begin != kFree && places()[at].hash != hash) at = place_after(at);
  const char* begin = this->at(places()[at].begin);
  for (std::size_t line = 0; line < kExpectedLines; ++line) prefetch(begin + line * kLineBytes);
}

void Bucket::put(std::uint64_t edit, std::uint32_t hash, std::string_view bytes, std::string_view old) {
  if (has_room(edit, bytes.size())) return add(hash, bytes, old);
  *this = copy(edit, bytes.size(), old);
  add(hash, bytes, {});
}

void Bucket::erase(std::uint64_t edit, std::string_view old) {
  *this = block_->entities > 1 ? copy(edit, 0, old) : Bucket();
}

bool Bucket::has_room(std::uint64_t edit, std::size_t bytes) const noexcept {
  return block_ != nullptr && block_->edit == edit && has_place(mask_ + 1, block_->entities + 1) &&
         room_for(bytes) <= block_->size - block_->end;
}

Bucket Bucket::copy(std::uint64_t edit, std::size_t bytes, std::string_view old) const {
  const auto head = [](std::size_t places) { return sizeof(Block) + places * sizeof(Place); };
  std::size_t entities = 1, room = room_for(bytes);
  if (block_ != nullptr) {
    entities += block_->entities;
    room += block_->end - head(mask_ + 1);
    // Exactly as large as it has to be, since there are many; but where one edit fills it, it is seldom
    // copied.
    if (block_->edit == edit) room *= 2;
  }
  std::size_t places = 2;
  while (!has_place(places, entities)) places *= 2;
  const auto size = head(places) + room;
  WRIT_CHECK(size <= UINT32_MAX);
  static_assert(alignof(Block) == sizeof(std::uint64_t));
  const auto words = std::make_shared_for_overwrite<std::uint64_t[]>(size / sizeof(std::uint64_t) + 1);

  Bucket made;
  made.block_ = {words, new (words.get()) Block{.edit = edit,
                                                .size = static_cast<std::uint32_t>(size),
                                                .end = static_cast<std::uint32_t>(head(places)),
                                                .entities = 0}};
  made.mask_ = static_cast<std::uint32_t>(places - 1);
  std::uninitialized_fill_n(made.places(), places, Place{0, kFree});
  for_each([&](std::uint32_t hash, std::string_view kept) {
    if (kept.data() != old.data()) made.add(hash, kept, {});
  });
  return made;
}

void Bucket::add(std::uint32_t hash, std::string_view bytes, std::string_view old) noexcept {
  const auto reader = this->reader();
  auto at = reader.first_place(hash);
  while (places()[at].begin != kFree && reader.bytes_at(places()[at].begin).data() != old.data())
    at = reader.place_after(at);
  if (places()[at].begin == kFree) ++block_->entities;
  places()[at] = {hash, block_->end};
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(this->at(block_->end), &size, sizeof(size));
  bytes.copy(this->at(block_->end) + sizeof(size), size);
  block_->end += static_cast<std::uint32_t>(room_for(size));
}

}  // namespace writ::facts
