#include "facts/bucket.h"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace writ::facts::bucket_test {
namespace {

using Items = std::vector<std::pair<std::uint32_t, std::string>>;

void expect_same(const Bucket& bucket, const Items& model) {
  ASSERT_EQ(bucket.size(), model.size());
  for (std::size_t at = 0; at < model.size(); ++at) {
    EXPECT_EQ(bucket.hash(at), model[at].first);
    EXPECT_EQ(bucket.bytes(at), model[at].second);
  }
  bucket.prefetch();
}

TEST(Bucket, AgreesWithAListOverManyChangesAndWhatIsChangedStays) {
  std::mt19937 random(7);
  Bucket bucket;
  Items model;
  std::vector<std::pair<Bucket, Items>> kept;
  for (int round = 0; round < 2000; ++round) {
    const auto at = random() % (model.size() + 1);
    if (random() % 2 == 0 && at < model.size()) {
      bucket = bucket.without(at);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      const std::pair item{static_cast<std::uint32_t>(random()),
                           std::string(random() % 600, static_cast<char>(random()))};
      bucket = bucket.with(at, {item.first, item.second});
      if (at == model.size())
        model.push_back(item);
      else
        model[at] = item;
    }
    expect_same(bucket, model);
    if (round % 100 == 0) kept.emplace_back(bucket, model);
  }
  for (const auto& [then, was] : kept) expect_same(then, was);
}

}  // namespace
}  // namespace writ::facts::bucket_test
