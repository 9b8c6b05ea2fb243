// Entities of a source, seen through an overlay: with all that is above them, wherever that is.
#include <gtest/gtest.h>
#include <stdexcept>

#include "cedar/entities.h"
#include "cedar/entity_json.h"

namespace writ::cedar::source_test {
namespace {

// Each has the one after it as its parent, so many times.
class Chain final : public EntitySource {
 public:
  explicit Chain(int length) : length_(length) {}

  const Entity* fetch(EntityRef uid, Arena& arena) const override {
    if (uid.type() != "Team") return nullptr;
    ++fetched;
    const int number = std::stoi(std::string(uid.id()));
    std::span<const EntityRef> parents;
    if (number < length_) {
      auto* above = arena.allocate_array<EntityRef>(1);
      parents = {new (above) EntityRef(arena.entity("Team", std::to_string(number + 1))), 1};
    }
    static const Ancestors kNone{0, 0};
    return new (arena.allocate_array<Entity>(1))
        Entity{arena.entity(uid), empty_record(), empty_record(), &kNone, parents};
  }
  mutable int fetched = 0;

 private:
  int length_;
};

TEST(EntitySource, AnEntityHasAllThatIsAboveItInTheSource) {
  const Chain source(5);
  Overlay overlay(*Entities::empty());
  Arena arena;
  overlay.look_in(&source, arena);
  const auto* found = overlay.find(arena.entity("Team", "1"));
  ASSERT_NE(found, nullptr);
  for (const auto* id : {"2", "3", "4", "5"})
    EXPECT_TRUE(found->ancestors->contain(arena.entity("Team", id))) << id;
  EXPECT_FALSE(found->ancestors->contain(arena.entity("Team", "6")));
  EXPECT_EQ(overlay.find(arena.entity("Order", "1")), nullptr);
}

TEST(EntitySource, EachIsFetchedOnceUntilTheOverlayIsCleared) {
  const Chain source(3);
  Overlay overlay(*Entities::empty());
  Arena arena;
  overlay.look_in(&source, arena);
  (void)overlay.find(arena.entity("Team", "1"));
  (void)overlay.find(arena.entity("Team", "1"));
  EXPECT_EQ(source.fetched, 3);
  EXPECT_EQ(overlay.fetched().size(), 3U);
  overlay.clear();
  EXPECT_EQ(overlay.fetched().size(), 0U);
  EXPECT_EQ(overlay.find(arena.entity("Team", "1")), nullptr);
}

TEST(EntitySource, WhatTheStoreHasIsNotLookedForInTheSource) {
  const Chain source(3);
  const auto base =
      entities_from_json(R"([{"uid":{"type":"Team","id":"1"},"attrs":{},"parents":[]}])").value();
  Overlay overlay(*base);
  Arena arena;
  overlay.look_in(&source, arena);
  EXPECT_EQ(overlay.find(arena.entity("Team", "1"))->ancestors->size, 0U);
  EXPECT_EQ(source.fetched, 0);
}

TEST(EntitySource, WhatIsLaidOverItHasWhatIsAboveItsParents) {
  const Chain source(3);
  Overlay overlay(*Entities::empty());
  Arena arena;
  overlay.look_in(&source, arena);
  const auto parent = arena.entity("Team", "2");
  ASSERT_TRUE(overlay.add(arena, arena.entity("Order", "o"), Value::record(empty_record()), {&parent, 1}));
  EXPECT_TRUE(overlay.find(arena.entity("Order", "o"))->ancestors->contain(arena.entity("Team", "3")));
}

// There is no decision then.
TEST(EntitySource, EntitiesThatStandTooDeepAreNotAnswered) {
  const Chain source(1000);
  Overlay overlay(*Entities::empty());
  Arena arena;
  overlay.look_in(&source, arena);
  EXPECT_THROW((void)overlay.find(arena.entity("Team", "1")), std::length_error);
}

}  // namespace
}  // namespace writ::cedar::source_test
