#include "claims/contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"
#include "claims/lint.h"
#include "claims/reads.h"
#include "claims/report.h"
#include "claims/sources.h"
#include "context/vocabulary.h"
#include "decision/guards.h"

namespace writ::claims::contract_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

inventory::Api api(std::string id, std::vector<std::string> reads = {}) {
  return {.id = id,
          .audience = "https://" + id + ".example",
          .name_space = id,
          .actions = {"read"},
          .claims = std::nullopt,
          .by_contract = true,
          .reads = std::move(reads)};
}

// Policies and APIs, and what comes of them.
class Given {
 public:
  explicit Given(std::vector<inventory::Api> apis, std::string_view text, std::string_view shadows = "")
      : apis_(std::move(apis)), set_(named(text, "p")), shadows_(named(shadows, "s")) {
    for (const auto& policy : set_.policies) at_.push_back({&policy});
    for (const auto& policy : shadows_.policies) at_.push_back({&policy, true});
    known_.apis = apis_;
    known_.policies = at_;
    known_.own_api = "writ";
  }
  Given(const Given&) = delete;
  Given& operator=(const Given&) = delete;

  Known& known() { return known_; }
  Contract contract(std::size_t i = 0) const { return contracts_of(known_)[i]; }
  Carried carried(std::string_view claim, std::size_t i = 0) const { return contract(i).need(claim).carried; }
  std::vector<std::string> readers(std::string_view claim, std::size_t i = 0) const {
    std::vector<std::string> texts;
    const auto whole = contract(i);
    for (const auto& reader : whole.need(claim).readers) texts.push_back(text_of(reader));
    return texts;
  }
  std::vector<std::string> findings(const Supply& supply) const {
    std::vector<std::string> all;
    for (const auto& each : lint(known_, contracts_of(known_), supply))
      all.push_back(std::string(each.kind) + " " + each.api + " " + each.subject);
    return all;
  }

 private:
  static cedar::PolicySet named(std::string_view text, const std::string& prefix) {
    auto set = cedar::parse_policies(text).value();
    for (std::size_t i = 0; i < set.policies.size(); ++i) set.policies[i].id = prefix + std::to_string(i);
    return set;
  }

  std::vector<inventory::Api> apis_;
  cedar::PolicySet set_, shadows_;
  std::vector<PolicyAt> at_;
  Known known_;
};

std::vector<std::string> claims_of(std::string_view condition) {
  const auto set =
      cedar::parse_policies("permit (principal, action, resource) when { " + std::string(condition) + " };")
          .value();
  std::vector<std::string> names;
  for (const auto& read : claims_read(set.policies[0])) names.emplace_back(read.claim);
  return names;
}

constexpr std::string_view kReadsAcr =
    R"(permit (principal, action == shop::Action::"read", resource) when { context.token.acr == "x" };)";
constexpr std::string_view kAgentGetsAll =
    R"(permit (principal == Writ::Agent::"a", action == Writ::Action::"issue", resource);)";

TEST(ClaimSources, EachClaimHasARowAndEachRowIsOfAClaim) {
  std::vector<std::string_view> names, by_contract, said;
  for (const auto& claim : token::claim_table()) {
    names.push_back(claim.name);
    if (claim.by_contract) by_contract.push_back(claim.name);
  }
  std::vector<std::string_view> used;
  for (const ClaimUse& use : claim_uses()) {
    used.push_back(use.claim);
    if (use.by_contract) said.push_back(use.claim);
  }
  EXPECT_EQ(names, used);
  EXPECT_EQ(by_contract, said);
}

TEST(ClaimSources, GuardsAndPathsExist) {
  for (const ClaimUse& use : claim_uses()) {
    for (const auto name : use.guards)
      EXPECT_TRUE(std::ranges::any_of(decision::guards(), [&](const auto& guard) {
        return guard.name == name;
      })) << name;
    EXPECT_TRUE(use.path.empty() || context::find_path(use.path) != nullptr) << use.path;
  }
}

TEST(ClaimReads, AClaimIsReadByItsPath) {
  EXPECT_THAT(claims_of(R"(context.token.acr == "x")"), ElementsAre("acr"));
  EXPECT_THAT(claims_of("context.token has authTime"), ElementsAre("auth_time"));
  EXPECT_THAT(claims_of("context.credential has created"), ElementsAre("credential_created"));
  EXPECT_THAT(claims_of("context has purpose"), ElementsAre("purpose"));
  EXPECT_THAT(claims_of("context has tenant && context.tenant == resource.tenant"), ElementsAre("tenant"));
  EXPECT_THAT(claims_of("context.request has ip && context.token.senderBound"), IsEmpty());
}

TEST(ClaimReads, TheUsersIssuerCountsOfWhateverItIsRead) {
  EXPECT_THAT(claims_of(R"(principal.issuer == "x")"), ElementsAre("subject_issuer"));
  EXPECT_THAT(claims_of("context.user has issuer"), ElementsAre("subject_issuer"));
  EXPECT_THAT(claims_of(R"(resource.owner.issuer == "x")"), ElementsAre("subject_issuer"));
  EXPECT_THAT(claims_of(R"((if context.approved then principal else resource).issuer == "x")"),
              ElementsAre("subject_issuer"));
  EXPECT_THAT(claims_of(R"(principal.name == "issuer")"), IsEmpty());
}

TEST(ClaimReads, ARecordThatIsUsedWholeIsReadWithAllThatIsInIt) {
  EXPECT_THAT(claims_of("[context.token].contains(resource.seen)"), UnorderedElementsAre("acr", "auth_time"));
  EXPECT_THAT(claims_of("resource.seen == context"),
              UnorderedElementsAre("purpose", "tenant", "environment", "acr", "auth_time", "credential_kind",
                                   "credential_created"));
}

TEST(ClaimsContract, WhatNobodyReadsIsLeftOutAndStandardClaimsStay) {
  const Given given({api("shop")}, R"(permit (principal, action, resource);)");
  EXPECT_EQ(Carried::kLeftOut, given.carried("acr"));
  EXPECT_EQ(Carried::kLeftOut, given.carried("subject_issuer"));
  EXPECT_EQ(Carried::kLeftOut, given.carried("authorization_details"));
  for (const auto* claim : {"iss", "sub", "aud", "exp", "client_id", "act", "task", "cnf", "exchanged_from"})
    EXPECT_EQ(Carried::kAlways, given.carried(claim)) << claim;
}

TEST(ClaimsContract, TenantAndEnvironmentStayBecauseTheInventoryMayChange) {
  const Given given({api("shop")}, R"(permit (principal, action, resource);)");
  EXPECT_EQ(Carried::kNeeded, given.carried("tenant"));
  EXPECT_EQ(Carried::kNeeded, given.carried("environment"));
  EXPECT_THAT(given.readers("tenant"), ElementsAre("guard `tenant`", "guard `task-place`"));
}

TEST(ClaimsContract, ThePurposeIsLeftOutInsideATaskUnlessTheApiReadsItItself) {
  constexpr std::string_view kReads =
      R"(permit (principal, action, resource) when { context has purpose && context.purpose == "x" };)";
  EXPECT_EQ(Carried::kOutsideTasks, Given({api("shop")}, kReads).carried("purpose"));
  EXPECT_EQ(Carried::kNeeded, Given({api("shop", {"purpose"})}, kReads).carried("purpose"));
  const auto row = std::ranges::find(token::claim_table(), "purpose", &token::Claim::name);
  const auto minted = Given({api("shop")}, kReads).contract().minted;
  EXPECT_TRUE(minted.outside_tasks.wants(*row));
  EXPECT_FALSE(minted.in_task.wants(*row));
}

TEST(ClaimsContract, APolicyIsAReaderOfTheApisOfItsActions) {
  const Given given({api("shop"), api("mail")}, kReadsAcr);
  EXPECT_EQ(Carried::kNeeded, given.carried("acr", 0));
  EXPECT_THAT(given.readers("acr", 0), ElementsAre("policy `p0` reads `context.token.acr`"));
  EXPECT_EQ(Carried::kLeftOut, given.carried("acr", 1));
}

TEST(ClaimsContract, AShadowPolicyIsAReader) {
  const Given given({api("shop")}, "", kReadsAcr);
  EXPECT_THAT(given.readers("acr"), ElementsAre("shadow policy `s0` reads `context.token.acr`"));
}

TEST(ClaimsContract, AnActionGroupWithoutASchemaMayHoldEveryAction) {
  const Given given(
      {api("shop")},
      R"(forbid (principal, action in Any::Action::"all", resource) unless { context.token has acr };)");
  EXPECT_EQ(Carried::kNeeded, given.carried("acr"));
}

TEST(ClaimsContract, WhatTheApiReadsItselfIsNeeded) {
  const Given given({api("shop", {"auth_time", "authorization_details"})}, "");
  EXPECT_THAT(given.readers("auth_time"), ElementsAre("the API itself (`reads`)"));
  EXPECT_EQ(Carried::kNeeded, given.carried("authorization_details"));
}

TEST(ClaimsContract, WhatTheNextApiNeedsIsNeededWhereSomebodyMayHoldTokensForBoth) {
  const std::string text = std::string(kReadsAcr) + std::string(kAgentGetsAll);
  const Given given({api("mail"), api("shop")}, text);
  EXPECT_THAT(given.readers("acr", 0), ElementsAre("API `shop`, by exchange"));
  EXPECT_THAT(exchanged_for(Given({api("mail"), api("shop")}, text).known(), "mail"),
              ElementsAre("shop", "*"));
}

TEST(ClaimsContract, WithoutACommonHolderNothingIsExchanged) {
  const std::string text =
      std::string(kReadsAcr) +
      R"(permit (principal == Writ::Application::"a", action == Writ::Action::"issue", resource == Writ::Api::"mail");
         permit (principal == Writ::Application::"b", action == Writ::Action::"issue", resource == Writ::Api::"shop");
         permit (principal is Writ::Agent, action == Writ::Action::"issue", resource)
           when { [Writ::Api::"shop"].contains(resource) };
         permit (principal is Writ::User, action == Writ::Action::"issue", resource);)";
  Given given({api("mail"), api("shop")}, text);
  EXPECT_EQ(Carried::kLeftOut, given.carried("acr", 0));
  EXPECT_THAT(exchanged_for(given.known(), "mail"), IsEmpty());
}

TEST(ClaimsContract, APolicyOfIssuingReadsWhatIsExchanged) {
  const std::string text =
      std::string(kAgentGetsAll) +
      R"(forbid (principal, action == Writ::Action::"issue", resource == Writ::Api::"shop")
           unless { context.token has acr };)";
  const Given given({api("mail"), api("shop")}, text);
  EXPECT_THAT(given.readers("acr", 0), ElementsAre("API `shop`, by exchange"));
}

TEST(ClaimsContract, AnApiThatDoesNotSayWhatItReadsGetsEverything) {
  auto open = api("shop");
  open.by_contract = false;
  const Given given({api("mail"), open}, kAgentGetsAll);
  EXPECT_THAT(given.readers("auth_time", 0),
              ElementsAre("API `shop`, by exchange: it does not say what it reads"));
  open.reads = {"sub"};
  EXPECT_EQ(Carried::kLeftOut, Given({api("mail"), open}, kAgentGetsAll).carried("auth_time", 0));
}

TEST(ClaimsContract, APolicyThatMayBeAboutUndeclaredApisCountsByExchange) {
  const std::string text = std::string(kAgentGetsAll) +
                           R"(permit (principal, action == other::Action::"read", resource)
                                when { context.token.acr == "x" };)";
  EXPECT_THAT(Given({api("mail")}, text).readers("acr"),
              ElementsAre("an API that is not declared, by exchange"));
}

TEST(ClaimsContract, OfManyReadersTheFirstAreNamedAndTheRestCounted) {
  std::string text;
  for (std::size_t i = 0; i < kReadersNamed + 5; ++i) text += kReadsAcr;
  const auto need = Given({api("shop")}, text).contract().need("acr");
  EXPECT_EQ(kReadersNamed, need.readers.size());
  EXPECT_EQ(5u, need.more);
}

TEST(ClaimsLint, ClaimsThatNobodyReadsAreFoundWhereTheyAreCarried) {
  auto open = api("shop");
  open.by_contract = false;
  const Supply supply{.providers = true, .tenants = true, .environments = true};
  EXPECT_THAT(
      Given({open}, "").findings(supply),
      ElementsAre(
          "unread shop subject_issuer, acr, auth_time, credential_kind, credential_created, workload"));
  EXPECT_THAT(Given({api("shop")}, "").findings(supply), IsEmpty());
}

TEST(ClaimsLint, AListThatLeavesOutWhatSomebodyReadsIsFound) {
  auto listed = api("shop");
  listed.claims = std::vector<std::string>{"purpose", "tenant", "environment"};
  const Supply supply{.providers = true, .tenants = true, .environments = true};
  EXPECT_THAT(Given({listed}, kReadsAcr).findings(supply), ElementsAre("missing shop acr"));
}

TEST(ClaimsLint, AClaimForAnotherApiAloneRevealsIt) {
  const std::string text = std::string(kReadsAcr) + std::string(kAgentGetsAll);
  const Supply supply{.providers = true, .tenants = true, .environments = true};
  EXPECT_THAT(Given({api("mail"), api("shop")}, text).findings(supply), ElementsAre("reveals mail acr"));
}

TEST(ClaimsLint, PathsAndClaimsThatNothingSuppliesAreFound) {
  EXPECT_THAT(Given({api("shop")}, kReadsAcr).findings({}), Contains("unsupplied  context.token.acr"));
  EXPECT_THAT(Given({api("shop", {"scope"})}, "").findings({}), ElementsAre("unsupplied shop scope"));
  constexpr std::string_view kAmount =
      R"(permit (principal, action == shop::Action::"read", resource) when { context.amounts has total };)";
  Supply supply{.providers = true};
  supply.amounts["mail"] = {"total"};
  EXPECT_THAT(Given({api("shop"), api("mail")}, kAmount).findings(supply),
              ElementsAre("unsupplied  context.amounts.total"));
  supply.amounts["shop"] = {"total"};
  EXPECT_THAT(Given({api("shop"), api("mail")}, kAmount).findings(supply), IsEmpty());
}

TEST(ClaimsDiff, AClaimThatIsReadNowIsShownWithItsReader) {
  const Given before({api("shop")}, ""), after({api("shop")}, kReadsAcr);
  const auto changed = differences(contracts_of(Given({api("shop")}, "").known()), {after.contract()});
  ASSERT_EQ(1u, changed.size());
  EXPECT_THAT(to_text(changed), HasSubstr("+ shop acr: left out -> needed  policy `p0`"));
  EXPECT_THAT(to_text(differences({after.contract()}, {before.contract()})), HasSubstr("- shop acr"));
  EXPECT_THAT(differences({after.contract()}, {after.contract()}), IsEmpty());
}

TEST(ClaimsSize, ATokenByContractIsShorterAndALongOneIsOverBudget) {
  const auto identities = [](std::size_t name) {
    std::vector<inventory::Identity> all;
    all.push_back({.id = std::string(name, 'u'), .kind = inventory::Kind::kUser});
    all.push_back(
        {.id = std::string(name, 'p'), .kind = inventory::Kind::kApplication, .acts_for = {"users"}});
    all.push_back({.id = std::string(name, 'a'),
                   .kind = inventory::Kind::kAgent,
                   .acts_for = {std::string(name, 'p')}});
    return all;
  };
  std::vector<jose::PrivateJwk> keys;
  keys.push_back(jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value());
  const auto ring = token::KeyRing::of(std::move(keys)).value();
  const token::Minter minter(*ring);
  const Given given({api("shop")}, "");
  const auto contract = given.contract();
  auto open = api("shop");
  open.by_contract = false;
  for (const std::size_t name : {5, 120}) {
    const auto all = identities(name);
    const auto example = example_claims(open, {.identities = all,
                                               .issuer = "https://writ.example",
                                               .provider = "https://idp.example",
                                               .now = instant_from_unix_seconds(1'750'000'000)});
    EXPECT_EQ(2u, example.actors.size());
    const auto sizes = sizes_of(open, contract, example, minter).value();
    EXPECT_LT(sizes.by_contract, sizes.everything);
    EXPECT_EQ(sizes.now, sizes.everything);
    EXPECT_EQ(name > 100, over_budget({open, contract, {}, example, sizes}).has_value());
  }
}

}  // namespace
}  // namespace writ::claims::contract_test
