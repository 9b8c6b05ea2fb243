#include "config/rates.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::config {
namespace {

constexpr std::size_t kMaxRules = 32;
constexpr std::int64_t kMaxRequests = 1'000'000, kMaxSeconds = 86'400;

void read_rate(const files::YamlNode& node, const inventory::Api& api, files::Source& source,
               std::vector<gateway::RateSpec>& rates) {
  const files::Fields fields(&node, source, "a rate", {"per", "requests", "seconds", "at_once", "actions"});
  using Per = gateway::RateSpec::Per;
  if (fields.require("per") == nullptr) return;
  const auto per = fields.choice("per", {"source", "client", "subject", "all"});
  const auto requests = fields.integer("requests", 1, kMaxRequests);
  const auto seconds = fields.integer("seconds", 1, kMaxSeconds);
  const auto at_once = fields.integer("at_once", 1, kMaxRequests);
  const bool counts = fields.find("requests") != nullptr || fields.find("seconds") != nullptr;
  if (counts == (fields.find("at_once") != nullptr))
    return source.error(
        node, "a rate says either `requests` and `seconds`, or `at_once`",
        "for example {per: client, requests: 600, seconds: 60}, or {per: client, at_once: 20}");
  if (counts) {
    fields.require("requests");
    fields.require("seconds");
  }
  gateway::RateSpec rate{.per = static_cast<Per>(per.value_or(0)), .actions = fields.texts("actions")};
  for (const auto& action : rate.actions) {
    if (std::ranges::find(api.actions, action) == api.actions.end())
      source.error(*fields.find("actions"), fmt::format("API `{}` has no action `{}`", api.id, action),
                   "name some of its `actions`");
  }
  if (fields.find("actions") != nullptr && rate.actions.empty())
    source.error(*fields.find("actions"), "a rate for no action counts nothing",
                 "leave `actions` out for all of them");
  std::ranges::sort(rate.actions);
  if (!per || (counts && (!requests || !seconds)) || (!counts && !at_once)) return;
  rate.requests = static_cast<std::uint32_t>(requests.value_or(0));
  rate.window = std::chrono::seconds(seconds.value_or(0));
  rate.at_once = static_cast<std::uint32_t>(at_once.value_or(0));
  if (std::ranges::find(rates, rate) != rates.end()) return source.error(node, "this rate stands here twice");
  rates.push_back(std::move(rate));
}

}  // namespace

std::vector<gateway::RateSpec> read_rates(const files::Fields& fields, const inventory::Api& api,
                                          files::Source& source) {
  std::vector<gateway::RateSpec> rates;
  for (const files::YamlNode& node : fields.list("rates")) read_rate(node, api, source, rates);
  if (rates.size() > kMaxRules)
    source.error(*fields.find("rates"), fmt::format("an API has at most {} rates", kMaxRules));
  return rates;
}

}  // namespace writ::config
