// Which sources of facts go on over a reload, which end, and when.
#include "server/fact_sources.h"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::server::fact_sources_test {
namespace {

using ::testing::HasSubstr;
using SourcesPtr = std::shared_ptr<const sources::Sources>;

class FactSourcesTest : public ::testing::Test {
 protected:
  // Types, and of what each is the digest.
  SourcesPtr made(const std::vector<std::pair<std::string, std::string>>& declared) {
    config::World world;
    for (const auto& [type, digest] : declared) {
      config::DeclaredSource source{
          .place = {}, .digest = digest, .settings = {}, .origin = store::SqliteOriginSettings{}};
      source.settings.name = "facts";
      source.settings.reading.type = type;
      source.settings.threads = 1;
      world.sources.push_back(std::move(source));
    }
    return sources.make(world).value();
  }
  static std::string ask(const sources::SourcePtr& source) {
    std::promise<std::string> told;
    source->ask({std::nullopt, "o-1"}, nullptr, 1, [&](const sources::AskedSource::Answer& answer) {
      told.set_value(answer ? "told" : answer.error().why);
    });
    return told.get_future().get();
  }

  ManualClock clock{instant_from_unix_seconds(1'750'000'000)};
  FactSources sources{clock};
};

TEST_F(FactSourcesTest, WhatIsWrittenAsBeforeGoesOnAndWhatIsNotIsMadeAnew) {
  const auto first = made({{"Order", "a"}, {"Parcel", "b"}});
  const auto second = made({{"Order", "a"}, {"Parcel", "c"}});
  EXPECT_EQ(first->of("Order"), second->of("Order"));
  EXPECT_NE(first->of("Parcel"), second->of("Parcel"));
  EXPECT_EQ(sources.size(), 3u);
}

TEST_F(FactSourcesTest, WhatIsNotInForceAnyMoreTellsNothing) {
  const auto first = made({{"Order", "a"}, {"Parcel", "b"}});
  const auto second = made({{"Order", "a"}});
  sources.retire_others(*second);
  EXPECT_THAT(ask(first->of("Parcel")), HasSubstr("not asked any more"));
  EXPECT_THAT(ask(first->of("Order")), ::testing::Not(HasSubstr("not asked any more")));
}

TEST_F(FactSourcesTest, WhatIsWrittenAgainLaterIsMadeAnew) {
  const auto first = made({{"Order", "a"}});
  const auto second = made({{"Order", "b"}});
  sources.retire_others(*second);
  const auto third = made({{"Order", "a"}});
  EXPECT_NE(first->of("Order"), third->of("Order"));
  EXPECT_THAT(ask(third->of("Order")), ::testing::Not(HasSubstr("not asked any more")));
}

TEST_F(FactSourcesTest, WhatNobodyHoldsIsForgottenAndNothingElse) {
  auto first = made({{"Order", "a"}});
  const auto second = made({{"Order", "b"}});
  sources.retire_others(*second);
  sources.tidy();
  EXPECT_EQ(sources.size(), 2u) << "a request still holds the first";
  first.reset();
  sources.tidy();
  EXPECT_EQ(sources.size(), 1u);
}

TEST_F(FactSourcesTest, WhatNeverCameInForceIsForgotten) {
  const auto first = made({{"Order", "a"}});
  made({{"Order", "b"}});
  sources.tidy();
  EXPECT_EQ(sources.size(), 1u);
}

}  // namespace
}  // namespace writ::server::fact_sources_test
