#include "server/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace writ::server::descriptors_test {
namespace {

TEST(Descriptors, ConnectionsAndTheirUpstreamsAlwaysFit) {
  for (const std::size_t descriptors : {16u, 64u, 200u, 256u, 1024u, 4096u, 20'000u, 65'536u, 1'048'576u}) {
    for (const std::size_t wanted : {1u, 100u, 10'000u, 1'000'000u}) {
      const auto with = room_within(descriptors, wanted, true);
      EXPECT_LE(with.api + 2 * with.gateway + with.operators + with.idle_upstreams, descriptors)
          << descriptors;
      EXPECT_GE(with.api, 1u);
      EXPECT_GE(with.gateway, 1u);
      EXPECT_GE(with.operators, 1u);
      EXPECT_LE(with.gateway, wanted);
      const auto without = room_within(descriptors, wanted, false);
      EXPECT_LE(without.api + without.operators, descriptors);
      EXPECT_EQ(without.gateway, 0u);
    }
  }
}

TEST(Descriptors, SomeAreKeptForDatabaseLogAndOperator) {
  const auto room = room_within(1024, 10'000, true);
  EXPECT_EQ(room.operators, 64u);
  EXPECT_LE(room.api + 2 * room.gateway + room.operators + room.idle_upstreams, 1024u - 96u);
}

TEST(Descriptors, WhereThereAreManyTheConfigurationDecides) {
  const auto room = room_within(1'048'576, 10'000, true);
  EXPECT_EQ(room.api, 10'000u);
  EXPECT_EQ(room.gateway, 10'000u);
}

TEST(Descriptors, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto raised = raise_descriptor_limit();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  EXPECT_GT(raised, 100u);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace writ::server::descriptors_test
