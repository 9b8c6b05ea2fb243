#include "posture/fixes.h"

#include <algorithm>
#include <fmt/format.h>

#include "files/yaml.h"

namespace writ::posture {
namespace {

using files::YamlNode;

constexpr std::string_view kConfigOutside =
    "the configuration is written in a way that is not changed by itself";

std::string date_in(Instant now, std::chrono::days days) {
  return inventory::date_text(std::chrono::floor<std::chrono::days>(now) + days);
}

}  // namespace

std::string in_three_months(Instant now) {
  return date_in(now, std::chrono::days(90));
}

std::string in_a_year(Instant now) {
  return date_in(now, std::chrono::days(365));
}

std::string yaml_word(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.';
  });
  const bool letter = plain && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
  if (letter && text != "true" && text != "false" && text != "null") return std::string(text);
  std::string quoted;
  codec::append_json_string(quoted, text);
  return files::with_yaml_escapes(quoted);
}

const YamlNode* item_with(const YamlNode* list, std::string_view key, std::string_view text) {
  if (list == nullptr) return nullptr;
  for (const auto& item : list->items)
    if (const auto* found = item.find(key); found != nullptr && found->text == text) return &item;
  return nullptr;
}

const YamlNode* node_at(const Scene& scene, std::initializer_list<std::string_view> path) {
  const YamlNode* node = scene.config().root.get();
  for (const auto key : path)
    if (node != nullptr) node = node->find(key);
  return node;
}

Remedy with_edits(Remedy remedy, const Scene& scene, const std::vector<std::optional<TextEdit>>& edits) {
  std::vector<TextEdit> all;
  for (const auto& edit : edits) {
    if (!edit) {
      remedy.command.clear();
      remedy.by_hand = kConfigOutside;
      return remedy;
    }
    all.push_back(*edit);
  }
  const auto name = scene.below_config(scene.config().file.string());
  if (name) remedy.patch = unified_diff(*name, scene.config_lines(), std::move(all));
  if (remedy.patch.empty()) remedy.by_hand = kConfigOutside;
  return remedy;
}

Remedy with_keys(Remedy remedy, const Scene& scene, const ListedIdentity& each,
                 std::initializer_list<Setting> settings) {
  if (each.over_api) {
    if (remedy.command.empty())
      remedy.by_hand = "it was made over the API, so it is changed there and not in a file";
    return remedy;
  }
  const YamlText text(scene.config_lines());
  std::vector<std::optional<TextEdit>> edits;
  if (each.node == nullptr) {
    auto item =
        fmt::format("{{id: NAME, kind: {}, status: {}, imported: [{}]", inventory::kind_name(each->kind),
                    inventory::status_name(each.status), yaml_word(each->id));
    for (const Setting& setting : settings) item += fmt::format(", {}: {}", setting.key, setting.value);
    const auto* list = node_at(scene, {"inventory", "identities"});
    edits.push_back(list != nullptr ? text.add_item(*list, item + "}") : std::nullopt);
    remedy.blanks.insert(remedy.blanks.begin(),
                         {"NAME", "what Writ is to call it; it was imported, and is declared"});
  } else {
    for (const Setting& setting : settings) edits.push_back(text.put(*each.node, setting.key, setting.value));
  }
  return with_edits(std::move(remedy), scene, edits);
}

Remedy with_setting(Remedy remedy, const Scene& scene, std::string_view map, Setting setting) {
  const YamlText text(scene.config_lines());
  const auto* root = scene.config().root.get();
  const auto* inside = root != nullptr ? root->find(map) : nullptr;
  std::optional<TextEdit> edit;
  if (inside != nullptr) {
    edit = text.put(*inside, setting.key, setting.value);
  } else if (root != nullptr) {
    edit = text.put(*root, map, fmt::format("{{{}: {}}}", setting.key, setting.value));
  }
  return with_edits(std::move(remedy), scene, {edit});
}

Remedy without_grant(Remedy remedy, const Scene& scene, std::string_view id) {
  const auto* list = node_at(scene, {"inventory", "grants"});
  const auto* item = item_with(list, "id", id);
  remedy.change.clear();
  if (item == nullptr) {
    remedy.by_hand = "the grant was made over the API, so it is revoked there: `writ inventory grant revoke`";
    return remedy;
  }
  remedy.change = fmt::format("# take the grant `{}` out of `inventory.grants`\n", id);
  return with_edits(std::move(remedy), scene, {YamlText(scene.config_lines()).take_item(*list, *item)});
}

Remedy without_policy(Remedy remedy, const Scene& scene, std::size_t index) {
  const auto& policies = scene.loaded().policies;
  const auto& source = policies.sources[index];
  if (source.is_grant) return without_grant(std::move(remedy), scene, policies.policies.policies[index].id);
  const auto name = scene.below_config(source.place.file);
  if (!name) {
    remedy.by_hand = "its file does not lie below the configuration's folder";
    return remedy;
  }
  const std::string& text = *source.file->text;
  const auto span = policies.policies.policies[index].span;
  // With the line that it ends on, and one empty line behind it.
  auto end = static_cast<std::size_t>(span.end);
  const auto rest = std::min(text.find_first_not_of(" \t", end), text.size());
  if (rest < text.size() && text[rest] == '\n') end = rest + 1;
  if (end < text.size() && text[end] == '\n') ++end;
  remedy.patch = unified_diff(*name, TextLines(std::string(text)), {{span.begin, end, {}}});
  return remedy;
}

}  // namespace writ::posture
