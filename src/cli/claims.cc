// writ claims: what the tokens of each API have to carry, by the configuration alone (docs/claims.md).
#include "cli/claims.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/clock.h"
#include "claims/report.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "policy/contract_sheets.h"

namespace writ::cli {
namespace {

struct ClaimsOptions {
  std::string config = "writ.yaml";
  std::string api, before, after;
  bool json = false;
};

// A configuration, with its contracts.
struct ReadyForClaims {
  explicit ReadyForClaims(policy::Loaded of) : loaded(std::move(of)), sheets(loaded) {}

  const policy::Loaded loaded;
  const policy::ContractSheets sheets;
};

Result<std::unique_ptr<ReadyForClaims>> ready_for_claims(const std::string& named) {
  return std::make_unique<ReadyForClaims>(TRY(load_configuration(named)));
}

int contract(const ClaimsOptions& options) {
  const auto world = ready_for_claims(options.config);
  if (!world) return fail(world.error());
  if (const auto named = check_names((*world)->loaded, options.api); !named) return fail(named.error());
  const auto sheets =
      (*world)->sheets.sheets(options.api, options.api.empty() && !options.json, SystemClock().now());
  if (!sheets) return fail(sheets.error());
  if (options.json) {
    auto all = codec::Json::array();
    for (const auto& sheet : *sheets) all.push(to_json(sheet));
    print_json(codec::Json::object({{"contracts", std::move(all)}}));
    return kYes;
  }
  std::string text;
  for (const auto& sheet : *sheets) text += options.api.empty() ? in_short(sheet) : to_text(sheet);
  print_text(text);
  return kYes;
}

// What tokens of before lack that policies of after read.
std::vector<policy::Lack> lacks_after(const policy::Loaded& before, const policy::Loaded& after) {
  if (before.policies.snapshot->revision == after.policies.snapshot->revision) return {};
  policy::MintedSince minted(after.config.token_lifetime);
  minted.drop(policy::minted_by_api(*before.policies.snapshot, before.world.declared.apis));
  const policy::ContractSources both(after.policies, before.policies, after.world);
  return policy::lacks_of(both.known(),
                          policy::minted_by_api(*after.policies.snapshot, after.world.declared.apis), minted,
                          SystemClock().now());
}

codec::Json waits_json(const std::vector<policy::Lack>& lacks, std::int64_t seconds) {
  auto all = codec::Json::array();
  for (const auto& [need, until] : lacks)
    all.push(codec::Json::object(
        {{"api", need.api}, {"claim", need.claim}, {"reader", claims::text_of(need.reader)}}));
  return codec::Json::object({{"seconds", seconds}, {"for", std::move(all)}});
}

std::string waits_text(const std::vector<policy::Lack>& lacks, std::int64_t seconds) {
  if (lacks.empty()) return {};
  auto text =
      fmt::format("after a reload the policies wait {} s, until the last token ends that lacks\n", seconds);
  for (const auto& [need, until] : lacks)
    text += fmt::format("  {} {}: {}\n", need.api, need.claim, claims::text_of(need.reader));
  return text;
}

int claims_diff(const ClaimsOptions& options) {
  const auto before = ready_for_claims(options.before);
  if (!before) return fail(before.error());
  const auto after = ready_for_claims(options.after);
  if (!after) return fail(after.error());
  const auto differences = claims::differences((*before)->sheets.contracts(), (*after)->sheets.contracts());
  const auto lacks = lacks_after((*before)->loaded, (*after)->loaded);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>((*after)->loaded.config.token_lifetime).count();
  if (options.json) {
    auto json = claims::to_json(differences);
    if (!lacks.empty()) json.set("waits", waits_json(lacks, seconds));
    print_json(json);
  } else {
    print_text(claims::to_text(differences) + waits_text(lacks, seconds));
  }
  return differences.empty() ? kYes : kNo;
}

int lint(const ClaimsOptions& options) {
  const auto world = ready_for_claims(options.config);
  if (!world) return fail(world.error());
  const auto findings = (*world)->sheets.lint(SystemClock().now());
  if (!findings) return fail(findings.error());
  if (options.json) {
    print_json(claims::to_json(*findings));
  } else {
    print_text(claims::to_text(*findings));
  }
  return findings->empty() ? kYes : kNo;
}

}  // namespace

void add_claims(Command& program) {
  auto& claims = program.add("claims", "what the tokens of each API have to carry, and who reads it");

  auto of = std::make_shared<ClaimsOptions>();
  auto& contract_command = claims.add("contract", "the claims that an API's tokens have to carry");
  contract_command.option("api", of->api, "the id of an API; all of them in short if not given");
  contract_command.option("--config", of->config, "the configuration file").shows_default();
  contract_command.flag("--json", of->json, "print JSON");
  contract_command.runs([of] { return contract(*of); });

  auto change = std::make_shared<ClaimsOptions>();
  auto& diff_command = claims.add("diff", "what a change makes of the contracts");
  diff_command.option("old", change->before, "a configuration file, or the folder of writ.yaml").required();
  diff_command.option("new", change->after, "the same after the change").required();
  diff_command.flag("--json", change->json, "print JSON");
  diff_command.runs([change] { return claims_diff(*change); });

  auto all = std::make_shared<ClaimsOptions>();
  auto& lint_command =
      claims.add("lint", "claims that nobody reads or supplies, and tokens that are too long");
  lint_command.option("--config", all->config, "the configuration file").shows_default();
  lint_command.flag("--json", all->json, "print JSON");
  lint_command.runs([all] { return lint(*all); });
}

}  // namespace writ::cli
