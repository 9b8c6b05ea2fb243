#include "decision/obligations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "cedar/parse.h"
#include "decision/testing/world.h"

namespace writ::decision::obligations_test {
namespace {

using codec::Json;

cedar::Policy policy(std::string_view text) {
  return cedar::parse_policies(text).value().policies.front();
}

std::shared_ptr<const Obligations> obligations_in(std::string_view text) {
  Obligations::ByPolicy found;
  const auto parsed = cedar::parse_policies(text).value();
  for (const auto& each : parsed.policies)
    if (auto obligation = obligation_of(each).value())
      found.emplace(*each.annotation("id")->value, *std::move(obligation));
  return std::make_shared<const Obligations>(std::move(found));
}

TEST(Obligations, APermitSaysWhatIsLeftOut) {
  const auto found =
      obligation_of(
          policy(
              R"(@redact("/card/number,/lines/*/p , /notes") @keep("/card") permit(principal,action,resource);)"))
          .value();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->redact.size(), 3u);
  EXPECT_EQ(found->redact[1].text, "/lines/*/p");
  EXPECT_EQ(found->keep.at(0).text, "/card");
  EXPECT_EQ(obligation_of(policy("@id(\"a\") permit(principal,action,resource);")).value(), std::nullopt);
}

TEST(Obligations, WhatCannotBeReadIsAnErrorAndNeverNoObligation) {
  std::string many = "/a0";
  for (std::size_t i = 1; i <= kMaxObligationPatterns; ++i) many += fmt::format(",/a{}", i);
  const std::vector<std::string> wrong = {
      "@redact",          "@redact(\"\")",     "@redact(\"notes\")",    "@keep(\"/a,\")",
      "@keep(\"/a /b\")", "@redact(\"/a~2\")", "@redact(\"/\\u{e9}\")", "@redact(\"" + many + "\")"};
  for (const auto& value : wrong) {
    const auto read = obligation_of(policy(value + " permit(principal,action,resource);"));
    ASSERT_FALSE(read) << value;
    EXPECT_TRUE(read.error().message.starts_with("`@")) << read.error().message;
  }
  EXPECT_FALSE(obligation_of(policy(R"(@redact("/a") forbid(principal,action,resource);)")));
}

TEST(Obligations, SeveralPermitsOblige) {
  const auto all = obligations_in(R"(
    @id("a") @redact("/x, /y") permit(principal,action,resource);
    @id("b") @redact("/y, /z") @keep("/k") permit(principal,action,resource);
    @id("c") @keep("/k, /l") permit(principal,action,resource);
    @id("plain") permit(principal,action,resource);)");
  const auto obliged = [&](std::vector<std::string_view> policies) {
    const auto cut = obliged_by(all.get(), policies);
    return cut != nullptr ? cut->to_json().dump() : "nothing";
  };
  EXPECT_EQ(obliged({"plain"}), "nothing");
  EXPECT_EQ(obliged({"plain", "a"}), R"({"redact":["/x","/y"]})");
  EXPECT_EQ(obliged({"a", "b", "c"}), R"({"redact":["/x","/y","/z"],"keep":[["/k"],["/k","/l"]]})");
  EXPECT_EQ(obliged_by(nullptr, std::vector<std::string_view>{"a"}), nullptr);
}

class ObligedDecision : public ::testing::Test {
 protected:
  std::string decide_by(const std::string& text) {
    world_.policies.policies = testing::compile({text});
    world_.policies.obligations = obligations_in(text);
    Json question = *file_.find("defaults");
    question.set(
        "token",
        codec::parse_json(R"({"sub":"nora","client_id":"support-portal","tenant":"north"})").value());
    const testing::Question asked(question, world_.now);
    const auto verified = token::testing::verified(asked.claims, world_.now);
    testing::Asker asker(world_);
    asker.ask(verified, asked);
    Workspace workspace;
    const auto& decision = decide(world_.policies, asker.context(), workspace);
    return decision.permitted() ? "permit" : std::string(reason_code(decision.refusals().front().reason));
  }

  const std::string root_ = source_path();
  const Json file_ = testing::read_json(root_ + "/tests/cases/decision/acme.json");
  testing::World world_{*file_.find("world"), root_};
};

TEST_F(ObligedDecision, APermitThatObligesAndCannotBeEvaluatedDeniesWhateverElsePermits) {
  const std::string plain = R"(@id("plain") permit(principal, action, resource);)";
  EXPECT_EQ(decide_by(plain), "permit");
  EXPECT_EQ(decide_by(plain +
                      R"(@id("other") permit(principal, action, resource) when { context.purpose == "x" };)"),
            "permit")
      << "Cedar skips it";
  EXPECT_EQ(decide_by(plain + R"(@id("obliges") @redact("/notes")
                                 permit(principal, action, resource) when { context.purpose == "x" };)"),
            "context_missing");
  EXPECT_EQ(decide_by(plain + R"(@id("obliges") @redact("/notes") permit(principal, action, resource)
                                 when { context has purpose && context.purpose == "x" };)"),
            "permit");
}

}  // namespace
}  // namespace writ::decision::obligations_test
