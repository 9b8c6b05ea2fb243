// Use of identities: what is permitted and recorded counts, for every party, and nothing else does.
#include <gtest/gtest.h>

#include "gateway/testing/world.h"

namespace writ::gateway::enforcer_use_test {
namespace {

using testing::kNow;
using testing::request;
using testing::word;
using testing::World;

class EnforcerUseTest : public ::testing::Test {
 protected:
  inventory::Day last(std::string_view id) const {
    return world.directory.snapshot()->find(id)->use().last();
  }

  World world;
};

TEST_F(EnforcerUseTest, APermittedRequestIsAUseOfEachParty) {
  const auto task = world.open_task();
  EXPECT_EQ(word(world.enforce(request(world.token(world.claims_in(*task))))), "permit");
  for (const auto* id : {"nora", "support-portal", "support-agent"})
    EXPECT_EQ(last(id), inventory::day_of(kNow)) << id;
  EXPECT_EQ(last("sofia"), 0u);
}

TEST_F(EnforcerUseTest, ARefusalRenewsNothing) {
  auto claims = world.claims();
  claims.client_id = "marketing-app";
  ASSERT_FALSE(world.enforce(request(world.token(claims))).has_value());
  EXPECT_EQ(last("marketing-app"), 0u);
  EXPECT_EQ(last("nora"), 0u);
}

TEST_F(EnforcerUseTest, WhatIsNotRecordedIsNoUse) {
  world.audit.broken = true;
  ASSERT_FALSE(world.enforce(request(world.token())).has_value());
  EXPECT_EQ(last("nora"), 0u);
}

}  // namespace
}  // namespace writ::gateway::enforcer_use_test
