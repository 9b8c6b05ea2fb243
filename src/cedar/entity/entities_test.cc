#include "cedar/entities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace writ::cedar::entities_test {
namespace {

using ::testing::HasSubstr;

class Hierarchy : public ::testing::Test {
 protected:
  EntityRef uid(std::string_view id) { return names_.entity("T", id); }
  Value nothing() { return Value::record(empty_record()); }

  Result<void> add(EntitiesBuilder& builder, std::string_view id,
                   std::vector<std::string_view> parents = {}) {
    std::vector<EntityRef> refs;
    for (const std::string_view parent : parents) refs.push_back(uid(parent));
    return builder.add(builder.arena().entity("T", id), nothing(), refs);
  }
  bool is_in(const EntityView& view, std::string_view below, std::string_view above) {
    const Entity* entity = view.find(uid(below));
    return entity != nullptr && entity->ancestors->contain(uid(above));
  }

  Arena names_;
  EntitiesBuilder builder_;
};

TEST_F(Hierarchy, AncestorsAreTransitive) {
  ASSERT_TRUE(add(builder_, "a", {"b", "c"}));
  ASSERT_TRUE(add(builder_, "b", {"d"}));
  ASSERT_TRUE(add(builder_, "d", {"unknown"}));
  ASSERT_TRUE(add(builder_, "sibling", {"b"}));
  const auto entities = *std::move(builder_).build();
  for (const std::string_view above : {"b", "c", "d", "unknown"})
    EXPECT_TRUE(is_in(*entities, "a", above)) << above;
  EXPECT_TRUE(is_in(*entities, "sibling", "d"));
  EXPECT_FALSE(is_in(*entities, "sibling", "c"));
  EXPECT_FALSE(is_in(*entities, "a", "a"));
  EXPECT_FALSE(is_in(*entities, "d", "a"));
  EXPECT_TRUE(entities->is_an_ancestor(uid("unknown")));
  EXPECT_FALSE(entities->is_an_ancestor(uid("a")));
  EXPECT_EQ(entities->find(uid("unknown")), nullptr);
}

TEST_F(Hierarchy, ACycleIsRefused) {
  ASSERT_TRUE(add(builder_, "a", {"b"}));
  ASSERT_TRUE(add(builder_, "b", {"c"}));
  ASSERT_TRUE(add(builder_, "c", {"a"}));
  const auto built = std::move(builder_).build();
  ASSERT_FALSE(built.has_value());
  EXPECT_EQ(built.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(built.error().message, HasSubstr("is its own ancestor"));
}

TEST_F(Hierarchy, AnEntityThatIsItsOwnParentIsRefused) {
  ASSERT_TRUE(add(builder_, "a", {"a"}));
  EXPECT_FALSE(std::move(builder_).build().has_value());
}

TEST_F(Hierarchy, ADeepChainNeedsNoDeepStack) {
  constexpr int kDepth = 3000;
  for (int i = 0; i < kDepth; ++i) {
    const std::string parent = std::to_string(i + 1);
    ASSERT_TRUE(add(builder_, std::to_string(i), {parent}));
  }
  const auto entities = *std::move(builder_).build();
  EXPECT_TRUE(is_in(*entities, "0", std::to_string(kDepth)));
}

TEST_F(Hierarchy, TooMuchRoomForAncestorsIsALimit) {
  EntitiesBuilder small(10);
  for (int i = 0; i < 6; ++i) {
    const std::string parent = std::to_string(i + 1);
    ASSERT_TRUE(add(small, std::to_string(i), {parent}));
  }
  const auto built = std::move(small).build();
  ASSERT_FALSE(built.has_value());
  EXPECT_EQ(built.error().code, ErrorCode::kLimit);
}

TEST_F(Hierarchy, TheSameEntityMayComeTwiceOnlyWithTheSameContent) {
  ASSERT_TRUE(add(builder_, "a", {"b", "c"}));
  EXPECT_TRUE(add(builder_, "a", {"c", "b"}));
  const auto different = add(builder_, "a", {"b"});
  ASSERT_FALSE(different.has_value());
  EXPECT_EQ(different.error().code, ErrorCode::kConflict);
  EXPECT_EQ((*std::move(builder_).build())->size(), 1U);
}

TEST_F(Hierarchy, SiblingsShareOneListOfAncestors) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(add(builder_, std::to_string(i), {"group"}));
  ASSERT_TRUE(add(builder_, "group", {"all"}));
  const auto entities = *std::move(builder_).build();
  EXPECT_EQ(entities->find(uid("1"))->ancestors, entities->find(uid("99"))->ancestors);
}

TEST_F(Hierarchy, ManyEntitiesAreAllFound) {
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(add(builder_, std::to_string(i), {"group"}));
  const auto entities = *std::move(builder_).build();
  for (int i = 0; i < 20'000; ++i) ASSERT_NE(entities->find(uid(std::to_string(i))), nullptr);
  EXPECT_EQ(entities->find(uid("20000")), nullptr);
  EXPECT_EQ(entities->find(names_.entity("U", "1")), nullptr);
}

TEST_F(Hierarchy, LongListsOfAncestorsAreSearchedCorrectly) {
  std::vector<std::string> groups;
  for (int i = 0; i < 200; ++i) groups.push_back("g" + std::to_string(i));
  ASSERT_TRUE(add(builder_, "a", {groups.begin(), groups.end()}));
  const auto entities = *std::move(builder_).build();
  for (const std::string& group : groups) EXPECT_TRUE(is_in(*entities, "a", group));
  EXPECT_FALSE(is_in(*entities, "a", "g200"));
}

class Overlays : public Hierarchy {
 protected:
  void SetUp() override {
    ASSERT_TRUE(add(builder_, "invoice", {"folder"}));
    ASSERT_TRUE(add(builder_, "folder", {"root"}));
    base_ = *std::move(builder_).build();
  }
  Result<void> lay(Overlay& overlay, std::string_view id, std::vector<std::string_view> parents = {}) {
    std::vector<EntityRef> refs;
    for (const std::string_view parent : parents) refs.push_back(uid(parent));
    return overlay.add(arena_, uid(id), nothing(), refs);
  }

  Arena arena_;
  std::shared_ptr<const Entities> base_;
};

TEST_F(Overlays, AddEntitiesBelowTheBase) {
  Overlay overlay(*base_);
  ASSERT_TRUE(lay(overlay, "batch", {"folder"}));
  ASSERT_TRUE(lay(overlay, "line", {"batch"}));
  EXPECT_TRUE(is_in(overlay, "line", "root"));
  EXPECT_TRUE(is_in(overlay, "invoice", "root"));
  EXPECT_EQ(base_->find(uid("line")), nullptr);
}

TEST_F(Overlays, WhatWasLaidLastMayBeTakenBackAndLaidAnew) {
  Overlay overlay(*base_);
  const auto laid = [&](std::int64_t stage) {
    EXPECT_TRUE(
        overlay.add(arena_, uid("new"), make_record(arena_, {{"stage", Value::integer(stage)}})).has_value());
    return *overlay.find(uid("new"))->attributes->find("stage");
  };
  EXPECT_EQ(overlay.find(uid("new")), nullptr);
  EXPECT_EQ(laid(1), Value::integer(1));
  overlay.take_back(uid("another"));
  EXPECT_NE(overlay.find(uid("new")), nullptr);
  overlay.take_back(uid("new"));
  EXPECT_EQ(overlay.find(uid("new")), nullptr);
  EXPECT_EQ(laid(2), Value::integer(2));
}

TEST_F(Overlays, ReplaceAnEntityOfTheBase) {
  Overlay overlay(*base_);
  ASSERT_TRUE(lay(overlay, "invoice", {}));
  EXPECT_FALSE(is_in(overlay, "invoice", "root"));
  EXPECT_TRUE(is_in(*base_, "invoice", "root"));
  overlay.clear();
  EXPECT_TRUE(is_in(overlay, "invoice", "root"));
}

TEST_F(Overlays, RefuseTheSameEntityTwice) {
  Overlay overlay(*base_);
  ASSERT_TRUE(lay(overlay, "x"));
  EXPECT_EQ(lay(overlay, "x").error().code, ErrorCode::kConflict);
}

TEST_F(Overlays, RefuseToChangeTheAncestorsOfWhatLiesBelow) {
  Overlay overlay(*base_);
  EXPECT_EQ(lay(overlay, "folder", {"elsewhere"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(lay(overlay, "folder", {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(lay(overlay, "root", {"above"}).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(lay(overlay, "folder", {"root"})) << "new attributes and the same parents are fine";
  EXPECT_TRUE(lay(overlay, "root", {})) << "so is an entity that was only named as a parent";
}

TEST_F(Overlays, RefuseParentsAfterChildren) {
  Overlay overlay(*base_);
  ASSERT_TRUE(lay(overlay, "child", {"parent"}));
  EXPECT_EQ(lay(overlay, "parent", {"grandparent"}).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(lay(overlay, "parent", {})) << "a parent without parents changes nothing";
}

TEST_F(Overlays, RefuseCycles) {
  Overlay overlay(*base_);
  EXPECT_EQ(lay(overlay, "x", {"x"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(lay(overlay, "root", {"invoice"}).error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace writ::cedar::entities_test
