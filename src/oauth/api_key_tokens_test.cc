// API keys in the place of a token: as what they are taken, everything that refuses one, and that guesses
// slow the guesser alone.
#include "oauth/api_key_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "enforce/testing/world.h"
#include "inventory/testing/memory_api_key_store.h"

namespace writ::oauth::api_key_tokens_test {
namespace {

using codec::Json;
using enforce::testing::kIssuer;
using enforce::testing::kNow;
using inventory::ApiKey;
using inventory::Kind;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::string_view kAllMay = R"(
@id("services") permit (principal is Writ::Service, action, resource is Billing::Invoice)
when { context.credential has kind && context.credential.kind == "api_key" };
)";

// Who would be asked about tokens that are none of Writ's.
struct Others final : token::ForeignTokens {
  std::shared_ptr<const token::AccessClaims> known(std::string_view, std::string_view, Times) const override {
    ++asked;
    return nullptr;
  }
  std::optional<token::ForeignAnswer> verify(std::string_view, std::string_view, Times) const override {
    ++asked;
    return std::nullopt;
  }
  bool stands(const token::Foreign&, Times) const override { return false; }
  bool wait_for(const token::BroughtThere&, std::move_only_function<void()>&) const override {
    ++asked;
    return false;
  }
  mutable int asked = 0;
};

class ApiKeyTokensTest : public ::testing::Test {
 protected:
  ApiKeyTokensTest() {
    world_.policies = enforce::testing::compiled(kAllMay);
    world_.add({.id = "erp", .kind = Kind::kService, .tenant = "north", .purposes = {"export"}});
    take_keys(true);
  }

  void take_keys(bool takes) {
    inventory::Change declared;
    declared.apis.push_back({.id = "ledger",
                             .audience = "https://ledger.acme.example",
                             .name_space = "Billing",
                             .actions = {"read"},
                             .declared = true,
                             .api_keys = takes});
    ASSERT_TRUE(world_.directory.declare(std::move(declared)));
  }
  std::string make(const std::function<void(ApiKey&)>& change = [](ApiKey&) {}) {
    auto made = inventory::new_api_key();
    ApiKey key{.id = made.id,
               .identity = "erp",
               .api = "ledger",
               .digest = made.digest,
               .created_at = world_.clock.now(),
               .expires_at = world_.clock.now() + 24h};
    change(key);
    EXPECT_TRUE(keys_.add(std::move(key), world_.clock.now()));
    return std::string(made.text.expose());
  }
  static std::string id_of(std::string_view text) { return std::string(inventory::api_key_id(text).value()); }

  // "permit", or the reason.
  std::string ask(std::string_view text, std::string_view api = "ledger", http::Headers more = {},
                  std::string_view peer = "192.0.2.7") {
    http::Headers headers = std::move(more);
    if (headers.find("Authorization") == std::nullopt)
      headers.add("Authorization", "Bearer " + std::string(text));
    const auto presented = token::Presented::from_headers(headers);
    const enforce::Question question{.point = "gateway",
                                     .sent = {"GET", "/invoices/inv-1", "/invoices/inv-1", "", peer},
                                     .credentials = presented,
                                     .api = api,
                                     .action = {"Billing::Action", "read"},
                                     .resource = {"Billing::Invoice", "inv-1"},
                                     .public_origin = enforce::testing::kOrigin};
    const auto outcome = here_.enforce(question);
    message_ = outcome ? "" : outcome.error().refusal.message;
    if (outcome) permitted_.emplace(outcome->token());
    return outcome ? "permit" : std::string(reason_code(outcome.error().reason()));
  }
  std::string recorded(std::string_view name) const {
    const auto line = world_.audit.lines().back();
    const auto* value = line.find(name);
    return value == nullptr ? "" : value->if_string() != nullptr ? *value->if_string() : value->dump();
  }
  std::string still_good() const {
    const auto good = verifier_.still_good(*permitted_, world_.clock.now());
    return good ? "good" : std::string(reason_code(good.error().reason));
  }

  enforce::testing::World world_;
  inventory::testing::MemoryApiKeyStore store_;
  inventory::ApiKeyRegistry keys_{store_};
  Others others_;
  const ApiKeyTokens tokens_{keys_, world_.current, std::string(kIssuer), &others_};
  const token::Verifier verifier_{{.issuer = std::string(kIssuer), .foreign = &tokens_},
                                  world_.tokens.ring->snapshot()->public_keys,
                                  world_.tokens.revocations,
                                  world_.tokens.replays};
  token::TokenAttempts attempts_{{.wrong_per_minute = 3}};
  enforce::Enforcer here_{
      {.clock = world_.clock,
       .verifier = verifier_,
       .current = world_.current,
       .tasks = world_.tasks,
       .record = [this](audit::Record line,
                        audit::Log::Done done) { world_.audit.append(std::move(line), std::move(done)); },
       .writer = world_.writer,
       .attempts = &attempts_}};
  std::string message_;
  std::optional<token::Verified> permitted_;
};

TEST_F(ApiKeyTokensTest, AKeyIsItsClientWithoutAUserAndTheAuditNamesIt) {
  const auto text = make([](ApiKey& key) { key.purpose = "export"; });
  ASSERT_EQ(ask(text), "permit") << message_;
  const auto& claims = permitted_->claims();
  EXPECT_EQ(claims.subject, "erp");
  EXPECT_EQ(claims.client_id, "erp");
  EXPECT_EQ(claims.tenant, "north");
  EXPECT_EQ(claims.purpose, "export");
  EXPECT_EQ(claims.credential_kind, "api_key");
  EXPECT_EQ(recorded("token_id"), "api_key " + id_of(text));
  EXPECT_EQ(recorded("client"), "erp");
  EXPECT_EQ(recorded("token_issuer"), "");
  for (const auto& line : world_.audit.lines()) EXPECT_EQ(line.dump().find(text), std::string::npos);
  EXPECT_EQ(keys_.find(id_of(text))->key().last_used_at, world_.clock.now());
}

TEST_F(ApiKeyTokensTest, NobodyElseIsAskedAboutWhatBeginsAsAKeyDoes) {
  const auto text = make();
  std::move_only_function<void()> then = [] {};
  EXPECT_EQ(ask(text), "permit") << message_;
  EXPECT_NE(ask(std::string(inventory::kApiKeyPrefix) + "a"), "permit");
  EXPECT_FALSE(tokens_.wait_for({text, "ledger", "192.0.2.7"}, then));
  EXPECT_EQ(others_.asked, 0);
  EXPECT_NE(ask("an-opaque-token"), "permit");
  EXPECT_GT(others_.asked, 0);
}

// What refuses one.

TEST_F(ApiKeyTokensTest, AtAnotherApiItIsRefused) {
  const auto text = make();
  EXPECT_EQ(ask(text, "invoices"), "audience_mismatch");
  const auto anywhere = verifier_.glance(text, world_.clock.now());
  ASSERT_FALSE(anywhere) << "nobody knows where";
  EXPECT_EQ(anywhere.error().reason, Reason::kAudienceMismatch);
}

TEST_F(ApiKeyTokensTest, WhereTheApiTakesNoKeysItIsRefusedAlsoOneThatWasGood) {
  const auto text = make();
  ASSERT_EQ(ask(text), "permit") << message_;
  take_keys(false);
  EXPECT_EQ(ask(text), "token_type");
  EXPECT_THAT(message_, HasSubstr("`api_keys`"));
  EXPECT_EQ(still_good(), "token_revoked");
  take_keys(true);
  EXPECT_EQ(ask(text), "permit") << message_;
}

TEST_F(ApiKeyTokensTest, ARevokedOneIsRefusedAtOnceAlsoOnAStream) {
  const auto text = make();
  ASSERT_EQ(ask(text), "permit") << message_;
  EXPECT_EQ(still_good(), "good");
  ASSERT_TRUE(keys_.revoke(id_of(text), world_.clock.now()));
  EXPECT_EQ(ask(text), "token_revoked");
  EXPECT_EQ(still_good(), "token_revoked");
}

TEST_F(ApiKeyTokensTest, AnExpiredOneIsRefusedFromTheMomentOn) {
  const auto text = make();
  ASSERT_EQ(ask(text), "permit") << message_;
  world_.clock.advance(24h - 1ms);
  EXPECT_EQ(ask(text), "permit") << message_;
  world_.clock.advance(1ms);
  EXPECT_EQ(ask(text), "token_expired");
  EXPECT_EQ(still_good(), "token_revoked");
}

TEST_F(ApiKeyTokensTest, AForgottenOneIsRefusedAsOneThatNeverWas) {
  const auto text = make();
  world_.clock.advance(24h * 40);
  ASSERT_EQ(keys_.forget(world_.clock.now()), 1u);
  EXPECT_EQ(ask(text), "token_signature");
}

TEST_F(ApiKeyTokensTest, AnotherSecretUnderAKnownIdIsRefusedAsAnUnknownOne) {
  const auto stranger = inventory::new_api_key();
  EXPECT_EQ(ask(stranger.text.expose()), "token_signature");
  const auto unknown = message_;
  EXPECT_EQ(ask(make([](ApiKey& key) { key.digest = inventory::api_key_digest("another text"); })),
            "token_signature");
  EXPECT_EQ(message_, unknown) << "that there is such an id is told to nobody";
}

TEST_F(ApiKeyTokensTest, AMistypedOneIsSaidToBeThat) {
  auto text = make();
  text.pop_back();
  EXPECT_EQ(ask(text), "token_malformed");
  EXPECT_THAT(message_, HasSubstr("mistyped or cut off"));
}

TEST_F(ApiKeyTokensTest, ASuspendedOrRetiredIdentityIsRefusedAtOnce) {
  const auto text = make();
  ASSERT_EQ(ask(text), "permit") << message_;
  ASSERT_TRUE(world_.directory.order("erp", inventory::Status::kSuspended));
  EXPECT_EQ(ask(text), "caller_suspended");
  ASSERT_TRUE(world_.directory.order("erp", inventory::Status::kRetired));
  EXPECT_EQ(ask(text), "caller_retired");
}

TEST_F(ApiKeyTokensTest, AnIdentityThatIsNotListedIsRefused) {
  EXPECT_EQ(ask(make([](ApiKey& key) { key.identity = "nobody"; })), "caller_unknown");
}

TEST_F(ApiKeyTokensTest, AnAgentOrAUserHasNone) {
  EXPECT_EQ(ask(make([](ApiKey& key) { key.identity = "support-agent"; })), "caller_mismatch");
  EXPECT_EQ(ask(make([](ApiKey& key) { key.identity = "nora"; })), "caller_mismatch");
}

TEST_F(ApiKeyTokensTest, AnIdentityWhoseTokensAreBoundToACertificateHasNone) {
  world_.add({.id = "bound", .kind = Kind::kService, .certificate_bound = true});
  EXPECT_EQ(ask(make([](ApiKey& key) { key.identity = "bound"; })), "sender_binding_missing");
}

TEST_F(ApiKeyTokensTest, APurposeThatItsIdentityDoesNotHaveAnyMoreIsRefused) {
  EXPECT_EQ(ask(make([](ApiKey& key) { key.purpose = "marketing"; })), "purpose_mismatch");
}

TEST_F(ApiKeyTokensTest, WithTheDpopSchemeOrAProofItIsRefused) {
  const auto text = make();
  EXPECT_EQ(ask(text, "ledger", {{"Authorization", "DPoP " + text}}), "sender_binding_mismatch");
  EXPECT_EQ(ask(text, "ledger", {{"Authorization", "Bearer " + text}, {"DPoP", "a.b.c"}}),
            "sender_binding_mismatch");
}

TEST_F(ApiKeyTokensTest, AsAParameterItIsNoTokenSoItIsNeverExchanged) {
  const auto text = make();
  ASSERT_EQ(ask(text), "permit") << message_;
  EXPECT_FALSE(verifier_.verify_parameter(text, world_.clock.now()));
}

TEST_F(ApiKeyTokensTest, ATaskThatIsNotItsClientsIsRefused) {
  world_.add({.id = "batch", .kind = Kind::kService});
  const auto text = make([](ApiKey& key) { key.identity = "batch"; });
  ASSERT_EQ(ask(text), "permit") << message_;
  const auto task = world_.open_task();
  EXPECT_EQ(ask(text, "ledger", {{"Writ-Task", (*task)->id}}), "task_missing");
}

TEST_F(ApiKeyTokensTest, APolicyMayRefuseWhatComesWithAKey) {
  world_.policies = enforce::testing::compiled(std::string(kAllMay) + R"(
@id("no-keys") forbid (principal, action, resource)
unless { context.credential has kind && ["key", "federation"].contains(context.credential.kind) };)");
  EXPECT_EQ(ask(make()), "policy_forbid");
}

// Guesses.

TEST_F(ApiKeyTokensTest, GuessesSlowTheGuesserAndNoKnownCallerBehindTheSameAddress) {
  const auto known = make();
  ASSERT_EQ(ask(known), "permit") << message_;
  const auto fresh = make();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(inventory::new_api_key().text.expose()), "token_signature");
  ask(inventory::new_api_key().text.expose());
  EXPECT_THAT(message_, HasSubstr("was not looked at"));
  ask(fresh);
  EXPECT_THAT(message_, HasSubstr("was not looked at")) << "it could be one that was guessed";
  EXPECT_EQ(ask(known), "permit") << "whoever has one goes on";
  EXPECT_EQ(ask(fresh, "ledger", {}, "198.51.100.9"), "permit") << "from another address";
}

}  // namespace
}  // namespace writ::oauth::api_key_tokens_test
