// Callers that the log saw and the inventory does not have: found by what vouches for them, and adopted as
// somebody said.
#include "posture/adopt_callers.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "inventory/identity.h"
#include "oauth/workload_profiles.h"
#include "posture/adopt.h"

namespace writ::posture::adopt_callers_test {
namespace {

namespace fs = std::filesystem;
using By = SeenCaller::By;
using codec::Json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kCluster = "https://kubernetes.example", kGithub = "https://github.example";

// Only what adopt reads of a configuration; whether it is whole is for others.
constexpr std::string_view kConfig = R"(version: 1
inventory:
  identities:
    - {id: portal, kind: application}
    - id: export
      kind: service
      workload:
        - {issuer: "https://kubernetes.example", claims: {sub: "system:serviceaccount:shop:export"}}
    - {id: ledger, kind: service, certificates: [{uri: "spiffe://acme.example/ledger"}]}
    - {id: nora, kind: user}
)";

class AdoptCallers : public ::testing::Test {
 protected:
  AdoptCallers() {
    fs::create_directories(root_);
    files::Issues issues;
    auto root = files::parse_yaml(kConfig, "writ.yaml", issues);
    config_.file = "writ.yaml";
    config_.root = std::make_shared<const files::YamlNode>(*std::move(root));
    config_.identities = config_.root->find("inventory")->find("identities")->items;
    for (const auto& [issuer, profile] : {std::pair(kCluster, "kubernetes"), {kGithub, "github"}}) {
      oauth::TrustedIssuer trusted{.issuer = std::string(issuer),
                                   .audience = "https://writ.example",
                                   .keys = jose::JwkSet::of({}).value(),
                                   .mapping = {}};
      trusted.workloads = oauth::find_workload_profile(profile);
      config_.trusted_issuers.push_back(std::move(trusted));
    }
  }
  ~AdoptCallers() override { fs::remove_all(root_); }

  void put(Json record, int day) {
    record.set("seq", static_cast<std::int64_t>(++number_));
    record.set("time", fmt::format("2026-11-{:02}T09:00:00.000Z", day));
    lines_ += record.dump() + "\n";
  }
  void refuse(std::string_view message, int day = 1, std::string_view claimed = "x",
              std::string_view reason = "caller_unknown") {
    put(Json::object({{"type", "decision"},
                      {"effect", "deny"},
                      {"point", "oauth"},
                      {"client", claimed},
                      {"reason", reason},
                      {"message", message}}),
        day);
  }
  void workload(std::string_view subject, int day = 1, std::string_view claimed = "x",
                std::string_view issuer = kCluster) {
    const auto token = Json::object({{"issuer", issuer}, {"sub", subject}});
    refuse(fmt::format("token {}: client `{}`: there is no client `{}`", token.dump(), claimed, claimed), day,
           claimed);
  }
  void certificate(std::string_view member, std::string_view name, int day = 1) {
    refuse(fmt::format("certificate {}: client `x`: unknown client",
                       Json::object({{std::string(member), name}}).dump()),
           day);
  }
  void permit(std::string_view subject, std::string_view client, int day = 1) {
    put(Json::object({{"type", "decision"},
                      {"effect", "permit"},
                      {"point", "gateway"},
                      {"api", "shop"},
                      {"subject", subject},
                      {"client", client}}),
        day);
  }
  SeenCallers seen(bool users = false, std::size_t most = 100, std::string_view since = "2026-01-01") {
    const auto path = root_ / "audit.jsonl";
    std::ofstream(path) << lines_;
    return find_callers({{path, {}}}, config_, inventory::date_from_text(since).value(), Instant::max(),
                        users, most)
        .value();
  }
  std::string patch(std::string_view text) {
    files::Issues issues;
    const auto reviewed = read_review(text, "review.yaml", config_, issues);
    std::string said;
    for (const auto& issue : issues.all()) said += render(issue) + "\n";
    if (!said.empty()) return said;
    const auto made = adoption(reviewed, config_, kConfig);
    return made ? *made : made.error().message;
  }
  static std::string said(std::string_view caller, std::string_view seen, std::string_view as,
                          std::string_view kind = "", std::string_view issuer = kCluster) {
    return fmt::format(
        "callers:\n  - caller: \"{}\"\n    seen: {}\n    issuer: {}\n    as: \"{}\"\n    kind: {}\n", caller,
        seen, issuer, as, kind);
  }

  config::Config config_;

 private:
  const fs::path root_ = fs::temp_directory_path() / fmt::format("writ-adopt-callers-{}", ::getpid());
  std::string lines_;
  int number_ = 0;
};

TEST_F(AdoptCallers, AWorkloadIsKnownByWhatItsPlatformCallsIt) {
  workload("system:serviceaccount:shop:mailer", 3, "export");
  workload("system:serviceaccount:shop:mailer", 1, "mailer");
  // A rule is about this one already.
  workload("system:serviceaccount:shop:export");
  const auto all = seen().callers;
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "system:serviceaccount:shop:mailer");
  EXPECT_EQ(all[0].issuer, kCluster);
  EXPECT_EQ(all[0].requests, 2u);
  EXPECT_THAT(all[0].claimed, ElementsAre("export", "mailer"));
  EXPECT_EQ(inventory::date_text(all[0].first), "2026-11-01T09:00:00Z");
  EXPECT_THAT(seen(false, 100, "2026-11-20").callers, IsEmpty());
}

TEST_F(AdoptCallers, ACertificateIsKnownByWhatARuleMayName) {
  certificate("uri", "spiffe://acme.example/mailer");
  certificate("dns", "batch.example");
  certificate("sha256", "thumb");
  certificate("uri", "spiffe://acme.example/ledger");  // the ledger's own
  std::vector<std::string> names;
  for (const auto& each : seen().callers) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("DNS:batch.example", "URI:spiffe://acme.example/mailer", "sha256:thumb"));
}

TEST_F(AdoptCallers, WhatACallerCallsItselfIsNotTakenForWhatWasShown) {
  // A client id with the words in it.
  refuse(R"(client `token {"issuer":"https://kubernetes.example","sub":"victim"}: client `x`: wrong secret)");
  EXPECT_THAT(seen().callers, IsEmpty());
  // A subject with the end in it is that subject.
  const std::string_view subject = R"("},"sub":"victim"}: client `x)";
  workload(subject);
  ASSERT_EQ(seen().callers.size(), 1u);
  EXPECT_EQ(seen().callers[0].name, subject);
  // What is cut in the middle, or was refused for another reason, says nothing.
  refuse(R"(token {"issuer":"https://kubernetes.example","sub":"cut)");
  refuse(R"(token {"issuer":"i","sub":"s"}: client `x`: no)", 1, "x", "token_signature");
  EXPECT_EQ(seen().callers.size(), 1u);
}

TEST_F(AdoptCallers, UsersAreThoseWhoWerePermittedAndNeverActed) {
  permit("maria", "portal", 2);
  permit("maria", "portal", 5);
  permit("nora", "portal");        // is listed
  permit("gone-app", "gone-app");  // was a client, whatever the inventory says now
  put(Json::object({{"type", "identity.created"}, {"object", "made"}}), 1);
  permit("made", "portal");
  EXPECT_THAT(seen().callers, IsEmpty());
  const auto all = seen(true).callers;
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "maria");
  EXPECT_EQ(all[0].requests, 2u);
  EXPECT_EQ(inventory::date_text(all[0].last), "2026-11-05T09:00:00Z");
}

TEST_F(AdoptCallers, WhatThereIsNoRoomForIsCounted) {
  for (const auto* name :
       {"system:serviceaccount:a:a", "system:serviceaccount:b:b", "system:serviceaccount:c:c"})
    workload(name);
  const auto all = seen(false, 2);
  EXPECT_EQ(all.callers.size(), 2u);
  EXPECT_EQ(all.left_out, 1u);
  EXPECT_THAT(callers_review(all), HasSubstr("no room for others, with 1 requests"));
}

TEST_F(AdoptCallers, TheFileAsItIsWrittenAdoptsNobody) {
  workload("system:serviceaccount:shop:mailer");
  certificate("dns", "batch.example");
  permit("maria \"m\"\nx", "portal");
  const auto text = review_file({}, seen(true));
  files::Issues issues;
  const auto reviewed = read_review(text, "review.yaml", config_, issues);
  EXPECT_FALSE(issues.has_errors()) << text;
  EXPECT_EQ(reviewed.callers.undecided, 3u);
  EXPECT_TRUE(reviewed.is_empty());
}

TEST_F(AdoptCallers, ANewIdentityComesWithTheRuleThatShowsIt) {
  EXPECT_THAT(
      patch(said("system:serviceaccount:shop:mailer", "workload", "mailer", "service")),
      HasSubstr("+    - {id: mailer, kind: service, workload: [{issuer: \"https://kubernetes.example\", "
                "claims: {sub: \"system:serviceaccount:shop:mailer\"}}]}"));
  EXPECT_THAT(patch(said("DNS:batch.example", "certificate", "batch", "agent")),
              HasSubstr("+    - {id: batch, kind: agent, certificates: [{dns: batch.example}]}"));
  EXPECT_THAT(patch(said("maria", "user", "maria")), HasSubstr("+    - {id: maria, kind: user}"));
}

TEST_F(AdoptCallers, AListedIdentityGetsTheRuleBesideThoseItHas) {
  EXPECT_THAT(patch(said("system:serviceaccount:shop:export-2", "workload", "export")),
              AllOf(HasSubstr("claims: {sub: \"system:serviceaccount:shop:export-2\"}"),
                    Not(HasSubstr("+    - {id:"))));
  EXPECT_THAT(patch(said("URI:spiffe://acme.example/portal", "certificate", "portal")),
              HasSubstr("certificates: [{uri: \"spiffe://acme.example/portal\"}]"));
  EXPECT_THAT(patch(said("DNS:ledger.example", "certificate", "ledger")),
              HasSubstr("certificates: [{dns: ledger.example}, {uri: \"spiffe://acme.example/ledger\"}]"));
}

TEST_F(AdoptCallers, WhatDoesNotFitIsRefusedWithItsPlace) {
  EXPECT_THAT(patch(said("repo:acme/shop:ref:refs/heads/main", "workload", "deployer", "service", kGithub)),
              AllOf(HasSubstr("a rule with the subject alone lacks"), HasSubstr("review.yaml:2")));
  EXPECT_THAT(patch(said("system:serviceaccount:shop:mailer", "workload", "mailer", "service",
                         "https://elsewhere.example")),
              HasSubstr("no issuer of workloads `https://elsewhere.example`"));
  EXPECT_THAT(patch(said("system:serviceaccount:shop:mailer", "workload", "mailer")),
              HasSubstr("there is no identity `mailer`"));
  EXPECT_THAT(patch(said("system:serviceaccount:shop:mailer", "workload", "nora")),
              HasSubstr("`nora` is a user"));
  EXPECT_THAT(patch(said("maria", "user", "nora")),
              HasSubstr("`nora` is not what its provider calls the user"));
  EXPECT_THAT(patch(said("maria", "user", "maria", "service")), HasSubstr("was seen as a user"));
  EXPECT_THAT(patch(said("nora", "user", "nora")), HasSubstr("`nora` is listed already"));
  EXPECT_THAT(patch(said("batch", "certificate", "batch", "service")),
              HasSubstr("is not a name of a certificate"));
  EXPECT_THAT(patch(said("x", "elsewhere", "x", "service")), HasSubstr("seen"));
}

TEST_F(AdoptCallers, NobodyIsLeftOut) {
  files::Issues issues;
  const auto reviewed = read_review(said("system:serviceaccount:shop:mailer", "workload", "nobody"),
                                    "review.yaml", config_, issues);
  EXPECT_EQ(reviewed.callers.left, 1u);
  EXPECT_TRUE(reviewed.is_empty());
}

}  // namespace
}  // namespace writ::posture::adopt_callers_test
