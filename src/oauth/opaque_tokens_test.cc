// Opaque tokens: what their issuer says of them at a real introspection endpoint, as what they are accepted,
// and what keeps strangers and outages from everybody else.
#include <atomic>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <thread>

#include "http/testing/loopback.h"
#include "oauth/form.h"
#include "oauth/testing/accepted.h"
#include "oauth/token_asker.h"

namespace writ::oauth::testing::opaque_tokens_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kSecret = "s%cret of writ";

// Says of each token what it is told to, and that all others are not active.
class Introspection {
 public:
  Introspection() : server_([this](http::Exchange exchange) { read(std::move(exchange), {}); }) {}
  std::string url() const { return fmt::format("http://127.0.0.1:{}/introspect", server_.port()); }

  void say(std::string_view token, const Json& told) { say(token, 200, told.dump()); }
  void say(std::string_view token, int status, std::string body) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(std::string(token), http::json_response(status, std::move(body)));
  }
  // Whatever it is asked about.
  void fail_with(std::optional<int> status) {
    const std::lock_guard lock(mutex_);
    failing_ = status;
  }
  int asked(std::string_view token) const {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(std::string(token));
    return found == asked_.end() ? 0 : found->second;
  }
  int asked() const {
    const std::lock_guard lock(mutex_);
    int all = 0;
    for (const auto& [token, times] : asked_) all += times;
    return all;
  }
  void await(int questions) const {
    while (asked() < questions) std::this_thread::yield();
  }
  // Questions from now on are held, until let_go().
  void hold() {
    const std::lock_guard lock(mutex_);
    holding_ = true;
  }
  void let_go() {
    std::vector<std::pair<http::Exchange, std::string>> held;
    {
      const std::lock_guard lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (auto& [exchange, token] : held) respond(std::move(exchange), token);
  }
  std::string last_body() const {
    const std::lock_guard lock(mutex_);
    return last_body_;
  }
  std::string last_credential() const {
    const std::lock_guard lock(mutex_);
    return last_credential_;
  }

 private:
  void read(http::Exchange exchange, std::string body) {
    auto held = std::make_shared<http::Exchange>(std::move(exchange));
    held->read_body([this, held, body = std::move(body)](Result<std::string_view> piece) mutable {
      if (piece && !piece->empty()) return read(std::move(*held), body + std::string(*piece));
      answer(std::move(*held), body);
    });
  }
  void answer(http::Exchange exchange, const std::string& body) {
    const auto form = Form::parse(body).value();
    const std::string token(form.find("token").value_or(""));
    {
      const std::lock_guard lock(mutex_);
      last_body_ = body;
      last_credential_ = std::string(exchange.request().headers.find("Authorization").value_or(""));
      ++asked_[token];
      if (holding_) return held_.emplace_back(std::move(exchange), token), void();
    }
    respond(std::move(exchange), token);
  }
  void respond(http::Exchange exchange, const std::string& token) {
    auto response = [&] {
      const std::lock_guard lock(mutex_);
      if (failing_) return http::json_response(*failing_, "{}");
      const auto found = answers_.find(token);
      return found != answers_.end() ? found->second : http::json_response(200, R"({"active":false})");
    }();
    exchange.respond(std::move(response));
  }

  mutable std::mutex mutex_;
  std::map<std::string, http::Response> answers_;
  std::map<std::string, int> asked_;
  std::vector<std::pair<http::Exchange, std::string>> held_;
  std::optional<int> failing_;
  bool holding_ = false;
  std::string last_body_, last_credential_;
  http::testing::TestServer server_;
};

class OpaqueTokensTest : public ::testing::Test {
 protected:
  OpaqueTokensTest() { server_.say("at-nora", told()); }
  ~OpaqueTokensTest() override {
    server_.let_go();
    fetcher_.stop();
    asker_->stop();
  }

  static http::FetcherOptions options() {
    http::FetcherOptions options;
    EXPECT_TRUE(options.rules.allowed.add("127.0.0.1"));
    return options;
  }
  std::filesystem::path file(std::string_view name, std::string_view content) {
    auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("{}-{}", name, ::getpid());
    std::ofstream(path) << content << '\n';
    return path;
  }
  AskingRules rules() {
    return {.url = server_.url(),
            .client_id = "writ at acme",
            .secret_file = file("introspection-secret", kSecret),
            .max_age = 30s,
            .max_kept = 10'000,
            .failures = 2,
            .pause = 5s};
  }
  std::shared_ptr<TokenAsker> make(AskingRules rules) {
    return std::make_shared<TokenAsker>(
        std::string(kProviderOfApis), std::move(rules),
        TokenAskerParts{fetcher_, world_.clock, [this](const std::string& line) {
                          const std::lock_guard lock(mutex_);
                          lines_.push_back(line);
                        }});
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  // Of nora's token.
  Json told(std::initializer_list<std::pair<std::string_view, Json>> changes = {}) const {
    auto json = world_.with(changes);
    json.set("active", true);
    if (json.find("token_type") == nullptr) json.set("token_type", "Bearer");
    return json;
  }
  static Json without(Json json, std::string_view name) {
    std::erase_if(*json.if_object(), [&](const auto& member) { return member.first == name; });
    return json;
  }
  std::string ask(std::string_view token, std::string_view api = "invoices") {
    return world_.ask(AcceptedWorld::bearer(token), api);
  }
  // What becomes of a token of which its issuer says this.
  std::string ask_told(const Json& json) {
    const auto token = fmt::format("told-{}", ++count_);
    server_.say(token, json);
    return ask(token);
  }
  // So many, and nothing is being asked.
  void await_answers(std::uint64_t answers) {
    const auto over = [&] {
      const auto stats = asker_->stats();
      return stats.active + stats.inactive + stats.failed >= answers && stats.waiting == 0;
    };
    while (!over()) std::this_thread::yield();
  }

  Introspection server_;
  http::Fetcher fetcher_{options()};
  std::shared_ptr<TokenAsker> asker_;
  AcceptedWorld world_{[this](TrustedIssuer& issuer) { issuer.asked = asker_ = make(rules()); }};
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  int count_ = 0;
};

// As what they are accepted.

TEST_F(OpaqueTokensTest, AnOpaqueTokenIsWhatItsIssuerSaysItIs) {
  ASSERT_EQ(ask("at-nora"), "permit") << world_.message;
  EXPECT_EQ(world_.recorded("subject"), "nora");
  EXPECT_EQ(world_.recorded("client"), "support-portal");
  EXPECT_EQ(world_.recorded("token_issuer"), kProviderOfApis);
  EXPECT_EQ(world_.recorded("token_id"), std::string(kProviderOfApis) + " t-1");
}

TEST_F(OpaqueTokensTest, AClientsOwnTokenNamesNoSubjectOrTheClient) {
  auto own = without(told({{"client_id", "mkt-001"}}), "sub");
  ASSERT_EQ(ask_told(own), "permit") << world_.message;
  EXPECT_EQ(world_.permitted->claims().subject, "marketing-app");
  own.set("sub", "mkt-001");
  ASSERT_EQ(ask_told(own), "permit") << world_.message;
  EXPECT_FALSE(world_.permitted->claims().subject_issuer);
}

// No page says what `sub` of a client's own token is at Curity.
TEST_F(OpaqueTokensTest, WhereAProfileTellsUsersFromClientsAnswersAreReadByIt) {
  AcceptedWorld world([this](TrustedIssuer& issuer) {
    issuer.asked = make(rules());
    issuer.profile = find_profile("curity");
  });
  const auto ask = [&](std::string_view token, const Json& json) {
    server_.say(token, json);
    return world.ask(AcceptedWorld::bearer(token));
  };
  EXPECT_EQ(ask("told-user", told({{"acr", "html-form"}})), "permit") << world.message;
  EXPECT_EQ(ask("told-own", told({{"client_id", "mkt-001"}, {"sub", "mkt-001"}})), "permit") << world.message;
  EXPECT_EQ(ask("told-unclear", told()), "token_type");
}

TEST_F(OpaqueTokensTest, WritShowsItsIssuerWhoItIsByASecret) {
  ASSERT_EQ(ask("at-nora"), "permit") << world_.message;
  EXPECT_EQ(server_.last_credential(),
            "Basic " + codec::base64_encode("writ%20at%20acme:s%25cret%20of%20writ"));
  EXPECT_EQ(server_.last_body(), "token=at-nora&token_type_hint=access_token");
}

TEST_F(OpaqueTokensTest, OrByAnAssertionThatIsForThisIssuerAlone) {
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto by_key = rules();
  by_key.secret_file.clear();
  by_key.key_file = file("introspection-key", key.serialise().expose());
  AcceptedWorld world([&](TrustedIssuer& issuer) { issuer.asked = make(by_key); });
  ASSERT_EQ(world.ask(AcceptedWorld::bearer("at-nora")), "permit") << world.message;
  EXPECT_EQ(server_.last_credential(), "");
  const auto body = server_.last_body();
  const auto form = Form::parse(body).value();
  EXPECT_EQ(form.find("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  const auto keys = jose::JwkSet::of({key.public_jwk()}).value();
  const auto assertion = token::verify_assertion(form.find("client_assertion").value_or(""),
                                                 {.issuer = "writ at acme",
                                                  .keys = keys,
                                                  .audiences = {kProviderOfApis},
                                                  .types = {""},
                                                  .max_lifetime = 2min},
                                                 world.clock.now());
  ASSERT_TRUE(assertion) << assertion.error().message;
  EXPECT_EQ(assertion->subject, "writ at acme");
  EXPECT_TRUE(assertion->jti);
}

TEST_F(OpaqueTokensTest, ForeignTaskAndPurposeAreNeverReadAsOurs) {
  const auto task = world_.open_task();
  ASSERT_EQ(ask_told(told({{"task", (*task)->id}, {"purpose", "support"}, {"environment", "production"}})),
            "permit");
  EXPECT_FALSE(world_.permitted->claims().task);
  EXPECT_FALSE(world_.permitted->claims().purpose);
  EXPECT_FALSE(world_.permitted->claims().environment);
  EXPECT_EQ(ask_told(told({{"client_id", "agent-9c1"}, {"task", (*task)->id}})), "task_missing");
}

// What is refused.

TEST_F(OpaqueTokensTest, OneThatIsNotActiveIsRefusedAndNotAskedAboutAgain) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("at-revoked"), "token_revoked");
  EXPECT_THAT(world_.message, HasSubstr("is not active, says its issuer"));
  EXPECT_EQ(server_.asked("at-revoked"), 1);
  EXPECT_EQ(world_.recorded("reason"), "token_revoked") << "and it is in the audit";
}

TEST_F(OpaqueTokensTest, ARefreshTokenInPlaceOfAnAccessTokenIsRefused) {
  EXPECT_EQ(ask_told(without(told(), "token_type")), "token_type");
  EXPECT_THAT(world_.message, HasSubstr("does not say that it is an access token"));
  EXPECT_EQ(ask_told(told({{"token_type", "refresh_token"}})), "token_type");
}

TEST_F(OpaqueTokensTest, AnIdTokenInPlaceOfAnAccessTokenIsRefused) {
  EXPECT_EQ(ask_told(told({{"at_hash", "x"}})), "token_type");
  EXPECT_EQ(ask_told(told({{"events", Json::object()}})), "token_type");
}

TEST_F(OpaqueTokensTest, AnAnswerAboutATokenOfAnotherIssuerIsRefused) {
  EXPECT_EQ(ask_told(without(told(), "iss")), "token_issuer");
  for (const auto* other : {"https://login.acme.example/", "https://LOGIN.acme.example",
                            "https://login.acme.example:443", "https://a@login.acme.example"})
    EXPECT_EQ(ask_told(told({{"iss", other}})), "token_issuer") << other;
}

TEST_F(OpaqueTokensTest, OneWithoutAnAudienceOrForSomethingElseIsRefused) {
  EXPECT_EQ(ask_told(without(told(), "aud")), "audience_mismatch");
  EXPECT_EQ(ask_told(told({{"aud", "api://invoices/"}})), "audience_mismatch");
}

TEST_F(OpaqueTokensTest, OneWhoseAudienceNamesTwoOfOurApisIsRefused) {
  auto both = Json::array();
  both.push("api://invoices");
  both.push("api://mail");
  EXPECT_EQ(ask_told(told({{"aud", both}})), "audience_mismatch");
  EXPECT_THAT(world_.message, HasSubstr("names two APIs of Writ's"));
}

TEST_F(OpaqueTokensTest, OneForAnotherApiIsRefusedHere) {
  EXPECT_EQ(ask("at-nora", "mail"), "audience_mismatch");
  EXPECT_EQ(ask("at-nora"), "permit");
  EXPECT_EQ(ask("at-nora", "mail"), "audience_mismatch") << "also when it is remembered";
}

TEST_F(OpaqueTokensTest, AClientThatIsNotMappedIsRefusedAlsoIfItIsCalledAsOneOfOurs) {
  EXPECT_EQ(ask_told(told({{"client_id", "support-portal"}})), "caller_unknown");
  EXPECT_EQ(ask_told(without(told(), "client_id")), "caller_unknown");
  EXPECT_EQ(ask_told(told({{"azp", "mkt-001"}})), "caller_mismatch");
}

TEST_F(OpaqueTokensTest, AnActorThatIsNotMappedIsRefused) {
  EXPECT_EQ(ask_told(told({{"act", Json::object({{"sub", "support-agent"}})}})), "caller_unknown");
}

TEST_F(OpaqueTokensTest, ABoundOneWithoutItsProofIsRefused) {
  const auto holder = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto thief = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  server_.say("bound", told({{"token_type", "DPoP"},
                             {"cnf", Json::object({{"jkt", holder.public_jwk().thumbprint()}})}}));
  EXPECT_EQ(ask("bound"), "sender_binding_missing");
  EXPECT_EQ(world_.ask(world_.bound_headers(thief, "bound", "GET", kThere)), "sender_binding_mismatch");
  EXPECT_EQ(world_.ask(world_.bound_headers(holder, "bound", "GET", kThere)), "permit") << world_.message;
  EXPECT_EQ(ask_told(told({{"cnf", Json::object({{"kid", "somewhere"}})}})), "sender_binding_missing");
}

TEST_F(OpaqueTokensTest, OneThatLivesTooLongOrWithoutAnEndOrABeginIsRefused) {
  EXPECT_EQ(ask_told(told({{"exp", unix_seconds(world_.clock.now()) + 3601}})), "token_malformed");
  EXPECT_EQ(ask_told(without(told(), "exp")), "token_malformed");
  EXPECT_EQ(ask_told(without(told(), "iat")), "token_malformed");
  EXPECT_EQ(ask_told(told({{"exp", unix_seconds(world_.clock.now())}})), "token_expired");
}

TEST_F(OpaqueTokensTest, ItEndsWithItsLifetimeAlsoWhileTheAnswerIsYoung) {
  server_.say("short", told({{"exp", unix_seconds(world_.clock.now()) + 5}}));
  ASSERT_EQ(ask("short"), "permit");
  world_.clock.set(world_.clock.now() + 5s);
  EXPECT_EQ(ask("short"), "token_expired");
}

TEST_F(OpaqueTokensTest, AJwtOrAJweIsNeverSentToAnIssuer) {
  EXPECT_EQ(world_.ask(world_.claims()), "permit") << "its signature says it all";
  EXPECT_EQ(ask("aaaa.bbbb.cccc"), "token_malformed");
  EXPECT_EQ(ask("aaaa.bbbb.cccc.dddd.eeee"), "token_malformed");
  EXPECT_EQ(server_.asked(), 0);
}

TEST_F(OpaqueTokensTest, WhereNoIssuerIsAskedAnOpaqueTokenIsRefused) {
  EXPECT_EQ(ask("at-nora", "reports"), "token_malformed");
  EXPECT_EQ(server_.asked(), 0);
}

TEST_F(OpaqueTokensTest, WhatIsNoAnswerIsNeverAYes) {
  int questions = 0;
  for (const auto& [status, body] :
       std::vector<std::pair<int, std::string>>{{200, "active"},
                                                {200, "[]"},
                                                {200, "{}"},
                                                {200, R"({"active":"true"})"},
                                                {200, R"({"active":1})"},
                                                {200, R"({"active":true,"active":true})"},
                                                {200, std::string(100'000, ' ')},
                                                {201, told().dump()},
                                                {302, told().dump()},
                                                {401, told().dump()},
                                                {500, told().dump()}}) {
    const auto token = fmt::format("odd-{}", ++questions);
    server_.say(token, status, body);
    EXPECT_EQ(ask(token), "indeterminate") << body;
    EXPECT_EQ(server_.asked(token), 1);
    world_.clock.advance(5s);  // the circuit lets one through again
  }
}

// For how long an answer counts.

TEST_F(OpaqueTokensTest, ItsIssuerIsAskedOnceUntilTheAnswerIsOld) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(ask("at-nora"), "permit");
  EXPECT_EQ(server_.asked("at-nora"), 1);
  world_.clock.advance(30s);
  ASSERT_EQ(ask("at-nora"), "permit");
  EXPECT_EQ(server_.asked("at-nora"), 2);
}

TEST_F(OpaqueTokensTest, AStaleAnswerAfterARevocationIsNotUsed) {
  ASSERT_EQ(ask("at-nora"), "permit");
  const auto held = *world_.permitted;
  server_.say("at-nora", Json::object({{"active", false}}));
  world_.clock.advance(30s);
  EXPECT_FALSE(world_.verifier.still_good(held, times_of(world_.clock))) << "nor does a stream go on with it";
  EXPECT_EQ(ask("at-nora"), "token_revoked");
}

TEST_F(OpaqueTokensTest, ACallerThatComesOftenWaitsForItsIssuerOnce) {
  ASSERT_EQ(ask("at-nora"), "permit");
  const auto held = *world_.permitted;
  for (std::uint64_t times = 1; times <= 5; ++times) {
    world_.clock.advance(20s);
    server_.hold();
    ASSERT_EQ(ask("at-nora"), "permit") << "it is asked anew, and nobody waits for that";
    server_.await(static_cast<int>(times) + 1);
    server_.let_go();
    await_answers(times + 1);
  }
  EXPECT_TRUE(world_.verifier.still_good(held, times_of(world_.clock))) << "a stream goes on with it";
}

TEST_F(OpaqueTokensTest, AnAnswerThatBecameANoEndsWhatWasBegunWithTheYes) {
  ASSERT_EQ(ask("at-nora"), "permit");
  const auto held = *world_.permitted;
  server_.say("at-nora", Json::object({{"active", false}}));
  world_.clock.advance(20s);
  (void)ask("at-nora");
  await_answers(2);
  EXPECT_FALSE(world_.verifier.still_good(held, times_of(world_.clock)));
  EXPECT_EQ(ask("at-nora"), "token_revoked");
}

TEST_F(OpaqueTokensTest, AnAnswerThatChangedIsUsedAnew) {
  ASSERT_EQ(ask("at-nora"), "permit");
  const auto held = *world_.permitted;
  server_.say("at-nora", told({{"sub", "sofia"}}));
  world_.clock.advance(20s);
  (void)ask("at-nora");
  await_answers(2);
  ASSERT_EQ(ask("at-nora"), "permit");
  EXPECT_EQ(world_.permitted->claims().subject, "sofia");
  EXPECT_FALSE(world_.verifier.still_good(held, times_of(world_.clock)));
}

// Outages, and strangers.

TEST_F(OpaqueTokensTest, AnOutageRefusesWithAReasonAndNeverHoldsUpKnownCallers) {
  ASSERT_EQ(ask("at-nora"), "permit");
  server_.fail_with(503);
  EXPECT_EQ(ask("unknown-1"), "indeterminate");
  EXPECT_THAT(world_.message, HasSubstr("could not be asked whether the token is good"));
  EXPECT_EQ(ask("unknown-2"), "indeterminate");
  EXPECT_TRUE(asker_->stats().open);
  EXPECT_EQ(ask("unknown-3"), "indeterminate");
  EXPECT_EQ(server_.asked("unknown-3"), 0) << "it failed twice, and is left alone";
  EXPECT_EQ(ask("at-nora"), "permit");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("answers with the status 503")));
  server_.fail_with(std::nullopt);
  world_.clock.advance(5s);
  EXPECT_EQ(ask("unknown-4"), "token_revoked");
  EXPECT_FALSE(asker_->stats().open);
  EXPECT_EQ(lines().size(), 2u) << "the operator is told that it is over";
}

TEST_F(OpaqueTokensTest, AnOutageDoesNotOutliveTheBound) {
  ASSERT_EQ(ask("at-nora"), "permit");
  server_.fail_with(503);
  world_.clock.advance(30s);
  EXPECT_EQ(ask("at-nora"), "indeterminate");
}

TEST_F(OpaqueTokensTest, AnOutageIsNotCountedAgainstWhoeverComes) {
  server_.fail_with(503);
  const auto before = world_.attempts.stats();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("at-nora"), "indeterminate");
  const auto after = world_.attempts.stats();
  EXPECT_EQ(after.tried - before.tried, after.right - before.right);
}

TEST_F(OpaqueTokensTest, TokensThatItsIssuerRejectsDoNotKeepOthersFromBeingAskedAbout) {
  for (const int status : {400, 413, 414, 422}) {
    const auto token = fmt::format("odd-{}", status);
    server_.say(token, status, "{}");
    EXPECT_EQ(ask(token), "indeterminate");
  }
  EXPECT_FALSE(asker_->stats().open) << "two failures in a row would open it";
  EXPECT_EQ(ask("at-nora"), "permit");
}

TEST_F(OpaqueTokensTest, ACredentialThatItsIssuerDoesNotKnowIsToldToTheOperator) {
  server_.fail_with(401);
  EXPECT_EQ(ask("at-nora"), "indeterminate");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("look at `client_id` and the credential")));
  EXPECT_THAT(lines().front(), Not(HasSubstr("at-nora")));
}

TEST_F(OpaqueTokensTest, AboutOneTokenItsIssuerIsAskedOnceAtATime) {
  server_.hold();
  std::vector<std::thread> threads;
  std::atomic<int> over = 0;
  for (int i = 0; i < 8; ++i) {
    TokenAsker::Then then = [&over] { ++over; };
    ASSERT_TRUE(asker_->ask("at-nora", "192.0.2.7", then));
  }
  server_.await(1);
  server_.let_go();
  while (over < 8) std::this_thread::yield();
  EXPECT_EQ(server_.asked("at-nora"), 1);
  EXPECT_EQ(ask("at-nora"), "permit");
}

TEST_F(OpaqueTokensTest, MoreTokensThanThereIsRoomForAreRefusedAtOnce) {
  auto narrow = rules();
  narrow.max_waiting = 4;
  narrow.threads = 1;
  const auto asker = make(narrow);
  asker->read_with([](const Json&, std::string_view, const TokenAsker::ToldUntil&) -> TokenAsker::Answer {
    return std::unexpected(Denial{Reason::kTokenType, "not of interest"});
  });
  server_.hold();
  std::atomic<int> over = 0;
  for (int i = 0; i < 4; ++i) {
    TokenAsker::Then then = [&over] { ++over; };
    ASSERT_TRUE(asker->ask(fmt::format("stranger-{}", i), fmt::format("192.0.2.{}", i), then)) << i;
  }
  bool called = false;
  TokenAsker::Then then = [&called] { called = true; };
  EXPECT_FALSE(asker->ask("stranger-5", "192.0.2.5", then));
  EXPECT_EQ(asker->stats().refused, 1u);
  EXPECT_FALSE(called) << "whoever asks goes on by itself";
  server_.let_go();
  while (over < 4) std::this_thread::yield();
  EXPECT_EQ(asker->stats().waiting, 0u);
}

TEST_F(OpaqueTokensTest, TokensOfStrangersPushOutStrangersAlone) {
  auto narrow = rules();
  narrow.max_kept = 64;
  AcceptedWorld world([&](TrustedIssuer& issuer) { issuer.asked = make(narrow); });
  ASSERT_EQ(world.ask(AcceptedWorld::bearer("at-nora")), "permit");
  for (int i = 0; i < 200; ++i) (void)world.ask(AcceptedWorld::bearer(fmt::format("guess-{}", i)));
  ASSERT_EQ(world.ask(AcceptedWorld::bearer("at-nora")), "permit");
  EXPECT_EQ(server_.asked("at-nora"), 1);
  EXPECT_LE(world.issuers.all().front().asked->stats().kept, 64u);
}

TEST_F(OpaqueTokensTest, GuessesSlowTheGuesserAndNotWhoeverIsKnownBehindTheSameAddress) {
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
  const auto ask = [&](std::string_view token) {
    const auto headers = AcceptedWorld::bearer(token);
    const auto outcome = strict.enforce({.point = "gateway",
                                         .sent = {"GET", "/", "/", "", "192.0.2.7"},
                                         .credentials = token::Presented::from_headers(headers),
                                         .api = "invoices",
                                         .action = {"Billing::Action", "read"},
                                         .resource = {"Billing::Invoice", "inv-1"}});
    return outcome ? "permit" : outcome.error().kind == enforce::Refused::Kind::kSlowDown ? "slow" : "no";
  };
  EXPECT_STREQ(ask("at-nora"), "permit");
  for (int i = 0; i < 3; ++i) EXPECT_STREQ(ask(fmt::format("guess-{}", i)), "no");
  EXPECT_STREQ(ask("guess-3"), "slow");
  EXPECT_EQ(server_.asked("guess-3"), 0);
  EXPECT_STREQ(ask("at-nora"), "permit");
}

TEST_F(OpaqueTokensTest, ABodyIsReadOfWhoeverIsKnown) {
  const auto headers = AcceptedWorld::bearer("at-nora");
  const enforce::Credentials credentials = token::Presented::from_headers(headers);
  EXPECT_FALSE(world_.here.recognises(credentials, "192.0.2.7", "invoices"));
  EXPECT_EQ(server_.asked(), 0) << "a look asks nobody";
  std::atomic<bool> over = false;
  std::move_only_function<void()> then = [&over] { over = true; };
  ASSERT_TRUE(world_.here.wait_for_issuer(credentials, "192.0.2.7", "invoices", then));
  while (!over) std::this_thread::yield();
  EXPECT_TRUE(world_.here.recognises(credentials, "192.0.2.7", "invoices"));
}

}  // namespace
}  // namespace writ::oauth::testing::opaque_tokens_test
