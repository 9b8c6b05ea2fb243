#include "facts/pushed.h"

#include <atomic>

#include "base/huge_pages.h"

namespace writ::facts {
namespace {

// Six bits of a hash for each step, from the top; a bucket takes others, from the bottom.
std::size_t first_step(std::uint32_t hash) noexcept {
  return hash >> 26;
}
std::size_t second_step(std::uint32_t hash) noexcept {
  return (hash >> 20) & 0x3f;
}

std::uint64_t next_edit() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::string_view find_in(const BucketReader& bucket, const Names& names, cedar::EntityRef uid) {
  return bucket.find(uid.hash(), [&](std::string_view bytes) { return is_of(bytes.data(), names, uid); });
}

}  // namespace

std::shared_ptr<const PushedEntities> PushedEntities::none() {
  static const auto kNone = std::make_shared<const PushedEntities>();
  return kNone;
}

BucketReader PushedEntities::reader_of(std::uint32_t hash) const noexcept {
  const auto& branch = branches_[first_step(hash)];
  return branch != nullptr ? branch->readers[second_step(hash)] : BucketReader();
}

std::string_view PushedEntities::find(cedar::EntityRef uid) const noexcept {
  return find_in(reader_of(uid.hash()), *names_, uid);
}

const cedar::Entity* PushedEntities::fetch(cedar::EntityRef uid, cedar::Arena& arena) const {
  const auto bytes = find(uid);
  if (bytes.empty()) return nullptr;
  return new (arena.allocate_array<cedar::Entity>(1)) cedar::Entity(unpack(bytes.data(), *names_, arena));
}

void PushedEntities::seek(cedar::EntityRef uid) const noexcept {
  reader_of(uid.hash()).seek(uid.hash());
}

void PushedEntities::expect(cedar::EntityRef uid) const noexcept {
  reader_of(uid.hash()).expect(uid.hash());
}

bool PushedEntities::same(const PushedEntities& other, cedar::EntityRef uid) const noexcept {
  return find(uid) == other.find(uid);
}

Result<void> PushedEntities::for_each(const std::function<Result<void>(const cedar::Entity&)>& visit) const {
  cedar::Arena arena;
  Result<void> done;
  for (const auto& branch : branches_) {
    if (branch == nullptr) continue;
    for (const Bucket& bucket : branch->buckets) {
      bucket.for_each([&](std::uint32_t, std::string_view bytes) {
        if (!done) return;
        arena.reset();
        done = visit(unpack(bytes.data(), *names_, arena));
      });
    }
  }
  return done;
}

void PushedEntities::ask_for_huge_pages() const {
  HugePages pages;
  for (const auto& branch : branches_) {
    if (branch == nullptr) continue;
    for (const Bucket& bucket : branch->buckets) pages.add(bucket.memory().data(), bucket.memory().size());
  }
  pages.ask();
}

PushedEntities::Edit::Edit(const PushedEntities& from, NameTable& names)
    : number_(next_edit()), names_(names), next_(std::make_shared<PushedEntities>(from)) {}

template <class Change>
void PushedEntities::Edit::change_bucket(std::uint32_t hash, const Change& change) {
  auto& branch = next_->branches_[first_step(hash)];
  if (branch == nullptr || branch->edit != number_) {
    branch = branch != nullptr ? std::make_shared<Branch>(*branch) : std::make_shared<Branch>();
    branch->edit = number_;
  }
  const auto at = second_step(hash);
  change(branch->buckets[at]);
  branch->readers.set(at, branch->buckets[at]);
}

void PushedEntities::Edit::put(const cedar::EntityDraft& entity) {
  const auto bytes = pack(entity, names_);
  const auto hash = entity.uid.hash();
  change_bucket(hash, [&](Bucket& bucket) {
    const auto old = find_in(bucket.reader(), *names_.names(), entity.uid);
    next_->size_ += old.empty() ? 1 : 0;
    next_->packed_bytes_ += bytes.size() - old.size();
    bucket.put(number_, hash, bytes, old);
  });
}

bool PushedEntities::Edit::erase(cedar::EntityRef uid) {
  const auto old = now().find(uid);
  if (old.empty()) return false;
  --next_->size_;
  next_->packed_bytes_ -= old.size();
  change_bucket(uid.hash(), [&](Bucket& bucket) { bucket.erase(number_, old); });
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
