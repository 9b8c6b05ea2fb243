#include "posture/adopt.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "audit/verify.h"
#include "inventory/identity.h"

namespace writ::posture::adopt_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Only what adopt reads of a configuration; whether it is whole is for others.
constexpr std::string_view kConfig = R"(version: 1
trusted_issuers:
  - issuer: https://idp.example
    accept:
      - {api: shop, audiences: [shop], kinds: [delegated], clients: {portal: support-portal, batch: export}}
  - issuer: https://partner.example
    accept:
      - {api: mail, audiences: [mail], kinds: [delegated], clients: {portal: support-portal}}
inventory:
  identities:
    - {id: support-portal, kind: application}
    - {id: export, kind: service}
    - {id: nora, kind: user}
)";

class Adopt : public ::testing::Test {
 protected:
  Adopt() {
    fs::create_directories(root_);
    files::Issues issues;
    auto root = files::parse_yaml(kConfig, "writ.yaml", issues);
    config_.file = "writ.yaml";
    config_.root = std::make_shared<const files::YamlNode>(*std::move(root));
    config_.identities = config_.root->find("inventory")->find("identities")->items;
    for (const auto& node : config_.root->find("trusted_issuers")->items) {
      oauth::TrustedIssuer issuer{.issuer = node.find("issuer")->text,
                                  .audience = "https://writ.example",
                                  .keys = jose::JwkSet::of({}).value(),
                                  .mapping = {}};
      for (const auto& accept : node.find("accept")->items) {
        oauth::AcceptedAt at{.api = accept.find("api")->text, .audiences = {}};
        for (const auto& entry : accept.find("clients")->entries) at.clients[entry.key] = entry.value.text;
        issuer.accept.push_back(std::move(at));
      }
      config_.trusted_issuers.push_back(std::move(issuer));
    }
  }
  ~Adopt() override { fs::remove_all(root_); }

  void refuse(std::string_view client, std::string_view api, int day,
              std::string_view reason = "caller_unknown") {
    const auto message =
        fmt::format("the token's client `{}` is not mapped to an identity here, under `accept` for API `{}`",
                    client, api);
    auto record = codec::Json::object({{"seq", static_cast<std::int64_t>(++number_)},
                                       {"time", fmt::format("2026-11-{:02}T09:00:00.000Z", day)},
                                       {"type", "decision"},
                                       {"effect", "deny"},
                                       {"reason", reason},
                                       {"message", message}});
    lines_ += record.dump() + "\n";
  }
  std::vector<SeenClient> seen(std::string_view since = "2026-01-01") {
    const auto path = root_ / "audit.jsonl";
    std::ofstream(path) << lines_;
    // Its records have no chain, which is for others to look at.
    return find_seen({{path, {}}}, config_, inventory::date_from_text(since).value(), Instant::max()).value();
  }
  Reviewed reviewed(std::string_view text) {
    files::Issues issues;
    auto read = read_review(text, "review.yaml", config_, issues);
    said_.clear();
    for (const auto& issue : issues.all()) said_ += render(issue) + "\n";
    return read;
  }
  std::string patch(std::string_view text) {
    const auto read = reviewed(text);
    EXPECT_EQ(said_, "");
    const auto made = adoption(read, config_, kConfig);
    return made ? *made : made.error().message;
  }
  static std::string said(std::string_view as, std::string_view kind = "", std::string_view client = "new",
                          std::string_view api = "shop", std::string_view issuer = "https://idp.example") {
    return fmt::format("clients:\n  - client: {}\n    api: {}\n    issuer: {}\n    as: {}\n    kind: {}\n",
                       client, api, issuer, as, kind);
  }

  config::Config config_;
  std::string said_;

 private:
  const fs::path root_ = fs::temp_directory_path() / fmt::format("writ-adopt-{}", ::getpid());
  std::string lines_;
  int number_ = 0;
};

TEST_F(Adopt, WhatWasSeenAndIsNotMappedIsFoundOnceForEachApi) {
  refuse("new", "shop", 3);
  refuse("new", "shop", 1);
  refuse("new", "mail", 2);
  const auto all = seen();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].api, "mail");
  EXPECT_THAT(all[0].issuers, ElementsAre("https://partner.example"));
  EXPECT_EQ(all[1].requests, 2u);
  EXPECT_EQ(inventory::date_text(all[1].first), "2026-11-01T09:00:00Z");
}

TEST_F(Adopt, WhatIsMappedNowOrWasRefusedForAnotherReasonIsNot) {
  refuse("portal", "shop", 1);
  refuse("new", "shop", 2, "token_signature");
  refuse("new", "nothing", 2);
  EXPECT_THAT(seen(), IsEmpty());
  refuse("new", "shop", 2);
  EXPECT_THAT(seen("2026-11-03"), IsEmpty());
}

TEST_F(Adopt, TheFileAsItIsWrittenAdoptsNothing) {
  refuse("new", "shop", 1);
  const auto text = review_file(seen());
  const auto read = reviewed(text);
  EXPECT_EQ(said_, "");
  EXPECT_THAT(read.adopted, IsEmpty());
  EXPECT_EQ(read.undecided, 1u);
}

TEST_F(Adopt, WhatSomebodySaidBecomesAPatchAndNothingElse) {
  EXPECT_THAT(patch(said("export")),
              AllOf(HasSubstr("clients: {portal: support-portal, new: export, batch: export}"),
                    Not(HasSubstr("kind: service}\n+"))));
  const auto with_new = patch(said("importer", "service"));
  EXPECT_THAT(with_new, HasSubstr("+    - {id: importer, kind: service}"));
  EXPECT_THAT(with_new, HasSubstr("new: importer"));
}

TEST_F(Adopt, TwoClientsOfOneMapAreBothInThePatch) {
  auto second = said("support-portal", "", "other");
  const auto text = patch(said("export") + second.substr(second.find('\n') + 1));
  EXPECT_THAT(text, AllOf(HasSubstr("new: export"), HasSubstr("other: support-portal")));
}

TEST_F(Adopt, NobodyIsLeftOut) {
  const auto read = reviewed(said("nobody"));
  EXPECT_THAT(read.adopted, IsEmpty());
  EXPECT_EQ(read.left, 1u);
}

TEST_F(Adopt, WhatDoesNotFitTheConfigurationIsRefused) {
  reviewed(said("nora"));
  EXPECT_THAT(said_, HasSubstr("`nora` is a user"));
  reviewed(said("importer"));
  EXPECT_THAT(said_, HasSubstr("there is no identity `importer`"));
  reviewed(said("export", "", "batch"));
  EXPECT_THAT(said_, HasSubstr("`clients` has `batch` already"));
  reviewed(said("export", "", "new", "mail"));
  EXPECT_THAT(said_, HasSubstr("has no `accept` of `https://idp.example` at API `mail`"));
  reviewed(said("export", "user"));
  EXPECT_THAT(said_, HasSubstr("kind"));
}

}  // namespace
}  // namespace writ::posture::adopt_test
