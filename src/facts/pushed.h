// PushedEntities: all entities that were pushed, as they stand at one moment. A request reads them without a
// lock; a change makes a new set that shares with the one before all that it leaves alone: two nodes of 64
// and a bucket are copied, and there are 4096 buckets.
//
// Immutable and thread-safe; share it by shared_ptr. An Edit belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "cedar/entities.h"
#include "facts/bucket.h"
#include "facts/packed.h"

namespace writ::facts {

class PushedEntities final : public cedar::EntitySource {
 public:
  static std::shared_ptr<const PushedEntities> none();

  const cedar::Entity* fetch(cedar::EntityRef uid, cedar::Arena& arena) const override;
  void seek(cedar::EntityRef uid) const noexcept override;
  void expect(cedar::EntityRef uid) const noexcept override;
  // Whether both say the same of it, or have nothing of it. They are of one NameTable.
  bool same(const PushedEntities& other, cedar::EntityRef uid) const noexcept;
  std::size_t size() const noexcept { return size_; }
  // Of all entities, without the nodes around them.
  std::size_t packed_bytes() const noexcept { return packed_bytes_; }
  // Each of them, in no order, until the first failure. What it is given lives until the next.
  Result<void> for_each(const std::function<Result<void>(const cedar::Entity&)>& visit) const;

  // Of many the memory is kept in huge pages from now on (see there for what it takes).
  void ask_for_huge_pages() const;

  class Edit;

 private:
  static constexpr std::size_t kFan = 64;
  // What belongs to an edit, by its number, may be changed in place: nobody else has seen it.
  struct Branch {
    BucketReaders<kFan> readers;
    std::uint64_t edit = 0;
    std::array<Bucket, kFan> buckets;
  };

  // Of nothing, where there is no bucket.
  BucketReader reader_of(std::uint32_t hash) const noexcept;
  // Its bytes; empty: it is not there.
  std::string_view find(cedar::EntityRef uid) const noexcept;

  std::array<std::shared_ptr<Branch>, kFan> branches_;
  std::shared_ptr<const Names> names_ = std::make_shared<const Names>();
  std::size_t size_ = 0, packed_bytes_ = 0;
};

// Some changes that take force together.
class PushedEntities::Edit {
 public:
  // `names` are those that `from` was made with, and more.
  Edit(const PushedEntities& from, NameTable& names);

  void put(const cedar::EntityDraft& entity);
  // False: it was not there.
  bool erase(cedar::EntityRef uid);
  // As it would be now.
  const PushedEntities& now();
  std::shared_ptr<const PushedEntities> finish() &&;

 private:
  // Its own, after which `change` has changed the bucket.
  template <class Change>
  void change_bucket(std::uint32_t hash, const Change& change);

  const std::uint64_t number_;
  NameTable& names_;
  std::shared_ptr<PushedEntities> next_;
};

}  // namespace writ::facts
