// writ claims: what the tokens of each API have to carry, by the configuration alone (docs/claims.md).
#include "cli/claims.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/clock.h"
#include "claims/report.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "policy/contracts.h"
#include "token/key_ring.h"

namespace writ::cli {
namespace {

struct Options {
  std::string config = "writ.yaml";
  std::string api, before, after;
  bool json = false;
};

// A configuration, with its contracts.
struct Ready {
  explicit Ready(policy::Loaded of)
      : loaded(std::move(of)),
        sources(loaded.policies, loaded.world),
        contracts(contracts_of(sources.known())) {}

  const policy::Loaded loaded;
  const policy::ContractSources sources;
  const std::vector<claims::Contract> contracts;
};

Result<std::unique_ptr<Ready>> ready(const std::string& named) {
  return std::make_unique<Ready>(TRY(load_configuration(named)));
}

// Of all APIs, or of one.
Result<std::vector<claims::Sheet>> sheets_of(const Ready& world, const std::string& only, bool in_short) {
  const auto& config = world.loaded.config;
  std::vector<jose::PrivateJwk> keys;
  keys.push_back(TRY(jose::PrivateJwk::generate(config.token_algorithm)));
  const auto ring = TRY(token::KeyRing::of(std::move(keys)));
  const token::Minter minter(*ring);
  const auto& declared = world.loaded.world.declared;
  claims::ExampleFacts facts{.identities = declared.identities,
                             .issuer = config.issuer,
                             .max_chain = world.loaded.policies.snapshot->max_chain,
                             .now = SystemClock().now()};
  if (!config.trusted_issuers.empty()) facts.provider = config.trusted_issuers.front().issuer;
  std::vector<claims::Sheet> sheets;
  for (std::size_t i = 0; i < declared.apis.size(); ++i) {
    const auto& api = declared.apis[i];
    if (!only.empty() && api.id != only) continue;
    auto example = claims::example_claims(api, facts);
    const auto sizes = TRY(claims::sizes_of(api, world.contracts[i], example, minter));
    auto others =
        in_short ? std::vector<std::string>() : claims::exchanged_for(world.sources.known(), api.id);
    sheets.push_back({.api = api,
                      .contract = world.contracts[i],
                      .exchanged_for = std::move(others),
                      .example = std::move(example),
                      .sizes = sizes});
  }
  if (sheets.empty() && !only.empty())
    return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", only));
  return sheets;
}

int contract(const Options& options) {
  const auto world = ready(options.config);
  if (!world) return fail(world.error());
  const auto sheets = sheets_of(**world, options.api, options.api.empty() && !options.json);
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
  return policy::lacks_of(after.policies, after.world, minted, SystemClock().now());
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

int diff(const Options& options) {
  const auto before = ready(options.before);
  if (!before) return fail(before.error());
  const auto after = ready(options.after);
  if (!after) return fail(after.error());
  const auto differences = claims::differences((*before)->contracts, (*after)->contracts);
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

claims::Supply supply_of(const policy::Loaded& loaded) {
  claims::Supply supply{.providers = !loaded.config.trusted_issuers.empty()};
  for (const auto& identity : loaded.world.declared.identities) {
    supply.tenants = supply.tenants || identity.tenant;
    supply.environments = supply.environments || identity.environment;
  }
  for (const auto& route : loaded.world.routes) {
    for (const auto& [name, place] : route.amounts) supply.amounts[route.api].insert(name);
    for (const auto& fact : route.facts) supply.input[route.api].insert(fact.name);
  }
  return supply;
}

int lint(const Options& options) {
  const auto world = ready(options.config);
  if (!world) return fail(world.error());
  auto findings = claims::lint((*world)->sources.known(), (*world)->contracts, supply_of((*world)->loaded));
  const auto sheets = sheets_of(**world, {}, true);
  if (!sheets) return fail(sheets.error());
  for (const auto& sheet : *sheets) {
    if (auto found = claims::over_budget(sheet)) findings.push_back(*std::move(found));
  }
  if (options.json) {
    print_json(claims::to_json(findings));
  } else {
    print_text(claims::to_text(findings));
  }
  return findings.empty() ? kYes : kNo;
}

}  // namespace

void add_claims(Command& program) {
  auto& claims = program.add("claims", "what the tokens of each API have to carry, and who reads it");

  auto of = std::make_shared<Options>();
  auto& contract_command = claims.add("contract", "the claims that an API's tokens have to carry");
  contract_command.option("api", of->api, "the id of an API; all of them in short if not given");
  contract_command.option("--config", of->config, "the configuration file").shows_default();
  contract_command.flag("--json", of->json, "print JSON");
  contract_command.runs([of] { return contract(*of); });

  auto change = std::make_shared<Options>();
  auto& diff_command = claims.add("diff", "what a change makes of the contracts");
  diff_command.option("old", change->before, "a configuration file, or the folder of writ.yaml").required();
  diff_command.option("new", change->after, "the same after the change").required();
  diff_command.flag("--json", change->json, "print JSON");
  diff_command.runs([change] { return diff(*change); });

  auto all = std::make_shared<Options>();
  auto& lint_command =
      claims.add("lint", "claims that nobody reads or supplies, and tokens that are too long");
  lint_command.option("--config", all->config, "the configuration file").shows_default();
  lint_command.flag("--json", all->json, "print JSON");
  lint_command.runs([all] { return lint(*all); });
}

}  // namespace writ::cli
