#include "posture/adopt.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <optional>

#include "audit/record.h"
#include "audit/verify.h"
#include "codec/json.h"
#include "files/fields.h"
#include "inventory/identity.h"
#include "posture/adopt_words.h"
#include "posture/fixes.h"
#include "posture/patch.h"

namespace writ::posture {
namespace {

using files::YamlNode;

// Of a refusal by oauth/accepted_tokens.cc, whose token was verified: "... client `X` is not mapped to an
// identity here, under `accept` for API `Y`".
std::optional<std::pair<std::string, std::string>> unmapped_in(std::string_view message) {
  constexpr std::string_view kBetween = "` is not mapped to an identity here, under `accept` for API `";
  const auto between = message.find(kBetween);
  if (between == message.npos || !message.ends_with('`')) return std::nullopt;
  for (const std::string_view who : {"the token's client `", "the token's actor `"}) {
    const auto at = message.find(who);
    if (at == message.npos || at > between) continue;
    const auto begin = at + who.size(), api = between + kBetween.size();
    return std::pair(std::string(message.substr(begin, between - begin)),
                     std::string(message.substr(api, message.size() - 1 - api)));
  }
  return std::nullopt;
}

std::vector<std::string> issuers_without(const config::Config& config, const std::string& client,
                                         std::string_view api) {
  std::vector<std::string> all;
  for (const auto& issuer : config.trusted_issuers) {
    const bool lacks = std::ranges::any_of(issuer.accept, [&](const oauth::AcceptedAt& accept) {
      return accept.api == api && !accept.clients.contains(client);
    });
    if (lacks) all.push_back(issuer.issuer);
  }
  return all;
}

const YamlNode* clients_node(const config::Config& config, std::string_view issuer, std::string_view api) {
  const auto* item = item_with(config.root->find("trusted_issuers"), "issuer", issuer);
  const auto* accept = item != nullptr ? item_with(item->find("accept"), "api", api) : nullptr;
  return accept != nullptr ? accept->find("clients") : nullptr;
}

// Those at one place become one.
void add_edit(std::vector<TextEdit>& edits, TextEdit edit) {
  const auto found = std::ranges::find(edits, edit.begin, &TextEdit::begin);
  if (found == edits.end()) return edits.push_back(std::move(edit));
  found->text += edit.text;
}

}  // namespace

Result<std::vector<SeenClient>> find_seen(const std::vector<audit::Part>& log, const config::Config& config,
                                          Instant since, Instant until) {
  std::map<std::pair<std::string, std::string>, SeenClient> seen;  // by API and client
  for (const auto& part : log) {
    TRY(audit::read_after({part}, 0, [&](std::string_view line) {
      // Most lines are not these.
      if (line.find("is not mapped to an identity here") == line.npos) return true;
      const auto record = codec::parse_json(line, kRecordLimits);
      if (!record || text_of(*record, "reason") != "caller_unknown") return true;
      const auto at = audit::parse_time(text_of(*record, "time"));
      const auto unmapped = unmapped_in(text_of(*record, "message"));
      if (!at || !unmapped || *at < since || *at > until) return true;
      const auto& [client, api] = *unmapped;
      auto issuers = issuers_without(config, client, api);
      if (issuers.empty()) return true;  // somebody has mapped it since
      const auto [found, is_new] = seen.try_emplace({api, client});
      SeenClient& entry = found->second;
      if (is_new)
        entry = {.client = client, .api = api, .issuers = std::move(issuers), .first = *at, .last = *at};
      ++entry.requests;
      entry.first = std::min(entry.first, *at);
      entry.last = std::max(entry.last, *at);
      return true;
    }));
  }
  std::vector<SeenClient> all;
  for (auto& [key, entry] : seen) all.push_back(std::move(entry));
  return all;
}

std::string review_file(const std::vector<SeenClient>& seen, const SeenCallers& callers) {
  std::string out =
      "# Clients of identity providers that were seen, and that no `clients` map has. All of their requests "
      "were\n"
      "# refused. Say for each what it is, after asking its owner and not by its name:\n"
      "#   as     the id of an identity of the configuration, or `nobody`\n"
      "#   kind   where the identity is new: application, service or agent\n"
      "# Then: writ inventory adopt --reviewed FILE\n";
  if (!seen.empty()) out += "clients:\n";
  for (const SeenClient& each : seen) {
    out += fmt::format("  - client: {}\n    api: {}\n", yaml_word(each.client), yaml_word(each.api));
    if (each.issuers.size() > 1) {
      std::vector<std::string> words;
      for (const auto& issuer : each.issuers) words.push_back(yaml_word(issuer));
      out += fmt::format("    # the issuer is one of {}\n    issuer:\n", fmt::join(words, ", "));
    } else {
      out += fmt::format("    issuer: {}\n", yaml_word(each.issuers.front()));
    }
    out += fmt::format("    # {} requests, {} to {}\n    as:\n    kind:\n", each.requests, day(each.first),
                       day(each.last));
  }
  return out + callers_review(callers);
}

Reviewed read_review(std::string_view text, const std::string& file, const config::Config& config,
                     files::Issues& issues) {
  Reviewed reviewed;
  const auto root = files::parse_yaml(text, file, issues);
  if (!root) return reviewed;
  files::Source source{file, {}, issues};
  const files::Fields top(&*root, source, "the review", {"clients", "callers"});
  reviewed.callers = read_callers(top.list("callers"), config, source);
  for (const YamlNode& node : top.list("clients")) {
    const files::Fields fields(&node, source, "a client", {"client", "api", "issuer", "as", "kind"});
    const auto as = fields.text("as", inventory::kMaxIdBytes);
    if (!as) {
      ++reviewed.undecided;
      continue;
    }
    if (*as == kNobody) {
      ++reviewed.left;
      continue;
    }
    const auto client = fields.required_text("client"), api = fields.required_text("api"),
               issuer = fields.required_text("issuer");
    const auto kind = fields.choice("kind", {"application", "service", "agent"});
    if (!client || !api || !issuer) continue;
    const YamlNode& said = *fields.find("as");
    const auto* clients = clients_node(config, *issuer, *api);
    if (clients == nullptr) {
      source.error(node, fmt::format("the configuration has no `accept` of `{}` at API `{}`", *issuer, *api));
      continue;
    }
    if (clients->find(*client) != nullptr) {
      source.error(node, fmt::format("`clients` has `{}` already", *client));
      continue;
    }
    const YamlNode* listed = identity_node(config, *as);
    const auto* listed_kind = listed != nullptr ? listed->find("kind") : nullptr;
    if (listed_kind != nullptr && listed_kind->text == "user") {
      source.error(said,
                   fmt::format("`{}` is a user, and a client is an application, a service or an agent", *as));
      continue;
    }
    if (listed == nullptr && !kind) {
      source.error(said, fmt::format("there is no identity `{}`", *as),
                   "name one of `inventory.identities`, or say the `kind` of a new one");
      continue;
    }
    if (listed == nullptr && !inventory::valid_id(*as)) {
      source.error(
          said,
          fmt::format("`{}` is not an id: it has printable ASCII, without quotes, backslash and space", *as));
      continue;
    }
    constexpr std::string_view kKinds[] = {"application", "service", "agent"};
    reviewed.adopted.push_back({source.place(node), *client, *api, *issuer, *as,
                                listed == nullptr ? std::string(kKinds[*kind]) : std::string()});
  }
  return reviewed;
}

namespace {

// What becomes of the configuration's text, place by place.
class Adoption {
 public:
  Adoption(const config::Config& config, const TextLines& lines) : config_(config), yaml_(lines) {
    const auto* inventory = config.root->find("inventory");
    identities_ = inventory != nullptr ? inventory->find("identities") : nullptr;
  }

  Result<void> add(const Adopted& client) {
    auto edit = yaml_.put(*clients_node(config_, client.issuer, client.api), yaml_word(client.client),
                          yaml_word(client.as));
    if (!edit)
      return by_hand(fmt::format("{}: {}", yaml_word(client.client), yaml_word(client.as)),
                     fmt::format("`clients` for API `{}` of `{}`", client.api, client.issuer));
    add_edit(edits_, *std::move(edit));
    return client.kind.empty() ? Result<void>() : add_new(client.as, client.kind);
  }

  Result<void> add(const AdoptedCaller& caller) {
    if (!caller.kind.empty()) TRY(add_new(caller.as, caller.kind));
    if (!caller.rule.empty()) rules_[caller.as][caller.list].push_back(caller.rule);
    return {};
  }

  Result<std::vector<TextEdit>> edits() && {
    for (const auto& [id, kind] : added_) {
      auto item = fmt::format("{{id: {}, kind: {}", yaml_word(id), kind);
      if (const auto rules = rules_.find(id); rules != rules_.end()) {
        for (const auto& [list, all] : rules->second)
          item += fmt::format(", {}: [{}]", list, fmt::join(all, ", "));
      }
      item += "}";
      auto listed = identities_ != nullptr ? yaml_.add_item(*identities_, item) : std::nullopt;
      if (!listed) return by_hand(item, "`inventory.identities`");
      add_edit(edits_, *std::move(listed));
    }
    for (const auto& [id, lists] : rules_) {
      if (!added_.contains(id)) TRY(add_rules(id, lists));
    }
    return std::move(edits_);
  }

 private:
  using Lists = std::map<std::string, std::vector<std::string>>;  // by the key of the list

  Result<void> add_new(const std::string& id, const std::string& kind) {
    const auto [found, is_new] = added_.try_emplace(id, kind);
    if (is_new || found->second == kind) return {};
    return failure(ErrorCode::kInvalid,
                   fmt::format("`{}` is said to be of kind {} and of kind {}", id, found->second, kind));
  }

  // To one that is listed.
  Result<void> add_rules(const std::string& id, const Lists& lists) {
    const YamlNode& node = *identity_node(config_, id);
    for (const auto& [list, rules] : lists) {
      const auto all = fmt::format("{}", fmt::join(rules, ", "));
      const auto* there = node.find(list);
      auto edit = there == nullptr    ? yaml_.put(node, list, fmt::format("[{}]", all))
                  : rules.size() == 1 ? yaml_.add_item(*there, all)
                                      : std::nullopt;
      if (!edit) return by_hand(fmt::format("{}: [{}]", list, all), fmt::format("identity `{}`", id));
      add_edit(edits_, *std::move(edit));
    }
    return {};
  }

  static std::unexpected<Error> by_hand(std::string_view what, std::string_view where) {
    return failure(
        ErrorCode::kUnsupported,
        fmt::format("the configuration is written in a way that is not changed by itself: write `{}` in {}",
                    what, where));
  }

  const config::Config& config_;
  const YamlText yaml_;
  const YamlNode* identities_ = nullptr;
  std::vector<TextEdit> edits_;
  std::map<std::string, std::string, std::less<>> added_;  // kinds of new identities
  std::map<std::string, Lists> rules_;                     // by identity
};

}  // namespace

Result<std::string> adoption(const Reviewed& reviewed, const config::Config& config, std::string_view text) {
  const TextLines lines{std::string(text)};
  Adoption adoption(config, lines);
  for (const Adopted& each : reviewed.adopted) TRY(adoption.add(each));
  for (const AdoptedCaller& each : reviewed.callers.adopted) TRY(adoption.add(each));
  return unified_diff(config.file.filename().string(), lines, TRY(std::move(adoption).edits()));
}

}  // namespace writ::posture
