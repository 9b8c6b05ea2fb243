#include "config/identity_facts.h"

#include <fmt/format.h>

#include "inventory/facts.h"

namespace writ::config {
namespace {

using inventory::Identity;

// Said to be unknown is absent.
std::optional<std::string> fact(const files::Fields& fields, std::string_view key,
                                std::size_t max_bytes = 256) {
  auto text = fields.text(key, max_bytes);
  if (text == inventory::kNotKnown) return std::nullopt;
  return text;
}

std::optional<Instant> date(const files::Fields& fields, std::string_view key) {
  const auto text = fact(fields, key);
  if (!text) return std::nullopt;
  const auto read = inventory::date_from_text(*text);
  if (!read)
    fields.source().error(
        *fields.find(key), fmt::format("`{}` is not a date", *text),
        "for example 2027-01-31, which is its first moment in UTC, or 2027-01-31T12:00:00Z");
  return read;
}

}  // namespace

files::Fields identity_fields(const files::YamlNode& node, files::Source& source) {
  return files::Fields(&node, source, "an identity",
                       {"id",
                        "kind",
                        "status",
                        "tenant",
                        "environment",
                        "owner",
                        "acts_for",
                        "accept_from",
                        "purposes",
                        "attributes",
                        "secret_hash",
                        "jwks_file",
                        "sponsor",
                        "parent",
                        "description",
                        "provider",
                        "model",
                        "blueprint",
                        "created_at",
                        "expires_at",
                        "reviewed_at",
                        "review_by",
                        "credentials",
                        "needs_owner",
                        "imported",
                        "workload",
                        "certificates",
                        "introspects",
                        "certificate_bound",
                        "previous_secret"});
}

void read_identity_facts(const files::Fields& fields, Identity& identity) {
  using inventory::Status;
  constexpr Status kSaid[] = {Status::kActive, Status::kRequested, Status::kSuspended, Status::kRetired};
  const auto status = fields.choice("status", {"active", "requested", "suspended", "retired"});
  identity.configured_status = kSaid[status.value_or(0)];
  identity.owner = fact(fields, "owner", inventory::kMaxUserIdBytes);
  identity.sponsor = fact(fields, "sponsor", inventory::kMaxUserIdBytes);
  identity.parent = fact(fields, "parent", inventory::kMaxUserIdBytes);
  identity.description = fact(fields, "description", 1024);
  identity.provider = fact(fields, "provider");
  identity.model = fact(fields, "model");
  identity.blueprint = fact(fields, "blueprint");
  identity.created_at = date(fields, "created_at");
  identity.expires_at = date(fields, "expires_at");
  identity.reviewed_at = date(fields, "reviewed_at");
  identity.review_by = date(fields, "review_by");
  identity.needs_owner = fields.boolean("needs_owner").value_or(false);
  (void)fields.texts("imported");  // config/imported.h gives them meaning
  if (const auto* list = fields.find("credentials")) {
    auto credentials = inventory::credentials_from_json(to_json(*list));
    if (credentials) {
      identity.credentials = *std::move(credentials);
    } else {
      fields.source().error(*list, credentials.error().message);
    }
  }
}

}  // namespace writ::config
