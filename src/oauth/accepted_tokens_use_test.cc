// Access tokens of providers in use: inside tasks, remembered as long as they are good, and what policies
// see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/allocations.h"
#include "oauth/provider_claims.h"
#include "oauth/testing/accepted.h"

namespace writ::oauth::testing::accepted_tokens_use_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json texts(const std::vector<std::string>& items) {
  auto array = Json::array();
  for (const auto& item : items) array.push(item);
  return array;
}

class AcceptedTokensUse : public ::testing::Test {
 protected:
  http::Headers portals() const { return AcceptedWorld::bearer(world_.sign(world_.claims())); }
  http::Headers agents() const { return AcceptedWorld::bearer(world_.sign(world_.agents())); }

  AcceptedWorld world_;
};

// Tasks.

TEST_F(AcceptedTokensUse, AnAgentWithoutATaskIsRefusedSoLeavingItOutNeverHelps) {
  const auto task = world_.open_task();
  EXPECT_EQ(world_.ask(agents()), "task_missing");
  ASSERT_EQ(world_.ask(AcceptedWorld::in_task(agents(), (*task)->id)), "permit") << world_.message;
  EXPECT_EQ(world_.recorded("task"), (*task)->id);
  EXPECT_EQ(world_.permitted->claims().task, (*task)->id);
  // The agent is in the chain, as if it had taken over a token of ours.
  EXPECT_THAT(world_.permitted->claims().actors, ElementsAre(token::Actor{"support-agent", {}}));
  EXPECT_EQ(world_.ask(agents()), "task_missing") << "what was remembered has no task";
}

TEST_F(AcceptedTokensUse, ATaskWhosePartiesAreNotTheTokensIsRefused) {
  const auto task = world_.open_task();
  const auto in = [&](const Json& claims) {
    return world_.ask(AcceptedWorld::in_task(AcceptedWorld::bearer(world_.sign(claims)), (*task)->id));
  };
  EXPECT_EQ(in(world_.claims()), "permit") << world_.message;
  EXPECT_EQ(in(world_.with({{"client_id", "mkt-001"}})), "delegation_not_authorised");
}

TEST_F(AcceptedTokensUse, ATaskOfOthersIsAnsweredAsOneThatIsNotThere) {
  const auto task = world_.open_task();
  const std::string there = (*task)->id;
  const auto in = [&](const Json& claims, const std::string& id) {
    const auto code = world_.ask(AcceptedWorld::in_task(AcceptedWorld::bearer(world_.sign(claims)), id));
    auto message = world_.message;
    if (const auto at = message.find(id); at != message.npos) message.replace(at, id.size(), "ID");
    return code + ": " + message;
  };
  for (const auto& claims :
       {world_.with({{"sub", "sofia"}}), world_.with({{"sub", "mkt-001"}, {"client_id", "mkt-001"}})}) {
    EXPECT_EQ(in(claims, there), in(claims, "task-99"));
    EXPECT_THAT(in(claims, there), HasSubstr("task_missing"));
  }
}

TEST_F(AcceptedTokensUse, ATaskThatIsOverOrUnknownOrNamedTwiceIsRefused) {
  const auto task = world_.open_task();
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(portals(), "task-99")), "task_missing");
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(portals(), "")), "task_missing");
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(portals(), std::string(513, 't'))), "task_missing");
  auto twice = AcceptedWorld::in_task(portals(), (*task)->id);
  twice.add("writ-task", (*task)->id);
  EXPECT_EQ(world_.ask(twice), "task_missing");
  ASSERT_TRUE(world_.tasks.end((*task)->id));
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(portals(), (*task)->id)), "task_ended");
}

TEST_F(AcceptedTokensUse, ATaskBesideOurOwnTokenIsRefusedUnlessItIsTheTokens) {
  const auto task = world_.open_task(), other = world_.open_task();
  const auto own = AcceptedWorld::bearer(world_.token(world_.claims_in(*task)));
  EXPECT_EQ(world_.ask(own), "permit") << world_.message;
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(own, (*task)->id)), "permit") << world_.message;
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(own, (*other)->id)), "delegation_not_authorised");
  const auto taskless = AcceptedWorld::bearer(world_.token());
  EXPECT_EQ(world_.ask(AcceptedWorld::in_task(taskless, (*task)->id)), "delegation_not_authorised");
  EXPECT_THAT(world_.message, HasSubstr("belongs to no task"));
}

TEST_F(AcceptedTokensUse, TheTasksBudgetIsTaken) {
  const auto task = world_.open_task(2);
  const auto headers = AcceptedWorld::in_task(agents(), (*task)->id);
  EXPECT_EQ(world_.ask(headers), "permit");
  EXPECT_EQ(world_.ask(headers), "permit");
  EXPECT_EQ(world_.ask(headers), "budget_exceeded");
}

// What is remembered of them.

TEST_F(AcceptedTokensUse, AreRememberedAsOursAreAndForgottenWithTheirKey) {
  const auto headers = portals();
  ASSERT_EQ(world_.ask(headers), "permit");
  const auto tried = world_.attempts.stats().tried;
  ASSERT_EQ(world_.ask(headers), "permit");
  EXPECT_EQ(world_.attempts.stats().tried, tried) << "its signature was not looked at again";

  auto now = std::vector{world_.provider([](TrustedIssuer& issuer) {
    const auto next = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
    issuer.keys = jose::JwkSet::of({next.public_jwk()}).value();
  })};
  const auto record = [](auto, auto) { return Result<void>(); };
  ASSERT_TRUE(world_.issuers.take_over(now, record));
  EXPECT_EQ(world_.ask(headers), "token_signature");
  now[0].keys = jose::JwkSet::of({world_.key.public_jwk()}).value();
  ASSERT_TRUE(world_.issuers.take_over(now, record));
  EXPECT_EQ(world_.ask(headers), "permit") << "the key is back";
}

TEST_F(AcceptedTokensUse, AReloadTakesOverWhatIsAcceptedAlsoOfTokensThatAreRemembered) {
  const auto headers = portals();
  ASSERT_EQ(world_.ask(headers), "permit");
  auto now = std::vector{world_.provider([](TrustedIssuer& issuer) {
    issuer.accept[0].clients = {{"portal-7f3", "marketing-app"}};
  })};
  std::string said;
  const auto record = [&](std::string_view issuer, const TrustedIssuers::Change& change) -> Result<void> {
    said += std::string(change.event) + " " + std::string(issuer) + ": " + std::string(change.difference);
    return {};
  };
  const auto fails = [](auto, auto) { return failure(ErrorCode::kIo, "the disk is full"); };
  ASSERT_FALSE(world_.issuers.take_over(now, fails));
  ASSERT_EQ(world_.ask(headers), "permit");
  EXPECT_EQ(world_.permitted->claims().client_id, "support-portal") << "what cannot be recorded stays";
  ASSERT_TRUE(world_.issuers.take_over(now, record, TrustedIssuers::Taken::kKeys));
  ASSERT_EQ(world_.ask(headers), "permit");
  EXPECT_EQ(world_.permitted->claims().client_id, "support-portal") << "it waits for a restart";
  ASSERT_TRUE(world_.issuers.take_over(now, record));
  EXPECT_EQ(said,
            "issuer.accept_changed https://login.acme.example: its tokens are taken by `invoices`, `mail`");
  ASSERT_EQ(world_.ask(headers), "permit");
  EXPECT_EQ(world_.permitted->claims().client_id, "marketing-app");
  now[0].accept.clear();
  ASSERT_TRUE(world_.issuers.take_over(now, record));
  EXPECT_EQ(world_.ask(headers), "token_issuer");
  EXPECT_THAT(said, HasSubstr("no API takes its tokens"));
}

TEST_F(AcceptedTokensUse, AreForgottenWithTheirLifetimeAndWithTheirId) {
  const auto headers = portals();
  ASSERT_EQ(world_.ask(headers), "permit");
  ASSERT_TRUE(world_.tokens.revocations.revoke({std::string(kProviderOfApis) + " t-1", kNow + 10min}));
  EXPECT_EQ(world_.ask(headers), "token_revoked");
  const auto other = AcceptedWorld::bearer(world_.sign(world_.with({{"jti", "t-2"}})));
  ASSERT_EQ(world_.ask(other), "permit");
  world_.clock.set(kNow + 600s);
  EXPECT_EQ(world_.ask(other), "token_expired");
}

TEST_F(AcceptedTokensUse, ATokenWithoutAnIdIsRevokedByItsText) {
  auto claims = world_.claims();
  std::erase_if(*claims.if_object(), [](const auto& member) { return member.first == "jti"; });
  ASSERT_EQ(world_.ask(claims), "permit") << world_.message;
  EXPECT_THAT(world_.permitted->claims().jti, HasSubstr(std::string(kProviderOfApis) + " sha256:"));
}

TEST_F(AcceptedTokensUse, TheIssuersClockMayBeAheadByItsTolerance) {
  const auto ahead = [&](int seconds) {
    return world_.ask(world_.with({{"nbf", unix_seconds(world_.clock.now()) + seconds}}));
  };
  EXPECT_EQ(ahead(29), "permit") << world_.message;
  EXPECT_EQ(ahead(31), "token_not_yet_valid");
}

TEST_F(AcceptedTokensUse, WrongOnesAreCountedAgainstWhoeverBringsThem) {
  token::TokenAttempts attempts({.wrong_per_minute = 3});
  enforce::Enforcer strict(
      {.clock = world_.clock,
       .verifier = world_.verifier,
       .current = world_.current,
       .tasks = world_.tasks,
       .record = [this](audit::Record line,
                        audit::Log::Done done) { world_.audit.append(std::move(line), std::move(done)); },
       .writer = world_.writer,
       .attempts = &attempts});
  const auto ask = [&](const jose::PrivateJwk& key) {
    const auto headers = AcceptedWorld::bearer(jose::sign_jws(key, world_.claims().dump(), "at+jwt").value());
    const enforce::Question question{.point = "gateway",
                                     .sent = {"GET", "/", "/", "", "192.0.2.7"},
                                     .credentials = token::Presented::from_headers(headers),
                                     .api = "invoices",
                                     .action = {"Billing::Action", "read"},
                                     .resource = {"Billing::Invoice", "inv-1"}};
    const auto outcome = strict.enforce(question);
    return !outcome && outcome.error().kind == enforce::Refused::Kind::kSlowDown;
  };
  // Each names a key that is not there, and there is nobody to ask for it.
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(ask(jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value())) << i;
  EXPECT_TRUE(ask(jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value()));
}

// What it costs.

TEST_F(AcceptedTokensUse, AWarmRequestWithOurOwnTokenAsksForNoMoreMemoryBesideThem) {
  const auto token = world_.token();
  const auto verify = [&](const token::Verifier& by) {
    const auto headers = AcceptedWorld::bearer(token);
    const auto presented = token::Presented::from_headers(headers).value();
    const auto first = by.verify(presented, std::nullopt, times_of(world_.clock));
    EXPECT_TRUE(first.has_value()) << first.error().message;
    return writ::testing::allocations_of(
        [&] { EXPECT_TRUE(by.verify(presented, std::nullopt, times_of(world_.clock)).has_value()); });
  };
  const auto alone = verify(world_.tokens.verifier);
  EXPECT_EQ(alone, 0u);
  EXPECT_EQ(verify(world_.verifier), alone);
}

TEST_F(AcceptedTokensUse, AWarmRequestWithTheirsAsksForNoneEither) {
  const auto token = world_.sign(world_.claims());
  const auto headers = AcceptedWorld::bearer(token);
  const auto presented = token::Presented::from_headers(headers).value();
  const auto verify = [&] {
    EXPECT_TRUE(world_.verifier.verify(presented, std::nullopt, times_of(world_.clock)).has_value());
  };
  verify();
  EXPECT_EQ(writ::testing::allocations_of(verify), 0u);
}

// What policies see.

class ProvidersFacts : public ::testing::Test {
 protected:
  AcceptedWorld world_{[](TrustedIssuer& issuer) {
    issuer.facts = {{"roles", ClaimPath(std::vector<std::string>{"realm_access", "roles"})},
                    {"groups", "https://acme.example/groups"},
                    {"scopes", "scope"}};
  }};
  void clerks_only(std::string_view more = "") {
    world_.policies = enforce::testing::compiled(std::string(kAllMay) + R"(
@id("clerks") forbid (principal is Writ::User, action, resource)
unless { principal has roles && principal.roles.contains("clerk") };)" +
                                                 std::string(more));
  }
  Json with_roles(const std::vector<std::string>& roles) const {
    return world_.with({{"realm_access", Json::object({{"roles", texts(roles)}})}});
  }
};

TEST_F(ProvidersFacts, ArePoliciesToRead) {
  clerks_only();
  EXPECT_EQ(world_.ask(with_roles({"viewer", "clerk"})), "permit") << world_.message;
  EXPECT_EQ(world_.ask(with_roles({"viewer"})), "policy_forbid");
  EXPECT_EQ(world_.ask(world_.claims()), "policy_forbid") << "a fact that is absent";
  clerks_only(R"(@id("scoped") forbid (principal is Writ::User, action, resource)
                 unless { principal has scopes && principal.scopes.contains("invoices.read") };)");
  auto scoped = with_roles({"clerk"});
  EXPECT_EQ(world_.ask(scoped), "policy_forbid");
  scoped.set("scope", "openid  invoices.read");
  EXPECT_EQ(world_.ask(scoped), "permit") << world_.message;
}

// Two providers may have a group of one name.
TEST_F(ProvidersFacts, OfGroupsHaveTheIssuersPrefixAndRolesDoNot) {
  AcceptedWorld world([](TrustedIssuer& issuer) {
    issuer.facts = {{"groups", "groups"}, {"roles", "roles"}};
    issuer.group_prefix = "partner:";
  });
  world.policies = enforce::testing::compiled(std::string(kAllMay) + R"(
@id("admins") forbid (principal is Writ::User, action, resource)
unless { principal has groups && principal.groups.contains("partner:admins") &&
         principal has roles && principal.roles.contains("clerk") };)");
  const auto with = [&](std::string_view group) {
    return world.ask(world.with({{"groups", texts({std::string(group)})}, {"roles", texts({"clerk"})}}));
  };
  EXPECT_EQ(with("admins"), "permit") << world.message;
  EXPECT_EQ(with("partner:admins"), "policy_forbid") << "it would be partner:partner:admins";
  EXPECT_EQ(with("clerks"), "policy_forbid");
}

TEST_F(ProvidersFacts, GiveWayToWhatTheInventorySays) {
  clerks_only();
  world_.add({.id = "rosa",
              .kind = inventory::Kind::kUser,
              .attributes = Json::object({{"roles", texts({"viewer"})}})});
  auto claims = with_roles({"clerk"});
  claims.set("sub", "rosa");
  EXPECT_EQ(world_.ask(claims), "policy_forbid");
}

TEST_F(ProvidersFacts, OfAnotherShapeOrBeyondTheirLimitsAreRefused) {
  for (const auto& roles : {Json(7), Json::object(), texts({""}), texts({"a\nb"})}) {
    EXPECT_EQ(world_.ask(world_.with({{"realm_access", Json::object({{"roles", roles}})}})),
              "token_malformed")
        << roles.dump();
  }
  std::vector<std::string> many(kMaxFactTexts, "r");
  EXPECT_EQ(world_.ask(with_roles(many)), "permit") << world_.message;
  many.emplace_back("r");
  EXPECT_EQ(world_.ask(with_roles(many)), "token_malformed");
  EXPECT_EQ(world_.ask(world_.with({{"scope", std::string(300, 's') + " s"}})), "permit") << world_.message;
  EXPECT_EQ(world_.ask(with_roles(std::vector<std::string>(12, std::string(400, 'r')))), "permit")
      << world_.message;
}

TEST_F(ProvidersFacts, AreNotReadFromClaimsThatNobodyConfigured) {
  clerks_only();
  EXPECT_EQ(world_.ask(world_.with({{"roles", texts({"clerk"})}})), "policy_forbid");
}

}  // namespace
}  // namespace writ::oauth::testing::accepted_tokens_use_test
