#include "facts/pushed.h"

#include <atomic>

namespace writ::facts {
namespace {

// Six bits of a hash for each step, from the top.
std::size_t first_step(std::uint32_t hash) noexcept {
  return hash >> 26;
}
std::size_t second_step(std::uint32_t hash) noexcept {
  return (hash >> 20) & 0x3f;
}
std::size_t third_step(std::uint32_t hash) noexcept {
  return (hash >> 14) & 0x3f;
}

std::uint64_t next_edit() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Where it stands; behind the last: nowhere.
std::size_t place_in(const Bucket& bucket, const Names& names, cedar::EntityRef uid) noexcept {
  std::size_t at = 0;
  while (at < bucket.size() && !(bucket.hash(at) == uid.hash() && is_of(bucket.bytes(at).data(), names, uid)))
    ++at;
  return at;
}

}  // namespace

std::shared_ptr<const PushedEntities> PushedEntities::none() {
  static const auto kNone = std::make_shared<const PushedEntities>();
  return kNone;
}

const Bucket* PushedEntities::bucket_of(std::uint32_t hash) const noexcept {
  const auto& branch = branches_[first_step(hash)];
  if (branch == nullptr) return nullptr;
  const auto& leaf = branch->below[second_step(hash)];
  return leaf != nullptr ? &leaf->below[third_step(hash)] : nullptr;
}

std::string_view PushedEntities::find(cedar::EntityRef uid) const noexcept {
  const Bucket* bucket = bucket_of(uid.hash());
  if (bucket == nullptr) return {};
  const auto at = place_in(*bucket, *names_, uid);
  return at < bucket->size() ? bucket->bytes(at) : std::string_view();
}

const cedar::Entity* PushedEntities::fetch(cedar::EntityRef uid, cedar::Arena& arena) const {
  const auto bytes = find(uid);
  if (bytes.empty()) return nullptr;
  return new (arena.allocate_array<cedar::Entity>(1)) cedar::Entity(unpack(bytes.data(), *names_, arena));
}

void PushedEntities::expect(cedar::EntityRef uid) const noexcept {
  if (const Bucket* bucket = bucket_of(uid.hash())) bucket->prefetch();
}

bool PushedEntities::same(const PushedEntities& other, cedar::EntityRef uid) const noexcept {
  return find(uid) == other.find(uid);
}

Result<void> PushedEntities::for_each(const std::function<Result<void>(const cedar::Entity&)>& visit) const {
  cedar::Arena arena;
  for (const auto& branch : branches_) {
    if (branch == nullptr) continue;
    for (const auto& leaf : branch->below) {
      if (leaf == nullptr) continue;
      for (const Bucket& bucket : leaf->below) {
        for (std::size_t at = 0; at < bucket.size(); ++at) {
          arena.reset();
          TRY(visit(unpack(bucket.bytes(at).data(), *names_, arena)));
        }
      }
    }
  }
  return {};
}

PushedEntities::Edit::Edit(const PushedEntities& from, NameTable& names)
    : number_(next_edit()), names_(names), next_(std::make_shared<PushedEntities>(from)) {}

template <class Below>
PushedEntities::Node<Below>& PushedEntities::Edit::own(std::shared_ptr<Node<Below>>& node) {
  if (node == nullptr || node->edit != number_) {
    node = node != nullptr ? std::make_shared<Node<Below>>(*node) : std::make_shared<Node<Below>>();
    node->edit = number_;
  }
  return *node;
}

Bucket& PushedEntities::Edit::bucket_of(std::uint32_t hash) {
  auto& branch = own(next_->branches_[first_step(hash)]);
  auto& leaf = own(branch.below[second_step(hash)]);
  return leaf.below[third_step(hash)];
}

void PushedEntities::Edit::put(const cedar::EntityDraft& entity) {
  const auto bytes = pack(entity, names_);
  Bucket& bucket = bucket_of(entity.uid.hash());
  const auto at = place_in(bucket, *names_.names(), entity.uid);
  if (at < bucket.size())
    next_->packed_bytes_ -= bucket.bytes(at).size();
  else
    ++next_->size_;
  next_->packed_bytes_ += bytes.size();
  bucket = bucket.with(at, {entity.uid.hash(), bytes});
}

bool PushedEntities::Edit::erase(cedar::EntityRef uid) {
  if (now().find(uid).empty()) return false;
  Bucket& bucket = bucket_of(uid.hash());
  const auto at = place_in(bucket, *names_.names(), uid);
  next_->packed_bytes_ -= bucket.bytes(at).size();
  --next_->size_;
  bucket = bucket.without(at);
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
