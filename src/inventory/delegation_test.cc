#include "inventory/delegation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

namespace writ::inventory::delegation_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Who acts for whom, and how often that was asked.
struct Edges {
  std::map<std::string, std::vector<std::string>, std::less<>> acts_for;
  mutable std::size_t asked = 0;

  std::vector<std::string_view> ids() const {
    std::vector<std::string_view> all;
    for (const auto& [id, edges] : acts_for) all.push_back(id);
    return all;
  }
  EdgesOf of() const {
    return [this](std::string_view id) -> const std::vector<std::string>& {
      static const std::vector<std::string> kNobody;
      ++asked;
      const auto found = acts_for.find(id);
      return found != acts_for.end() ? found->second : kNobody;
    };
  }
  DelegationCircles circles() const { return {ids(), of()}; }
};

TEST(DelegationCircles, ShowTheWayBack) {
  const Edges edges{
      {{"a", {"users", "b"}}, {"b", {"portal", "c"}}, {"c", {"a"}}, {"d", {"a"}}, {"e", {"e"}}}};
  const auto circles = edges.circles();
  EXPECT_THAT(circles.through("a"), ElementsAre("a", "b", "c", "a"));
  EXPECT_THAT(circles.through("c"), ElementsAre("c", "a", "b", "c"));
  EXPECT_THAT(circles.through("d"), IsEmpty()) << "it leads to a circle, and is not on it";
  EXPECT_THAT(circles.through("e"), ElementsAre("e", "e"));
}

TEST(DelegationCircles, AreFoundWhereverThereIsAWayBack) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    Edges edges;
    const std::size_t count = 2 + random() % 8;
    for (std::size_t i = 0; i < count; ++i) {
      auto& list = edges.acts_for[std::to_string(i)];
      for (std::size_t n = random() % 3; n > 0; --n) list.push_back(std::to_string(random() % (count + 1)));
    }
    const auto circles = edges.circles();
    for (const auto& [id, list] : edges.acts_for) {
      std::set<std::string> reached;
      std::vector<std::string> open = list;
      while (!open.empty()) {
        const auto at = open.back();
        open.pop_back();
        if (!reached.insert(at).second || !edges.acts_for.contains(at)) continue;
        open.insert(open.end(), edges.acts_for[at].begin(), edges.acts_for[at].end());
      }
      const auto circle = circles.through(id);
      ASSERT_EQ(circle.empty(), !reached.contains(id)) << id;
      if (circle.empty()) continue;
      EXPECT_EQ(circle.front(), id);
      EXPECT_EQ(circle.back(), id);
      for (std::size_t i = 0; i + 1 < circle.size(); ++i)
        EXPECT_THAT(edges.acts_for[circle[i]], ::testing::Contains(circle[i + 1]));
    }
  }
}

// In step with the identities, however long their chains are: that cannot be timed, so it is counted.
TEST(DelegationCircles, OfALongChainAskEachIdentityAFewTimes) {
  constexpr std::size_t kCount = 5'000;
  Edges edges;
  for (std::size_t i = 0; i < kCount; ++i)
    edges.acts_for[std::to_string(i)] = {std::to_string(i + 1), "users"};
  const auto circles = edges.circles();
  for (const auto id : edges.ids()) EXPECT_THAT(circles.through(id), IsEmpty());
  EXPECT_LT(edges.asked, 10 * kCount);
}

TEST(DelegationCircles, OfManySmallCirclesAskEachIdentityAFewTimes) {
  constexpr std::size_t kCount = 5'000;
  Edges edges;
  // Pairs, each of which leads to the next one.
  for (std::size_t i = 0; i < kCount; ++i)
    edges.acts_for[std::to_string(i)] = {std::to_string(i ^ 1), std::to_string((i | 1) + 1)};
  const auto circles = edges.circles();
  for (const auto id : edges.ids()) EXPECT_EQ(circles.through(id).size(), 3u);
  EXPECT_LT(edges.asked, 20 * kCount);
}

}  // namespace
}  // namespace writ::inventory::delegation_test
