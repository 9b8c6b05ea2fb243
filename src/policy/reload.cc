#include "policy/reload.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fmt/format.h>

namespace writ::policy {
namespace {

using namespace std::literals;

constexpr std::array kReloaded{
    "inventory"sv,        "calendars"sv,          "policies.files"sv,      "policies.ignore"sv,
    "policies.schemas"sv, "policies.entities"sv,  "fact_sources"sv,        "limits.max_chain"sv,
    "listen.api.tls"sv,   "listen.gateway.tls"sv, "listen.operator.tls"sv, "trusted_issuers.accept"sv,
    "posture"sv};
// Of these a part is reloaded.
constexpr std::array kParted{"policies"sv,   "limits"sv,         "listen"sv,
                             "listen.api"sv, "listen.gateway"sv, "listen.operator"sv};

// Whether to_json() of both is the same, without making it: an inventory may be very large.
bool same(const files::YamlNode& a, const files::YamlNode& b) {
  using Kind = files::YamlNode::Kind;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kNull:
      return true;
    case Kind::kBool:
      return a.boolean == b.boolean;
    case Kind::kInteger:
      return a.integer == b.integer;
    case Kind::kFloat:
      return std::strtod(a.text.c_str(), nullptr) == std::strtod(b.text.c_str(), nullptr);
    case Kind::kText:
      return a.text == b.text;
    case Kind::kList:
      return std::ranges::equal(a.items, b.items,
                                [](const auto& one, const auto& other) { return same(one, other); });
    case Kind::kMap:
      return std::ranges::equal(a.entries, b.entries, [](const auto& one, const auto& other) {
        return one.key == other.key && same(one.value, other.value);
      });
  }
  return false;
}

bool same(const files::YamlNode* a, const files::YamlNode* b) {
  if (a == nullptr || b == nullptr || a == b) return a == b;
  return same(*a, *b);
}

// A listener is an address alone, or a map.
bool may_be_parted(const files::YamlNode* a, const files::YamlNode* b) {
  const auto fits = [](const files::YamlNode* node) {
    return node == nullptr || node->kind == files::YamlNode::Kind::kMap;
  };
  return fits(a) && fits(b);
}

// Whether the issuers are the same but for which APIs take their tokens.
bool same_but_accept(const files::YamlNode* a, const files::YamlNode* b) {
  if (a == nullptr || b == nullptr || a->items.size() != b->items.size()) return false;
  const auto rest = [](const files::YamlNode& issuer) {
    auto without = issuer;
    std::erase_if(without.entries, [](const auto& entry) { return entry.key == "accept"; });
    return to_json(without);
  };
  for (std::size_t i = 0; i < a->items.size(); ++i)
    if (rest(a->items[i]) != rest(b->items[i])) return false;
  return true;
}

// Calls back with each key that differs, as a path, and where it stands now (or what it was in).
template <class Report>
void compare(const files::YamlNode& before, const files::YamlNode& now, const std::string& prefix,
             Report report) {
  const auto visit = [&](const std::string& key) {
    const files::YamlNode *old = before.find(key), *own = now.find(key);
    if (same(old, own)) return;
    const auto path = prefix + key;
    static const files::YamlNode kNothing{.kind = files::YamlNode::Kind::kMap};
    const bool parted = std::ranges::find(kParted, path) != kParted.end() && may_be_parted(old, own);
    if (parted) return compare(old ? *old : kNothing, own ? *own : kNothing, path + ".", report);
    if (path == "trusted_issuers" && same_but_accept(old, own)) return report(path + ".accept", *own);
    // Other certificates are taken over; a listener that speaks TLS now, and did not, is another listener.
    const bool switched = key == "tls" && (old == nullptr || own == nullptr);
    report(switched ? prefix + "tls (on or off)" : path, own != nullptr ? *own : now);
  };
  for (const auto& entry : now.entries) visit(entry.key);
  for (const auto& entry : before.entries) {
    if (now.find(entry.key) == nullptr) visit(entry.key);
  }
}

bool is_reloaded(std::string_view key) {
  return std::ranges::find(kReloaded, key) != kReloaded.end();
}

}  // namespace

std::vector<std::string> reloaded_keys(const files::YamlNode& before, const files::YamlNode& now) {
  std::vector<std::string> keys;
  compare(before, now, "", [&](const std::string& key, const files::YamlNode&) {
    if (is_reloaded(key)) keys.push_back(key);
  });
  return keys;
}

void warn_of_restart(const files::YamlNode& at_start, const files::YamlNode& now,
                     const std::filesystem::path& file, files::Issues& issues) {
  compare(at_start, now, "", [&](const std::string& key, const files::YamlNode& node) {
    if (!is_reloaded(key))
      issues.warning({file.string(), node.line, node.column},
                     fmt::format("`{}` changed: restart Writ to apply it", key));
  });
}

bool takes_over_accept(const files::YamlNode& at_start, const files::YamlNode& now) {
  return same_but_accept(at_start.find("trusted_issuers"), now.find("trusted_issuers"));
}

}  // namespace writ::policy
