// Scene: all that a look at the posture has in front of it, put together once.
//
// What operators did over the API stands in the audit log, so with a log the identities are those of the
// configuration and those that were made over the API. Without one, nobody can tell of the latter. Borrows;
// one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inventory/api_key.h"
#include "policy/load.h"
#include "policytest/suite.h"
#include "posture/checks.h"
#include "posture/patch.h"
#include "posture/seen.h"

namespace writ::posture {

struct Limits {
  std::chrono::days dormant{90};       // not used for longer is dormant
  std::chrono::days credential{365};   // older is ageing
  std::size_t kinds_of_chains = 2000;  // more are not compared for who an API can tell apart
  std::size_t files = 2000;            // of the configuration's folder that are looked into
};

struct ListedIdentity {
  const inventory::Identity* identity;
  inventory::Status status;  // in force
  files::Place place;        // no file: it was made over the API
  bool over_api = false;
  const files::YamlNode* node = nullptr;  // null: it is not in the configuration file

  const inventory::Identity* operator->() const noexcept { return identity; }
  bool is_machine() const noexcept { return identity->kind != inventory::Kind::kUser; }
  // It can be made to act by whoever answers for it: active, or asked for, or waiting for a review.
  bool is_in_use() const noexcept { return status <= inventory::Status::kLapsed; }
};

class Scene {
 public:
  // `seen` may be null: there is no log. `suites_problem`: why the tests could not be read.
  Scene(const policy::Loaded& loaded, const UseSeen* seen, std::span<const policytest::Suite> suites,
        std::string suites_problem, Instant now, Limits limits);

  // API keys, of the database; they have to live as long. Null, and at first: nobody looked there.
  void show(const std::vector<inventory::ApiKey>* api_keys) noexcept { api_keys_ = api_keys; }
  const std::vector<inventory::ApiKey>* api_keys() const noexcept { return api_keys_; }

  const policy::Loaded& loaded() const noexcept { return loaded_; }
  const config::Config& config() const noexcept { return loaded_.config; }
  const UseSeen* seen() const noexcept { return seen_; }
  std::span<const policytest::Suite> suites() const noexcept { return suites_; }
  const std::string& suites_problem() const noexcept { return suites_problem_; }
  Instant now() const noexcept { return now_; }
  const Limits& limits() const noexcept { return limits_; }

  // In the order of the configuration.
  const std::vector<ListedIdentity>& identities() const noexcept { return identities_; }
  // When an identity was made over the API; nothing: it was not, or nobody knows.
  std::optional<Instant> made_at(const ListedIdentity& each) const;
  const ListedIdentity* find(std::string_view id) const;
  Exhibit declared(const ListedIdentity& each) const;
  // A place in the configuration, by the key at the top and what is below it: {"limits", "max_chain"}.
  Exhibit setting(std::string fact, std::initializer_list<std::string_view> path) const;
  Exhibit policy(std::size_t index, std::string fact) const;
  Exhibit record(std::string fact, Shown shown) const {
    return {std::move(fact), {}, {}, shown.record, shown.at};
  }
  // The text of the configuration file; empty when it cannot be read any more.
  const TextLines& config_lines() const noexcept { return config_lines_; }
  // How a patch calls a file below the configuration's folder; nothing: it lies elsewhere.
  std::optional<std::string> below_config(const std::string& file) const;
  // Why what needs a log cannot be told; empty: it can.
  std::string without_log() const;
  // How long before now the log begins; nothing: there is none, or it is empty.
  std::optional<std::chrono::days> covered() const;

 private:
  const policy::Loaded& loaded_;
  const UseSeen* seen_;
  const std::vector<inventory::ApiKey>* api_keys_ = nullptr;
  std::span<const policytest::Suite> suites_;
  std::string suites_problem_;
  Instant now_;
  Limits limits_;
  TextLines config_lines_;
  std::vector<ListedIdentity> identities_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

// A word for a shell, quoted where it has to be.
std::string shell_word(std::string_view text);

// Adds to what was found or could not be told; fills in what the check says.
void found(Checked& checked, std::vector<std::string> subjects, std::string what,
           std::vector<Exhibit> evidence, Remedy remedy, std::optional<Weight> weight = {});
void untold(Checked& checked, std::string_view subject, std::string_view why);

}  // namespace writ::posture
