#include "init/drift.h"

#include <gmock/gmock.h>

#include "init/testing/documents.h"

namespace writ::init::drift_test {
namespace {

using testing::draft_of;
using ::testing::HasSubstr;
using testing::reading_of;

constexpr std::string_view kPaths = "paths: {/orders: {get: {}}, '/orders/{id}': {get: {}, delete: {}}}\n";

// The configuration that init makes of a document, with its policies changed.
struct World {
  explicit World(const std::function<std::string(std::string)>& change = {}) {
    const auto draft = draft_of(std::string(kPaths));
    auto files = render(draft, make_credentials(true).value());
    for (auto& file : files)
      if (change && file.name == "policies/orders.cedar") file.content = change(file.content);
    EXPECT_TRUE(write_folder(folder.path(), files, Overwrite::kNever));
    files::Issues issues;
    loaded = policy::load(folder.path() / "writ.yaml", issues);
    for (const auto& issue : issues.all())
      if (issue.severity == files::Severity::kError) ADD_FAILURE() << files::render(issue);
  }
  testing::TemporaryFolder folder;
  std::optional<policy::Loaded> loaded;
};

std::string told(const std::vector<Drift::Route>& routes) {
  std::string out;
  for (const auto& route : routes) out += route.method + " " + route.path + "\n";
  return out;
}

TEST(Drift, ThereIsNoneInWhatInitWrote) {
  const World world;
  const auto drift = compare(reading_of(std::string(kPaths)), *world.loaded, "");
  ASSERT_TRUE(drift);
  EXPECT_FALSE(drift->any());
  EXPECT_EQ(drift->api, "orders");
}

TEST(Drift, NewAndGoneRoutesAreToldWhateverTheirParametersAreCalled) {
  const World world;
  const auto drift =
      compare(reading_of("paths: {/orders: {get: {}, post: {}}, '/orders/{order}': {get: {}}, "
                         "'/orders/{x}.{kind}': {get: {}}, '/v{version}/orders': {get: {}}}\n"),
              *world.loaded, "orders");
  ASSERT_TRUE(drift);
  EXPECT_EQ(told(drift->added), "POST /orders\nGET /v{version}/orders\n");
  EXPECT_EQ(told(drift->gone), "DELETE /orders/{id}\n");
  EXPECT_EQ(told(drift->undecided), "");
  ASSERT_EQ(drift->notes.size(), 1u);
  EXPECT_EQ(drift->notes[0].place, "GET /orders/{x}.{kind}");
}

TEST(Drift, ARouteThatNoPolicyCanPermitToAnyCallerIsUndecided) {
  // Users alone: somebody holds the token, and is never permitted.
  const World world(
      [](const std::string& text) { return text.substr(0, text.find("// The application serves")); });
  const auto drift = compare(reading_of(std::string(kPaths)), *world.loaded, "");
  ASSERT_TRUE(drift);
  EXPECT_EQ(told(drift->undecided), "GET /orders\nGET /orders/{id}\nDELETE /orders/{id}\n");
  const World forbidden([](const std::string& text) {
    return text + "forbid (principal, action == Orders::Action::\"deleteOrder\", resource);\n";
  });
  EXPECT_EQ(told(compare(reading_of(std::string(kPaths)), *forbidden.loaded, "")->undecided),
            "DELETE /orders/{id}\n");
}

TEST(Drift, AnApiThatIsNotThereIsAnError) {
  const World world;
  EXPECT_THAT(compare(reading_of(std::string(kPaths)), *world.loaded, "bills").error().message,
              HasSubstr("no API `bills`"));
}

}  // namespace
}  // namespace writ::init::drift_test
