#include "policy/contracts.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "policy/load.h"

namespace writ::policy::contracts_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kReadsNothing = R"(@id("a") permit (principal, action, resource);)";
constexpr std::string_view kReadsAcr =
    R"(@id("a") permit (principal, action == Shop::Action::"read", resource) when { context.token has acr };)";

const Growth kAtOnce{.lacks = {}, .now = Instant(), .token_lifetime = std::chrono::seconds(300)};

class ClaimsContracts : public ::testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / fmt::format("writ-contracts-{}", ::getpid());

  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }

  // `of_inventory`, `of_api`: what else stands there.
  std::optional<Loaded> loaded(std::string_view policy, const std::string& of_inventory,
                               const std::string& of_api) {
    std::ofstream(root_ / "p.cedar") << policy << "\n";
    std::ofstream(root_ / "writ.yaml") << fmt::format(
        "version: 1\nissuer: http://127.0.0.1:8180\nlisten: {{api: \"127.0.0.1:8180\"}}\n"
        "policies: {{files: [p.cedar]}}\n"
        "inventory:\n  {}identities: [{{id: portal, kind: application}}]\n"
        "  apis:\n    - {{id: shop, audience: \"https://shop.example\", namespace: Shop, actions: "
        "[read]{}}}\n",
        of_inventory, of_api);
    issues_ = {};
    return load(root_ / "writ.yaml", issues_);
  }

  // Of the claims that may be left out, those that a token outside of tasks carries.
  std::vector<std::string> carried(std::string_view policy, const std::string& of_inventory,
                                   const std::string& of_api) {
    const auto all = loaded(policy, of_inventory, of_api);
    if (!all) return {"errors"};
    return carried_of(*all);
  }
  static const inventory::Api& shop(const Loaded& all) {
    return *std::ranges::find(all.world.declared.apis, "shop", &inventory::Api::id);
  }
  static std::vector<std::string> carried_of(const Loaded& all) {
    const auto contract = decision::minted_claims(shop(all), *all.policies.snapshot, {}, nullptr).value();
    std::vector<std::string> names;
    for (const auto& claim : token::claim_table())
      if (claim.by_contract && contract.wants(claim)) names.emplace_back(claim.name);
    return names;
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> all;
    for (const auto& issue : issues_.all()) all.push_back(issue.message);
    return all;
  }

  files::Issues issues_;
};

TEST_F(ClaimsContracts, WithoutASwitchTokensCarryEverything) {
  EXPECT_THAT(carried(kReadsNothing, "", ""), ::testing::SizeIs(10));
  EXPECT_EQ(nullptr, loaded(kReadsNothing, "", "")->policies.snapshot->minted_claims);
}

TEST_F(ClaimsContracts, ByContractTheyCarryWhatIsRead) {
  EXPECT_THAT(carried(kReadsNothing, "", ", claims: contract"),
              ElementsAre("purpose", "tenant", "environment"));
  EXPECT_THAT(carried(kReadsAcr, "", ", claims: contract"),
              ElementsAre("purpose", "tenant", "environment", "acr"));
  EXPECT_THAT(carried(kReadsNothing, "", ", claims: contract, reads: [sub, auth_time]"),
              ElementsAre("purpose", "tenant", "environment", "auth_time"));
}

TEST_F(ClaimsContracts, AShadowPolicyIsPartOfTheContract) {
  const auto shadow = std::string(kReadsNothing) + "\n@id(\"b\") @shadow " + std::string(kReadsAcr.substr(8));
  EXPECT_THAT(carried(shadow, "", ", claims: contract"),
              ElementsAre("purpose", "tenant", "environment", "acr"));
}

TEST_F(ClaimsContracts, TheSwitchOfTheInventoryIsForApisThatSayNothing) {
  EXPECT_THAT(carried(kReadsNothing, "claims: contract\n  ", ""),
              ElementsAre("purpose", "tenant", "environment"));
  EXPECT_THAT(carried(kReadsNothing, "claims: contract\n  ", ", claims: all"), ::testing::SizeIs(10));
  EXPECT_THAT(carried(kReadsNothing, "claims: contract\n  ", ", claims: [acr]"), ElementsAre("acr"));
}

TEST_F(ClaimsContracts, WhatIsNotAClaimIsRefused) {
  EXPECT_THAT(carried(kReadsNothing, "", ", reads: [sub, email]"), ElementsAre("errors"));
  EXPECT_THAT(messages(), ElementsAre(HasSubstr("`email` is not a claim of tokens")));
  EXPECT_THAT(carried(kReadsNothing, "", ", claims: some"), ElementsAre("errors"));
  EXPECT_THAT(carried(kReadsNothing, "claims: some\n  ", ""), ElementsAre("errors"));
}

TEST_F(ClaimsContracts, InsideATaskThePurposeIsLeftOutOnlyWhereTheTaskSaysTheSame) {
  const auto all = loaded(kReadsNothing, "", ", claims: contract");
  ASSERT_TRUE(all);
  const auto* minted = all->policies.snapshot->minted_claims->find("shop");
  ASSERT_NE(nullptr, minted);
  const auto purpose = std::ranges::find(token::claim_table(), "purpose", &token::Claim::name);
  EXPECT_FALSE(minted->in_task.wants(*purpose));
  token::AccessClaims claims;
  claims.task = "t";
  claims.purpose = "support";
  // A task that nobody knows says nothing.
  const auto contract = decision::minted_claims(shop(*all), *all->policies.snapshot, claims, nullptr).value();
  EXPECT_TRUE(contract.wants(*purpose));
}

TEST_F(ClaimsContracts, AGrownContractIsWarnedOf) {
  const auto before = loaded(kReadsNothing, "", ", claims: contract");
  const auto after = loaded(kReadsAcr, "", ", claims: contract");
  ASSERT_TRUE(before && after);
  files::Issues issues;
  const auto warn = [&](const Loaded& old, const Loaded& now) {
    warn_of_grown_contracts(*old.policies.snapshot, old.world, *now.policies.snapshot, now.world, kAtOnce,
                            issues);
  };
  warn(*after, *before);
  warn(*after, *after);
  EXPECT_THAT(issues.all(), IsEmpty());
  warn(*before, *after);
  ASSERT_EQ(1u, issues.all().size());
  EXPECT_THAT(issues.all().front().message, HasSubstr("API `shop` carry `acr` from now on"));
  EXPECT_THAT(issues.all().front().message, HasSubstr("up to 300 s"));
}

// What a reload from `before` to `after` waits for: API, claim and its reader.
std::vector<std::string> waited_for(const Loaded& before, const Loaded& after) {
  MintedSince minted(std::chrono::seconds(300));
  minted.drop(minted_by_api(*before.policies.snapshot, before.world.declared.apis));
  std::vector<std::string> all;
  const ContractSources both(after.policies, before.policies, after.world);
  const auto carried = minted_by_api(*after.policies.snapshot, after.world.declared.apis);
  for (const auto& [need, until] : lacks_of(both.known(), carried, minted, Instant()))
    all.push_back(need.api + " " + std::string(need.claim) + " " + need.reader.name);
  return all;
}

TEST_F(ClaimsContracts, PoliciesWaitForWhatTheyReadAndTokensLack) {
  const auto before = loaded(kReadsNothing, "", ", claims: contract");
  const auto after = loaded(kReadsAcr, "", ", claims: contract");
  ASSERT_TRUE(before && after);
  EXPECT_THAT(waited_for(*before, *after), ElementsAre("shop acr a"));
  EXPECT_THAT(waited_for(*after, *after), IsEmpty());
  EXPECT_THAT(waited_for(*after, *before), IsEmpty());
}

TEST_F(ClaimsContracts, NothingWaitsForWhatTheApiAloneReadsNorForAShadowPolicy) {
  const auto shadow = std::string(kReadsNothing) + "\n@id(\"b\") @shadow " + std::string(kReadsAcr.substr(8));
  const auto before = loaded(kReadsNothing, "", ", claims: contract");
  const auto reads = loaded(kReadsNothing, "", ", claims: contract, reads: [acr]");
  const auto shadows = loaded(shadow, "", ", claims: contract");
  ASSERT_TRUE(before && reads && shadows);
  EXPECT_THAT(waited_for(*before, *reads), IsEmpty());
  EXPECT_THAT(waited_for(*before, *shadows), IsEmpty());
}

TEST_F(ClaimsContracts, NothingWaitsForWhatNoTokenWillCarry) {
  const auto before = loaded(kReadsNothing, "", ", claims: [purpose]");
  const auto without = loaded(kReadsAcr, "", ", claims: [purpose]");
  const auto with = loaded(kReadsAcr, "", ", claims: [purpose, acr]");
  ASSERT_TRUE(before && without && with);
  EXPECT_THAT(waited_for(*before, *without), IsEmpty());
  EXPECT_THAT(waited_for(*before, *with), ElementsAre("shop acr a"));
}

TEST_F(ClaimsContracts, OfTwoSetsTogetherTokensCarryWhatEitherReads) {
  const auto one = loaded(kReadsAcr, "", ", claims: contract");
  const auto other = loaded(
      R"(@id("b") permit (principal, action == Shop::Action::"read", resource) when { context.token has authTime };)",
      "", ", claims: contract");
  ASSERT_TRUE(one && other);
  auto both = *one->policies.snapshot;
  both.minted_claims = minted_claims_of(ContractSources(one->policies, other->policies, one->world).known());
  const auto contract = decision::minted_claims(shop(*one), both, {}, nullptr).value();
  std::vector<std::string> names;
  for (const auto& claim : token::claim_table())
    if (claim.by_contract && contract.wants(claim)) names.emplace_back(claim.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("purpose", "tenant", "environment", "acr", "auth_time"));
}

TEST_F(ClaimsContracts, TokensThatCarriedEverythingLackNothingWhenTheyGoByContract) {
  const auto before = loaded(kReadsAcr, "", "");
  const auto after = loaded(kReadsAcr, "", ", claims: contract");
  ASSERT_TRUE(before && after);
  files::Issues issues;
  warn_of_grown_contracts(*before->policies.snapshot, before->world, *after->policies.snapshot, after->world,
                          kAtOnce, issues);
  EXPECT_THAT(issues.all(), IsEmpty());
}

}  // namespace
}  // namespace writ::policy::contracts_test
