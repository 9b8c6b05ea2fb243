// A provider's keys at a URL, with a real server that is as good or bad as each test wants it.
#include "oauth/issuer_keys.h"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "http/testing/loopback.h"
#include "jose/jws.h"
#include "oauth/key_refresher.h"
#include "oauth/trusted_issuers.h"

namespace writ::oauth::issuer_keys_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using codec::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);
constexpr std::string_view kOpenId = "/realms/a/.well-known/openid-configuration";
constexpr std::string_view kOauth = "/.well-known/oauth-authorization-server/realms/a";

// Serves what it is told to, and counts.
class Provider {
 public:
  Provider() : server_([this](http::Exchange exchange) { answer(std::move(exchange)); }) {
    serve(kOpenId, document(issuer()));
  }
  std::string url(std::string_view path) const {
    return fmt::format("http://127.0.0.1:{}{}", server_.port(), path);
  }
  std::string issuer() const { return url("/realms/a"); }
  std::string document(std::string_view issuer) const {
    return Json::object({{"issuer", issuer}, {"jwks_uri", url("/keys")}}).dump();
  }
  static std::string set_of(const std::vector<jose::Jwk>& keys) {
    return jose::JwkSet::of(keys).value().to_json().dump();
  }
  void serve(std::string_view path, std::string body, int status = 200, std::string location = {}) {
    auto response = http::json_response(status, std::move(body));
    if (!location.empty()) response.headers.add("Location", location);
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(std::string(path), std::move(response));
  }
  void stop_serving(std::string_view path) {
    const std::lock_guard lock(mutex_);
    answers_.erase(std::string(path));
  }
  int asked(std::string_view path) const {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(std::string(path));
    return found == asked_.end() ? 0 : found->second;
  }
  // Requests from now on are held, until let_go().
  void hold() { holding_ = true; }
  void let_go() {
    holding_ = false;
    std::vector<http::Exchange> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (auto& exchange : held) respond(std::move(exchange));
  }

 private:
  void answer(http::Exchange exchange) {
    const std::unique_lock lock(mutex_);
    ++asked_[exchange.request().path];
    if (holding_) return held_.push_back(std::move(exchange));
    respond_locked(std::move(exchange));
  }
  void respond(http::Exchange exchange) {
    const std::lock_guard lock(mutex_);
    respond_locked(std::move(exchange));
  }
  void respond_locked(http::Exchange exchange) {
    const auto found = answers_.find(exchange.request().path);
    exchange.respond(found != answers_.end() ? found->second : http::text_response(404, "nothing"));
  }

  mutable std::mutex mutex_;
  std::map<std::string, http::Response> answers_;
  std::map<std::string, int> asked_;
  std::vector<http::Exchange> held_;
  std::atomic<bool> holding_ = false;
  http::testing::TestServer server_;
};

class IssuerKeysTest : public ::testing::Test {
 protected:
  IssuerKeysTest() { provider_.serve("/keys", Provider::set_of({first_.public_jwk()})); }
  ~IssuerKeysTest() override {
    keys_.reset();
    fetcher_.stop();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  static jose::PrivateJwk new_key() { return jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value(); }
  static http::FetcherOptions options() {
    http::FetcherOptions options;
    EXPECT_TRUE(options.rules.allowed.add("127.0.0.1"));
    return options;
  }
  IssuerKeys& begin(KeyLocation location = {}) {
    keys_ = std::make_unique<IssuerKeys>(
        provider_.issuer(), std::move(location), jose::provider_rules({}),
        IssuerKeysParts{fetcher_, clock_, kept_,
                        [this](const std::string& line) {
                          const std::lock_guard lock(mutex_);
                          told_.push_back(line);
                        },
                        [this](std::string_view, std::string_view what) -> Result<void> {
                          if (audit_broken_) return failure(ErrorCode::kIo, "full");
                          const std::lock_guard lock(mutex_);
                          recorded_.emplace_back(what);
                          return {};
                        }});
    keys_->start();
    return *keys_;
  }
  // Nothing here is fast or slow: it happens, or the test fails.
  template <class Condition>
  static void eventually(const char* what, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
      std::this_thread::sleep_for(1ms);
    }
  }
  void await_fetches(std::uint64_t count) {
    eventually("fetches", [&] {
      const auto status = keys_->status();
      return status.fetched + status.failed >= count;
    });
  }
  std::vector<std::string> kids() const {
    std::vector<std::string> all;
    if (const auto set = keys_->in_force(times_of(clock_)))
      for (const auto& key : set->keys.keys()) all.push_back(*key.kid());
    return all;
  }
  // Asks for a key, and waits for whatever comes of it. False: there was nothing to wait for.
  bool ask_for(std::optional<std::string_view> kid) {
    std::promise<void> done;
    IssuerKeys::Then then = [&] { done.set_value(); };
    if (!keys_->wait_for(kid, then)) return false;
    done.get_future().wait();
    return true;
  }
  std::string last_error() const {
    const auto status = keys_->status();
    return status.failure ? status.failure->second : "";
  }
  std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  const jose::PrivateJwk first_ = new_key(), second_ = new_key();
  Provider provider_;
  ManualClock clock_{kNow};
  const fs::path folder_ = fs::path(::testing::TempDir()) /
                           fmt::format("provider-keys-{}-{}", ::getpid(), static_cast<void*>(this));
  const KeptKeys kept_{folder_};
  http::Fetcher fetcher_{options()};
  std::atomic<bool> audit_broken_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> told_, recorded_;
  std::unique_ptr<IssuerKeys> keys_;
};

TEST_F(IssuerKeysTest, TheIssuerAloneIsEnough) {
  begin();
  await_fetches(1);
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  const auto status = keys_->status();
  EXPECT_EQ(status.jwks_uri, provider_.url("/keys"));
  EXPECT_TRUE(status.in_force);
  EXPECT_EQ(status.good_until, kNow + 24h);
  EXPECT_FALSE(status.failure);
  EXPECT_THAT(recorded_, ElementsAre("added `" + first_.kid() + "`"));
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(IssuerKeysTest, TheDocumentOfRfc8414IsTheSecondPlace) {
  provider_.stop_serving(kOpenId);
  provider_.serve(kOauth, provider_.document(provider_.issuer()));
  begin();
  await_fetches(1);
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
}

TEST_F(IssuerKeysTest, AConfiguredUrlNeedsNoDocument) {
  begin({.jwks_uri = provider_.url("/keys")});
  await_fetches(1);
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_EQ(provider_.asked(kOpenId), 0);
}

TEST_F(IssuerKeysTest, ADocumentOfAnotherIssuerIsRefusedAndItsKeysAreNotAskedFor) {
  provider_.serve(kOpenId, provider_.document(provider_.issuer() + "/"));
  begin();
  await_fetches(1);
  EXPECT_THAT(kids(), IsEmpty());
  EXPECT_THAT(last_error(), HasSubstr("is of the issuer"));
  EXPECT_EQ(provider_.asked("/keys") + provider_.asked(kOauth), 0);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("its tokens are refused until they can be")));
}

TEST_F(IssuerKeysTest, KeysThatAreSaidToBeInsideAreNotAskedFor) {
  for (const char* inside : {"http://10.0.0.1/keys", "https://169.254.169.254/keys", "https://[::1]/keys"}) {
    provider_.serve(kOpenId, Json::object({{"issuer", provider_.issuer()}, {"jwks_uri", inside}}).dump());
    begin();
    await_fetches(1);
    EXPECT_THAT(last_error(), HasSubstr("only public addresses")) << inside;
    EXPECT_THAT(kids(), IsEmpty());
  }
}

TEST_F(IssuerKeysTest, ARedirectIsNotFollowed) {
  provider_.serve("/elsewhere", Provider::set_of({second_.public_jwk()}));
  provider_.serve("/keys", "", 302, provider_.url("/elsewhere"));
  begin();
  await_fetches(1);
  EXPECT_THAT(last_error(), HasSubstr("the answer is 302, and redirects are not followed"));
  EXPECT_EQ(provider_.asked("/elsewhere"), 0);
}

TEST_F(IssuerKeysTest, WhatIsNoKeySetLeavesInForceWhatIs) {
  begin({.refresh = {.apart = 0ms}});
  await_fetches(1);
  std::uint64_t fetches = 1;
  for (const std::string& bad :
       {std::string("<html>"), std::string("{}"), std::string(R"({"keys":[]})"),
        std::string(R"({"keys":[{"kty":"oct","k":"AA"}]})"), std::string(300 * 1024, ' ')}) {
    provider_.serve("/keys", bad);
    EXPECT_TRUE(ask_for("unknown"));
    await_fetches(++fetches);
    EXPECT_THAT(kids(), ElementsAre(first_.kid())) << bad.substr(0, 40);
    EXPECT_NE(last_error(), "");
  }
}

TEST_F(IssuerKeysTest, ABrokenKeyIsSkippedAndTold) {
  auto set = codec::parse_json(Provider::set_of({first_.public_jwk()})).value();
  auto keys = *set.find("keys");
  keys.push(codec::parse_json(R"({"kty":"RSA","kid":"weak","alg":"RS256","n":"AQAB","e":"AQAB"})").value());
  provider_.serve("/keys", Json::object({{"keys", keys}}).dump());
  begin();
  await_fetches(1);
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_THAT(told(), ElementsAre(HasSubstr("key `weak` of")));
  EXPECT_EQ(keys_->status().set->skipped.size(), 1u);
}

TEST_F(IssuerKeysTest, WhatAProviderWroteDoesNotSteerTheOperatorsTerminal) {
  provider_.serve(kOpenId, R"({"issuer":"https://evil.example/\u001b[2J\nwrit: all is well"})");
  begin();
  await_fetches(1);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_THAT(told()[0], HasSubstr("`https://evil.example/?[2J?writ: all is well`"));
}

// Rotation.

TEST_F(IssuerKeysTest, AnUnknownKeyIsFetchedAtOnceAndARemovedOneIsGone) {
  begin();
  await_fetches(1);
  EXPECT_FALSE(ask_for(first_.kid()));
  EXPECT_FALSE(ask_for(std::nullopt));
  provider_.serve("/keys", Provider::set_of({second_.public_jwk()}));
  EXPECT_TRUE(ask_for(second_.kid()));
  EXPECT_THAT(kids(), ElementsAre(second_.kid()));
  EXPECT_THAT(recorded_, Contains(fmt::format("added `{}`; removed `{}`", second_.kid(), first_.kid())));
}

TEST_F(IssuerKeysTest, AllWhoWaitForAKeyWaitForOneFetch) {
  begin();
  await_fetches(1);
  provider_.hold();
  std::atomic<int> done = 0;
  for (int i = 0; i < 10; ++i) {
    IssuerKeys::Then then = [&] { ++done; };
    EXPECT_TRUE(keys_->wait_for("unknown", then));
  }
  EXPECT_EQ(done, 0);
  // Nobody else waits meanwhile.
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_FALSE(ask_for(first_.kid()));
  provider_.let_go();
  eventually("all have been called", [&] { return done == 10; });
  EXPECT_EQ(provider_.asked("/keys"), 2);
}

TEST_F(IssuerKeysTest, AFloodOfUnknownKeysCausesOneFetchInItsTime) {
  begin({.refresh = {.apart = 1h}});
  await_fetches(1);
  EXPECT_TRUE(ask_for("unknown"));
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(ask_for(fmt::format("unknown-{}", i)));
  EXPECT_EQ(keys_->status().fetched, 2u);
  EXPECT_EQ(provider_.asked("/keys"), 2);
  EXPECT_EQ(keys_->status().unknown, 10'001u);
}

TEST_F(IssuerKeysTest, NoMoreThanSomeWaitAtATime) {
  begin();
  await_fetches(1);
  provider_.hold();
  std::atomic<int> done = 0;
  int waiting = 0;
  for (int i = 0; i < 1000; ++i) {
    IssuerKeys::Then then = [&] { ++done; };
    waiting += keys_->wait_for("unknown", then) ? 1 : 0;
  }
  EXPECT_EQ(waiting, 64);
  provider_.let_go();
  eventually("all have been called", [&] { return done == 64; });
}

TEST_F(IssuerKeysTest, AKeyThatCameTooSoonIsFetchedAfterThat) {
  begin({.refresh = {.apart = 50ms}});
  await_fetches(1);
  EXPECT_TRUE(ask_for("unknown"));
  provider_.serve("/keys", Provider::set_of({second_.public_jwk()}));
  (void)ask_for(second_.kid());
  eventually("the new key", [&] { return kids() == std::vector<std::string>{second_.kid()}; });
}

TEST_F(IssuerKeysTest, KeysThatAreNoLongerFreshAreFetchedAgain) {
  begin({.refresh = {.usual = 0s, .least = 0s, .most = 0s}});
  await_fetches(3);
  provider_.serve("/keys", Provider::set_of({second_.public_jwk()}));
  eventually("the new key", [&] { return kids() == std::vector<std::string>{second_.kid()}; });
}

TEST(RefreshRules, FreshnessHasBounds) {
  const RefreshRules rules;
  EXPECT_EQ(rules.pause(std::nullopt), 15min);
  EXPECT_EQ(rules.pause(0s), 1min);
  EXPECT_EQ(rules.pause(5min), 5min);
  EXPECT_EQ(rules.pause(std::chrono::seconds(std::int64_t{1} << 31)), 1h);
  EXPECT_EQ(rules.pause_after(1), 5s);
  EXPECT_EQ(rules.pause_after(3), 20s);
  EXPECT_EQ(rules.pause_after(1'000'000), 5min);
}

// Outages and restarts.

TEST_F(IssuerKeysTest, AnOutageLeavesTheLastSetInForceUntilItIsTooOld) {
  begin({.refresh = {.keep = 1h, .apart = 0ms}});
  await_fetches(1);
  provider_.serve("/keys", "", 503);
  EXPECT_TRUE(ask_for("unknown"));
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_THAT(told(), ElementsAre(HasSubstr("stay in force until 2025-06-15T16:06:40")));
  clock_.advance(1h - 1ms);
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  clock_.advance(1ms);
  EXPECT_THAT(kids(), IsEmpty());
  EXPECT_FALSE(keys_->status().in_force);
  // It is asked for whatever the token names, and good again at once.
  provider_.serve("/keys", Provider::set_of({first_.public_jwk()}));
  EXPECT_TRUE(ask_for(first_.kid()));
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_THAT(told(), Contains(HasSubstr("are fetched again")));
}

TEST_F(IssuerKeysTest, ARestartWithoutTheProviderGoesOnWithTheKeptSet) {
  begin();
  await_fetches(1);
  keys_.reset();
  provider_.stop_serving(kOpenId);
  provider_.hold();
  clock_.advance(23h);
  begin();
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_EQ(keys_->status().jwks_uri, provider_.url("/keys"));
  keys_->begin_stop();
  provider_.let_go();
  keys_.reset();
  clock_.advance(1h);
  begin();
  EXPECT_THAT(kids(), IsEmpty());
}

TEST_F(IssuerKeysTest, AKeptSetOfAnotherPlaceOrRuleIsNotUsed) {
  begin();
  await_fetches(1);
  keys_.reset();
  provider_.hold();
  begin({.jwks_uri = provider_.url("/other")});
  EXPECT_THAT(kids(), IsEmpty());
  keys_->begin_stop();
  provider_.let_go();
  EXPECT_FALSE(
      kept_.get(provider_.issuer(), jose::provider_rules(crypto::AlgorithmSet{crypto::Algorithm::kRs256})));
}

TEST_F(IssuerKeysTest, AClockThatWasAheadMakesNoKeptSetLiveLonger) {
  clock_.advance(240h);
  begin();
  await_fetches(1);
  keys_.reset();
  clock_.set(kNow);
  provider_.hold();
  begin();
  EXPECT_EQ(keys_->status().good_until, kNow + 24h);
  keys_->begin_stop();
  provider_.let_go();
}

TEST_F(IssuerKeysTest, AKeptFileThatOthersMayWriteOrThatIsBrokenIsNotUsedAndTold) {
  begin();
  await_fetches(1);
  keys_.reset();
  provider_.hold();
  const auto file = fs::directory_iterator(folder_)->path();
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  begin();
  EXPECT_THAT(kids(), IsEmpty());
  EXPECT_THAT(told(), Contains(HasSubstr("the kept keys of issuer")));
  keys_->begin_stop();
  keys_.reset();
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  std::ofstream(file) << "{";
  begin();
  EXPECT_THAT(kids(), IsEmpty());
  keys_->begin_stop();
  provider_.let_go();
}

TEST_F(IssuerKeysTest, AChangeThatCannotBeRecordedIsNotInForce) {
  begin({.refresh = {.apart = 0ms}});
  await_fetches(1);
  audit_broken_ = true;
  provider_.serve("/keys", Provider::set_of({second_.public_jwk()}));
  EXPECT_TRUE(ask_for(second_.kid()));
  EXPECT_THAT(kids(), ElementsAre(first_.kid()));
  EXPECT_THAT(last_error(), HasSubstr("could not be recorded"));
}

TEST_F(IssuerKeysTest, AStopCallsWhoeverWaits) {
  begin();
  await_fetches(1);
  provider_.hold();
  std::promise<void> done;
  IssuerKeys::Then then = [&] { done.set_value(); };
  ASSERT_TRUE(keys_->wait_for("unknown", then));
  eventually("the fetch is under way", [&] { return provider_.asked(kOpenId) == 2; });
  keys_->begin_stop();
  fetcher_.stop();
  keys_->stop();
  done.get_future().wait();
  IssuerKeys::Then late = [] {};
  EXPECT_FALSE(keys_->wait_for("unknown", late));
  provider_.let_go();
}

// As the token service uses them.

TEST_F(IssuerKeysTest, TokensAreVerifiedWithWhatIsFetchedAndRefusedWhileNothingIs) {
  std::vector<TrustedIssuer> configured{{.issuer = provider_.issuer(),
                                         .audience = "writ",
                                         .keys = jose::JwkSet::of({}).value(),
                                         .location = KeyLocation{.refresh = {.apart = 0ms}}}};
  provider_.serve("/keys", "", 503);
  KeyRefresher refresher(options(), kept_,
                         {clock_, [](const std::string&) {}, [](auto, auto) { return Result<void>(); }},
                         configured);
  const auto issuers = TrustedIssuers::of(configured).value();
  refresher.start();
  const auto token_of = [&](const jose::PrivateJwk& key) {
    const auto claims = Json::object({{"iss", provider_.issuer()},
                                      {"sub", "nora"},
                                      {"aud", "writ"},
                                      {"iat", unix_seconds(kNow)},
                                      {"exp", unix_seconds(kNow) + 600}});
    return jose::sign_jws(key, claims.dump(), "JWT").value();
  };
  const auto outcome = [&](const std::string& token) {
    std::promise<void> done;
    std::move_only_function<void()> then = [&] { done.set_value(); };
    if (issuers.wait_for_keys(token, then)) done.get_future().wait();
    const auto user = issuers.verify(token, times_of(clock_));
    return user ? user->id : std::string(reason_code(user.error().reason));
  };
  EXPECT_EQ(outcome(token_of(first_)), "indeterminate");
  provider_.serve("/keys", Provider::set_of({first_.public_jwk()}));
  EXPECT_EQ(outcome(token_of(first_)), "nora");
  EXPECT_EQ(outcome(token_of(second_)), "token_signature");
  provider_.serve("/keys", Provider::set_of({second_.public_jwk()}));
  EXPECT_EQ(outcome(token_of(second_)), "nora");
  EXPECT_EQ(outcome(token_of(first_)), "token_signature");
  // Neither rubbish nor another issuer's token makes anybody ask.
  const auto asked = provider_.asked("/keys");
  EXPECT_EQ(outcome("a.b.c"), "token_malformed");
  EXPECT_EQ(provider_.asked("/keys"), asked);
  ASSERT_EQ(refresher.status().size(), 1u);
  refresher.stop();
}

}  // namespace
}  // namespace writ::oauth::issuer_keys_test
