#include "facts/bucket.h"

#include <vector>

#include "base/prefetch.h"

namespace writ::facts {
namespace {

constexpr std::size_t kLineBytes = 64;
// Of most buckets among a million entities that is all.
constexpr std::size_t kPrefetchedLines = 8;

std::vector<Bucket::Item> items_of(const Bucket& bucket) {
  std::vector<Bucket::Item> items;
  items.reserve(bucket.size() + 1);
  for (std::size_t at = 0; at < bucket.size(); ++at) items.push_back({bucket.hash(at), bucket.bytes(at)});
  return items;
}

}  // namespace

Bucket Bucket::of(std::span<const Item> items) {
  Bucket made;
  if (items.empty()) return made;
  std::size_t bytes = 0;
  for (const Item& item : items) bytes += item.bytes.size();
  constexpr auto kWord = sizeof(std::uint32_t);
  // Exactly as large as it has to be: there are very many.
  auto words =
      std::make_shared_for_overwrite<std::uint32_t[]>(1 + 2 * items.size() + (bytes + kWord - 1) / kWord);
  words[0] = static_cast<std::uint32_t>(items.size());
  auto* out = reinterpret_cast<char*>(&words[1 + 2 * items.size()]);
  std::size_t end = 0;
  for (std::size_t at = 0; at < items.size(); ++at) {
    items[at].bytes.copy(out + end, items[at].bytes.size());
    end += items[at].bytes.size();
    words[1 + 2 * at] = items[at].hash;
    words[2 + 2 * at] = static_cast<std::uint32_t>(end);
  }
  made.words_ = std::move(words);
  return made;
}

Bucket Bucket::with(std::size_t at, Item item) const {
  auto items = items_of(*this);
  if (at == items.size())
    items.push_back(item);
  else
    items[at] = item;
  return of(items);
}

Bucket Bucket::without(std::size_t at) const {
  auto items = items_of(*this);
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  return of(items);
}

void Bucket::prefetch() const noexcept {
  const auto* at = reinterpret_cast<const char*>(words_.get());
  if (at == nullptr) return;
  for (std::size_t line = 0; line < kPrefetchedLines; ++line) writ::prefetch(at + line * kLineBytes);
}

}  // namespace writ::facts
