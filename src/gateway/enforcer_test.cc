#include "enforce/enforcer.h"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "gateway/testing/world.h"

namespace writ::gateway::enforcer_test {
namespace {

using testing::asked;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kNow;
using testing::request;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

constexpr auto kKey = crypto::Algorithm::kEs256;

class EnforcerTest : public ::testing::Test {
 protected:
  // What a refusal's record says must be what the caller was told.
  void expect_refused(std::string_view expected, const enforce::Outcome& outcome) {
    const auto before = recorded_;
    EXPECT_EQ(word(outcome), expected);
    const auto lines = world.audit.lines();
    ASSERT_EQ(lines.size(), before + 1) << "one record for each outcome";
    recorded_ = lines.size();
    const auto body = codec::parse_json(response_of(outcome.error()).body).value();
    for (const auto* name : {"reason", "request_id", "message", "party"}) {
      const auto *told = body.find_string(name), *kept = lines.back().find_string(name);
      EXPECT_EQ(told != nullptr ? *told : "", kept != nullptr ? *kept : "") << name;
    }
    EXPECT_EQ(*lines.back().find_string("effect"),
              outcome.error().reason() == Reason::kIndeterminate ? "indeterminate" : "deny");
  }
  void expect_refused(std::string_view expected, std::string_view token, std::string_view action = "read",
                      std::string_view invoice = "inv-1") {
    expect_refused(expected, world.enforce(request(token), action, invoice));
  }
  std::uint64_t refusals(Reason reason) const {
    return world.enforcer.stats().refusals[static_cast<std::size_t>(reason)];
  }
  void suspend(std::string_view id, inventory::Status status = inventory::Status::kSuspended) {
    ASSERT_TRUE(world.directory.order(id, status).has_value());
  }

  World world;
  std::size_t recorded_ = 0;
};

TEST_F(EnforcerTest, APermitCarriesWhatTheDecisionSaw) {
  const auto permit = world.enforce(request(world.token()));
  ASSERT_TRUE(permit.has_value());
  EXPECT_EQ(permit->token()->subject, "nora");
  EXPECT_EQ(permit->api().id, "invoices");
  EXPECT_EQ(permit->time(), kNow);
  EXPECT_EQ(permit->purpose(), "support");
  EXPECT_EQ(permit->tenant(), "north");
  EXPECT_EQ(permit->environment(), "production");
  EXPECT_EQ(permit->request_id().view().size(), 22u);
}

TEST_F(EnforcerTest, APermitIsRecordedWithAllThatIsKnown) {
  const auto task = world.open_task();
  const auto claims = world.claims_in(*task);
  const auto permit = world.enforce(request(world.token(claims), "/invoices/inv 1")).value();
  const auto line = world.audit.lines().at(0);
  const auto text = [&](std::string_view name) {
    const auto* found = line.find_string(name);
    return found != nullptr ? *found : "absent";
  };
  EXPECT_EQ(text("effect"), "permit");
  EXPECT_EQ(text("reason"), "absent");
  EXPECT_EQ(text("point"), "gateway");
  EXPECT_EQ(text("request_id"), permit.request_id().view());
  EXPECT_EQ(text("subject"), "nora");
  EXPECT_EQ(text("client"), "support-agent");
  EXPECT_EQ(text("task"), "task-1");
  EXPECT_EQ(text("purpose"), "support");
  EXPECT_EQ(text("tenant"), "north");
  EXPECT_EQ(text("action"), R"(Billing::Action::"read")");
  EXPECT_EQ(text("resource"), R"(Billing::Invoice::"inv-1")");
  EXPECT_EQ(text("method"), "GET");
  EXPECT_EQ(text("path"), "/invoices/inv 1");
  EXPECT_EQ(text("policy_revision"), "r1");
  EXPECT_EQ(text("environment"), "production");
  EXPECT_EQ(text("issued_at"), audit::format_time(claims.issued_at));
  EXPECT_EQ(line.find("sender_bound"), nullptr);
  EXPECT_EQ(line.find("attributes"), nullptr);
  EXPECT_THAT(line.dump(), AllOf(HasSubstr(claims.jti), HasSubstr("192.0.2.7"), HasSubstr("support-agent"),
                                 HasSubstr(R"(["users","agents","portal"])")));
}

TEST_F(EnforcerTest, TheRecordTellsWhatTheCallerKnewOfTheResource) {
  auto asked_with = [&](std::function<cedar::Value(cedar::Arena&)> attributes) {
    const auto sent = request(world.token());
    auto question = asked(sent);
    question.attributes = std::move(attributes);
    EXPECT_TRUE(world.enforcer.enforce(question).has_value());
    return world.audit.lines().back().find("attributes")->dump();
  };
  const auto record = [](cedar::Arena& arena, std::string_view name, cedar::Value value) {
    return cedar::make_record(arena, {{name, value}});
  };
  EXPECT_EQ(asked_with([&](cedar::Arena& arena) {
              return record(arena, "owner", cedar::make_entity(arena, "Writ::User", "nora"));
            }),
            R"({"owner":{"__entity":{"type":"Writ::User","id":"nora"}}})");
  EXPECT_EQ(asked_with([&](cedar::Arena& arena) {
              return record(arena, "tags", cedar::make_string_set(arena, std::vector<std::string>{"a"}));
            }),
            R"({"tags":["a"]})");
  // Neither half of it, nor a guess.
  EXPECT_EQ(asked_with([&](cedar::Arena& arena) {
              return record(arena, "text", cedar::make_string(arena, std::string(40'000, 'x')));
            }),
            "null");
  EXPECT_EQ(asked_with([&](cedar::Arena& arena) {
              return record(arena, "when", cedar::Value::datetime(cedar::Datetime::from(kNow)));
            }),
            R"({"when":{"__extn":{"fn":"datetime","arg":"2025-06-15T15:06:40.000Z"}}})");
}

TEST_F(EnforcerTest, TheRecordNeverHoldsTheToken) {
  const auto token = world.token();
  world.enforce(request(token));
  world.enforce(request(token), "read", "sealed");
  for (const auto& line : world.audit.lines())
    EXPECT_THAT(line.dump(), Not(HasSubstr(token.substr(token.rfind('.')))));
}

// ---- each stage refuses with its reason, and is recorded ----

TEST_F(EnforcerTest, ARequestWithoutATokenIsRefused) {
  expect_refused("401 token_missing", "");
  auto basic = request("");
  basic.headers.add("Authorization", "Basic bm9yYTpub3Jh");
  expect_refused("401 token_missing", world.enforce(basic));
}

TEST_F(EnforcerTest, ATokenThatIsNoneIsRefused) {
  expect_refused("401 token_malformed", "x");
  auto twice = request(world.token());
  twice.headers.add("authorization", "Bearer " + world.token());
  expect_refused("401 token_malformed", world.enforce(twice));
}

TEST_F(EnforcerTest, AForgedTokenIsRefused) {
  auto token = world.token();
  token[token.size() - 10] = token[token.size() - 10] == 'A' ? 'B' : 'A';
  expect_refused("401 token_signature", token);
}

TEST_F(EnforcerTest, ATokenOfAnotherIssuerIsRefused) {
  auto claims = world.claims();
  claims.issuer = "https://other.example";
  expect_refused("401 token_issuer", world.token(claims));
}

TEST_F(EnforcerTest, AnExpiredTokenIsRefusedAlsoWhenItIsCached) {
  const auto token = world.token();
  EXPECT_EQ(world.outcome(token), "permit");
  ++recorded_;
  world.clock.advance(5min);
  expect_refused("401 token_expired", token);
}

TEST_F(EnforcerTest, ATokenForAnotherApiIsRefused) {
  auto claims = world.claims();
  claims.audience = "https://mail.acme.example";
  expect_refused("401 audience_mismatch", world.token(claims));
}

TEST_F(EnforcerTest, AnUnknownClientIsRefused) {
  auto claims = world.claims();
  claims.client_id = "nobody";
  expect_refused("403 caller_unknown", world.token(claims));
}

TEST_F(EnforcerTest, ATokenOfAnotherTenantIsRefused) {
  auto claims = world.claims();
  claims.tenant = "south";
  expect_refused("403 tenant_mismatch", world.token(claims));
}

TEST_F(EnforcerTest, WhatTheCallerSaysOfTheResourceIsDecidedOn) {
  const auto made = request(world.token());
  auto question = asked(made);
  question.attributes = [](cedar::Arena& arena) {
    return cedar::make_record(arena,
                              std::vector<cedar::Field>{{"tenant", cedar::make_string(arena, "south")}});
  };
  expect_refused("403 tenant_mismatch", world.enforcer.enforce(question));
}

TEST_F(EnforcerTest, AnAgentWithoutATaskIsRefused) {
  auto claims = world.claims();
  claims.client_id = "support-agent";
  claims.actors = {{"support-agent", std::nullopt}};
  expect_refused("403 task_missing", world.token(claims));
  claims.task = "no-such-task";
  expect_refused("403 task_missing", world.token(claims));
}

TEST_F(EnforcerTest, AnActionOutsideTheTaskIsRefused) {
  const auto task = world.open_task();
  expect_refused("403 action_not_in_task", world.token(world.claims_in(*task)), "refund");
}

TEST_F(EnforcerTest, WhatNoPolicyPermitsIsRefused) {
  auto claims = world.claims();
  claims.purpose = std::nullopt;
  expect_refused("403 policy_no_permit", world.token(claims));
  claims = world.claims();
  claims.client_id = "marketing-app";
  expect_refused("403 policy_no_permit", world.token(claims));
}

TEST_F(EnforcerTest, WhatAPolicyForbidsIsRefusedAndThePolicyNamed) {
  const auto outcome = world.enforce(request(world.token()), "read", "sealed");
  expect_refused("403 policy_forbid", outcome);
  EXPECT_THAT(response_of(outcome.error()).body, HasSubstr(R"("policies":["sealed"])"));
  EXPECT_THAT(world.audit.lines().back().dump(), HasSubstr(R"(["sealed"])"));
}

TEST_F(EnforcerTest, AnApiThatIsNotInTheInventoryCannotBeDecidedAbout) {
  const auto made = request(world.token());
  auto question = asked(made);
  question.api = "nothing";
  expect_refused("503 indeterminate", world.enforcer.enforce(question));
}

TEST_F(EnforcerTest, RefusalsAreChallengedByTheirScheme) {
  const auto challenge = [](const enforce::Outcome& outcome) {
    return std::string(response_of(outcome.error()).headers.find("WWW-Authenticate").value_or("none"));
  };
  EXPECT_EQ(challenge(world.enforce(request(""))), R"(Bearer realm="writ")");
  auto dpop = request("");
  dpop.headers.add("Authorization", "DPoP x");
  EXPECT_THAT(challenge(world.enforce(dpop)), ::testing::StartsWith("DPoP realm="));
  EXPECT_EQ(challenge(world.enforce(request(world.token()), "read", "sealed")), "none");
}

// ---- what changes acts at once ----

TEST_F(EnforcerTest, ASuspendedCallerIsRefusedAtOnce) {
  const auto token = world.token();
  EXPECT_EQ(world.outcome(token), "permit");
  suspend("support-portal");
  EXPECT_EQ(world.outcome(token), "403 caller_suspended");
  suspend("support-portal", inventory::Status::kActive);
  EXPECT_EQ(world.outcome(token), "permit");
  suspend("support-portal", inventory::Status::kRetired);
  EXPECT_EQ(world.outcome(token), "403 caller_retired");
}

TEST_F(EnforcerTest, ASuspendedUserIsRefusedAtOnce) {
  const auto token = world.token();
  EXPECT_EQ(world.outcome(token), "permit");
  suspend("nora");
  EXPECT_EQ(world.outcome(token), "403 subject_suspended");
}

TEST_F(EnforcerTest, ASuspendedAgentIsRefusedAtOnce) {
  const auto token = world.token(world.claims_in(*world.open_task()));
  EXPECT_EQ(world.outcome(token), "permit");
  suspend("support-agent");
  EXPECT_EQ(world.outcome(token), "403 caller_suspended");
}

TEST_F(EnforcerTest, AnEndedTaskIsRefusedAtOnce) {
  const auto token = world.token(world.claims_in(*world.open_task()));
  EXPECT_EQ(world.outcome(token), "permit");
  ASSERT_TRUE(world.tasks.end("task-1").has_value());
  EXPECT_EQ(world.outcome(token), "403 task_ended");
}

TEST_F(EnforcerTest, ARevokedTaskIsRefusedAtOnce) {
  const auto token = world.token(world.claims_in(*world.open_task()));
  EXPECT_EQ(world.outcome(token), "permit");
  ASSERT_TRUE(world.tasks.revoke("task-1").has_value());
  EXPECT_EQ(world.outcome(token), "403 task_revoked");
}

TEST_F(EnforcerTest, ARevokedTokenIsRefusedAtOnceAlsoWhenItIsCached) {
  const auto claims = world.claims();
  const auto token = world.token(claims);
  EXPECT_EQ(world.outcome(token), "permit");
  EXPECT_EQ(world.tokens.verifier.cached(), 1u);
  ASSERT_TRUE(world.tokens.revocations.revoke({claims.jti, claims.expires_at}).has_value());
  EXPECT_EQ(world.outcome(token), "401 token_revoked");
}

TEST_F(EnforcerTest, NewPoliciesActAtOnce) {
  const auto token = world.token();
  EXPECT_EQ(world.outcome(token), "permit");
  world.policies = testing::compiled(R"(@id("none") forbid (principal, action, resource);)");
  EXPECT_EQ(world.outcome(token), "403 policy_forbid");
}

// ---- the record comes first ----

TEST_F(EnforcerTest, APermitThatCannotBeRecordedIsARefusal) {
  world.audit.broken = true;
  const auto outcome = world.enforce(request(world.token()));
  EXPECT_EQ(word(outcome), "503 indeterminate");
  EXPECT_THAT(response_of(outcome.error()).body, HasSubstr(R"("error":"audit_unavailable")"));
  EXPECT_FALSE(response_of(outcome.error()).headers.contains("WWW-Authenticate"));
}

TEST_F(EnforcerTest, ARefusalThatCannotBeRecordedSaysSoToo) {
  world.audit.broken = true;
  const auto outcome = world.enforce(request(""));
  EXPECT_EQ(word(outcome), "503 indeterminate");
  EXPECT_THAT(response_of(outcome.error()).body, HasSubstr(R"("error":"audit_unavailable")"));
  world.audit.broken = false;
  EXPECT_EQ(world.outcome(world.token()), "permit");
}

TEST_F(EnforcerTest, NoOutcomeIsGivenBeforeItsRecordIsWritten) {
  world.audit.held = true;
  std::vector<std::string> given;
  const auto permitted = request(world.token()), refused = request("");
  world.enforcer.enforce(asked(permitted),
                         [&](const enforce::Outcome& outcome) { given.push_back(word(outcome)); });
  world.enforcer.enforce(asked(refused),
                         [&](const enforce::Outcome& outcome) { given.push_back(word(outcome)); });
  EXPECT_THAT(given, ElementsAre());
  EXPECT_EQ(world.audit.waiting(), 2u);
  world.audit.release();
  EXPECT_THAT(given, ElementsAre("permit", "401 token_missing"));
}

TEST_F(EnforcerTest, ARecordThatFailsLateIsARefusalToo) {
  world.audit.held = true;
  std::string given;
  const auto permitted = request(world.token());
  world.enforcer.enforce(asked(permitted), [&](const enforce::Outcome& outcome) { given = word(outcome); });
  world.audit.broken = true;
  world.audit.release();
  EXPECT_EQ(given, "503 indeterminate");
}

TEST_F(EnforcerTest, ACallerMayRecordItsPermitsItselfButNotItsRefusals) {
  const auto permitted = request(world.token()), refused = request("");
  auto question = asked(permitted);
  question.record_permit = false;
  world.audit.broken = true;
  EXPECT_EQ(word(world.enforcer.enforce(question)), "permit");
  world.audit.broken = false;
  EXPECT_EQ(world.audit.size(), 0u);
  auto other = asked(refused);
  other.record_permit = false;
  expect_refused("401 token_missing", world.enforcer.enforce(other));
}

TEST_F(EnforcerTest, TheWaitingVariantWaitsForAnAuditOnAnotherThread) {
  world.audit.held = true;
  const auto made = request(world.token());
  auto outcome = std::async(std::launch::async, [&] { return world.enforcer.enforce(asked(made)); });
  while (world.audit.waiting() == 0) std::this_thread::yield();
  world.audit.release();
  EXPECT_EQ(word(outcome.get()), "permit");
}

// ---- the budget ----

TEST_F(EnforcerTest, APermitConsumesOneCallAndARefusalNone) {
  const auto task = world.open_task(2);
  const auto token = world.token(world.claims_in(*task));
  EXPECT_EQ(world.outcome(token, "read", "sealed"), "403 policy_forbid");
  EXPECT_EQ(world.outcome(token, "refund"), "403 action_not_in_task");
  suspend("nora");
  EXPECT_EQ(world.outcome(token), "403 subject_suspended");
  suspend("nora", inventory::Status::kActive);
  EXPECT_EQ(task->used_calls(), 0);
  EXPECT_EQ(world.outcome(token), "permit");
  EXPECT_EQ(task->used_calls(), 1);
  EXPECT_EQ(world.outcome(token), "permit");
  EXPECT_EQ(task->used_calls(), 2);
  EXPECT_EQ(world.outcome(token), "403 budget_exceeded");
  EXPECT_EQ(task->used_calls(), 2);
}

TEST_F(EnforcerTest, WhatATaskHasSeenForbidsWhatComesAfter) {
  world.policies = testing::compiled(std::string(testing::kPolicies) + R"(
    @id("egress") forbid (principal, action, resource == Billing::Invoice::"outside")
    when { context has task && context.task.labels.contains("read:confidential") };)");
  const auto task = world.open_task();
  const auto token = world.token(world.claims_in(*task));
  EXPECT_EQ(world.outcome(token, "read", "outside"), "permit");
  const auto made = request(token);
  const std::vector<std::string> labels = {"read:confidential"};
  auto question = asked(made);
  question.labels = labels;
  EXPECT_TRUE(world.enforcer.enforce(question));
  EXPECT_EQ(world.outcome(token, "read", "outside"), "403 policy_forbid");
  EXPECT_EQ(world.outcome(token), "permit");
}

TEST_F(EnforcerTest, AResourceBringsItsLabelsAndARefusedRequestNone) {
  const auto task = world.open_task();
  const auto made = request(world.token(world.claims_in(*task)));
  const auto with = [&](std::string_view invoice, auto value) {
    auto question = asked(made, "read", invoice);
    question.attributes = [value](cedar::Arena& arena) {
      return cedar::make_record(arena, std::vector<cedar::Field>{{"taskLabels", value(arena)}});
    };
    return testing::word(world.enforcer.enforce(question));
  };
  const auto labels = [](cedar::Arena& arena) {
    return cedar::make_string_set(arena, std::vector<std::string>{"input:untrusted"});
  };
  EXPECT_EQ(with("sealed", labels), "403 policy_forbid");
  EXPECT_TRUE((*task)->labels.empty());
  EXPECT_EQ(with("inv-1", labels), "permit");
  EXPECT_EQ((*task)->labels, std::vector<std::string>{"input:untrusted"});
  EXPECT_EQ(with("inv-1", [](cedar::Arena& arena) { return cedar::make_string(arena, "no set"); }),
            "503 indeterminate");
}

// Conservative on purpose: nobody knows whether the effect happened.
TEST_F(EnforcerTest, ACallThatWasTakenStaysTakenWhenTheRecordFails) {
  const auto task = world.open_task(1);
  const auto token = world.token(world.claims_in(*task));
  world.audit.broken = true;
  EXPECT_EQ(world.outcome(token), "503 indeterminate");
  world.audit.broken = false;
  EXPECT_EQ(world.outcome(token), "403 budget_exceeded");
}

TEST_F(EnforcerTest, ABudgetThatCannotBeReservedIsNoBudget) {
  const auto task = world.open_task(10);
  world.task_store.broken = true;
  EXPECT_THAT(world.outcome(world.token(world.claims_in(*task))), ::testing::StartsWith("503 "));
}

TEST_F(EnforcerTest, OfManyParallelCallersExactlyTheBudgetPasses) {
  constexpr int kThreads = 8, kEach = 40, kBudget = 100;
  const auto task = world.open_task(kBudget);
  const auto token = world.token(world.claims_in(*task));
  std::atomic<int> permits = 0, exceeded = 0, others = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < kEach; ++call) {
        const auto outcome = world.outcome(token);
        (outcome == "permit" ? permits : outcome == "403 budget_exceeded" ? exceeded : others).fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(permits, kBudget);
  EXPECT_EQ(exceeded, kThreads * kEach - kBudget);
  EXPECT_EQ(others, 0);
  EXPECT_EQ(std::ranges::count(world.audit.effects(), "permit"), kBudget);
  EXPECT_EQ(std::ranges::count(world.audit.effects(), "deny/budget_exceeded"), kThreads * kEach - kBudget);
  EXPECT_EQ(world.enforcer.stats().permits, static_cast<std::uint64_t>(kBudget));
}

// ---- asking without an effect ----

TEST_F(EnforcerTest, WouldPermitRecordsNothingAndTakesNothing) {
  const auto task = world.open_task(1);
  const auto token = world.token(world.claims_in(*task));
  const auto made = request(token);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(world.enforcer.would_permit(asked(made)));
  EXPECT_FALSE(world.enforcer.would_permit(asked(made, "refund")));
  EXPECT_FALSE(world.enforcer.would_permit(asked(made, "read", "sealed")));
  const auto without = request("");
  EXPECT_FALSE(world.enforcer.would_permit(asked(without)));
  EXPECT_EQ(world.audit.size(), 0u);
  EXPECT_EQ(world.enforcer.stats().permits, 0u);
  EXPECT_EQ(refusals(Reason::kTokenMissing), 0u);
  EXPECT_EQ(world.outcome(token), "permit");
  EXPECT_FALSE(world.enforcer.would_permit(asked(made)));
}

// ---- sender-bound tokens ----

class BoundTokenTest : public EnforcerTest {
 protected:
  BoundTokenTest() {
    auto claims = world.claims();
    claims.key_thumbprint = key.public_jwk().thumbprint();
    token = world.token(claims);
  }
  enforce::Outcome enforce(http::Headers headers, std::string_view origin = testing::kOrigin) {
    auto made = request("");
    made.path = "/invoices/inv 1";
    made.encoded_path = "/invoices/inv%201";
    made.headers = std::move(headers);
    auto question = asked(made);
    question.public_origin = origin;
    return world.enforcer.enforce(question);
  }
  http::Headers headers(std::string_view method = "GET",
                        std::string_view uri = "https://api.acme.example/invoices/inv%201") const {
    return world.bound_headers(key, token, method, uri);
  }

  jose::PrivateJwk key = jose::PrivateJwk::generate(kKey).value();
  std::string token;
};

TEST_F(BoundTokenTest, PassesWithAProofForTheRequestAsCallersSeeIt) {
  EXPECT_EQ(word(enforce(headers())), "permit");
}

TEST_F(BoundTokenTest, WithoutAProofIsRefused) {
  expect_refused("401 sender_binding_missing", enforce({{"Authorization", "DPoP " + token}}));
  const auto as_bearer = enforce({{"Authorization", "Bearer " + token}});
  expect_refused("401 sender_binding_missing", as_bearer);
  EXPECT_THAT(std::string(response_of(as_bearer.error()).headers.find("WWW-Authenticate").value()),
              ::testing::StartsWith("DPoP realm="));
}

TEST_F(BoundTokenTest, WithoutAPublicOriginIsRefused) {
  expect_refused("401 sender_binding_missing", enforce(headers(), ""));
}

TEST_F(BoundTokenTest, WithAProofForAnotherRequestIsRefused) {
  expect_refused("401 sender_binding_mismatch", enforce(headers("POST")));
  expect_refused("401 sender_binding_mismatch",
                 enforce(headers("GET", "https://api.acme.example/invoices/inv-2")));
  expect_refused("401 sender_binding_mismatch",
                 enforce(headers("GET", "https://evil.example/invoices/inv%201")));
}

TEST_F(BoundTokenTest, WithAnotherKeysProofIsRefused) {
  const auto other = jose::PrivateJwk::generate(kKey).value();
  expect_refused(
      "401 sender_binding_mismatch",
      enforce(world.bound_headers(other, token, "GET", "https://api.acme.example/invoices/inv%201")));
}

TEST_F(BoundTokenTest, AProofIsGoodOnce) {
  const auto sent = headers();
  EXPECT_EQ(word(enforce(sent)), "permit");
  ++recorded_;
  expect_refused("401 token_replayed", enforce(sent));
}

// Choosing what to show to a caller whose request passed: its proof is used up by then.
TEST_F(BoundTokenTest, WouldPermitLeavesTheProofAlone) {
  auto made = request("");
  made.path = "/invoices/inv 1";
  made.encoded_path = "/invoices/inv%201";
  made.headers = headers();
  auto question = asked(made);
  question.public_origin = testing::kOrigin;
  EXPECT_TRUE(world.enforcer.would_permit(question));
  EXPECT_EQ(word(world.enforcer.enforce(question)), "permit");
  EXPECT_TRUE(world.enforcer.would_permit(question));
}

// ---- what /metrics shows ----

TEST_F(EnforcerTest, StatsCountOutcomesByReason) {
  const auto token = world.token();
  world.outcome(token);
  world.outcome(token);
  world.outcome("");
  world.outcome(token, "read", "sealed");
  world.audit.broken = true;
  world.outcome(token);
  world.outcome("");
  const auto stats = world.enforcer.stats();
  EXPECT_EQ(stats.permits, 2u);
  EXPECT_EQ(refusals(Reason::kTokenMissing), 1u);
  EXPECT_EQ(refusals(Reason::kPolicyForbid), 1u);
  EXPECT_EQ(refusals(Reason::kIndeterminate), 2u);
  EXPECT_EQ(stats.audit_failures, 2u);
  std::uint64_t all = 0;
  for (const auto count : stats.refusals) all += count;
  EXPECT_EQ(all, 4u);
}

}  // namespace
}  // namespace writ::gateway::enforcer_test
