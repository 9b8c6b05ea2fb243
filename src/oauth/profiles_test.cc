// The table of profiles: docs/providers.md says the same, and what each rule means.
#include "oauth/profiles.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "base/testing/folders.h"

namespace writ::oauth::profiles_test {
namespace {

using codec::Json;
using ::testing::HasSubstr;

std::string document() {
  std::ifstream file(source_path("/docs/providers.md"));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string cell(std::string_view text) {
  return text.empty() ? "-" : fmt::format("`{}`", text);
}
std::string cell(const Place& place) {
  return place[1].empty() ? cell(place[0]) : fmt::format("`{}.{}`", place[0], place[1]);
}
// A bar would end the cell.
std::string cell(const AnyRule& rules) {
  auto text = text_of(rules);
  for (auto at = text.find('|'); at != text.npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text.empty() ? "never" : text;
}

std::vector<const Profile*> all() {
  std::vector<const Profile*> all{&standard_profile()};
  for (const auto& profile : profiles()) all.push_back(&profile);
  return all;
}

TEST(Profiles, AreDocumentedAsTheyAre) {
  const auto text = document();
  for (const auto* profile : all()) {
    const auto name = profile->name.empty() ? "none (RFC 9068)" : fmt::format("`{}`", profile->name);
    auto client = cell(profile->client[0]);
    if (!profile->client[1].empty()) client += " or " + cell(profile->client[1]);
    EXPECT_THAT(text, HasSubstr(fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name,
                                            cell(profile->subject), client, cell(profile->tenant),
                                            cell(profile->roles), cell(profile->groups),
                                            cell(profile->scopes), cell(profile->amr))));
    EXPECT_THAT(text, HasSubstr(fmt::format("| {} | {} | {} | {} |\n", name, cell(profile->access),
                                            cell(profile->delegated), cell(profile->app_only))));
  }
  EXPECT_EQ(all().size(), 9u);
}

TEST(Profiles, ARuleThatSaysNothingHoldsForNothing) {
  EXPECT_FALSE(holds(AnyRule{}, Json::object({{"a", "b"}}), "at+jwt"));
}

// A claim of another type than text is not the text, nor another one.
TEST(Profiles, AClaimOfAnotherTypeFitsNoText) {
  using enum ClaimTest::Op;
  for (const auto& value : {Json(1), Json(true), Json(), Json::array(), Json::object()}) {
    const auto claims = Json::object({{"a", value}, {"b", "x"}});
    for (const auto op : {kIs, kBegins, kEnds, kHas, kLacks, kSameAs, kDiffersFrom})
      EXPECT_FALSE(holds(AnyRule{Rule{{"a", op, "b"}}}, claims, {})) << value.dump() << static_cast<int>(op);
    EXPECT_FALSE(holds(AnyRule{Rule{{"a", kAbsent}}}, claims, {})) << value.dump();
  }
  EXPECT_FALSE(holds(AnyRule{Rule{{"a", kPresent}}}, Json::object({{"a", Json()}}), {}));
}

TEST(Profiles, NoTokenIsOfBothKinds) {
  for (const auto* profile : all()) {
    // Whatever claims a provider leaves out or adds, of these names and values.
    const std::vector<std::string_view> names{"sub", "client_id", "azp", "cid",      "uid",
                                              "scp", "idtyp",     "oid", "username", "acr"};
    for (unsigned bits = 0; bits < (1u << names.size()); ++bits) {
      auto claims = Json::object();
      for (std::size_t i = 0; i < names.size(); ++i)
        if ((bits >> i & 1) != 0) claims.set(names[i], names[i] == "idtyp" ? "app" : "same");
      EXPECT_FALSE(holds(profile->delegated, claims, {}) && holds(profile->app_only, claims, {}))
          << profile->name << claims.dump();
    }
  }
}

}  // namespace
}  // namespace writ::oauth::profiles_test
