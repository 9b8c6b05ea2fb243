// A schema that changes while requests are decided on what a source tells: none is permitted on a value that
// was read by another schema than its policies have.
#include <algorithm>
#include <array>
#include <atomic>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "enforce/testing/world.h"
#include "sources/testing/origin.h"

namespace writ::enforce::schema_change_test {
namespace {

std::shared_ptr<const decision::PolicySnapshot> in_force(std::string_view schema,
                                                         std::string_view condition) {
  auto policies = std::make_shared<decision::PolicySnapshot>(*testing::compiled(fmt::format(
      R"(@id("own") permit (principal is Writ::User, action, resource is Billing::Invoice) when {{ {} }};
         @id("portal") permit (principal is Writ::Application, action, resource is Billing::Invoice);)",
      condition)));
  policies->schema = cedar::schema_from_text(schema).value();
  return policies;
}

TEST(SchemaChange, UnderLoadNothingIsPermittedThatNeitherSchemaPermits) {
  testing::World world;
  const auto texts =
      in_force("namespace Billing { entity Invoice = { owner: String }; }", R"(resource.owner == "nora")");
  const auto users = in_force(
      "namespace Billing { entity Invoice = { owner: Writ::User }; } namespace Writ { entity User; }",
      R"(resource.owner == principal)");
  world.policies = texts;
  sources::testing::Book book;
  book.put("hers", R"({"owner":"nora"})");
  book.put("not-hers", R"({"owner":"sofia"})");
  sources::SourceSettings settings;
  settings.name = "ledger";
  settings.reading = {.type = "Billing::Invoice", .attributes = {"owner"}, .needed = {}};
  settings.max_age = std::chrono::minutes(1);
  auto all = std::make_shared<sources::Sources>();
  all->add(std::make_shared<sources::AskedSource>(
      settings, std::make_unique<sources::testing::BookOrigin>(book), world.clock));
  world.current.replace(std::shared_ptr<const sources::Sources>(all));

  constexpr int kThreads = 3, kRequests = 150;
  std::array<std::set<std::string>, kThreads> hers, others;
  std::atomic<int> running = kThreads;
  std::vector<std::thread> asking;
  for (std::size_t i = 0; i < kThreads; ++i) {
    asking.emplace_back([&, i] {
      const http::Headers headers{{"Authorization", "Bearer " + world.token()}};
      for (int n = 0; n < kRequests; ++n) {
        const bool own = n % 2 == 0;
        const Question question{.point = "gateway",
                                .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                                .credentials = token::Presented::from_headers(headers),
                                .api = "invoices",
                                .action = {"Billing::Action", "read"},
                                .resource = {"Billing::Invoice", own ? "hers" : "not-hers"},
                                .public_origin = testing::kOrigin};
        const auto outcome = world.enforcer.enforce(question);
        (own ? hers : others)[i].emplace(outcome ? "permit" : reason_code(outcome.error().reason()));
      }
      --running;
    });
  }
  for (bool text = false; running > 0; text = !text) {
    world.policies = text ? texts : users;
    std::this_thread::yield();
  }
  for (auto& thread : asking) thread.join();
  // `indeterminate`: the schema changed meanwhile, and it can be sent again.
  const std::set<std::string> allowed_hers = {"permit", "indeterminate"},
                              allowed_others = {"policy_no_permit", "indeterminate"};
  for (std::size_t i = 0; i < kThreads; ++i) {
    EXPECT_TRUE(std::ranges::includes(allowed_hers, hers[i])) << fmt::format("{}", fmt::join(hers[i], " "));
    EXPECT_TRUE(std::ranges::includes(allowed_others, others[i]))
        << fmt::format("{}", fmt::join(others[i], " "));
  }
  all->stop();
  world.current.replace(std::shared_ptr<const sources::Sources>());
}

}  // namespace
}  // namespace writ::enforce::schema_change_test
