// The vocabulary is what policies really see: the record of a request has its paths and no others, the base
// schema and the document say the same.
#include "context/vocabulary.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <sstream>

#include "base/testing/folders.h"
#include "enforce/ruling.h"
#include "enforce/testing/world.h"

namespace writ::enforce::vocabulary_test {
namespace {

using context::PathEntry;

std::string_view type_of(const cedar::Value& value) {
  using cedar::Kind;
  switch (value.kind()) {
    case Kind::kBool:
      return "Bool";
    case Kind::kLong:
      return "Long";
    case Kind::kString:
      return "String";
    case Kind::kSet:
      return "Set<String>";
    case Kind::kDatetime:
      return "datetime";
    case Kind::kIp:
      return "ipaddr";
    case Kind::kEntity:
      return value.as_entity().type().substr(std::string_view("Writ::").size());
    case Kind::kDecimal:
      return "decimal";
    default:
      return "?";
  }
}

void add_paths(std::map<std::string, std::string>& paths, const std::string& before,
               const cedar::Value& value) {
  if (!value.is(cedar::Kind::kRecord)) return void(paths.emplace(before, type_of(value)));
  for (const auto& field : value.as_record())
    add_paths(
        paths,
        before.empty() ? std::string(field.name->view()) : before + "." + std::string(field.name->view()),
        field.value);
}

class VocabularyTest : public ::testing::Test {
 protected:
  std::map<std::string, std::string> paths_of(const token::AccessClaims& claims, const Sent& sent) {
    const auto token = world.tokens.verifier.verify_parameter(world.token(claims), world.clock.now()).value();
    const auto in_force = world.current.get();
    const auto task = claims.task ? world.tasks.find(*claims.task) : nullptr;
    const Attributes none;
    const Facts facts{.time = world.clock.now(),
                      .method = sent.method,
                      .path = sent.path,
                      .peer_ip = sent.peer_ip,
                      .api = *in_force->inventory->find_api("invoices"),
                      .action = {"Billing::Action", "read"},
                      .resource = {"Billing::Invoice", "inv-1"},
                      .attributes = none,
                      .amounts = amounts,
                      .input = input};
    Memory memory;
    const auto ruling = rule_on_use(token, facts, {*in_force->inventory, *in_force->policies, task.get()},
                                    memory, Shadows::kLeftAlone)
                            .value();
    std::map<std::string, std::string> paths;
    add_paths(paths, "", ruling.context.record());
    return paths;
  }

  testing::World world;
  std::vector<task::NamedAmount> amounts;
  Attributes input;
};

TEST_F(VocabularyTest, ARequestThatSaysEverythingHasItsPathsAndNoOthers) {
  world.add({.id = "nightly-export", .kind = inventory::Kind::kService});
  const auto task = world.open_task();
  auto claims = world.claims_in(*task);
  claims.actors.push_back({"nightly-export", std::nullopt});
  claims.acr = "mfa";
  claims.auth_time = world.clock.now();
  claims.environment = "production";
  claims.credential_kind = "key";
  claims.credential_created = world.clock.now();
  amounts = {{"credited", {7'5000}}};
  input = [](cedar::Arena& arena) {
    return cedar::make_record(arena, {{"reason", cedar::make_string(arena, "broken")}});
  };
  const auto paths = paths_of(claims, {.method = "GET", .path = "/invoices/inv-1", .peer_ip = "192.0.2.7"});
  EXPECT_EQ(paths.at("amounts.credited"), "decimal");
  EXPECT_EQ(paths.at("input.reason"), "String");
  for (const PathEntry& entry : context::vocabulary()) {
    if (entry.path.ends_with(".*")) continue;
    const auto found = paths.find(std::string(entry.path));
    ASSERT_NE(found, paths.end()) << entry.path;
    EXPECT_EQ(found->second, entry.type) << entry.path;
  }
  for (const auto& [path, type] : paths) EXPECT_NE(context::find_path(path), nullptr) << path;
}

TEST_F(VocabularyTest, ARequestThatSaysLittleLacksOnlyWhatMayBeAbsent) {
  auto claims = world.claims();
  claims.subject = claims.client_id = "nobody-knows";
  claims.purpose = claims.tenant = std::nullopt;
  const auto paths = paths_of(claims, {});
  for (const PathEntry& entry : context::vocabulary()) {
    EXPECT_TRUE(entry.optional || paths.contains(std::string(entry.path))) << entry.path;
  }
  EXPECT_FALSE(paths.contains("task"));
  EXPECT_FALSE(paths.contains("request.ip"));
}

TEST_F(VocabularyTest, TheDocumentSaysTheSame) {
  std::ifstream file(source_path("/docs/policy-context.md"));
  std::ostringstream text;
  text << file.rdbuf();
  for (const PathEntry& entry : context::vocabulary()) {
    std::string from;
    for (const auto source : entry.sources)
      from += (from.empty() ? "" : ", ") + std::string(context::source_name(source));
    const auto type = std::regex_replace(std::string(entry.type), std::regex("<"), "\\<");
    const auto row = "| `" + std::string(entry.path) + (entry.optional ? "?" : "") + "` | " + type + " | " +
                     from + " | " + std::string(entry.what) + " |";
    EXPECT_NE(text.str().find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace writ::enforce::vocabulary_test
