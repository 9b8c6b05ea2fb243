// For tests: a small world in which nothing is found, to plant weaknesses in. What does not load fails the
// test, with its issues.
#pragma once

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "audit/files.h"
#include "audit/record.h"
#include "policy/load.h"
#include "policytest/reader.h"
#include "posture/assess.h"

namespace writ::posture::testing {

namespace fs = std::filesystem;

inline const Instant kNow = *audit::parse_time("2026-11-28T12:00:00.000Z");

struct PlantedWorld {
  std::string top = "limits: {max_chain: 1}\n";
  std::string listen = "listen: {api: \"127.0.0.1:8180\"}\n";
  std::string portal =
      "    - {id: portal, kind: application, owner: olga, review_by: 2027-06-30, environment: production, "
      "acts_for: [users], jwks_file: portal.jwks.json, credentials: [{type: key, kid: portal-1, created_at: "
      "2026-09-01, expires_at: 2027-09-01}]}\n";
  std::string identities = {};  // more of them
  std::string api_keys = "upstream: http://127.0.0.1:1";
  std::string policies =
      "@id(\"users-read\") permit (principal is Writ::User, action == Shop::Action::\"read\", resource is "
      "Shop::Order) when { resource has customer && resource.customer == principal };\n"
      "@id(\"portal-reads\") permit (principal == Writ::Application::\"portal\", action == "
      "Shop::Action::\"read\", resource is Shop::Order) when { context has user };\n";
  std::string with_policies = {};  // beside their files: ", schemas: [s.cedarschema]"
  std::string tests =
      "version: 1\nnow: 2026-03-02T09:00:00Z\ntests:\n  - name: nobody reads without a token of their own\n"
      "    request: GET /orders/1\n    token: {sub: olga, client_id: portal}\n    expect: policy_no_permit\n";
  std::vector<std::string> log = {
      R"("time":"2026-07-01T09:00:00.000Z","type":"decision","point":"gateway","effect":"permit","subject":"olga","client":"portal","actors":["portal"],"api":"shop","policies":["users-read","portal-reads"],"sender_bound":true)",
      R"("time":"2026-11-20T09:00:00.000Z","type":"decision","point":"gateway","effect":"permit","subject":"olga","client":"portal","actors":["portal"],"api":"shop","policies":["users-read","portal-reads"],"sender_bound":true)"};
  std::string exceptions = {};
  std::vector<std::pair<std::string, std::string>> files = {};  // more of them, beside the configuration
  bool with_log = true;
  std::optional<std::vector<inventory::ApiKey>> keys = std::vector<inventory::ApiKey>();  // of the database

  PlantedWorld& log_line(std::string members) {
    log.push_back(std::move(members));
    return *this;
  }
  std::string config() const {
    return "version: 1\nissuer: http://127.0.0.1:8180\n" + listen + top + "policies: {files: [p.cedar]" +
           with_policies + "}\ninventory:\n  identities:\n    - {id: olga, kind: user}\n" + portal +
           identities +
           "  apis:\n    - id: shop\n      audience: https://shop.example\n      namespace: Shop\n      "
           "actions: "
           "[read]\n      " +
           api_keys +
           "\n      routes:\n        - {method: GET, path: \"/orders/{order}\", action: read, resource: "
           "'Shop::Order::\"{order}\"'}\n";
  }
};

// The public half of a key, as a set.
inline std::string key_set(const std::string& kid) {
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto json = key.public_jwk().to_json();
  json.set("kid", kid);
  auto keys = codec::Json::array();
  keys.push(std::move(json));
  return codec::Json::object({{"keys", std::move(keys)}}).dump();
}

class Looked {
 public:
  explicit Looked(const PlantedWorld& world)
      : root_(fs::temp_directory_path() / fmt::format("writ-posture-{}-{}", ::getpid(), next_++)) {
    fs::create_directories(root_ / "log");
    fs::create_directories(root_ / "config");
    static const std::string portal = key_set("portal-1"), other = key_set("other-1");
    write("config/portal.jwks.json", portal);
    write("config/other.jwks.json", other);
    write("config/writ.yaml", world.config());
    write("config/p.cedar", world.policies);
    for (const auto& [name, text] : world.files) write("config/" + name, text);
    files::Issues issues;
    loaded_ = policy::load(root_ / "config/writ.yaml", issues);
    if (!loaded_) {
      for (const auto& issue : issues.all()) ADD_FAILURE() << render(issue);
      return;
    }
    std::vector<policytest::Suite> suites;
    if (!world.tests.empty()) {
      files::Issues wrong;
      auto suite = policytest::parse_suite(world.tests, root_ / "config/p.test.yaml", *loaded_, wrong);
      for (const auto& issue : wrong.all()) ADD_FAILURE() << render(issue);
      if (suite) suites.push_back(*std::move(suite));
    }
    std::string lines;
    for (std::size_t i = 0; i < world.log.size(); ++i)
      lines += fmt::format("{{\"seq\":{},\"prev\":\"{:064}\",{},\"hash\":\"{:064}\"}}\n", i + 1, i,
                           world.log[i], i + 1);
    write("log/audit.log", lines);
    std::optional<UseSeen> seen;
    if (world.with_log) {
      std::vector<fs::path> left_out;
      const auto parts = audit::parts_of({root_ / "log/audit.log"}, left_out);
      auto read = parts ? UseSeen::read(*parts, Instant::min(), kNow) : std::unexpected(parts.error());
      if (!read) {
        ADD_FAILURE() << read.error().message;
        return;
      }
      seen = *std::move(read);
    }
    files::Issues wrong;
    auto exemptions = world.exceptions.empty() ? std::vector<Exemption>()
                                               : parse_exceptions(world.exceptions, "x.yaml", wrong);
    for (const auto& issue : wrong.all()) ADD_FAILURE() << render(issue);
    Scene scene(*loaded_, seen ? &*seen : nullptr, suites, {}, kNow, {});
    if (world.keys) scene.show(&*world.keys);
    assessment_ = assess(scene, std::move(exemptions));
  }
  Looked(const Looked&) = delete;
  ~Looked() { fs::remove_all(root_); }

  const Assessment& operator*() const { return assessment_; }
  const Assessment* operator->() const { return &assessment_; }
  // The ids of what counts, of one check or of all.
  std::vector<std::string> ids(std::string_view check = {}) const {
    std::vector<std::string> all;
    for (const auto& each : assessment_.judged)
      if (each.covered_by == nullptr && (check.empty() || each.weakness.check->id == check))
        all.push_back(each.weakness.id());
    return all;
  }
  const Weakness* find(std::string_view id) const {
    for (const auto& each : assessment_.judged)
      if (each.weakness.id() == id) return &each.weakness;
    return nullptr;
  }
  std::string_view state(std::string_view check) const {
    for (std::size_t i = 0; i < assessment_.checked.size(); ++i)
      if (assessment_.checked[i].check->id == check) return assessment_.state(i);
    return "there is no such check";
  }

 private:
  void write(const std::string& name, std::string_view text) const { std::ofstream(root_ / name) << text; }

  static inline int next_ = 0;
  fs::path root_;
  std::optional<policy::Loaded> loaded_;
  Assessment assessment_{};
};

}  // namespace writ::posture::testing
