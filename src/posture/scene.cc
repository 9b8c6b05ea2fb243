#include "posture/scene.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "files/files.h"

namespace writ::posture {

using inventory::Status;

namespace {

// What dates and operators made of what was said.
Status in_force(const inventory::Identity& identity, const UseSeen* seen, Instant now) {
  Status status = identity.configured_status;
  if (identity.expires_at && now >= *identity.expires_at) status = std::max(status, Status::kExpired);
  const bool confirmed =
      seen != nullptr && identity.review_by && seen->reviewed().contains(identity.id) &&
      seen->reviewed().find(identity.id)->second.at > identity.reviewed_at.value_or(Instant());
  if (identity.review_by && now >= *identity.review_by && !confirmed)
    status = std::max(status, Status::kLapsed);
  if (seen != nullptr) {
    const auto ordered = seen->ordered().find(identity.id);
    if (ordered != seen->ordered().end()) status = std::max(status, ordered->second.first);
  }
  return status;
}

}  // namespace

Scene::Scene(const policy::Loaded& loaded, const UseSeen* seen, std::span<const policytest::Suite> suites,
             std::string suites_problem, Instant now, Limits limits)
    : loaded_(loaded),
      seen_(seen),
      suites_(suites),
      suites_problem_(std::move(suites_problem)),
      now_(now),
      limits_(limits) {
  std::unordered_map<std::string_view, const files::YamlNode*> nodes;
  for (const auto& node : loaded.config.identities)
    if (const auto* id = node.find("id")) nodes.emplace(id->text, &node);
  const std::string file = loaded.config.file.string();
  if (auto text = files::read_file(loaded.config.file, files::kMaxYamlBytes))
    config_lines_ = TextLines(*std::move(text));
  for (const auto& identity : loaded.world.declared.identities) {
    const auto node = nodes.find(identity.id);
    files::Place place{file, 0, 0};  // it was imported
    if (node != nodes.end()) place = {file, node->second->line, node->second->column};
    identities_.push_back({&identity, in_force(identity, seen, now), std::move(place), false,
                           node != nodes.end() ? node->second : nullptr});
  }
  if (seen != nullptr) {
    for (const auto& [id, identity] : seen->made())
      if (!nodes.contains(id)) identities_.push_back({&identity, in_force(identity, seen, now), {}, true});
  }
  for (std::size_t i = 0; i < identities_.size(); ++i) places_.try_emplace(identities_[i]->id, i);
}

const ListedIdentity* Scene::find(std::string_view id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &identities_[found->second];
}

std::optional<Instant> Scene::made_at(const ListedIdentity& each) const {
  if (seen_ == nullptr || !each.over_api) return std::nullopt;
  const auto made = seen_->made_at().find(each->id);
  return made != seen_->made_at().end() ? std::optional(made->second.at) : std::nullopt;
}

Exhibit Scene::declared(const ListedIdentity& each) const {
  auto fact = fmt::format("{} `{}` is {}", inventory::kind_name(each->kind), each->id,
                          inventory::status_name(each.status));
  if (each.over_api) return {.fact = fact + ", made over the API"};
  const bool imported = each.place.line == 0;
  return {.fact = fact + (imported ? ", imported" : ""),
          .place = each.place,
          .pointer = fmt::format("/inventory/identities/{}", each->id)};
}

Exhibit Scene::setting(std::string fact, std::initializer_list<std::string_view> path) const {
  Exhibit shown{.fact = std::move(fact), .place = {config().file.string(), 0, 0}};
  const files::YamlNode* node = config().root.get();
  for (const std::string_view key : path) {
    shown.pointer += fmt::format("/{}", key);
    if (node != nullptr) node = node->find(key);
    if (node != nullptr) shown.place = {config().file.string(), node->line, node->column};
  }
  return shown;
}

Exhibit Scene::policy(std::size_t index, std::string fact) const {
  return {.fact = std::move(fact),
          .place = loaded_.policies.sources[index].place,
          .pointer = loaded_.policies.policies.policies[index].id};
}

std::optional<std::string> Scene::below_config(const std::string& file) const {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto folder = fs::weakly_canonical(config().file, error).parent_path();
  const auto path = fs::weakly_canonical(file, error).lexically_relative(folder);
  if (path.empty() || *path.begin() == "..") return std::nullopt;
  return path.generic_string();
}

std::string Scene::without_log() const {
  if (seen_ == nullptr) return "no audit log was given: name it with --audit";
  if (!seen_->first()) return "the audit log has no record of this time";
  return {};
}

std::optional<std::chrono::days> Scene::covered() const {
  if (seen_ == nullptr || !seen_->first()) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(now_ - *seen_->first());
}

std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') ||
           std::string_view("-_./:@+,").find(letter) != std::string_view::npos;
  });
  if (plain && !text.starts_with('-')) return std::string(text);
  std::string quoted = "'";
  for (const char letter : text) quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return quoted + "'";
}

void found(Checked& checked, std::vector<std::string> subjects, std::string what,
           std::vector<Exhibit> evidence, Remedy remedy, std::optional<Weight> weight) {
  checked.found.push_back({.check = checked.check,
                           .weight = weight.value_or(checked.check->weight),
                           .subjects = std::move(subjects),
                           .what = std::move(what),
                           .evidence = std::move(evidence),
                           .remedy = std::move(remedy)});
}

void untold(Checked& checked, std::string_view subject, std::string_view why) {
  if (checked.untold++ == 0) checked.untold_why = why;
  if (checked.untold_subjects.size() < kUntoldShown) checked.untold_subjects.emplace_back(subject);
}

}  // namespace writ::posture
