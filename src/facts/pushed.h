// PushedEntities: all entities that were pushed, as they stand at one moment. A request reads them without a
// lock; a change makes a new set that shares with the one before all that it leaves alone: two nodes of 256
// pointers and a bucket are copied, however many entities there are.
//
// Immutable and thread-safe; share it by shared_ptr. An Edit belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "cedar/entities.h"
#include "facts/packed.h"

namespace writ::facts {

class PushedEntities final : public cedar::EntitySource {
 public:
  static std::shared_ptr<const PushedEntities> none();

  const cedar::Entity* fetch(cedar::EntityRef uid, cedar::Arena& arena) const override;
  // Whether both have the same of it: nothing, or what was pushed at one time.
  bool same(const PushedEntities& other, cedar::EntityRef uid) const noexcept;
  std::size_t size() const noexcept { return size_; }
  // Of all entities, without the nodes around them.
  std::size_t packed_bytes() const noexcept { return packed_bytes_; }
  // Each of them, in no order, until the first failure. What it is given lives until the next.
  Result<void> for_each(const std::function<Result<void>(const cedar::Entity&)>& visit) const;

  class Edit;

 private:
  static constexpr std::size_t kFan = 256;
  struct Item {
    std::uint32_t hash;
    std::uint32_t size;
    Packed bytes;
  };
  // What belongs to an edit, by its number, may be changed in place: nobody else has seen it.
  struct Bucket {
    std::uint64_t edit;
    std::vector<Item> items;
  };
  struct Node {
    std::uint64_t edit;
    std::array<std::shared_ptr<Bucket>, kFan> buckets;
  };

  const Item* find(cedar::EntityRef uid) const noexcept;

  std::array<std::shared_ptr<Node>, kFan> nodes_;
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
  Bucket& bucket_of(std::uint32_t hash);
  std::vector<Item>::iterator place_in(Bucket& bucket, cedar::EntityRef uid);

  const std::uint64_t number_;
  NameTable& names_;
  std::shared_ptr<PushedEntities> next_;
};

}  // namespace writ::facts
