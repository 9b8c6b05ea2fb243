// What must hold of claims contracts, over random worlds: a token by contract is decided as a token with
// everything, when it is used, when it is exchanged, and when what it was exchanged for is used; also after
// the inventory has changed, and while the contract changes: under the policies that were in force when it
// was minted, and under those that come after them, at once or when they have waited. Tokens are minted,
// verified and exchanged by the real thing.
//
// WRIT_CLAIMS_CASES says how many tokens are made (100,000 and more for the full run).
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <utility>

#include "access/testing/random_world.h"
#include "claims/contract.h"
#include "codec/base64url.h"
#include "crypto/secret_hash.h"
#include "enforce/issuing.h"
#include "inventory/directory.h"
#include "inventory/testing/memory_store.h"
#include "oauth/origin.h"
#include "policy/contracts.h"
#include "task/live_task.h"
#include "task/memory_store.h"
#include "token/key_ring.h"
#include "token/minter.h"
#include "token/replay.h"
#include "token/verifier.h"

namespace writ::policy::claims_properties_test {
namespace {

using access::testing::kNow;
using access::testing::Random;
using codec::Json;
using enforce::IssuingStep;

constexpr std::size_t kQuickCases = 4'000;
constexpr std::string_view kIssuer = "https://writ.example";
constexpr std::string_view kSecret = "correct horse: battery+staple";
constexpr std::string_view kApis[] = {"Shop", "Depot", "Mail"};
constexpr std::string_view kClients[] = {"app1", "app2", "s1", "a1", "a2"};
constexpr std::string_view kKinds[] = {"Application", "Application", "Service", "Agent", "Agent"};

std::size_t cases() {
  const char* said = std::getenv("WRIT_CLAIMS_CASES");
  return said != nullptr ? std::strtoull(said, nullptr, 10) : kQuickCases;
}

// What a contract says, spoilt on purpose, to see that the properties are looked at.
using Spoil = void (*)(decision::MintedClaims::OfApi&);

struct Tally {
  std::size_t tokens = 0, shorter = 0, used = 0, permitted = 0, exchanged = 0, broken = 0;
  std::size_t changed = 0, waited = 0;  // sets of policies; those among them that had to wait
};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

struct Judged {
  bool permitted;
  std::string why;  // the reason's code
  friend bool operator==(const Judged&, const Judged&) = default;
};

// A world's policies and contracts, and what is asked of them.
class Properties {
 public:
  // `waits`: policies that read more take force when they should.
  Properties(std::uint64_t seed, Spoil spoil, bool waits = true)
      : random_(seed),
        spoil_(spoil),
        waits_(waits),
        ring_(token::KeyRing::of(one_key()).value()),
        minter_(*ring_),
        verifier_({.issuer = std::string(kIssuer), .cache_entries = 64}, ring_->snapshot()->public_keys,
                  revocations_, replays_),
        directory_(store_),
        clients_({std::string(kIssuer), std::string(kIssuer) + "/token"}, directory_, replays_),
        issuers_(oauth::TrustedIssuers::of({}).value()) {}

  Tally run(std::size_t cases) {
    while (tally_.tokens < cases && tally_.broken == 0) one_world();
    return tally_;
  }
  const std::string& first_broken() const { return first_broken_; }
  // How often uses were refused for what.
  const std::map<std::string, std::size_t>& reasons() const { return reasons_; }

 private:
  static std::vector<jose::PrivateJwk> one_key() {
    std::vector<jose::PrivateJwk> keys;
    keys.push_back(jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value());
    return keys;
  }

  void one_world() {
    make_inventory();
    make_policies();
    for (int i = 0; i < 40 && tally_.broken == 0; ++i) one_token();
    if (tally_.broken == 0) change_policies();
  }

  // Other policies come while there are tokens by the contract of those before.
  void change_policies() {
    const auto before = policies_;
    auto set_before = set_;
    for (auto drops = random_.below(4); drops > 0 && texts_.size() > 3; --drops)
      texts_.erase(texts_.begin() + 2 + static_cast<std::ptrdiff_t>(random_.below(texts_.size() - 2)));
    add_random_policies();
    if (random_.chance(30)) add_issuing();
    compile();
    const auto after = policies_;
    std::vector<claims::PolicyAt> both;
    for (const auto* set : {&set_, &set_before})
      for (const auto& policy : set->policies) both.push_back({&policy});
    const claims::Known known{.apis = apis_, .policies = both};
    MintedSince minted(std::chrono::minutes(5));
    minted.drop(minted_by_api(before, apis_));
    const bool lacks = !lacks_of(known, minted_by_api(after, apis_), minted, kNow).empty();
    ++tally_.changed;
    tally_.waited += lacks ? 1 : 0;
    policies_ = before;
    if (lacks && waits_) policies_.minted_claims = minted_claims_of(known);
    next_ = &after;
    for (int i = 0; i < 40 && tally_.broken == 0; ++i) one_token();
    next_ = nullptr;
  }

  // Once under the policies that come next, where some do.
  template <class Check>
  void under_next(Check check) {
    if (next_ == nullptr || tally_.broken > 0) return;
    const auto* after = std::exchange(next_, nullptr);
    const auto before = std::exchange(policies_, *after);
    check();
    policies_ = before;
    next_ = after;
  }

  inventory::Identity random_identity(std::string_view id, std::string_view kind,
                                      std::vector<std::string> acts_for) {
    static const std::string hash = crypto::hash_secret(Secret(std::string(kSecret))).value();
    auto json = access::testing::random_identity(random_, id, kind, std::move(acts_for));
    json.set("status", "active");
    auto identity = inventory::identity_from_json(json).value();
    if (kind != "user") identity.secret_hash = hash;
    identity.declared = true;
    return identity;
  }

  std::vector<inventory::Identity> random_identities() {
    std::vector<inventory::Identity> all;
    for (const auto* id : {"u1", "u2", "u3"}) all.push_back(random_identity(id, "user", {}));
    all.push_back(random_identity("app1", "application", {"users"}));
    all.push_back(random_identity("app2", "application", {random_.chance(50) ? "users" : "app1"}));
    all.push_back(random_identity("s1", "service", {"app1"}));
    all.push_back(random_identity("a1", "agent", {"app1", "s1"}));
    all.push_back(random_identity("a2", "agent", {"a1", random_.chance(50) ? "users" : "app2"}));
    return all;
  }

  void make_inventory() {
    inventory::Change declared{.identities = random_identities(), .apis = {}};
    for (const auto name : kApis) {
      inventory::Api api{.id = std::string(name),
                         .audience = fmt::format("https://{}.example", name),
                         .name_space = std::string(name),
                         .actions = {"read", "write"},
                         .claims = std::nullopt,
                         .declared = true,
                         .by_contract = random_.chance(85)};
      for (const auto* claim : {"acr", "subject_issuer", "purpose"})
        if (random_.chance(10)) api.reads.emplace_back(claim);
      declared.apis.push_back(std::move(api));
    }
    apis_ = declared.apis;
    ASSERT_TRUE(directory_.declare(std::move(declared)));
    now_ = directory_.snapshot();
    // As it is when tokens are used.
    later_ = now_;
    if (random_.chance(30)) {
      auto others = random_identities();
      others.erase(others.begin() + 2, others.begin() + 2 + static_cast<std::ptrdiff_t>(random_.below(5)));
      later_ = now_->with(std::move(others), {}).value();
    }
  }

  void make_policies() {
    texts_ = {R"(permit (principal, action == Writ::Action::"delegate", resource);)"};
    texts_.emplace_back(R"(permit (principal is Writ::User, action == Writ::Action::"issue", resource);)");
    add_issuing();
    if (random_.chance(15))
      texts_.emplace_back(R"(permit (principal is Writ::Agent, action == Writ::Action::"issue", resource)
        when { [Writ::Api::"Shop", Writ::Api::"Mail"].contains(resource) };)");
    if (random_.chance(90)) {
      std::string actions;
      for (const auto api : kApis)
        for (const auto* action : {"read", "write"})
          actions += fmt::format("{}{}::Action::\"{}\"", actions.empty() ? "" : ", ", api, action);
      texts_.push_back("permit (principal, action in [" + actions + "], resource);");
    }
    add_random_policies();
    compile();
  }

  void add_issuing() {
    for (std::size_t i = 0; i < std::size(kClients); ++i) {
      for (const auto api : kApis) {
        if (random_.chance(45)) continue;
        auto text = fmt::format(
            R"(permit (principal == Writ::{}::"{}", action == Writ::Action::"issue", resource == Writ::Api::"{}"))",
            kKinds[i], kClients[i], api);
        if (random_.chance(20)) text += " when { " + random_.pick(access::testing::kConditions) + " }";
        texts_.push_back(text + ";");
      }
    }
  }

  void add_random_policies() {
    for (auto more = random_.below(5); more > 0; --more) {
      auto text = access::testing::random_policy(random_);
      replace_all(text, "Shop::Action", random_.pick(kApis) + "::Action");
      // One that is about everything leaves little to tell apart.
      if (random_.chance(60))
        replace_all(text, ", action,", ", action == " + random_.pick(kApis) + "::Action::\"read\",");
      texts_.push_back(std::move(text));
    }
  }

  // What texts_ says becomes policies_, with their contracts.
  void compile() {
    set_ = {};
    for (const auto& text : texts_) {
      auto parsed = cedar::parse_policies(text);
      ASSERT_TRUE(parsed) << text;
      for (auto& policy : parsed->policies) {
        policy.id = "p" + std::to_string(set_.policies.size());
        set_.policies.push_back(std::move(policy));
      }
    }
    policies_ = {};
    policies_.policies = cedar::CompiledPolicySet::compile(set_).value();
    policies_.entities = cedar::entities_from_json(access::testing::kCatalogue).value();
    policies_.revision = "random";
    policies_.max_chain = 3;
    std::vector<claims::PolicyAt> at;
    for (const auto& policy : set_.policies) at.push_back({&policy});
    decision::MintedClaims::ByApi by_api;
    for (auto& contract : claims::contracts_of({.apis = apis_, .policies = at})) {
      spoil_(contract.minted);
      by_api.emplace(contract.api, contract.minted);
    }
    policies_.minted_claims = std::make_shared<const decision::MintedClaims>(std::move(by_api));
  }

  std::optional<task::Task> random_task(const oauth::Origin& origin, const std::string& client) {
    task::Task task{};
    task.id = "t";
    task.purpose = random_.pick(access::testing::kPurposes);
    if (origin.subject != client) task.subject = origin.subject;
    task.agents = {"a1", "a2"};
    task.opened_by = client;
    if (random_.chance(40)) task.labels.emplace_back("secret");
    if (random_.chance(15)) task.tenant = random_.pick(access::testing::kTenants);
    if (random_.chance(10)) task.environment = random_.pick(access::testing::kEnvironments);
    for (const auto api : kApis)
      for (const auto* action : {"read", "write"})
        task.actions.push_back({std::string(api) + "::Action", action});
    for (const auto type : access::testing::kTypes)
      task.resources.push_back({std::string(type), std::nullopt});
    std::ranges::sort(task.actions);
    std::ranges::sort(task.resources, {}, &task::ResourcePattern::type);
    task.not_before = kNow - std::chrono::hours(1);
    task.expires_at = kNow + std::chrono::hours(1);
    return task;
  }

  // As a provider's token, or the client alone, would make it.
  oauth::Origin random_origin(const std::string& client, bool for_itself) {
    oauth::Origin origin;
    origin.subject =
        for_itself ? client : random_.pick(std::to_array<std::string_view>({"u1", "u2", "u3", "u9"}));
    const auto& identity = now_->find(client)->identity();
    const auto* subject = now_->find(origin.subject);
    origin.tenant = subject != nullptr ? (*subject)->tenant : std::nullopt;
    if (!for_itself && random_.chance(20)) origin.tenant = random_.pick(access::testing::kTenants);
    origin.environment = identity.environment;
    if (identity.kind == inventory::Kind::kAgent && !for_itself)
      origin.actors.push_back({client, std::nullopt});
    if (for_itself) return origin;
    if (random_.chance(60)) origin.subject_issuer = "https://idp.example";
    if (random_.chance(60)) origin.acr = random_.chance(60) ? "strong" : "weak";
    if (random_.chance(60)) origin.auth_time = kNow - std::chrono::seconds(random_.below(7200));
    return origin;
  }

  std::optional<oauth::AuthenticatedClient> authenticated(const std::string& id) {
    http::Request request;
    request.method = "POST";
    request.peer_ip = "192.0.2.7";
    request.headers.add("Authorization",
                        "Basic " + codec::base64_encode(id + ":correct%20horse%3A%20battery%2Bstaple"));
    const auto credentials = oauth::Credentials::read(request, oauth::Form::parse("").value());
    if (!credentials) return std::nullopt;
    auto client = clients_.authenticate(*credentials, kNow);
    return client ? std::optional(*std::move(client)) : std::nullopt;
  }

  bool may_issue(const token::AccessClaims& claims, const inventory::Api& api, const task::LiveTask* task,
                 bool handed_on) {
    const enforce::Issuing issuing{claims, api, {"POST", "/oauth2/token", {}, {}, "192.0.2.7"}, kNow};
    const enforce::Deciding deciding{*now_, policies_, task};
    std::vector<IssuingStep> steps{IssuingStep::kIssue};
    if (handed_on) steps.push_back(IssuingStep::kDelegate);
    for (const auto step : steps) {
      const auto ruling = enforce::rule_on(step, issuing, deciding, memory_, enforce::Shadows::kLeftAlone);
      if (!ruling || !ruling->permitted()) return false;
    }
    return true;
  }

  // What one request says, whatever token it comes with.
  struct Asked {
    std::string action, type, id;
    Json attributes = Json::object();
  };
  Asked random_asked() {
    Asked asked{random_.pick(access::testing::kActions), random_.pick(access::testing::kTypes),
                random_.chance(50)   ? "fresh"
                : random_.chance(50) ? "1"
                                     : "3"};
    Json& told = asked.attributes;
    const auto user = Json::object({{"__entity", Json::object({{"type", "Writ::User"}, {"id", "u1"}})}});
    if (random_.chance(40)) told.set("owner", user);
    if (random_.chance(25)) told.set("tenant", random_.pick(access::testing::kTenants));
    if (random_.chance(8)) told.set("environment", random_.pick(access::testing::kEnvironments));
    if (random_.chance(8))
      told.set("forPurposes", codec::json_texts({random_.pick(access::testing::kPurposes)}));
    if (random_.chance(40)) told.set("amount", static_cast<std::int64_t>(random_.below(20)));
    if (random_.chance(40)) told.set("public", random_.chance(70));
    return asked;
  }

  Judged use(std::string_view text, const inventory::Api& api, const task::LiveTask* task,
             const Asked& asked) {
    const auto verified = verifier_.verify_parameter(text, kNow);
    if (!verified) return {false, "the token: " + verified.error().message};
    const enforce::Attributes attributes = [&](cedar::Arena& arena) {
      return cedar::record_from_json(arena, asked.attributes).value();
    };
    const std::string action_type = api.action_type();
    const enforce::Facts facts{.time = kNow,
                               .method = "GET",
                               .path = "/x",
                               .peer_ip = "192.0.2.7",
                               .api = api,
                               .action = {action_type, asked.action},
                               .resource = {asked.type, asked.id},
                               .attributes = attributes};
    const auto ruling = enforce::rule_on_use(*verified, facts, {*later_, policies_, task}, memory_,
                                             enforce::Shadows::kLeftAlone);
    if (!ruling) return {false, "broken"};
    const auto refusal = ruling->refusal();
    if (refusal) ++reasons_[std::string(reason_code(refusal->reason))];
    return {ruling->permitted(), refusal ? std::string(reason_code(refusal->reason)) : std::string()};
  }

  std::string minted(const token::AccessClaims& claims, const inventory::Api& api,
                     const task::LiveTask* task) {
    return minter_.mint(claims, decision::minted_claims(api, policies_, claims, task).value()).value();
  }

  void compare_uses(const std::string& whole, const std::string& by_contract, const inventory::Api& api,
                    const task::LiveTask* task, std::string_view what) {
    for (int i = 0; i < 3 && tally_.broken == 0; ++i) {
      const Asked asked = random_asked();
      const Judged one = use(whole, api, task, asked), other = use(by_contract, api, task, asked);
      ++tally_.used;
      tally_.permitted += one.permitted ? 1 : 0;
      if (one == other) continue;
      report(fmt::format("{}: {} with everything ({}), {} by contract ({}): {} {} {}", what, one.permitted,
                         one.why, other.permitted, other.why, api.id, asked.action, asked.attributes.dump()),
             whole, by_contract);
    }
    under_next([&] { compare_uses(whole, by_contract, api, task, "use after the policies have changed"); });
  }

  void one_token() {
    const auto& api = apis_[random_.below(apis_.size())];
    const auto client_id = random_.pick(kClients);
    const auto client = authenticated(client_id);
    if (!client) return report("client " + client_id + " is not known", "", "");
    const auto origin = random_origin(client_id, random_.chance(15));
    std::optional<task::LiveTask> task;
    if (random_.chance(60))
      task.emplace(*random_task(origin, client_id), task::State::kActive, std::vector<task::Reservation>(),
                   tasks_);
    std::optional<std::string> purpose;
    if (random_.chance(60) && !client->identity().purposes.empty())
      purpose = client->identity().purposes.front();
    const std::optional<std::string> key =
        random_.chance(50) ? std::optional(std::string(43, 'k')) : std::nullopt;
    const auto made = claims_for(origin, *client, api, purpose, key, task ? &*task : nullptr);
    const auto* live = task ? &*task : nullptr;
    if (!made || !may_issue(*made, api, live, !origin.actors.empty())) return;
    ++tally_.tokens;
    const auto whole = minter_.mint(*made).value(), by_contract = minted(*made, api, live);
    tally_.shorter += by_contract.size() < whole.size() ? 1 : 0;
    compare_uses(whole, by_contract, api, live, "use");
    for (int i = 0; i < 2 && tally_.broken == 0; ++i) exchange(whole, by_contract, key, live, 2);
  }

  static oauth::Outcome<token::AccessClaims> claims_for(const oauth::Origin& origin,
                                                        const oauth::AuthenticatedClient& client,
                                                        const inventory::Api& api,
                                                        const std::optional<std::string>& purpose,
                                                        const std::optional<std::string>& key,
                                                        const task::LiveTask* task) {
    const oauth::Terms terms{.issuer = kIssuer,
                             .audience = api.audience,
                             .client = client,
                             .purpose = purpose ? std::optional<std::string_view>(*purpose) : std::nullopt,
                             .task = std::nullopt,
                             .proof_key = key,
                             .lifetime = std::chrono::minutes(5),
                             .now = kNow};
    return oauth::claims_from(origin, terms, task != nullptr ? std::optional<std::string>("t") : std::nullopt,
                              task);
  }

  // What comes of both when somebody exchanges them for another API.
  void exchange(const std::string& whole, const std::string& by_contract,
                const std::optional<std::string>& key, const task::LiveTask* task, int further) {
    under_next([&] { exchange(whole, by_contract, key, task, 1); });
    if (tally_.broken > 0) return;
    const auto& api = apis_[random_.below(apis_.size())];
    const auto id = random_.pick(kClients);
    const auto client = authenticated(id);
    if (!client) return report("client " + id + " is not known", "", "");
    std::optional<std::string> purpose;
    if (random_.chance(30)) purpose = random_.pick(access::testing::kPurposes);
    const auto attempt = [&](const std::string& text) -> std::optional<token::AccessClaims> {
      const oauth::ExchangeRequest request{.subject_token = text,
                                           .subject_token_kind = oauth::SubjectTokenKind::kAccess,
                                           .actor_token = std::nullopt,
                                           .issued_token_type = "access_token"};
      const auto origin = oauth::origin_of_exchange(request, {*client, verifier_, issuers_, key, kNow});
      if (!origin) return std::nullopt;
      auto claims = claims_for(*origin, *client, api, purpose, key, task);
      if (!claims || !may_issue(*claims, api, task, origin->handed_on)) return std::nullopt;
      return *std::move(claims);
    };
    const auto one = attempt(whole), other = attempt(by_contract);
    if (one.has_value() != other.has_value())
      return report(fmt::format("exchange for {} by {}: {} with everything, {} by contract", api.id, id,
                                one.has_value(), other.has_value()),
                    whole, by_contract);
    if (!one) return;
    ++tally_.exchanged;
    const auto next_whole = minter_.mint(*one).value(), next = minted(*other, api, task);
    compare_uses(next_whole, next, api, task, "use after an exchange");
    if (further > 1) exchange(next_whole, next, key, task, further - 1);
  }

  void report(const std::string& what, const std::string& whole, const std::string& by_contract) {
    if (tally_.broken++ > 0) return;
    first_broken_ = what + "\n";
    for (const auto& text : texts_) first_broken_ += text + "\n";
    for (const auto& text : {whole, by_contract}) {
      const auto verified = verifier_.verify_parameter(text, kNow);
      if (verified) first_broken_ += token::claims_to_json(verified->claims()).dump() + "\n";
    }
    for (const auto* id : {"u1", "u2", "u3", "app1", "app2", "s1", "a1", "a2"}) {
      const auto* member = later_->find(id);
      first_broken_ += inventory::identity_to_json(member->identity(), member->status()).dump() + "\n";
    }
  }

  Random random_;
  const Spoil spoil_;
  const bool waits_;
  const std::unique_ptr<token::KeyRing> ring_;
  const token::Minter minter_;
  token::Revocations revocations_;
  token::MemoryReplayGuard replays_;
  const token::Verifier verifier_;
  inventory::testing::MemoryStore store_;
  inventory::Directory directory_;
  const oauth::ClientAuthentication clients_;
  const oauth::TrustedIssuers issuers_;
  task::MemoryStore tasks_;
  enforce::Memory memory_;
  std::vector<inventory::Api> apis_;
  std::shared_ptr<const inventory::Snapshot> now_, later_;
  std::vector<std::string> texts_;
  cedar::PolicySet set_;
  decision::PolicySnapshot policies_;
  const decision::PolicySnapshot* next_ = nullptr;  // those that come after policies_
  Tally tally_;
  std::map<std::string, std::size_t> reasons_;
  std::string first_broken_;
};

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

TEST(ClaimsProperties, ATokenByContractIsDecidedAsOneWithEverything) {
  const char* seed = std::getenv("WRIT_CLAIMS_SEED");
  Properties properties(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1,
                        [](decision::MintedClaims::OfApi&) {});
  const Tally tally = properties.run(cases());
  std::cout << fmt::format(
      "{} tokens, {:.1f} % shorter by contract; {} uses, {:.1f} % permitted; {} exchanges\n", tally.tokens,
      percent(tally.shorter, tally.tokens), tally.used, percent(tally.permitted, tally.used),
      tally.exchanged);
  std::cout << fmt::format("{} changes of policies, {:.1f} % of them wait\n", tally.changed,
                           percent(tally.waited, tally.changed));
  for (const auto& [reason, count] : properties.reasons())
    std::cout << "  " << reason << " " << count << "\n";
  EXPECT_EQ(0u, tally.broken) << properties.first_broken();
  EXPECT_GE(tally.tokens, cases());
  // Enough of each kind to mean something.
  EXPECT_GT(percent(tally.shorter, tally.tokens), 20);
  EXPECT_GT(percent(tally.permitted, tally.used), 5);
  EXPECT_GT(percent(tally.exchanged, tally.tokens), 5);
  EXPECT_GT(percent(tally.waited, tally.changed), 2);
  EXPECT_LT(percent(tally.waited, tally.changed), 90);
}

TEST(ClaimsProperties, PoliciesThatDoNotWaitAreMissed) {
  Properties properties(
      5, [](decision::MintedClaims::OfApi&) {}, false);
  EXPECT_GT(properties.run(40'000).broken, 0u);
}

TEST(ClaimsProperties, AClaimThatGuardsNeedIsMissed) {
  Properties properties(2, [](decision::MintedClaims::OfApi& minted) {
    minted.outside_tasks = minted.in_task =
        token::ClaimsContract::of({"purpose", "environment", "subject_issuer", "acr", "auth_time"}).value();
  });
  EXPECT_GT(properties.run(20'000).broken, 0u);
}

TEST(ClaimsProperties, AClaimThatPoliciesReadIsMissed) {
  Properties properties(3, [](decision::MintedClaims::OfApi& minted) {
    minted.outside_tasks = minted.in_task =
        token::ClaimsContract::of({"purpose", "tenant", "environment"}).value();
  });
  EXPECT_GT(properties.run(20'000).broken, 0u);
}

TEST(ClaimsProperties, APurposeOutsideOfTasksIsMissed) {
  Properties properties(4,
                        [](decision::MintedClaims::OfApi& minted) { minted.outside_tasks = minted.in_task; });
  EXPECT_GT(properties.run(20'000).broken, 0u);
}

}  // namespace
}  // namespace writ::policy::claims_properties_test
