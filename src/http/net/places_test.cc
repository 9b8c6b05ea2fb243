#include "http/net/places.h"

#include <gtest/gtest.h>

namespace writ::http::places_test {
namespace {

using Answer = Places::Answer;

Places::Holder holder(std::uint64_t number, bool proxy = false) {
  return {.source = {number}, .proxy = proxy};
}

TEST(Places, OneSourceGetsItsShareAndNoMore) {
  Places places(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(places.take(holder(1)), Answer::kTaken);
  EXPECT_EQ(places.take(holder(1)), Answer::kSourceFull);
  EXPECT_EQ(places.take(holder(2)), Answer::kTaken);
  places.give_back(holder(1));
  EXPECT_EQ(places.take(holder(1)), Answer::kTaken);
  EXPECT_EQ(places.take(holder(1)), Answer::kSourceFull);
}

TEST(Places, AProxyHasNoShareButCountsInTheWhole) {
  Places places(5, 2);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(places.take(holder(9, true)), Answer::kTaken);
  EXPECT_EQ(places.take(holder(1)), Answer::kTaken);
  EXPECT_EQ(places.take(holder(9, true)), Answer::kFull);
  EXPECT_EQ(places.holder_of_most(holder(2)), std::nullopt);  // a proxy gives none up
  places.give_back(holder(9, true));
  EXPECT_EQ(places.take(holder(2)), Answer::kTaken);
}

TEST(Places, WhenAllAreTakenTheSourceWithMostMakesRoom) {
  Places places(6, 4);
  for (int i = 0; i < 4; ++i) places.take(holder(1));
  for (int i = 0; i < 2; ++i) places.take(holder(2));
  EXPECT_EQ(places.take(holder(3)), Answer::kFull);
  EXPECT_EQ(places.holder_of_most(holder(3))->number, 1u);
  EXPECT_EQ(places.holder_of_most(holder(2))->number, 1u);
  EXPECT_EQ(places.holder_of_most(holder(1)), std::nullopt);
  places.give_back(holder(1));
  places.give_back(holder(1));
  places.give_back(holder(1));
  EXPECT_EQ(places.holder_of_most(holder(3))->number, 2u);
}

TEST(Places, APlaceThatAProxyHeldIsItsCallersOwn) {
  Places places(3, 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(places.take(holder(9, true)), Answer::kTaken);
  EXPECT_EQ(places.pass_on(holder(9, true), holder(1)), Answer::kTaken);  // also when all are taken
  EXPECT_EQ(places.pass_on(holder(9, true), holder(1)), Answer::kTaken);
  EXPECT_EQ(places.pass_on(holder(9, true), holder(1)), Answer::kSourceFull);
  EXPECT_EQ(places.take(holder(2)), Answer::kFull);
  places.give_back(holder(9, true));  // what was not passed on
  places.give_back(holder(1));
  places.give_back(holder(1));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(places.take(holder(1)), Answer::kTaken);
  EXPECT_EQ(places.take(holder(2)), Answer::kTaken);
  EXPECT_EQ(places.take(holder(2)), Answer::kFull);
}

TEST(Places, NobodyGivesUpThePlaceThatMakesThemEqual) {
  Places places(2, 2);
  places.take(holder(1));
  places.take(holder(2));
  EXPECT_EQ(places.take(holder(3)), Answer::kFull);
  EXPECT_EQ(places.holder_of_most(holder(3)), std::nullopt);
}

}  // namespace
}  // namespace writ::http::places_test
