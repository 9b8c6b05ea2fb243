#include "api/issuers_api.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::api {
namespace {

using codec::Json;

constexpr std::string_view kRead = "read-inventory";

Json to_json(const jose::JwkSet& keys) {
  Json list = Json::array();
  for (const auto& key : keys.keys()) {
    Json json = Json::object();
    if (key.kid()) json.set("kid", *key.kid());
    json.set("thumbprint", key.thumbprint());
    list.push(std::move(json));
  }
  return list;
}

Json to_json(const std::vector<jose::SkippedKey>& skipped) {
  Json list = Json::array();
  for (const auto& key : skipped) list.push(Json::object({{"key", key.name}, {"why", key.why}}));
  return list;
}

Json fetched_json(const oauth::IssuerKeysStatus& status) {
  Json json = Json::object({{"issuer", status.issuer},
                            {"keys_from", "url"},
                            {"state", !status.in_force ? "no_keys"
                                      : status.failure ? "kept"
                                                       : "good"}});
  if (!status.jwks_uri.empty()) json.set("jwks_uri", status.jwks_uri);
  json.set("keys", status.in_force ? to_json(status.set->keys) : Json::array());
  if (status.set != nullptr) {
    json.set("skipped", to_json(status.set->skipped));
    json.set("fetched_at", audit::format_time(status.set->fetched_at));
    json.set("good_until", audit::format_time(*status.good_until));
  }
  if (status.failure)
    json.set("last_error", Json::object({{"at", audit::format_time(status.failure->first)},
                                         {"message", status.failure->second}}));
  return json;
}

}  // namespace

Answer<http::Response> IssuersApi::list(const http::Request& request) const {
  TRY(rendered(authority_.allow(caller_of(request), kRead)));
  Json list = Json::array();
  for (const auto& issuer : issuers_.all()) {
    if (issuer.fetched != nullptr) {
      list.push(fetched_json(issuer.fetched->status()));
    } else {
      list.push(Json::object({{"issuer", issuer.issuer},
                              {"keys_from", "file"},
                              {"state", "good"},
                              {"keys", to_json(*issuers_.keys_of(issuer))}}));
    }
  }
  return answer_json(200, Json::object({{"issuers", std::move(list)}}));
}

Result<void> IssuersApi::add_to(http::Endpoints& endpoints) const {
  return endpoints.add(
      "GET", "/v1/issuers", http::Cost::kSlow,
      endpoint([this](const http::Request& request, const http::PathValues&) { return list(request); }));
}

void write_issuers(PrometheusText& out, const std::vector<oauth::IssuerKeysStatus>& issuers, Instant now) {
  if (issuers.empty()) return;
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out.family(name, type, help);
    for (const auto& issuer : issuers)
      out.sample(name, fmt::format("issuer=\"{}\"", issuer.issuer),
                 static_cast<std::uint64_t>(value(issuer)));
  };
  using Status = const oauth::IssuerKeysStatus&;
  family("writ_issuer_keys", "gauge", "Keys of a provider that are in force; 0: its tokens are refused.",
         [](Status each) { return each.in_force ? each.set->keys.keys().size() : 0; });
  family("writ_issuer_keys_age_seconds", "gauge", "How long ago a provider's keys were fetched.",
         [&](Status each) {
           const auto age =
               each.set != nullptr ? std::max(now - each.set->fetched_at, Duration(0)) : Duration(0);
           return std::chrono::floor<std::chrono::seconds>(age).count();
         });
  family("writ_issuer_keys_failing", "gauge", "1: a provider's keys could not be fetched the last time.",
         [](Status each) { return each.failure ? 1 : 0; });
  family("writ_issuer_keys_unknown_total", "counter", "Tokens whose key was not known when they came.",
         [](Status each) { return each.unknown; });
  out.family("writ_issuer_key_fetches_total", "counter", "Fetches of a provider's keys by their result.");
  for (const auto& issuer : issuers) {
    out.sample("writ_issuer_key_fetches_total",
               fmt::format("issuer=\"{}\",result=\"fetched\"", issuer.issuer), issuer.fetched);
    out.sample("writ_issuer_key_fetches_total", fmt::format("issuer=\"{}\",result=\"failed\"", issuer.issuer),
               issuer.failed);
  }
}

void write_askers(PrometheusText& out, const std::vector<std::shared_ptr<oauth::TokenAsker>>& askers) {
  if (askers.empty()) return;
  out.family("writ_introspection_answers_total", "counter",
             "What a provider said of opaque tokens; failed: nothing, refused: it was not asked.");
  for (const auto& asker : askers) {
    const auto stats = asker->stats();
    const auto sample = [&](std::string_view result, std::uint64_t value) {
      out.sample("writ_introspection_answers_total",
                 fmt::format("issuer=\"{}\",result=\"{}\"", asker->issuer(), result), value);
    };
    sample("active", stats.active);
    sample("inactive", stats.inactive);
    sample("failed", stats.failed);
    sample("refused", stats.refused);
  }
  out.family("writ_introspection_kept", "gauge", "Answers about opaque tokens that are kept.");
  for (const auto& asker : askers)
    out.sample("writ_introspection_kept", fmt::format("issuer=\"{}\"", asker->issuer()), asker->stats().kept);
  out.family("writ_introspection_down", "gauge", "1: the provider failed, and is not asked for a moment.");
  for (const auto& asker : askers)
    out.sample("writ_introspection_down", fmt::format("issuer=\"{}\"", asker->issuer()),
               asker->stats().open ? 1 : 0);
}

}  // namespace writ::api
