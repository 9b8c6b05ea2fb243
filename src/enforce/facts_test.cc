// Facts of the moment: what a request tells, and entities that are pushed, as decisions and records see them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <map>
#include <random>

#include "decision/explain.h"
#include "decision/hiding.h"
#include "enforce/testing/world.h"
#include "facts/memory_store.h"
#include "facts/pushed.h"

namespace writ::enforce::facts_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kSchema = R"(
namespace Billing {
  entity Team in Team = { frozen?: Bool };
  entity Invoice in Team = { customer?: String, amount?: decimal, team?: Team };
})";

constexpr std::string_view kRules = R"(
@id("mine") permit (principal, action, resource is Billing::Invoice)
when { resource has customer && resource.customer == "nora" };
@id("large") forbid (principal, action == Billing::Action::"refund", resource)
unless { context.approved ||
         (context.amounts has refund && context.amounts.refund.lessThanOrEqual(decimal("500.0"))) };
@id("reasons") forbid (principal, action == Billing::Action::"refund", resource)
unless { context.input has reason && context.input.reason != "fun" };
@id("frozen") forbid (principal, action, resource is Billing::Invoice)
unless { resource has team && resource.team has frozen && !resource.team.frozen };
@id("closed") forbid (principal, action, resource in Billing::Team::"closed");
)";

struct Told {
  std::map<std::string, std::string> attributes;  // of texts
  std::optional<std::string> reason;
  std::optional<std::int64_t> refund;  // in ten-thousandths
  std::vector<context::FactNote> notes;
};

class FactsTest : public ::testing::Test {
 protected:
  FactsTest() {
    world.policies = testing::compiled(kRules);
    facts::Rules rules;
    rules.schema = cedar::schema_from_text(kSchema).value();
    WRIT_CHECK(registry.load(rules).has_value());
  }

  void push(std::string_view type, std::string_view id, std::string_view attributes,
            std::string_view parents = "[]") {
    const auto entity = codec::parse_json(
        fmt::format(R"({{"uid":{{"type":"Billing::{}","id":"{}"}},"attrs":{{{}}},"parents":{}}})", type, id,
                    attributes, parents));
    const auto done =
        registry.apply(std::vector<facts::EntityChange>{{facts::name_from_json(*entity).value(), *entity}});
    ASSERT_TRUE(done) << done.error().message;
  }
  void push_all() {
    push("Team", "blue", R"("frozen":false)");
    push("Invoice", "inv-1", R"("customer":"nora","team":{"type":"Billing::Team","id":"blue"})",
         R"([{"type":"Billing::Team","id":"blue"}])");
  }

  template <class Ask>
  auto asked(std::string_view action, const Told& told, Ask ask) {
    const auto text = world.token();
    http::Headers headers{{"Authorization", "Bearer " + text}};
    std::vector<task::NamedAmount> amounts;
    if (told.refund) amounts.push_back({"refund", {*told.refund}});
    Question question{.point = "gateway",
                      .sent = {.method = "POST", .path = "/refund", .encoded_path = "/refund"},
                      .credentials = token::Presented::from_headers(headers),
                      .api = "invoices",
                      .action = {"Billing::Action", action},
                      .resource = {"Billing::Invoice", "inv-1"},
                      .amounts = amounts,
                      .notes = told.notes,
                      .public_origin = testing::kOrigin};
    if (!told.attributes.empty())
      question.attributes = [&](cedar::Arena& arena) {
        std::vector<cedar::Field> fields;
        for (const auto& [name, value] : told.attributes)
          fields.emplace_back(name, cedar::make_string(arena, value));
        return cedar::make_record(arena, fields);
      };
    if (told.reason)
      question.input = [&](cedar::Arena& arena) {
        return cedar::make_record(arena, {{"reason", cedar::make_string(arena, *told.reason)}});
      };
    return ask(question);
  }
  Outcome enforced(std::string_view action, const Told& told) {
    return asked(action, told, [&](const Question& question) { return world.enforcer.enforce(question); });
  }
  std::string outcome(std::string_view action, const Told& told) {
    const auto given = enforced(action, told);
    return given ? "permit" : std::string(reason_code(given.error().reason()));
  }
  Told whole() const { return {.attributes = {}, .reason = "broken", .refund = 100'0000, .notes = {}}; }

  testing::World world;
  facts::MemoryStore store;
  facts::EntityRegistry registry{store, {}, [this](auto now) { world.current.replace(std::move(now)); }};
};

TEST_F(FactsTest, AnEntityThatIsPushedActsOnTheNextDecision) {
  EXPECT_NE(outcome("read", {}), "permit");
  push_all();
  EXPECT_EQ(outcome("read", {}), "permit");
  push("Team", "blue", R"("frozen":true)");
  EXPECT_EQ(outcome("read", {}), "policy_forbid");
}

TEST_F(FactsTest, WhatStandsAboveAnEntityInTheSourceCounts) {
  push_all();
  push("Team", "blue", R"("frozen":false)", R"([{"type":"Billing::Team","id":"closed"}])");
  EXPECT_EQ(outcome("read", {}), "policy_forbid");
}

TEST_F(FactsTest, ARequestDoesNotOverrideWhatWasPushed) {
  push_all();
  push("Invoice", "inv-1", R"("customer":"sofia","team":{"type":"Billing::Team","id":"blue"})");
  EXPECT_EQ(outcome("read", {.attributes = {{"customer", "nora"}}}), "policy_no_permit");
}

// One policy: the budget's own amount, above 500 only with an approval.
TEST_F(FactsTest, APolicyAsksForAnApprovalAboveAnAmount) {
  push_all();
  auto told = whole();
  told.refund = 500'0000;
  EXPECT_EQ(outcome("refund", told), "permit");
  told.refund = 500'0001;
  EXPECT_EQ(outcome("refund", told), "approval_required");
  // Hidden, it is not a small one.
  told.refund.reset();
  EXPECT_EQ(outcome("refund", told), "approval_required");
}

TEST_F(FactsTest, TheRecordHasTheFactsThatWereReadAndWhereTheyAreFrom) {
  push_all();
  auto told = whole();
  told.notes = {{"context.input.reason", "body /reason", {}},
                {"resource.amount", "body /amount", "there is no body"}};
  ASSERT_EQ(outcome("refund", told), "permit");
  const auto line = world.audit.lines().back();
  EXPECT_EQ(line.find("input")->dump(), R"({"reason":"broken"})");
  EXPECT_EQ(line.find("amounts")->dump(), R"({"refund":"100"})");
  EXPECT_EQ(line.find("sources")->dump(), R"({"context.input.reason":"body /reason"})");
  std::vector<std::string> ids;
  for (const auto& entity : *line.find("entities")->if_array())
    ids.push_back(*entity.find("uid")->find_string("id"));
  EXPECT_THAT(ids, ::testing::UnorderedElementsAre("blue", "inv-1"));
}

TEST_F(FactsTest, EntitiesThatAreTooLargeForTheRecordAreSaidToBeMissing) {
  push_all();
  const auto name = [](int number) { return std::string(500, 't') + std::to_string(number); };
  const auto above = [&](int number) {
    return fmt::format(R"([{{"type":"Billing::Team","id":"{}"}}])", name(number));
  };
  push("Team", "blue", R"("frozen":false)", above(0));
  for (int i = 0; i < 12; ++i) push("Team", name(i), "", above(i + 1));
  EXPECT_EQ(outcome("read", {}), "permit");
  EXPECT_TRUE(world.audit.lines().back().find("entities")->is_null());
}

TEST_F(FactsTest, ARefusalForWantOfAFactSaysWhyItIsNotTold) {
  world.policies = testing::compiled(R"(
@id("all") permit (principal, action, resource);
@id("small") forbid (principal, action, resource) when { resource.amount.greaterThan(decimal("1.0")) };)");
  const auto given =
      enforced("read", {.notes = {{"resource.amount", "body /amount", "the body has it twice"}}});
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().reason(), Reason::kContextMissing);
  EXPECT_THAT(given.error().refusal.message,
              HasSubstr("`resource.amount` has it from `body /amount`: the body has it twice"));
}

TEST_F(FactsTest, TheseRulesDoNotPermitByAbsence) {
  const auto rules = cedar::parse_policies(kRules).value();
  for (const auto& policy : rules.policies) EXPECT_THAT(decision::helpful_absences(policy), ElementsAre());
}

// Property: what is permitted with some facts hidden, or not pushed yet, is permitted with all of them.
TEST_F(FactsTest, HidingOrDelayingAFactNeverTurnsADenyIntoAPermit) {
  std::mt19937 random(23);
  int permitted = 0, refused = 0;
  for (int round = 0; round < 400; ++round) {
    Told all{.attributes = {},
             .reason = random() % 2 == 0 ? "fun" : "broken",
             .refund = static_cast<std::int64_t>(random() % 2 == 0 ? 400'0000 : 600'0000),
             .notes = {}};
    if (random() % 2 == 0) all.attributes["customer"] = random() % 2 == 0 ? "nora" : "sofia";
    const std::string action = random() % 2 == 0 ? "read" : "refund";
    const auto customer = random() % 4 == 0 ? "sofia" : "nora";
    const auto frozen = random() % 4 == 0 ? "true" : "false";
    const auto above = random() % 4 == 0 ? R"([{"type":"Billing::Team","id":"closed"}])" : "[]";
    const auto clear = [&] {
      for (const auto* type : {"Invoice", "Team"}) {
        const auto id = std::string(type) == "Team" ? "blue" : "inv-1";
        (void)registry.apply(
            std::vector<facts::EntityChange>{{{std::string("Billing::") + type, id}, std::nullopt}});
      }
    };
    const auto push_team = [&] { push("Team", "blue", fmt::format(R"("frozen":{})", frozen), above); };
    const auto push_invoice = [&](bool whose) {
      push("Invoice", "inv-1",
           fmt::format(R"({}"team":{{"type":"Billing::Team","id":"blue"}})",
                       whose ? fmt::format(R"("customer":"{}",)", customer) : ""),
           R"([{"type":"Billing::Team","id":"blue"}])");
    };
    clear();
    auto hidden = all;
    if (random() % 2 == 0) hidden.reason.reset();
    if (random() % 2 == 0) hidden.refund.reset();
    // The pushed attributes are a trusted source's: one that the request fills in is never hidden with them.
    hidden.attributes.clear();
    if (random() % 2 == 0) push_team();
    if (random() % 2 == 0) push_invoice(random() % 2 == 0);
    const auto less = outcome(action, hidden);
    push_team();
    push_invoice(true);
    auto more = all;
    more.attributes.clear();
    const auto full = outcome(action, more);
    if (full == "permit") {
      ++permitted;
    } else {
      ++refused;
      // An approval is no effect yet, but the request may not get nearer to one either.
      EXPECT_NE(less, "permit") << action << " " << full;
    }
  }
  EXPECT_GT(permitted, 20);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace writ::enforce::facts_test
