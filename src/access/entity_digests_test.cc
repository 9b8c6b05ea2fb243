// What can be read from an entity on is in its digest, and nothing else is.
#include "access/entity_digests.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "access/testing/random_world.h"

namespace writ::access::entity_digests_test {
namespace {

constexpr std::string_view kEntities = R"([
  {"uid": {"type": "T", "id": "a"}, "attrs": {"next": {"__entity": {"type": "T", "id": "b"}}}, "parents": []},
  {"uid": {"type": "T", "id": "b"}, "attrs": {"all": [{"__entity": {"type": "T", "id": "c"}}]}, "parents": []},
  {"uid": {"type": "T", "id": "c"}, "attrs": {}, "tags": {"of": {"__entity": {"type": "T", "id": "a"}}},
   "parents": [{"type": "T", "id": "above"}]},
  {"uid": {"type": "T", "id": "above"}, "attrs": {"n": 1}, "parents": []},
  {"uid": {"type": "T", "id": "else"}, "attrs": {"n": 1}, "parents": [{"type": "T", "id": "above"}]}])";

crypto::Digest from(std::string_view id, std::string_view json, const cedar::EntitySource* pushed = nullptr) {
  const auto entities = cedar::entities_from_json(json).value();
  cedar::Arena arena;
  return EntityDigests(*entities, pushed).from(arena.entity("T", id));
}

std::string with(std::string_view from, std::string_view to) {
  std::string text(kEntities);
  const auto place = text.find(from);
  WRIT_CHECK(place != std::string::npos);
  return text.replace(place, from.size(), to);
}

TEST(EntityDigests, FollowAttributesTagsAndWhatIsAboveAlsoInACircle) {
  const auto other = with(R"("id": "above"}, "attrs": {"n": 1})", R"("id": "above"}, "attrs": {"n": 2})");
  for (const auto* id : {"a", "b", "c", "above", "else"})
    EXPECT_NE(from(id, kEntities), from(id, other)) << id;
}

TEST(EntityDigests, KnowNothingOfWhatCannotBeReached) {
  const auto other = with(R"("id": "else"}, "attrs": {"n": 1})", R"("id": "else"}, "attrs": {"n": 2})");
  EXPECT_EQ(from("a", kEntities), from("a", other));
  EXPECT_NE(from("else", kEntities), from("else", other));
  EXPECT_EQ(from("nobody", kEntities), from("nobody", other));
  EXPECT_NE(from("nobody", kEntities), from("none", kEntities));
}

TEST(EntityDigests, SeeWhatWasPushedAndIsNotInTheStore) {
  const testing::Pushed one(R"([{"uid": {"type": "T", "id": "late"}, "attrs": {"n": 1}, "parents": []}])");
  const testing::Pushed other(R"([{"uid": {"type": "T", "id": "late"}, "attrs": {"n": 2}, "parents": []}])");
  const auto refers = with(R"("id": "above"}, "attrs": {"n": 1})",
                           R"("id": "above"}, "attrs": {"n": {"__entity": {"type": "T", "id": "late"}}})");
  EXPECT_NE(from("a", refers, &one), from("a", refers, &other));
  EXPECT_NE(from("a", refers, &one), from("a", refers));
  EXPECT_EQ(from("a", kEntities, &one), from("a", kEntities, &other));
}

// Where it would take too long to follow, any change counts.
TEST(EntityDigests, OfVeryManyAreAll) {
  std::string text = "[";
  for (std::size_t i = 0; i < EntityDigests::kMostFollowed + 10; ++i)
    text +=
        fmt::format(R"({}{{"uid": {{"type": "T", "id": "{}"}}, "attrs": {{"next": {{"__entity": {{"type": "T",
                           "id": "{}"}}}}}}, "parents": []}})",
                    i > 0 ? "," : "", i, i + 1);
  const auto few = text + "]";
  const auto more = text + R"(,{"uid": {"type": "T", "id": "apart"}, "attrs": {}, "parents": []}])";
  EXPECT_NE(from("0", few), from("0", more));
  EXPECT_EQ(from("600", few), from("600", more));
}

}  // namespace
}  // namespace writ::access::entity_digests_test
