#include "policy/minted_since.h"

#include <algorithm>

#include "codec/members.h"

namespace writ::policy {
namespace {

using codec::Json;

constexpr std::int64_t kMaxMillis = std::int64_t{1} << 52;
constexpr std::size_t kMaxNameBytes = 1024;

// Of a contract's claims; the others are on every token.
bool lacks(const token::ClaimsContract& contract, const token::Claim& claim) {
  return claim.by_contract && !contract.wants(claim);
}

bool carries(const token::ClaimsContract& contract, std::string_view claim) {
  const auto table = token::claim_table();
  const auto found = std::ranges::find(table, claim, &token::Claim::name);
  return found == table.end() || !lacks(contract, *found);
}

}  // namespace

Result<MintedSince> MintedSince::from_json(const Json& json, Duration token_lifetime, Instant now) {
  const auto corrupt = [](const Error& error) { return failure(ErrorCode::kCorrupt, error.message); };
  const auto members =
      codec::Members::of(json, "what tokens carried", {"token_lifetime_ms", "others_end_ms", "lacking"});
  if (!members) return corrupt(members.error());
  const auto lifetime = members->integer("token_lifetime_ms", 0, kMaxMillis);
  const auto others = members->integer("others_end_ms", 0, kMaxMillis);
  if (!lifetime || !others) return corrupt(lifetime ? others.error() : lifetime.error());
  MintedSince read(token_lifetime);
  read.others_end_ = std::max(Instant(Duration(*others)), now + Duration(*lifetime));
  const Json* list = members->find("lacking");
  if (list == nullptr || list->if_array() == nullptr)
    return failure(ErrorCode::kCorrupt, "`lacking` must be a list");
  for (const Json& each : *list->if_array()) {
    const auto lacked = codec::Members::of(each, "what is lacking", {"api", "claim", "until_ms"});
    if (!lacked) return corrupt(lacked.error());
    const auto api = lacked->text("api", kMaxNameBytes), claim = lacked->text("claim", kMaxNameBytes);
    const auto until = lacked->optional_integer("until_ms", 0, kMaxMillis);
    if (!api || !claim || !until) return corrupt(!api ? api.error() : !claim ? claim.error() : until.error());
    auto& end = read.lacking_[*api][*claim];
    if (*until) end = Instant(Duration(**until));
  }
  return read;
}

Json MintedSince::to_json() const {
  Json list = Json::array();
  for (const auto& [api, claims] : lacking_)
    for (const auto& [claim, end] : claims) {
      auto each = Json::object({{"api", api}, {"claim", claim}});
      if (end) each.set("until_ms", unix_millis(*end));
      list.push(std::move(each));
    }
  return Json::object({{"token_lifetime_ms", std::int64_t{lifetime_.count()}},
                       {"others_end_ms", unix_millis(others_end_)},
                       {"lacking", std::move(list)}});
}

Instant MintedSince::end_of_those_minted_at(Instant now) const {
  return std::max(now + lifetime_, others_end_);
}

bool MintedSince::drop(const ByApi& minted) {
  bool news = false;
  for (const auto& [api, contract] : minted) {
    for (const auto& claim : token::claim_table()) {
      if (!lacks(contract, claim)) continue;
      const auto [entry, is_new] = lacking_[api].try_emplace(std::string(claim.name));
      news = news || is_new || entry->second;
      entry->second.reset();
    }
  }
  return news;
}

bool MintedSince::add(const ByApi& minted, Times now) {
  bool news = false;
  for (auto& [api, claims] : lacking_) {
    // Of an API that is not there none are minted, with or without.
    const auto contract = minted.find(api);
    for (auto& [claim, end] : claims) {
      if (end || (contract != minted.end() && !carries(contract->second, claim))) continue;
      end = end_of_those_minted_at(now.latest);
      news = true;
    }
    const auto over = [&](const auto& each) { return each.second && now.begun(*each.second); };
    news = std::erase_if(claims, over) > 0 || news;
  }
  std::erase_if(lacking_, [](const auto& each) { return each.second.empty(); });
  return news;
}

std::optional<Instant> MintedSince::lacked_until(std::string_view api, std::string_view claim,
                                                 Instant now) const {
  const auto of_api = lacking_.find(api);
  if (of_api == lacking_.end()) return std::nullopt;
  const auto found = of_api->second.find(claim);
  if (found == of_api->second.end()) return std::nullopt;
  return found->second.value_or(end_of_those_minted_at(now));
}

}  // namespace writ::policy
