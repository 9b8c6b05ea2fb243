#include "api/keys_api.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::api {
namespace {

using codec::Json;
using token::KeyState;

std::int64_t seconds(Duration duration) {
  return std::chrono::floor<std::chrono::seconds>(duration).count();
}

}  // namespace

Json to_json(const token::OwnKeys& keys) {
  Json list = Json::array();
  const auto all = keys.status();
  for (const auto& key : all) {
    Json json = Json::object({{"kid", key.kid},
                              {"algorithm", crypto::algorithm_name(key.algorithm)},
                              {"state", token::key_state_name(key.state)},
                              {"since", audit::format_time(key.since)}});
    if (key.until) json.set("until", audit::format_time(*key.until));
    list.push(std::move(json));
  }
  const auto& plan = keys.plan();
  return Json::object({{"keys", std::move(list)},
                       {"encrypted", keys.sealed()},
                       {"rotate_after_seconds", seconds(plan.rotate_after)},
                       {"publish_ahead_seconds", seconds(plan.publish_ahead)}});
}

Answer<http::Response> KeysApi::list(const http::Request& request) const {
  TRY(rendered(keys_.list(caller_of(request))));
  return answer_json(200, to_json(keys_.keys()));
}

Answer<http::Response> KeysApi::rotate(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  TRY(rendered(keys_.rotate(caller_of(request), body)));
  return answer_json(200, to_json(keys_.keys()));
}

Result<void> KeysApi::add_to(http::Endpoints& endpoints) const {
  TRY(endpoints.add(
      "GET", "/v1/keys", http::Cost::kSlow,
      endpoint([this](const http::Request& request, const http::PathValues&) { return list(request); })));
  return endpoints.add(
      "POST", "/v1/keys/rotate", http::Cost::kSlow,
      endpoint([this](const http::Request& request, const http::PathValues&) { return rotate(request); }));
}

void write_keys(PrometheusText& out, const token::OwnKeys& keys, Instant now) {
  const auto all = keys.status();
  out.family("writ_signing_keys", "gauge", "Writ's own signing keys that are published, by state.");
  for (const auto state : {KeyState::kPublished, KeyState::kSigning, KeyState::kRetired})
    out.sample("writ_signing_keys", fmt::format("state=\"{}\"", token::key_state_name(state)),
               static_cast<std::uint64_t>(std::ranges::count(all, state, &token::OwnKeyStatus::state)));
  const auto signing = std::ranges::find(all, KeyState::kSigning, &token::OwnKeyStatus::state);
  out.family("writ_signing_key_age_seconds", "gauge", "How long the key that signs has signed.");
  out.sample("writ_signing_key_age_seconds", "",
             static_cast<std::uint64_t>(seconds(std::max(now - signing->since, Duration(0)))));
  out.family("writ_signing_key_overdue_seconds", "gauge",
             "For how long it should have been replaced; more than a minute: the rotation fails.");
  out.sample(
      "writ_signing_key_overdue_seconds", "",
      static_cast<std::uint64_t>(signing->until ? seconds(std::max(now - *signing->until, Duration(0))) : 0));
  out.family("writ_signing_keys_encrypted", "gauge", "1: they are encrypted in the database.");
  out.sample("writ_signing_keys_encrypted", "", keys.sealed() ? 1 : 0);
}

}  // namespace writ::api
