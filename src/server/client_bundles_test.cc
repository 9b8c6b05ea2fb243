// Bundles of trust domains at a URL, with a real endpoint that is as good or bad as each test wants it.
#include "server/client_bundles.h"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <thread>
#include <unistd.h>

#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::server::client_bundles_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using http::testing::TestAuthority;
using http::testing::TlsPeer;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const Instant kNow = instant_from_unix_seconds(1'790'000'000);
constexpr std::string_view kId = "spiffe://acme.example/ledger";

std::string bundle_of(const std::vector<const TestAuthority*>& authorities) {
  std::string keys;
  for (const auto* each : authorities) {
    auto pem = each->certificate();
    pem = pem.substr(pem.find('\n') + 1);
    pem = pem.substr(0, pem.find("-----END"));
    std::erase(pem, '\n');
    keys +=
        fmt::format(R"({}{{"kty": "EC", "use": "x509-svid", "x5c": ["{}"]}})", keys.empty() ? "" : ", ", pem);
  }
  return fmt::format(R"({{"keys": [{}], "spiffe_sequence": 1}})", keys);
}

// Says which names it saw.
void tell_names(http::Exchange exchange) {
  std::string names;
  if (const auto& told = exchange.request().peer_names)
    for (const auto& name : *told) names += name;
  exchange.respond(http::text_response(200, "\n" + names));
}

class ClientBundlesTest : public ::testing::Test {
 protected:
  ClientBundlesTest() { serve(bundle_of({&acme_})); }
  ~ClientBundlesTest() override {
    bundles_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  void serve(std::string body, int status = 200) {
    const std::lock_guard lock(mutex_);
    answer_ = http::json_response(status, std::move(body));
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/bundle", endpoint_.port()); }

  // A listener with the trust domain of that URL, from now on.
  void begin(const std::string& at = {}) {
    http::FetcherOptions outbound;
    ASSERT_TRUE(outbound.rules.allowed.add("127.0.0.1"));
    bundles_ = std::make_unique<ClientBundles>(ClientBundles::Parts{
        .outbound = outbound,
        .clock = clock_,
        .folder = folder_,
        .refresh =
            {.usual = 0s, .least = 0s, .most = 0s, .keep = 1h, .first_pause = 1ms, .longest_pause = 1ms},
        .tell =
            [this](const std::string& line) {
              const std::lock_guard lock(mutex_);
              told_.push_back(line);
            },
        .record = [this](std::string_view issuer, std::string_view what) -> Result<void> {
          if (audit_broken_) return failure(ErrorCode::kIo, "full");
          const std::lock_guard lock(mutex_);
          recorded_.push_back(fmt::format("{} {}", issuer, what));
          return {};
        }});
    listener_.server().replace_tls(bundles_->with_known(tls(at.empty() ? url() : at)));
    bundles_->serve(listener_.server());
  }
  std::shared_ptr<const http::TlsServer> tls(const std::string& at) const {
    return http::TlsServer::make({.identities = {own_.issue({"a.example"})},
                                  .clients = http::ClientCertificates::kAsked,
                                  .trust_domains = {{"acme.example", "", at}}})
        .value();
  }
  std::string seen(const TestAuthority& by) const {
    const auto identity = by.issue({std::string(kId)});
    TlsPeer client(listener_.port(), {.identity = &identity});
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto answer = client.read_all();
    const auto body = answer.rfind('\n');
    return body == answer.npos ? "cut" : answer.substr(body + 1);
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
  BundleStatus status() const { return bundles_->status().at(0); }
  // That many more attempts, of which the last one began after this call.
  void await_attempts(std::uint64_t more = 2) {
    const auto before = status().fetched + status().failed;
    eventually("attempts", [&] { return status().fetched + status().failed >= before + more; });
  }
  std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  std::vector<std::string> recorded() const {
    const std::lock_guard lock(mutex_);
    return recorded_;
  }

  const TestAuthority own_{"Own"}, acme_{"Acme"}, next_{"Acme 2"};
  mutable std::mutex mutex_;
  http::Response answer_ = http::text_response(404, "");
  std::vector<std::string> told_, recorded_;
  std::atomic<bool> audit_broken_ = false;
  ManualClock clock_{kNow};
  const fs::path folder_ = fs::path(::testing::TempDir()) /
                           fmt::format("client-bundles-{}-{}", ::getpid(), static_cast<void*>(this));
  http::testing::TestServer endpoint_{[this](http::Exchange exchange) {
    // It is asked again and again, and each time over another connection: the machine has so many ports.
    std::this_thread::sleep_for(5ms);
    const std::lock_guard lock(mutex_);
    exchange.respond(answer_);
  }};
  http::testing::TestServer listener_{tell_names, [this] {
                                        http::ServerOptions options;
                                        options.tls = tls("https://nowhere.example/");
                                        return options;
                                      }()};
  std::unique_ptr<ClientBundles> bundles_;
};

TEST_F(ClientBundlesTest, BeforeTheFirstFetchNobodySpeaksForTheTrustDomain) {
  begin();
  EXPECT_EQ(seen(acme_), "cut");
  EXPECT_EQ(status().authorities, 0u);
}

TEST_F(ClientBundlesTest, WhatIsFetchedComesInForceAndIsRecorded) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) == "URI:" + std::string(kId); });
  EXPECT_THAT(recorded(), ElementsAre(StartsWith("spiffe://acme.example added CA `")));
  EXPECT_EQ(status().authorities, 1u);
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(seen(next_), "cut");
}

TEST_F(ClientBundlesTest, ARotatedCaIsTakenAndTheRemovedOneIsGone) {
  begin();
  bundles_->start();
  eventually("the first", [&] { return seen(acme_) != "cut"; });
  serve(bundle_of({&acme_, &next_}));
  eventually("both", [&] { return seen(next_) != "cut"; });
  EXPECT_NE(seen(acme_), "cut");
  serve(bundle_of({&next_}));
  eventually("the second", [&] { return seen(acme_) == "cut"; });
  EXPECT_NE(seen(next_), "cut");
  EXPECT_THAT(recorded().back(), HasSubstr("removed CA `"));
}

TEST_F(ClientBundlesTest, AnOutageLeavesInForceWhatIsAndItIsToldOnce) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  serve("", 503);
  await_attempts(4);
  EXPECT_NE(seen(acme_), "cut");
  EXPECT_TRUE(status().failing);
  EXPECT_THAT(told(), ElementsAre(AllOf(HasSubstr("the answer is 503"), HasSubstr("stay in force until"))));
  serve(bundle_of({&acme_}));
  eventually("an end", [&] { return !status().failing; });
  EXPECT_THAT(told(), Contains(HasSubstr("are fetched again")));
}

TEST_F(ClientBundlesTest, WhatIsTooOldIsNotBelievedAnyMore) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  serve("", 503);
  await_attempts();
  clock_.set(kNow + 2h);
  eventually("its end", [&] { return seen(acme_) == "cut"; });
  EXPECT_EQ(status().authorities, 0u);
}

TEST_F(ClientBundlesTest, WhatBecameTooOldBeforeTheFirstFetchIsTakenOutToo) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  serve("", 503);
  begin();
  EXPECT_NE(seen(acme_), "cut") << "what was kept";
  clock_.set(kNow + 2h);
  bundles_->start();
  eventually("its end", [&] { return seen(acme_) == "cut"; });
}

TEST_F(ClientBundlesTest, AStartWithoutTheEndpointGoesOnWithWhatWasKept) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  serve("", 503);
  begin();
  EXPECT_NE(seen(acme_), "cut") << "before any fetch";
  begin(url() + "/other");
  EXPECT_EQ(seen(acme_), "cut") << "what came from another URL is not believed";
}

TEST_F(ClientBundlesTest, WhatWasKeptIsOnlyReadWhereNobodyElseMayWrite) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  bundles_.reset();
  fs::permissions(folder_, fs::perms::others_write, fs::perm_options::add);
  begin();
  EXPECT_EQ(seen(acme_), "cut");
  EXPECT_THAT(told(), Contains(AllOf(HasSubstr("/bundle-"), HasSubstr("is not used"))));
}

TEST_F(ClientBundlesTest, WhatIsNoBundleLeavesInForceWhatIs) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  for (const std::string& bad :
       {std::string("<html>"), std::string("{}"), std::string(R"({"keys": []})"),
        std::string(R"({"keys": [{"use": "jwt-svid", "kid": "a"}]})"),
        std::string(R"({"keys": [{"use": "x509-svid", "x5c": ["AAAA"]}]})"), std::string(300 * 1024, ' ')}) {
    serve(bad);
    await_attempts();
    EXPECT_TRUE(status().failing) << bad.substr(0, 40);
    EXPECT_NE(seen(acme_), "cut") << bad.substr(0, 40);
  }
}

TEST_F(ClientBundlesTest, WhatCannotBeRecordedDoesNotComeInForce) {
  audit_broken_ = true;
  begin();
  bundles_->start();
  eventually("a failure", [&] { return status().failing; });
  EXPECT_EQ(seen(acme_), "cut");
  EXPECT_THAT(told(), Contains(HasSubstr("the change could not be recorded")));
  audit_broken_ = false;
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
}

TEST_F(ClientBundlesTest, AListenerThatDoesNotNameItAnyMoreDoesNotGetIt) {
  begin();
  bundles_->start();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
  bundles_->replace(listener_.server(), http::TlsServer::make({.identities = {own_.issue({"a.example"})},
                                                               .clients = http::ClientCertificates::kAsked,
                                                               .client_ca = own_.certificate()})
                                            .value());
  bundles_->forget_unused();
  EXPECT_THAT(bundles_->status(), IsEmpty());
  EXPECT_EQ(seen(acme_), "cut");
}

TEST_F(ClientBundlesTest, OneThatANewConfigurationNamesIsFetchedToo) {
  begin("https://127.0.0.1:1/gone");
  bundles_->start();
  bundles_->replace(listener_.server(), tls(url()));
  bundles_->forget_unused();
  eventually("the bundle", [&] { return seen(acme_) != "cut"; });
}

TEST_F(ClientBundlesTest, AnAddressInsideIsNotAsked) {
  begin("https://169.254.169.254/bundle");
  bundles_->start();
  eventually("a failure", [&] { return status().failing; });
  EXPECT_THAT(told().front(), HasSubstr("only public addresses"));
}

}  // namespace
}  // namespace writ::server::client_bundles_test
