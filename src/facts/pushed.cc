#include "facts/pushed.h"

#include <algorithm>
#include <atomic>

namespace writ::facts {
namespace {

std::size_t upper(std::uint32_t hash) noexcept {
  return hash >> 24;
}
std::size_t lower(std::uint32_t hash) noexcept {
  return (hash >> 16) & 0xff;
}

std::uint64_t next_edit() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

std::shared_ptr<const PushedEntities> PushedEntities::none() {
  static const auto kNone = std::make_shared<const PushedEntities>();
  return kNone;
}

const PushedEntities::Item* PushedEntities::find(cedar::EntityRef uid) const noexcept {
  const auto& node = nodes_[upper(uid.hash())];
  if (node == nullptr) return nullptr;
  const auto& bucket = node->buckets[lower(uid.hash())];
  if (bucket == nullptr) return nullptr;
  for (const Item& item : bucket->items) {
    if (item.hash == uid.hash() && is_of(item.bytes.get(), *names_, uid)) return &item;
  }
  return nullptr;
}

const cedar::Entity* PushedEntities::fetch(cedar::EntityRef uid, cedar::Arena& arena) const {
  const Item* item = find(uid);
  if (item == nullptr) return nullptr;
  return new (arena.allocate_array<cedar::Entity>(1))
      cedar::Entity(unpack(item->bytes.get(), *names_, arena));
}

bool PushedEntities::same(const PushedEntities& other, cedar::EntityRef uid) const noexcept {
  const Item *own = find(uid), *others = other.find(uid);
  return own == nullptr || others == nullptr ? own == others : own->bytes == others->bytes;
}

Result<void> PushedEntities::for_each(const std::function<Result<void>(const cedar::Entity&)>& visit) const {
  cedar::Arena arena;
  for (const auto& node : nodes_) {
    if (node == nullptr) continue;
    for (const auto& bucket : node->buckets) {
      if (bucket == nullptr) continue;
      for (const Item& item : bucket->items) {
        arena.reset();
        TRY(visit(unpack(item.bytes.get(), *names_, arena)));
      }
    }
  }
  return {};
}

PushedEntities::Edit::Edit(const PushedEntities& from, NameTable& names)
    : number_(next_edit()), names_(names), next_(std::make_shared<PushedEntities>(from)) {}

PushedEntities::Bucket& PushedEntities::Edit::bucket_of(std::uint32_t hash) {
  auto& node = next_->nodes_[upper(hash)];
  if (node == nullptr || node->edit != number_) {
    auto own = node != nullptr ? std::make_shared<Node>(*node) : std::make_shared<Node>();
    own->edit = number_;
    node = std::move(own);
  }
  auto& bucket = node->buckets[lower(hash)];
  if (bucket == nullptr || bucket->edit != number_) {
    auto own = bucket != nullptr ? std::make_shared<Bucket>(*bucket) : std::make_shared<Bucket>();
    own->edit = number_;
    bucket = std::move(own);
  }
  return *bucket;
}

std::vector<PushedEntities::Item>::iterator PushedEntities::Edit::place_in(Bucket& bucket,
                                                                           cedar::EntityRef uid) {
  const auto names = names_.names();
  return std::ranges::find_if(bucket.items, [&](const Item& item) {
    return item.hash == uid.hash() && is_of(item.bytes.get(), *names, uid);
  });
}

void PushedEntities::Edit::put(const cedar::EntityDraft& entity) {
  auto [bytes, size] = pack(entity, names_);
  Bucket& bucket = bucket_of(entity.uid.hash());
  Item item{entity.uid.hash(), static_cast<std::uint32_t>(size), std::move(bytes)};
  const auto at = place_in(bucket, entity.uid);
  next_->packed_bytes_ += size;
  if (at == bucket.items.end()) {
    // Exactly as large as it has to be: there are very many.
    bucket.items.reserve(bucket.items.size() + 1);
    bucket.items.push_back(std::move(item));
    ++next_->size_;
  } else {
    next_->packed_bytes_ -= at->size;
    *at = std::move(item);
  }
}

bool PushedEntities::Edit::erase(cedar::EntityRef uid) {
  if (now().find(uid) == nullptr) return false;
  Bucket& bucket = bucket_of(uid.hash());
  const auto at = place_in(bucket, uid);
  next_->packed_bytes_ -= at->size;
  --next_->size_;
  *at = std::move(bucket.items.back());
  bucket.items.pop_back();
  return true;
}

const PushedEntities& PushedEntities::Edit::now() {
  next_->names_ = names_.names();
  return *next_;
}

std::shared_ptr<const PushedEntities> PushedEntities::Edit::finish() && {
  next_->names_ = names_.names();
  return std::move(next_);
}

}  // namespace writ::facts
