#include "cli/replay.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "cli/records.h"
#include "policytest/replay.h"

namespace writ::cli {
namespace {

using codec::Json;
using policytest::Flip;
using policytest::Replay;

// "deny policy_forbid by `sealed`".
std::string outcome(std::string_view effect, std::string_view reason,
                    const std::vector<std::string>& policies) {
  std::string out(effect);
  if (!reason.empty()) out += fmt::format(" {}", reason);
  if (!policies.empty()) out += fmt::format(" by {}", fmt::join(policies, ", "));
  return out;
}

std::vector<std::string> policies_of(const Json& record) {
  std::vector<std::string> all;
  if (const Json* policies = record.find("policies"); policies != nullptr && policies->if_array() != nullptr)
    for (const Json& policy : *policies->if_array())
      all.push_back(policy.if_string() != nullptr ? *policy.if_string() : "");
  return all;
}

void print(const Replay& replay, const std::string& revision) {
  for (const Flip& flip : replay.flips) {
    const Json& record = flip.record;
    print_text(fmt::format("{:>6} {} {}  {} {} at {}: {} → {}", show(record, "seq"), show(record, "time"),
                           parties_of(record), show(record, "action"), show(record, "resource"),
                           show(record, "api"),
                           outcome(show(record, "effect"), show(record, "reason"), policies_of(record)),
                           outcome(flip.effect, flip.reason, flip.policies)));
    if (!flip.message.empty()) print_text(fmt::format("         {}", flip.message));
  }
  std::map<std::string, std::size_t> ways;
  for (const Flip& flip : replay.flips) ++ways[show(flip.record, "effect") + " → " + flip.effect];
  std::vector<std::string> counted;
  for (const auto& [way, count] : ways) counted.push_back(fmt::format("{} {}", count, way));
  print_text(fmt::format("under policies {}\n{} decisions, {} decided again: {} flip{}", revision,
                         replay.decisions, replay.decided, replay.flips.size(),
                         counted.empty() ? "" : fmt::format(" ({})", fmt::join(counted, ", "))));
  print_text(
      fmt::format("{} were refused before any policy was asked, and would be again", replay.before_policies));
  if (replay.unchecked > 0)
    print_text(
        fmt::format("{} of those decided again were decided under policies that are not kept: whether all "
                    "facts of that time are known was not checked",
                    replay.unchecked));
  std::size_t left_out = 0;
  for (const auto& [why, count] : replay.left_out) left_out += count;
  if (left_out > 0) print_text(fmt::format("{} could not be decided again:", left_out));
  for (const auto& [why, count] : replay.left_out) print_text(fmt::format("  {}: {}", count, why));
}

Json to_json(const Replay& replay, const std::string& revision) {
  const auto number = [](std::size_t count) { return static_cast<std::int64_t>(count); };
  Json flips = Json::array(), left_out = Json::array();
  for (const Flip& flip : replay.flips) {
    Json json = Json::object(
        {{"record", flip.record}, {"effect", flip.effect}, {"policies", codec::json_texts(flip.policies)}});
    if (!flip.reason.empty()) json.set("reason", flip.reason);
    if (!flip.message.empty()) json.set("message", flip.message);
    flips.push(std::move(json));
  }
  for (const auto& [why, count] : replay.left_out)
    left_out.push(Json::object({{"why", why}, {"decisions", number(count)}}));
  return Json::object({{"policy_revision", revision},
                       {"decisions", number(replay.decisions)},
                       {"decided", number(replay.decided)},
                       {"unchecked", number(replay.unchecked)},
                       {"before_policies", number(replay.before_policies)},
                       {"left_out", std::move(left_out)},
                       {"unreadable", number(replay.unreadable)},
                       {"flips", std::move(flips)}});
}

}  // namespace

int replay(const ReplayOptions& options) {
  files::Issues issues;
  auto config = config::read_config(options.config, issues);
  if (!config) return broken(issues, "nothing was decided");
  if (!options.data.empty()) config->data = options.data;
  // The policies that are being changed may be broken; those of the configuration only tell what was.
  files::Issues ignored;
  const auto before = policy::load(*config, ignored);
  if (!options.policies.empty())
    config->policies.policies.assign(options.policies.begin(), options.policies.end());
  const auto loaded = policy::load(*config, issues);
  if (!loaded) return broken(issues, "nothing was decided");
  const auto& with = *loaded->policies.snapshot;
  const auto result =
      policytest::replay(options.log, *loaded, before ? before->policies.snapshot : nullptr, config->data);
  if (!result) return fail(result.error());
  options.json ? print_json(to_json(*result, with.revision)) : print(*result, with.revision);
  if (result->unreadable > 0)
    return fail(
        fmt::format("{} lines are not records; `writ audit verify` names the first", result->unreadable));
  return result->flips.empty() ? kYes : kNo;
}

}  // namespace writ::cli
