#include "facts/bucket.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace writ::facts::bucket_test {
namespace {

using Model = std::map<std::string, std::uint32_t>;  // hashes, by their bytes

std::string_view found(const Bucket& bucket, std::uint32_t hash, std::string_view bytes) {
  return bucket.find(hash, [&](std::string_view each) { return each == bytes; });
}

void expect_same(const Bucket& bucket, const Model& model) {
  Model read;
  bucket.for_each([&](std::uint32_t hash, std::string_view bytes) { read.emplace(bytes, hash); });
  EXPECT_EQ(read, model);
  for (const auto& [bytes, hash] : model) {
    EXPECT_EQ(found(bucket, hash, bytes), bytes);
    bucket.reader().seek(hash);
    bucket.reader().expect(hash);
  }
  EXPECT_EQ(found(bucket, 5, "absent"), "");
  bucket.reader().seek(5);
  bucket.reader().expect(5);
}

// Few hashes for many: some are of several.
TEST(Bucket, AgreesWithAMapOverManyChangesAndWhatWasReadBeforeStays) {
  std::mt19937 random(7);
  Bucket bucket;
  Model model;
  std::vector<std::pair<Bucket, Model>> kept;
  std::uint64_t edit = 1;
  for (int round = 0; round < 4000; ++round) {
    const auto old = model.empty() || random() % 2 == 0
                         ? model.end()
                         : std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
    const auto hash = old != model.end() ? old->second : static_cast<std::uint32_t>(random() % 97) * 0x10001;
    const auto stands = old != model.end() ? found(bucket, hash, old->first) : std::string_view();
    if (old != model.end() && random() % 2 == 0) {
      bucket.erase(edit, stands);
    } else {
      const auto bytes = std::to_string(round) + std::string(random() % 300, 'x');
      bucket.put(edit, hash, bytes, stands);
      model[bytes] = hash;
    }
    if (old != model.end()) model.erase(old);
    // Now and then all that is there is shared, and another edit begins.
    if (round % 50 != 0) continue;
    expect_same(bucket, model);
    kept.emplace_back(bucket, model);
    ++edit;
  }
  for (const auto& [then, was] : kept) expect_same(then, was);
}

TEST(Bucket, OneEditThatFillsItSeldomCopies) {
  Bucket bucket;
  std::size_t copies = 0;
  for (std::uint32_t at = 1; at <= 1000; ++at) {
    const auto* before = bucket.memory().data();
    bucket.put(1, at, "an entity", {});
    copies += bucket.memory().data() != before ? 1 : 0;
  }
  EXPECT_LT(copies, 25U);
}

TEST(Bucket, AnEditOfOneTakesNoMoreMemoryThanItNeeds) {
  Bucket bucket;
  for (std::uint64_t edit = 1; edit <= 300; ++edit)
    bucket.put(edit, static_cast<std::uint32_t>(edit), std::string(50, 'x'), {});
  // Bytes and their number, a place in a table that is filled by three eighths at least, and the head.
  EXPECT_LE(bucket.memory().size(), 300U * (50 + 4 + 8 * 8 / 3 + 1) + 100);
  const auto before = bucket.memory().size();
  for (std::uint64_t edit = 301; edit <= 600; ++edit) {
    const auto hash = static_cast<std::uint32_t>(edit - 300);
    bucket.put(edit, hash, std::string(50, 'y'), bucket.find(hash, [](std::string_view) { return true; }));
  }
  EXPECT_LE(bucket.memory().size(), before + 100);
}

TEST(Bucket, WhatIsErasedAsTheLastLeavesNoMemory) {
  Bucket bucket;
  bucket.put(1, 7, "an entity", {});
  bucket.erase(1, found(bucket, 7, "an entity"));
  EXPECT_TRUE(bucket.memory().empty());
  bucket.put(1, 7, "another", {});
  EXPECT_EQ(found(bucket, 7, "another"), "another");
}

}  // namespace
}  // namespace writ::facts::bucket_test
