// The second step of a request that the API's own answer decides goes on from the first where nothing that
// decides has changed. It says what it would say if it began anew, and what time brings about counts.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <random>

#include "enforce/testing/world.h"

namespace writ::enforce::on_answer_test {
namespace {

using namespace std::chrono_literals;
using codec::Json;

constexpr std::string_view kRules = R"(
@id("own") permit (principal is Writ::User, action, resource is Billing::Invoice)
when { resource.owner == "nora" && context.request.method == "GET" && context has application };
@id("portal") permit (principal is Writ::Application, action, resource is Billing::Invoice)
when { context has purpose && context.purpose == "support" && principal.environment == "production" };
@id("agents") permit (principal is Writ::Agent, action, resource is Billing::Invoice)
when { context.task.purpose == "support" };
@id("frozen") forbid (principal, action, resource) when { resource has frozen && resource.frozen };
@id("at-night") forbid (principal, action, resource) when { context.calendars.contains("night") };
@id("until") forbid (principal, action, resource)
when { context.request.time > datetime("2025-06-15T15:06:45Z") && resource has dated && resource.dated };
)";

class OnAnswerTest : public ::testing::Test {
 protected:
  OnAnswerTest() { put_in_force(kRules); }

  void put_in_force(std::string_view rules) {
    auto policies = std::make_shared<decision::PolicySnapshot>(*testing::compiled(rules));
    const auto from = world.clock.now() + 20s;
    policies->calendars = std::make_shared<const context::Calendars>(
        std::vector<context::Calendar>{{.name = "night", .spans = {{from, from + 1h}}}});
    night = from;
    world.policies = policies;
  }

  // The record of the decision on what the API says of inv-1.
  Json decided(const std::string& token,
               std::initializer_list<std::pair<std::string_view, cedar::Value>> told,
               const std::function<void()>& meanwhile = {}) {
    const http::Headers headers{{"Authorization", "Bearer " + token}};
    const std::vector<std::string> awaited = {"owner", "tenant", "frozen", "dated"};
    const Question question{
        .point = "gateway",
        .sent = {.method = "GET", .path = "/i", .encoded_path = "/i", .peer_ip = "10.0.0.1"},
        .credentials = token::Presented::from_headers(headers),
        .api = "invoices",
        .action = {"Billing::Action", "read"},
        .resource = {"Billing::Invoice", "inv-1"},
        .public_origin = testing::kOrigin,
        .awaited = awaited,
        .fulfils = true};
    std::optional<AskedOutcome> asked;
    world.enforcer.ask(question, [&](AskedOutcome outcome) { asked.emplace(std::move(outcome)); });
    if (!asked->has_value()) return world.audit.lines().back();
    // Others are decided on before this one is.
    for (int i = 0; i < 3; ++i) static_cast<void>(world.enforcer.would_permit(question));
    if (meanwhile) meanwhile();
    ApiAnswer answer{.facts = [&](cedar::Arena& arena, const cedar::Schema*) -> Result<cedar::Value> {
      std::vector<cedar::Field> fields(told.begin(), told.end());
      return cedar::make_record(arena, fields);
    }};
    world.enforcer.answer(*std::move(*asked), answer, [](const Outcome&) {});
    return world.audit.lines().back();
  }
  Json decided(std::initializer_list<std::pair<std::string_view, cedar::Value>> told,
               const std::function<void()>& meanwhile = {}) {
    return decided(world.token(), told, meanwhile);
  }

  cedar::Value text(std::string_view value) { return cedar::make_string(texts, value); }

  cedar::Arena texts;
  Instant night;
  testing::World world;
};

std::string outcome_of(const Json& line) {
  const auto* reason = line.find_string("reason");
  return reason != nullptr ? *reason : *line.find_string("effect");
}

// All of it that is not another one's by its nature.
std::string said_by(const Json& line) {
  auto left = Json::object();
  for (const auto& [name, value] : *line.if_object()) {
    if (name != "request_id" && name != "token_id") left.set(name, value);
  }
  return left.dump();
}

TEST_F(OnAnswerTest, ItSaysWhatItWouldSayIfItBeganAnew) {
  const auto yes = cedar::Value::boolean(true), no = cedar::Value::boolean(false);
  const auto both = [&](std::initializer_list<std::pair<std::string_view, cedar::Value>> told,
                        std::string_view expected) {
    const auto goes_on = decided(told);
    // Nothing is another one, and it is read anew.
    const auto anew = decided(told, [&] { world.current.replace(world.current.get()->policies); });
    EXPECT_EQ(outcome_of(goes_on), expected);
    EXPECT_EQ(said_by(goes_on), said_by(anew));
  };
  both({{"owner", text("nora")}, {"tenant", text("north")}}, "permit");
  both({{"owner", text("nora")}, {"tenant", text("south")}}, "tenant_mismatch");
  both({{"owner", text("sofia")}}, "policy_no_permit");
  both({{"tenant", text("north")}}, "context_missing");
  both({{"owner", text("nora")}, {"frozen", yes}}, "policy_forbid");
  both({{"owner", text("nora")}, {"frozen", no}, {"dated", yes}}, "permit");
}

// Where no policy reads the time, whoever's policies were certain without the answer is not asked again.
TEST_F(OnAnswerTest, WhateverThePoliciesReadItSaysWhatItWouldSayIfItBeganAnew) {
  constexpr std::string_view kEffects[] = {"permit", "permit", "forbid"};
  constexpr std::string_view kScopes[] = {
      "principal, action, resource", "principal is Writ::User, action, resource",
      "principal is Writ::Application, action, resource is Billing::Invoice",
      "principal is Writ::User, action, resource is Billing::Receipt"};
  constexpr std::string_view kConditions[] = {
      R"(resource.owner == "nora")",
      R"(resource.owner == "sofia")",
      "resource has owner",
      "!(resource has tenant)",
      "resource has frozen && resource.frozen",
      "resource.dated",
      R"(principal has tenant && resource.tenant == principal.tenant)",
      R"(principal has owner || resource has tenant)",
      R"(context has purpose && context.purpose == "support")",
      R"(context.request.method == "GET")",
      "context.user has tenant",
      "principal.unknown == 1",
      "resource.unknown == 1",
      "true",
      R"(context.request.time > datetime("2025-06-15T15:06:45Z"))",
  };
  const auto yes = cedar::Value::boolean(true), no = cedar::Value::boolean(false);
  const std::initializer_list<std::pair<std::string_view, cedar::Value>> answers[] = {
      {},
      {{"owner", text("nora")}, {"tenant", text("north")}},
      {{"owner", text("sofia")}, {"frozen", yes}},
      {{"owner", text("nora")}, {"frozen", no}, {"dated", yes}},
      {{"tenant", text("south")}},
  };
  std::mt19937 random(7);
  const auto one_of = [&](const auto& list) { return list[random() % std::size(list)]; };
  std::map<std::string, int> outcomes;
  for (int set = 0; set < 300; ++set) {
    std::string rules;
    for (auto left = 2 + random() % 4; left > 0; --left)
      rules += fmt::format("@id(\"p{}\") {} ({}) when {{ {} }};\n", left, one_of(kEffects), one_of(kScopes),
                           one_of(kConditions));
    put_in_force(rules);
    for (const auto& told : answers) {
      const auto goes_on = decided(told);
      const auto anew = decided(told, [&] { world.current.replace(world.current.get()->policies); });
      ASSERT_EQ(said_by(goes_on), said_by(anew)) << rules;
      ++outcomes[outcome_of(goes_on)];
    }
  }
  for (const auto* outcome :
       {"permit", "policy_forbid", "policy_no_permit", "context_missing", "tenant_mismatch"})
    EXPECT_GT(outcomes[outcome], 10) << outcome;
}

TEST_F(OnAnswerTest, InsideATaskTooItSaysWhatItWouldSayIfItBeganAnew) {
  const auto task = world.open_task();
  const auto told = {std::pair<std::string_view, cedar::Value>{"owner", text("nora")}};
  const auto goes_on = decided(world.token(world.claims_in(*task)), told);
  const auto anew = decided(world.token(world.claims_in(*task)), told,
                            [&] { world.current.replace(world.current.get()->policies); });
  EXPECT_EQ(outcome_of(goes_on), "permit");
  EXPECT_EQ(said_by(goes_on), said_by(anew));
}

TEST_F(OnAnswerTest, TheTimeThatCountsIsThatOfTheAnswer) {
  const auto dated = {std::pair<std::string_view, cedar::Value>{"owner", text("nora")},
                      std::pair<std::string_view, cedar::Value>{"dated", cedar::Value::boolean(true)}};
  const auto begin = world.clock.now();
  EXPECT_EQ(outcome_of(decided(dated)), "permit");
  EXPECT_EQ(outcome_of(decided(dated, [&] { world.clock.set(begin + 10s); })), "policy_forbid");
  world.clock.set(begin);
  EXPECT_EQ(outcome_of(decided({{"owner", text("nora")}}, [&] { world.clock.set(begin + 10s); })), "permit");
  EXPECT_EQ(outcome_of(decided({{"owner", text("nora")}}, [&] { world.clock.set(night); })), "policy_forbid");
}

TEST_F(OnAnswerTest, WhoExpiresWhileTheApiAnswersIsRefused) {
  world.add({.id = "temp-portal",
             .kind = inventory::Kind::kApplication,
             .environment = "production",
             .acts_for = {"users"},
             .expires_at = world.clock.now() + 5s});
  auto claims = world.claims();
  claims.client_id = "temp-portal";
  const auto told = {std::pair<std::string_view, cedar::Value>{"owner", text("nora")}};
  EXPECT_EQ(outcome_of(decided(world.token(claims), told)), "permit");
  claims.jti = crypto::random_id();
  EXPECT_EQ(outcome_of(decided(world.token(claims), told, [&] { world.clock.set(world.clock.now() + 6s); })),
            "caller_expired");
}

TEST_F(OnAnswerTest, WhatIsStoppedOrEndsWhileTheApiAnswersIsRefused) {
  const auto told = {std::pair<std::string_view, cedar::Value>{"owner", text("nora")}};
  const auto task = world.open_task();
  EXPECT_EQ(outcome_of(decided(world.token(world.claims_in(*task)), told,
                               [&] { EXPECT_TRUE(world.tasks.end((*task)->id).has_value()); })),
            "task_ended");
  EXPECT_EQ(
      outcome_of(decided(
          told,
          [&] {
            EXPECT_TRUE(world.directory.order("support-portal", inventory::Status::kSuspended).has_value());
          })),
      "caller_suspended");
}

}  // namespace
}  // namespace writ::enforce::on_answer_test
