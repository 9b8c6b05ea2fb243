// What an API's answer could be made to say, so that more comes out than its facts give: hidden, delayed,
// changed, of another schema. In this process, without a socket: an answer goes from AnswerReader to the
// enforcer as gateway/api_question.cc takes it there.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>

#include "enforce/testing/world.h"
#include "gateway/answer_reader.h"

namespace writ::gateway::answer_attacks_test {
namespace {

using codec::Json;
using enforce::Question;

constexpr std::string_view kSchema = R"(namespace Billing { entity Invoice = {
  owner: String, tenant?: String, level?: Long, frozen?: Bool, shared?: Bool }; })";
constexpr std::string_view kRules = R"(
@id("own") permit (principal is Writ::User, action, resource is Billing::Invoice) when { resource.owner == "nora" };
@id("shared") permit (principal is Writ::User, action, resource is Billing::Invoice)
when { resource has shared && resource.shared };
@id("portal") permit (principal is Writ::Application, action, resource is Billing::Invoice);
@id("frozen") forbid (principal, action, resource is Billing::Invoice)
unless { resource has frozen && !resource.frozen };
@id("high") forbid (principal, action, resource is Billing::Invoice) when { resource.level > 3 };
)";

class AnswerAttacksTest : public ::testing::Test {
 protected:
  AnswerAttacksTest() { put_in_force(kSchema); }

  void put_in_force(std::string_view schema) {
    auto policies = std::make_shared<decision::PolicySnapshot>(*enforce::testing::compiled(kRules));
    policies->schema = cedar::schema_from_text(schema).value();
    world.policies = policies;
  }

  // What became of nora's request, by its record. Without a body: nothing that can be read came in time.
  std::string decided(const AnswerReader& reader, const std::optional<std::string>& body,
                      const std::function<void()>& meanwhile = {}) {
    const http::Headers headers{{"Authorization", "Bearer " + world.token()}};
    const Question question{.point = "gateway",
                            .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                            .credentials = token::Presented::from_headers(headers),
                            .api = "invoices",
                            .action = {"Billing::Action", "read"},
                            .resource = {"Billing::Invoice", "inv-1"},
                            .public_origin = enforce::testing::kOrigin,
                            .awaited = reader.awaited(),
                            .fulfils = true};
    // The audit of this world calls back from inside.
    std::optional<enforce::AskedOutcome> asked;
    world.enforcer.ask(question, [&](enforce::AskedOutcome outcome) { asked.emplace(std::move(outcome)); });
    if (asked->has_value()) {
      if (meanwhile) meanwhile();
      auto read = reader.read(body.value_or(""), "Billing::Invoice", "inv-1", {});
      if (!body) read.answer.unreadable = "it took too long";
      read.answer.action = question.action;
      read.answer.element_type = "Billing::Invoice";
      world.enforcer.answer(std::move(**asked), read.answer, [](const enforce::Outcome&) {});
      left = std::move(read).take_body(reader);
    }
    const auto line = world.audit.lines().back();
    const auto* reason = line.find_string("reason");
    return reason != nullptr ? *reason : *line.find_string("effect");
  }

  enforce::testing::World world;
  std::string left;  // what would go out
  const AnswerReader one = AnswerReader::make({.attributes = {{"owner", "/owner"},
                                                              {"tenant", "/tenant"},
                                                              {"level", "/level"},
                                                              {"frozen", "/frozen"},
                                                              {"shared", "/shared"}},
                                               .id = "/id"})
                               .value();
  const AnswerReader list =
      AnswerReader::make({.attributes = one.spec().attributes, .id = "/id", .elements = "/items"}).value();
};

// One of the values that matter, of each fact.
Json random_facts(std::mt19937& random, std::string_view id) {
  auto facts = Json::object({{"id", id}});
  facts.set("owner", random() % 2 == 0 ? "nora" : "sofia");
  facts.set("tenant", random() % 3 == 0 ? "south" : "north");
  facts.set("level", static_cast<int>(random() % 6));
  facts.set("frozen", random() % 4 == 0);
  facts.set("shared", random() % 2 == 0);
  return facts;
}

// The same, with some facts left out, null, under a name that some reader takes for it, or of another type.
Json hidden(std::mt19937& random, const Json& facts) {
  auto made = Json::object();
  for (const auto& [name, value] : *facts.if_object()) {
    const auto how = name == "id" ? 9 : random() % 8;
    if (how == 0) continue;
    if (how == 1) {
      made.set(name, nullptr);
    } else if (how == 2) {
      auto upper = name;
      upper[0] = static_cast<char>(upper[0] - 'a' + 'A');
      made.set(upper, value);
    } else if (how == 3) {
      made.set(name, Json::array().push(value));
    } else {
      made.set(name, value);
    }
  }
  return made;
}

TEST_F(AnswerAttacksTest, HidingOrDelayingAFactOfAnAnswerNeverHelps) {
  std::mt19937 random(15);
  int permitted = 0, refused = 0;
  for (int i = 0; i < 600; ++i) {
    const auto facts = random_facts(random, "inv-1");
    const bool whole = decided(one, facts.dump()) == "permit";
    (whole ? permitted : refused) += 1;
    const auto less = hidden(random, facts).dump();
    EXPECT_TRUE(whole || decided(one, less) != "permit") << facts.dump() << " hidden as " << less;
    EXPECT_EQ(decided(one, std::nullopt), "facts_unavailable");
  }
  EXPECT_GT(permitted, 50);
  EXPECT_GT(refused, 50);
}

TEST_F(AnswerAttacksTest, HidingAFactOfAnElementNeverKeepsItInTheList) {
  std::mt19937 random(16);
  const auto stay = [&](const std::vector<Json>& elements) {
    auto items = Json::array();
    for (const auto& element : elements) items.push(element);
    EXPECT_EQ(decided(list, Json::object({{"items", items}}).dump()), "permit");
    std::vector<std::string> ids;
    const auto out = codec::parse_json(left).value();
    for (const Json& item : *out.find("items")->if_array()) ids.push_back(*item.find_string("id"));
    return ids;
  };
  for (int i = 0; i < 60; ++i) {
    std::vector<Json> whole, less;
    for (int n = 0; n < 12; ++n) {
      whole.push_back(random_facts(random, fmt::format("e-{}", n)));
      less.push_back(hidden(random, whole.back()));
    }
    const auto before = stay(whole);
    for (const auto& id : stay(less)) EXPECT_NE(std::ranges::find(before, id), before.end()) << id;
  }
}

TEST_F(AnswerAttacksTest, AnAnswerIsReadByTheSchemaThatIsInForceWhenItIsDecidedOn) {
  const std::string facts = R"({"id":"inv-1","owner":"nora","tenant":"north","level":1,"frozen":false})";
  EXPECT_EQ(decided(one, facts), "permit");
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"level?: Long", "level?: String"},
      {"level?: Long, ", ""},
      {"owner: String", "owner: Writ::User"},
      {"frozen?: Bool", "frozen: Bool, sealed: Bool"}};
  for (const auto& [from, to] : changes) {
    std::string schema(kSchema);
    schema.replace(schema.find(from), from.size(), to);
    if (to.find("Writ::User") != to.npos) schema += " namespace Writ { entity User; }";
    const auto outcome = decided(one, facts, [&] { put_in_force(schema); });
    // The owner is another kind of value now, which is nobody's.
    if (from.starts_with("owner")) {
      EXPECT_EQ(outcome, "policy_no_permit");
    } else if (from.starts_with("frozen")) {
      // Nobody awaits what only the new schema has, and no policy reads it.
      EXPECT_EQ(outcome, "permit");
    } else {
      EXPECT_EQ(outcome, "facts_unavailable") << to;
    }
    put_in_force(kSchema);
  }
  EXPECT_EQ(decided(one, facts), "permit");
}

TEST_F(AnswerAttacksTest, WhatStandsInsideAnElementIsNotTakenForTheElement) {
  // Each element is of another tenant; what is nested in it, or in its id, says otherwise.
  const std::string facts = R"("owner":"nora","level":1,"frozen":false)";
  EXPECT_EQ(decided(list, fmt::format(R"({{"items":[
      {{"id":"a",{0},"tenant":"south","items":[{{"id":"b",{0},"tenant":"north"}}]}},
      {{"id":"c",{0},"resource":{{"id":"c","tenant":"north"}},"tenant":"south"}},
      {{"id":{{"id":"d"}},{0},"tenant":"north"}},
      [{{"id":"e",{0},"tenant":"north"}}],
      {{"id":"f",{0},"tenant":"south","tenant ":"north"}},
      {{"id":"g",{0},"tenant":"north"}}]}})",
                                      facts)),
            "permit");
  EXPECT_EQ(left, fmt::format(R"({{"items":[{{"id":"g",{},"tenant":"north"}}]}})", facts));
}

TEST_F(AnswerAttacksTest, ElementsThatShareAnIdAreAllTakenOut) {
  const auto element = [](std::string_view id, std::string_view tenant) {
    return fmt::format(R"({{"id":{},"owner":"nora","tenant":"{}","level":1,"frozen":false}})", id, tenant);
  };
  // An id is its text: 7 and "7" are one resource.
  EXPECT_EQ(decided(list, fmt::format(R"({{"items":[{},{},{},{},{}]}})", element("\"a\"", "north"),
                                      element("\"a\"", "south"), element("7", "north"),
                                      element("\"7\"", "north"), element("8", "north"))),
            "permit");
  EXPECT_EQ(left, fmt::format(R"({{"items":[{}]}})", element("8", "north")));
}

}  // namespace
}  // namespace writ::gateway::answer_attacks_test
