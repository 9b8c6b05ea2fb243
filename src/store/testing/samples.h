// For tests of stores: a folder that is gone afterwards, and one of everything that is stored.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "codec/json.h"
#include "inventory/identity.h"
#include "jose/jwk.h"
#include "task/call.h"
#include "task/task.h"

namespace writ::store::testing {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "writ-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// In the future of any clock the tests run under: what has expired may be forgotten.
inline const Instant kLater = instant_from_unix_seconds(4'000'000'000);

// What no statement may take for a part of itself.
inline constexpr const char* kAwkward = "x'; DROP TABLE tasks; -- \"ü\" %s ?1";

inline task::Task make_task(const std::string& id, std::int64_t calls = 100) {
  const auto* text = R"({
    "purpose": "", "subject": "nora", "agents": ["support-agent"],
    "actions": ["Billing::Action::\"read\"", "Billing::Action::\"refund\""],
    "resources": ["Billing::Invoice::*"]})";
  auto request = codec::parse_json(text).value();
  request.set("purpose", kAwkward);
  request.set("budget", codec::Json::object({{"calls", calls}}));
  auto task = task::task_from_request(request, instant_from_unix_seconds(1'750'000'000)).value();
  task.id = id;
  task.opened_by = "ops-console";
  return task;
}

inline task::CallApproval make_call(const std::string& id) {
  task::CallApproval approval;
  approval.id = id;
  approval.call = {.subject = "nora",
                   .client = "support-agent",
                   .actors = {"support-agent", "support-portal"},
                   .task = "t1",
                   .purpose = "x'; DROP TABLE calls; --",
                   .api = "invoices",
                   .action = R"(Billing::Action::"credit")",
                   .resource = R"(Billing::Invoice::"inv-1")",
                   .method = "POST",
                   .path = "/invoices/inv-1/credit",
                   .query = "",
                   .arguments = "digest",
                   .policy_revision = "r1"};
  approval.body = std::string("{\"amount\":\t20}\0", 15) + kAwkward;
  approval.asked_at = kLater;
  approval.until = kLater + std::chrono::hours(1);
  return approval;
}

inline inventory::Identity make_identity(const std::string& id) {
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  inventory::Identity identity{.id = id, .kind = inventory::Kind::kAgent};
  identity.tenant = "north";
  identity.owner = "nora";
  identity.acts_for = {"nora", "support-portal"};
  identity.attributes.set("note", kAwkward);
  identity.keys = {key.public_jwk()};
  return identity;
}

inline inventory::Api make_api(const std::string& id) {
  return {.id = id,
          .audience = "https://" + id + ".acme.example",
          .name_space = "Billing",
          .actions = {"read", "refund"}};
}

}  // namespace writ::store::testing
