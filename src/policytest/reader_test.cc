#include "policytest/reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/ext_datetime.h"
#include "policytest/testing/acme.h"

namespace writ::policytest::reader_test {
namespace {

using testing::acme;
using testing::ask_of;
using ::testing::HasSubstr;
using testing::issues_of;
using testing::kHead;
using testing::suite_of;

constexpr std::string_view kAsked =
    "token: {sub: nora, client_id: support-portal}, request: GET /invoices/inv-1001";

Instant at(std::string_view text) {
  return Instant(Duration(cedar::Datetime::parse(text)->epoch_ms));
}

std::string one_test(std::string_view more) {
  return fmt::format("tests:\n  - {{name: a, {}, expect: permit{}}}\n", kAsked, more);
}

TEST(Reader, AnInstantIsATimeOrSecondsOrADistance) {
  for (const auto& [text, expected] : {std::pair("2026-03-02T10:30:00Z", "2026-03-02T10:30:00Z"),
                                       {"1772443800", "2026-03-02T09:30:00Z"},
                                       {"+10m", "2026-03-02T09:10:00Z"},
                                       {"-1h30m", "2026-03-02T07:30:00Z"}})
    EXPECT_EQ(ask_of(suite_of(one_test(fmt::format(", at: {}", text)))).request.time, at(expected)) << text;
  EXPECT_EQ(ask_of(suite_of(one_test(""))).request.time, at("2026-03-02T09:00:00Z"));
}

TEST(Reader, ALaterLayerReplacesKeyByKeyAndClaimByClaim) {
  const auto suite = suite_of(
      "defaults:\n  token: {sub: nora, client_id: support-portal, purpose: support, tenant: north}\n"
      "  request: GET /invoices/inv-1001\n  expect: permit\n"
      "tests:\n  - name: a\n    token: {purpose: null, acr: two}\n    steps:\n"
      "      - {}\n      - {token: {sub: niklas}, request: GET /invoices/inv-1002}\n"
      "      - {token: none, expect: token_missing}\n      - {token: {acr: three}}\n");
  const auto& first = ask_of(suite, 0, 0).request.token;
  EXPECT_EQ(first.subject, "nora");
  EXPECT_EQ(first.purpose, std::nullopt);
  EXPECT_EQ(first.tenant, "north");
  EXPECT_EQ(first.acr, "two");
  EXPECT_EQ(ask_of(suite, 0, 1).request.token.subject, "niklas");
  EXPECT_EQ(ask_of(suite, 0, 1).request.target.path, "/invoices/inv-1002");
  EXPECT_FALSE(ask_of(suite, 0, 2).request.token.present);
  EXPECT_EQ(ask_of(suite, 0, 3).request.token.acr, "three");
}

TEST(Reader, WhatIsAskedGoesTogether) {
  const auto suite = suite_of(
      fmt::format("defaults: {{{}}}\n", kAsked) +
      "tests:\n"
      "  - {name: a, api: invoices, action: read, resource: 'Billing::Invoice::\"x\"', expect: permit}\n"
      "  - {name: b, issue: mail, expect: permit}\n"
      "  - {name: c, api: invoices, action: 'Billing::Action::\"list\"', resource: "
      "'Billing::Ledger::\"x\"',\n"
      "     attributes: {tenant: north}, expect: permit}\n");
  EXPECT_FALSE(ask_of(suite, 0).request.target.routed());
  EXPECT_EQ(ask_of(suite, 0).request.target.action, (cedar::EntityUid{"Billing::Action", "read"}));
  EXPECT_TRUE(ask_of(suite, 1).request.target.issue);
  EXPECT_EQ(ask_of(suite, 1).request.target.resource, (cedar::EntityUid{"Writ::Api", "mail"}));
  EXPECT_TRUE(ask_of(suite, 2).request.target.attributes.is_object());
}

TEST(Reader, ATableHasATestForEachRowNamedAfterItsCells) {
  const auto suite =
      suite_of(fmt::format("defaults: {{{}}}\n", kAsked) +
               "tests:\n  - name: t\n    columns: [token.sub, token.act, expect]\n    rows:\n"
               "      - [nora, null, permit]\n      - [niklas, [support-agent], policy_no_permit]\n");
  ASSERT_EQ(suite.tests.size(), 2u);
  EXPECT_EQ(suite.tests[0].name, "t: nora, -");
  EXPECT_EQ(suite.tests[1].name, "t: niklas, [\"support-agent\"]");
  EXPECT_EQ(suite.tests[1].place.line, 9);
  EXPECT_EQ(ask_of(suite, 1).request.token.actors.at(0).subject, "support-agent");
}

TEST(Reader, ATokensActIsAListOrNestedAsInTheToken) {
  for (const auto* act : {"[a, b]", "[{sub: a}, b]", "{sub: a, act: {sub: b}}"}) {
    const auto suite =
        suite_of(fmt::format("tests:\n  - {{name: t, token: {{sub: nora, client_id: a, act: {}}}, request: "
                             "GET /a, expect: permit}}\n",
                             act));
    const auto& actors = ask_of(suite).request.token.actors;
    ASSERT_EQ(actors.size(), 2u) << act;
    EXPECT_EQ(actors[0].subject, "a");
    EXPECT_EQ(actors[1].subject, "b");
  }
}

TEST(Reader, AChainIsNotLongerThanATokens) {
  const auto chain = [](std::size_t length) {
    std::string act;
    for (std::size_t i = 0; i < length; ++i) act += fmt::format("a{}, ", i);
    return issues_of(std::string(kHead) +
                     fmt::format("tests:\n  - {{name: t, token: {{client_id: a, act: [{}]}}, "
                                 "request: GET /a, expect: permit}}\n",
                                 act));
  };
  EXPECT_EQ(chain(token::kMaxChain), "");
  EXPECT_THAT(chain(token::kMaxChain + 1), HasSubstr("`act` has 9 actors, a token has at most 8"));
}

TEST(Reader, TheSubjectIsTheClientUnlessSaid) {
  const auto suite =
      suite_of("tests:\n  - {name: a, token: {client_id: x}, request: GET /a, expect: token_missing}\n");
  EXPECT_EQ(ask_of(suite).request.token.subject, "x");
}

TEST(Reader, AFixtureOfAKnownIdReplacesItAndOthersAreAdded) {
  const auto suite = suite_of(
      "fixtures:\n  identities:\n    - {id: nora, kind: user, tenant: south}\n    - {id: new, kind: "
      "service}\n"
      "  tasks:\n    t: {purpose: p, client: new, actions: ['Billing::Action::\"read\"'],\n"
      "        resources: ['Billing::Invoice::*'], opened: -1h, expires_in_seconds: 7200, state: suspended, "
      "used: 3}\n" +
      one_test(""));
  const auto find = [&](std::string_view id) {
    return std::ranges::find(suite.world.identities, id, &inventory::Identity::id);
  };
  EXPECT_EQ(find("nora")->tenant, "south");
  EXPECT_EQ(find("new")->kind, inventory::Kind::kService);
  EXPECT_EQ(suite.world.identities.size(), acme().world.declared.identities.size() + 1);
  ASSERT_EQ(suite.tasks.size(), 1u);
  EXPECT_EQ(suite.tasks[0].state, task::State::kSuspended);
  EXPECT_EQ(suite.tasks[0].task.opened_at, at("2026-03-02T08:00:00Z"));
  EXPECT_EQ(suite.tasks[0].task.expires_at, at("2026-03-02T10:00:00Z"));
  EXPECT_EQ(suite.tasks[0].used.at(0).second, 3);
}

TEST(Reader, WhatATaskHasUsedIsBoundedAndOfItsActions) {
  const auto used = [](std::string_view text) {
    return issues_of(
        std::string(kHead) +
        fmt::format("fixtures:\n  tasks:\n    t: {{purpose: p, client: ops-console, used: {},\n", text) +
        "        actions: ['Billing::Action::\"read\"'], resources: ['Billing::Invoice::*']}\n" +
        one_test(""));
  };
  EXPECT_EQ(used("100000"), "");
  EXPECT_THAT(used("100001"), HasSubstr("`used` must be between 0 and 100000 calls"));
  EXPECT_THAT(used("-1"), HasSubstr("`used` must be between 0 and 100000 calls"));
  EXPECT_THAT(used("{'Billing::Action::\"list\"': 1}"), HasSubstr("is not an action of task `t`"));
}

TEST(Reader, AFileHasAtMostSoManyTests) {
  std::string text = std::string(kHead) + fmt::format("defaults: {{{}, expect: permit}}\n", kAsked) +
                     "tests:\n  - name: t\n    columns: [ip]\n    rows:\n";
  for (std::size_t i = 0; i < kMaxTests; ++i)
    text += fmt::format("      - [10.{}.{}.{}]\n", i >> 16, (i >> 8) & 255, i & 255);
  EXPECT_EQ(issues_of(text), "");
  EXPECT_THAT(issues_of(text + "      - [11.0.0.0]\n"), HasSubstr("a file has at most 10000 tests"));
}

TEST(Reader, ATestHasAtMostSoManyStepsAndARequestSoManyTimes) {
  std::string text =
      std::string(kHead) + fmt::format("defaults: {{{}}}\n", kAsked) + "tests:\n  - name: t\n    steps:\n";
  for (std::size_t i = 0; i < kMaxSteps; ++i) text += "      - {expect: permit}\n";
  EXPECT_EQ(issues_of(text), "");
  EXPECT_THAT(issues_of(text + "      - {expect: permit}\n"), HasSubstr("a test has at most 1000 steps"));
  const auto times = [](std::int64_t number) {
    return issues_of(
        std::string(kHead) + fmt::format("defaults: {{{}}}\n", kAsked) +
        fmt::format("tests:\n  - name: t\n    steps: [{{times: {}, expect: permit}}]\n", number));
  };
  EXPECT_EQ(times(kMaxTimes), "");
  EXPECT_THAT(times(kMaxTimes + 1), HasSubstr("`times`"));
  EXPECT_THAT(times(0), HasSubstr("`times`"));
}

TEST(Reader, ATableThatIsToBeCompleteHasBoundedCombinations) {
  // Of 400 values in one column and 400 in another, 160,000 combinations.
  std::string text =
      std::string(kHead) + fmt::format("defaults: {{{}, expect: permit}}\n", kAsked) +
      "tests:\n  - name: t\n    complete: true\n    columns: [token.acr, token.tenant]\n    rows:\n";
  for (int i = 0; i < 400; ++i) text += fmt::format("      - [a{}, t{}]\n", i, i);
  EXPECT_THAT(issues_of(text), HasSubstr("a complete table has at most 100000 combinations"));
}

TEST(Reader, AChangeNamesWhatIsThere) {
  const auto change = [](std::string_view step) {
    return issues_of(std::string(kHead) + fmt::format("defaults: {{{}}}\n", kAsked) +
                     fmt::format("tests:\n  - name: t\n    steps: [{{{}}}]\n", step));
  };
  EXPECT_EQ(change("suspend: nora"), "");
  EXPECT_EQ(change("revoke_token: true"), "");
  EXPECT_THAT(change("suspend: nobody"), HasSubstr("there is no identity `nobody`"));
  EXPECT_THAT(change("revoke_task: t"), HasSubstr("there is no task `t`"));
}

TEST(Reader, WhatIsWrongIsToldTogether) {
  const auto issues = issues_of(
      std::string(kHead) +
      "tests:\n  - {name: a, token: {client_id: x, sob: y}, request: GET /a, expect: permit}\n"
      "  - {name: b, token: {client_id: x}, request: GET /a, expect: deny}\n"
      "  - {name: c, token: {client_id: x}, api: nothing, action: a, resource: b, expect: permit}\n");
  EXPECT_THAT(issues, HasSubstr("/w/a.test.yaml:4:"));
  EXPECT_THAT(issues, HasSubstr("unknown key `sob`"));
  EXPECT_THAT(issues, HasSubstr("/w/a.test.yaml:5:"));
  EXPECT_THAT(issues, HasSubstr("there is no API `nothing`"));
}

TEST(Reader, AQuestionTakesWhatIsLaidOverIt) {
  files::Issues issues;
  const auto question = parse_request_file(
      "request: GET /invoices/inv-1001\ntoken: {sub: nora, client_id: support-portal, purpose: support}\n",
      "request.yaml", R"({"token": {"sub": "niklas"}, "at": "+1h"})", at("2026-03-02T09:00:00Z"), acme(),
      issues);
  ASSERT_TRUE(question) << render(issues.all().at(0));
  EXPECT_EQ(question->request.token.subject, "niklas");
  EXPECT_EQ(question->request.token.purpose, "support");
  EXPECT_EQ(question->request.time, at("2026-03-02T10:00:00Z"));
  EXPECT_TRUE(question->suite.tests.empty());
}

TEST(Reader, AQuestionThatIsWrongIsNone) {
  files::Issues issues;
  EXPECT_FALSE(parse_request_file("request: GET /a\n", "r", "{}", Instant(), acme(), issues));
  EXPECT_TRUE(issues.has_errors());
}

TEST(Reader, AFileThatIsTooLargeOrNotThereIsRefused) {
  files::Issues issues;
  EXPECT_FALSE(read_suite("/nonexistent/a.test.yaml", acme(), issues));
  EXPECT_EQ(issues.errors(), 1u);
}

}  // namespace
}  // namespace writ::policytest::reader_test
