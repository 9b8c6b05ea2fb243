#include "inventory/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/directory.h"
#include "inventory/memory_store.h"

namespace writ::inventory::grant_test {
namespace {

using ::testing::HasSubstr;

Instant day(std::string_view text) {
  return date_from_text(text).value();
}
Grant grant(std::string id = "g", std::string_view until = "2027-01-31") {
  return {.id = std::move(id),
          .policy_template = "reads",
          .principal = {"Writ::Service", "batch"},
          .expires_at = day(until)};
}
Review review(std::string_view at, std::string_view next) {
  return {"g", day(at), "nora", day(next)};
}

std::string problem(std::string_view json) {
  const auto read = grant_from_json(codec::parse_json(json).value(), [](std::string_view id) {
    return id == "batch" ? std::optional(Kind::kService) : std::nullopt;
  });
  return read ? "" : read.error().message;
}

TEST(Grant, IsReadStrictlyAndShownAsItIsRead) {
  const auto text = R"({"id":"g","template":"reads","principal":"batch","resource":"Shop::Order::\"7\"",
    "expires_at":"2027-01-31","reviewed_at":"2026-11-01","review_by":"2026-12-31","owner":"nora","description":"for the move"})";
  const auto kind_of = [](std::string_view) { return std::optional(Kind::kService); };
  const auto read = grant_from_json(codec::parse_json(text).value(), kind_of).value();
  EXPECT_EQ(read.principal, (cedar::EntityUid{"Writ::Service", "batch"}));
  const auto again = grant_from_json(grant_to_json(read), {}).value();
  EXPECT_EQ(grant_to_json(again).dump(), grant_to_json(read).dump());
  EXPECT_EQ(read.lapses_at(), day("2026-12-31"));
  EXPECT_TRUE(read.ends_by_review());
}

TEST(Grant, WhatIsNotOneIsRefused) {
  EXPECT_EQ(problem(R"({"id":"g","template":"t","principal":"batch","review_by":"2027-01-31"})"), "");
  EXPECT_THAT(problem(R"({"id":"g","template":"t","principal":"batch"})"),
              HasSubstr("`expires_at` or `review_by`"));
  EXPECT_THAT(problem(R"({"id":"g","template":"t","principal":"nobody","expires_at":"2027-01-31"})"),
              HasSubstr("not a listed identity"));
  EXPECT_EQ(
      problem(R"({"id":"g","template":"t","principal":"Writ::User::\"x y\"","expires_at":"2027-01-31"})"),
      "");
  EXPECT_THAT(problem(R"({"id":"g h","template":"t","principal":"batch","expires_at":"2027-01-31"})"),
              HasSubstr("printable ASCII"));
  EXPECT_THAT(problem(R"({"id":"g","template":"t","principal":"batch","expires_at":"soon"})"),
              HasSubstr("must be a date"));
  EXPECT_THAT(
      problem(R"({"id":"g","template":"t","principal":"batch","expires_at":"2027-01-31","forever":true})"),
      HasSubstr("forever"));
  EXPECT_THAT(
      problem(
          R"({"id":"g","template":"t","principal":"batch","reviewed_at":"2027-01-31","review_by":"2027-01-31"})"),
      HasSubstr("must be after"));
}

TEST(GrantState, TheLaterConfirmationCountsWithItsOwnDate) {
  auto declared = grant();
  declared.reviewed_at = day("2026-06-01");
  declared.review_by = day("2026-12-01");
  GrantState state{.declared = declared, .said = {.id = "g", .review = review("2026-11-30", "2027-01-15")}};
  EXPECT_EQ(state.in_force()->lapses_at(), day("2027-01-15"));
  state.declared->reviewed_at = day("2026-12-24");
  EXPECT_EQ(state.in_force()->lapses_at(), day("2026-12-01"));
}

TEST(GrantState, AReviewProlongsNothingBeyondTheExpiry) {
  const GrantState state{.declared = grant(),
                         .said = {.id = "g", .review = review("2026-11-30", "2029-01-15")}};
  EXPECT_EQ(state.in_force()->lapses_at(), day("2027-01-31"));
}

TEST(GrantState, WhatIsRevokedIsNotInForce) {
  EXPECT_FALSE((GrantState{.declared = grant(), .said = {.id = "g", .revoked = true}}).in_force());
  EXPECT_FALSE((GrantState{.said = {.id = "g", .review = review("2026-11-30", "2027-01-15")}}).in_force());
}

class GrantsInDirectory : public ::testing::Test {
 protected:
  bool in_force(const std::string& id = "g") {
    const auto now = directory_.snapshot();
    const auto found = now->grants().find(id);
    return found != now->grants().end() && found->second.in_force();
  }
  void declare(std::vector<Grant> grants) {
    Change declared;
    declared.grants = std::move(grants);
    ASSERT_TRUE(directory_.declare(std::move(declared)).has_value());
  }

  MemoryStore store_;
  Directory directory_{store_, {.given_grants = 2}};
};

TEST_F(GrantsInDirectory, WhatIsSaidOverTheApiSurvivesAStartAndADeclarationDoesNot) {
  declare({grant("declared")});
  ASSERT_TRUE(directory_.change_grants({{.id = "g", .given = grant()}}).has_value());
  EXPECT_TRUE(in_force() && in_force("declared"));
  Directory again(store_);
  ASSERT_TRUE(again.load().has_value());
  EXPECT_TRUE(again.snapshot()->grants().at("g").in_force());
  EXPECT_FALSE(again.snapshot()->grants().contains("declared"));
}

TEST_F(GrantsInDirectory, WhatIsNotDeclaredAnyMoreIsOver) {
  declare({grant()});
  EXPECT_TRUE(in_force());
  declare({});
  EXPECT_FALSE(in_force());
}

TEST_F(GrantsInDirectory, ARevokedOneStaysRevokedWhateverIsDeclared) {
  declare({grant()});
  ASSERT_TRUE(directory_.change_grants({{.id = "g", .revoked = true}}).has_value());
  EXPECT_FALSE(in_force());
  declare({});
  declare({grant()});
  EXPECT_FALSE(in_force());
  Directory again(store_);
  ASSERT_TRUE(again.load().has_value());
  Change declared;
  declared.grants = {grant()};
  ASSERT_TRUE(again.declare(std::move(declared)).has_value());
  EXPECT_FALSE(again.snapshot()->grants().at("g").in_force());
}

TEST_F(GrantsInDirectory, OneThatWasDeclaredInItsPlaceDoesNotComeBack) {
  ASSERT_TRUE(directory_.change_grants({{.id = "g", .given = grant("g", "2030-01-01")}}).has_value());
  declare({grant()});
  EXPECT_EQ(directory_.snapshot()->grants().at("g").in_force()->lapses_at(), day("2027-01-31"));
  declare({});
  EXPECT_FALSE(in_force());
  Directory again(store_);
  ASSERT_TRUE(again.load().has_value());
  EXPECT_TRUE(again.snapshot()->grants().empty());
}

TEST_F(GrantsInDirectory, ThereIsRoomForSoManyAndAlwaysForARevocation) {
  ASSERT_TRUE(directory_.change_grants({{.id = "a", .given = grant("a")}}).has_value());
  ASSERT_TRUE(directory_.change_grants({{.id = "b", .given = grant("b")}}).has_value());
  const auto full = directory_.change_grants({{.id = "c", .given = grant("c")}});
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, ErrorCode::kLimit);
  declare({grant()});
  EXPECT_TRUE(directory_.change_grants({{.id = "g", .revoked = true}}).has_value());
  EXPECT_TRUE(directory_.change_grants({{.id = "a"}}).has_value());
  EXPECT_TRUE(directory_.change_grants({{.id = "c", .given = grant("c")}}).has_value());
}

}  // namespace
}  // namespace writ::inventory::grant_test
