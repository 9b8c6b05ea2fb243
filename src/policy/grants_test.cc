// Grants as they are loaded and decided on: what is refused at loading, and that a grant ends at its instant
// for whoever decides, explains, or asks with a time of their own.
#include "policy/grants.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "access/asker.h"
#include "enforce/plain.h"
#include "policy/load.h"

namespace writ::policy::grants_test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kConfig = R"(version: 1
issuer: http://127.0.0.1:8180
listen: {{api: "127.0.0.1:8180"}}
policies: {{files: [p.cedar], schemas: [s.cedarschema]}}
inventory:
  identities:
    - {{id: portal, kind: application, environment: production}}
    - {{id: batch, kind: service}}
  apis:
    - {{id: shop, audience: "https://shop.example", namespace: Shop, actions: [read, write]}}
  grants:
{})";
constexpr std::string_view kPolicies = R"(
@id("reads-one") permit (principal == ?principal, action == Shop::Action::"read", resource == ?resource);
@id("writes") permit (principal == ?principal, action == Shop::Action::"write", resource is Shop::Order)
when { resource.open };
@id("never") forbid (principal == ?principal, action, resource);
@id("fixed") permit (principal == Writ::Service::"batch", action == Shop::Action::"write", resource);
)";
constexpr std::string_view kSchema = R"(namespace Shop {
  entity Order = { open: Bool };
  action read appliesTo { principal: [Writ::Application, Writ::Service], resource: [Order], context: Writ::Context };
  action write appliesTo { principal: [Writ::Service], resource: [Order], context: Writ::Context };
})";
constexpr std::string_view kGrant =
    "    - {id: g, template: reads-one, principal: portal, resource: 'Shop::Order::\"7\"', expires_at: "
    "2027-01-31}\n";

Instant day(std::string_view text) {
  return inventory::date_from_text(text).value();
}

class Grants : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_);
    write("p.cedar", kPolicies);
    write("s.cedarschema", kSchema);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }

  std::optional<Loaded> loaded(std::string_view grants) {
    write("writ.yaml", fmt::format(fmt::runtime(kConfig), grants));
    files::Issues issues;
    auto loaded = load(root_ / "writ.yaml", issues);
    said_.clear();
    for (const auto& issue : issues.all()) said_ += render(issue) + "\n";
    return loaded;
  }
  std::string refused(std::string_view grants) {
    EXPECT_FALSE(loaded(grants).has_value()) << grants;
    return said_;
  }

  // As AuthZEN asks, with what the caller says of the time.
  static bool plain(const Loaded& of, Instant now, std::string_view principal = "portal",
                    std::optional<Instant> told = {}) {
    const auto inventory =
        inventory::Snapshot::empty()->with(of.world.declared.identities, of.world.declared.apis).value();
    enforce::PlainMemory memory;
    enforce::PlainQuestion question(*inventory, *of.policies.snapshot, memory);
    auto& arena = question.arena();
    auto context = cedar::Value::record(cedar::empty_record());
    if (told)
      context = cedar::make_record(
          arena, {{"request", cedar::make_record(
                                  arena, {{"time", cedar::Value::datetime(cedar::Datetime::from(*told))}})}});
    return !question
                .rule({arena.entity("Writ::Application", principal), arena.entity("Shop::Action", "read"),
                       arena.entity("Shop::Order", "7"), context},
                      now)
                .refusal;
  }

  // As AuthZEN asks while a source has not told yet whether the order is open.
  static std::optional<decision::Refusal> refused_awaiting(const Loaded& of, Instant now) {
    const auto inventory =
        inventory::Snapshot::empty()->with(of.world.declared.identities, of.world.declared.apis).value();
    enforce::PlainMemory memory;
    enforce::PlainQuestion question(*inventory, *of.policies.snapshot, memory);
    auto& arena = question.arena();
    const auto order = arena.entity("Shop::Order", "7");
    const auto nothing = cedar::Value::record(cedar::empty_record());
    EXPECT_TRUE(question.lay(order, nothing));
    const std::vector<std::string> awaited{"open"};
    return question
        .rule_awaiting(
            {arena.entity("Writ::Service", "night"), arena.entity("Shop::Action", "write"), order, nothing},
            now, awaited)
        .refusal;
  }

  fs::path root_ = fs::temp_directory_path() / fmt::format("writ-grants-{}", ::getpid());
  std::string said_;
};

TEST_F(Grants, AGrantIsALinkOfItsTemplateUntilItsInstant) {
  const auto with = loaded(kGrant);
  ASSERT_TRUE(with) << said_;
  EXPECT_EQ(with->policies.grants, 1u);
  EXPECT_EQ(with->policies.count, 1u) << "links are no policies of the files";
  const auto end = day("2027-01-31");
  EXPECT_TRUE(plain(*with, end - Duration(1)));
  EXPECT_FALSE(plain(*with, end)) << "it lapses at this very instant, without a reload";
  EXPECT_FALSE(plain(*with, end - Duration(1), "another"));
}

TEST_F(Grants, WhoAsksWithATimeOfTheirOwnDoesNotProlongAGrant) {
  const auto with = loaded(kGrant);
  ASSERT_TRUE(with) << said_;
  const auto end = day("2027-01-31");
  EXPECT_FALSE(plain(*with, end, "portal", end - std::chrono::days(1)));
  EXPECT_TRUE(plain(*with, end - Duration(1), "portal", end + std::chrono::days(1)));
}

TEST_F(Grants, WhereFactsAreAwaitedAGrantThatHasLapsedCausesNoQuestion) {
  const auto with = loaded(
      "    - {id: g, template: writes, principal: 'Writ::Service::\"night\"', expires_at: 2027-01-31}\n");
  ASSERT_TRUE(with) << said_;
  const auto end = day("2027-01-31");
  EXPECT_FALSE(refused_awaiting(*with, end - Duration(1)));
  const auto refusal = refused_awaiting(*with, end);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, Reason::kPolicyNoPermit);
}

TEST_F(Grants, AReviewThatIsOverdueEndsItBeforeItsExpiry) {
  const auto with = loaded(
      "    - {id: g, template: reads-one, principal: portal, resource: 'Shop::Order::\"7\"', expires_at: "
      "2027-01-31, "
      "review_by: 2026-12-31}\n");
  ASSERT_TRUE(with) << said_;
  EXPECT_TRUE(plain(*with, day("2026-12-30")));
  EXPECT_FALSE(plain(*with, day("2026-12-31")));
}

TEST_F(Grants, WithoutAGrantNobodyHasTheTemplate) {
  const auto with = loaded("    []\n");
  ASSERT_TRUE(with) << said_;
  EXPECT_EQ(with->policies.snapshot->grants, nullptr);
  EXPECT_FALSE(plain(*with, day("2026-01-01")));
  EXPECT_THAT(said_, HasSubstr("a template decides nothing until it is linked"));
}

TEST_F(Grants, AnUnknownTemplateIsRefused) {
  EXPECT_THAT(refused("    - {id: g, template: nothing, principal: portal, expires_at: 2027-01-31}\n"),
              HasSubstr("grant `g` links the template `nothing`, which the policies do not have"));
  EXPECT_THAT(refused("    - {id: g, template: fixed, principal: batch, expires_at: 2027-01-31}\n"),
              HasSubstr("the policy of that @id has no slot"));
}

TEST_F(Grants, WhatDoesNotFitTheSlotsIsRefused) {
  EXPECT_THAT(refused("    - {id: g, template: reads-one, principal: portal, expires_at: 2027-01-31}\n"),
              HasSubstr("needs an entity for the slot `?resource`"));
  EXPECT_THAT(refused("    - {id: g, template: writes, principal: batch, resource: 'Shop::Order::\"7\"', "
                      "expires_at: 2027-01-31}\n"),
              HasSubstr("has no slot `?resource`"));
}

TEST_F(Grants, APrincipalOfATypeThatTheActionDoesNotTakeIsRefused) {
  EXPECT_THAT(refused("    - {id: g, template: writes, principal: portal, expires_at: 2027-01-31}\n"),
              HasSubstr("grant `g`: of the template `writes` with these entities"));
  EXPECT_TRUE(loaded("    - {id: g, template: writes, principal: batch, expires_at: 2027-01-31}\n")) << said_;
}

TEST_F(Grants, ATemplateThatForbidsIsNotGranted) {
  EXPECT_THAT(refused("    - {id: g, template: never, principal: portal, expires_at: 2027-01-31}\n"),
              HasSubstr("only a template that permits can be granted"));
}

TEST_F(Grants, AGrantWithoutAnEndIsRefused) {
  EXPECT_THAT(refused("    - {id: g, template: writes, principal: batch}\n"),
              HasSubstr("what has no end is a policy"));
}

TEST_F(Grants, AnIdThatAPolicyHasIsRefused) {
  EXPECT_THAT(refused("    - {id: fixed, template: writes, principal: batch, expires_at: 2027-01-31}\n"),
              HasSubstr("grant `fixed` is called as the policy in"));
  EXPECT_THAT(refused(std::string(kGrant) + std::string(kGrant)), HasSubstr("grant `g` is given twice"));
}

TEST_F(Grants, APrincipalThatIsNotListedIsRefusedUnlessItIsWrittenAsAnEntity) {
  EXPECT_THAT(refused("    - {id: g, template: writes, principal: batsch, expires_at: 2027-01-31}\n"),
              HasSubstr("`batsch`, which is not a listed identity"));
}

TEST_F(Grants, BesideOtherPoliciesAGrantWithoutItsTemplateGrantsNothing) {
  const auto with = loaded(kGrant);
  ASSERT_TRUE(with) << said_;
  auto texts = with->texts;
  for (auto& file : texts.files)
    if (file.kind == TextKind::kPolicies)
      file.text = std::make_shared<const std::string>(
          "@id(\"no\") permit (principal, action, resource) when { false };");
  files::Issues strict, issues;
  EXPECT_FALSE(load_policies(texts, with->world, strict));
  const auto others = load_policies(texts, with->world, issues, UnknownTemplate::kGrantsNothing);
  ASSERT_TRUE(others);
  EXPECT_EQ(others->grants, 0u);
  EXPECT_TRUE(std::ranges::any_of(issues.all(), [](const auto& issue) {
    return render(issue).find("it grants nothing") != std::string::npos;
  }));
}

TEST_F(Grants, WhatIsOverIsAWarningOfTheCheck) {
  const auto with = loaded(kGrant);
  ASSERT_TRUE(with) << said_;
  files::Issues before, after;
  warn_of_lapsed(with->world.grants, day("2027-01-31") - Duration(1), before);
  EXPECT_THAT(before.all(), IsEmpty());
  warn_of_lapsed(with->world.grants, day("2027-01-31"), after);
  ASSERT_FALSE(after.all().empty());
  EXPECT_THAT(render(after.all().front()), HasSubstr("grant `g` expired on 2027-01-31"));
}

// ---- who reaches what

struct Asked {
  explicit Asked(const Loaded& of, Instant at)
      : inventory(
            inventory::Snapshot::empty()->with(of.world.declared.identities, of.world.declared.apis).value()),
        asker(access::Asker::make(*inventory, *of.policies.snapshot, at).value()) {}
  // The verdict of the portal's own reading, with what is left of its conditions.
  std::string of_portal() {
    const auto answered =
        asker->ask({.of = "portal", .filter = {.api = "shop", .action = "read"}, .links = 0, .never = true})
            .value();
    for (const access::Row& row : answered.rows) {
      if (row.groups.front()->chains.front().size() != 1) continue;
      std::string text(access::verdict_name(row.reached.verdict));
      if (row.reached.witness) text += " witnessed";
      for (const auto& left : row.reached.conditions) text += "; " + left.cedar;
      return text;
    }
    return "no row";
  }
  std::shared_ptr<const inventory::Snapshot> inventory;
  std::unique_ptr<access::Asker> asker;
};

TEST_F(Grants, WhoReachesWhatKnowsThatAGrantEnds) {
  const auto with = loaded(kGrant);
  ASSERT_TRUE(with) << said_;
  EXPECT_THAT(Asked(*with, day("2026-12-01")).of_portal(), HasSubstr("when witnessed"));
  EXPECT_THAT(Asked(*with, day("2026-12-01")).of_portal(),
              HasSubstr("context.request.time < datetime(\"2027-01-31T00:00:00.000Z\")"));
  EXPECT_EQ(Asked(*with, day("2027-01-31")).of_portal(), "never");
}

}  // namespace
}  // namespace writ::policy::grants_test
