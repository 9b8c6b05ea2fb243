#include "config/exceptions.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "codec/nearest.h"
#include "inventory/identity.h"

namespace writ::config {
namespace {

constexpr std::string_view kChecks[] = {"no-owner",
                                        "owner-gone",
                                        "owner-not-listed",
                                        "stopped-with-credentials",
                                        "dormant-identity",
                                        "review-overdue",
                                        "never-reviewed",
                                        "third-party",
                                        "person-behind-machine",
                                        "shared-credential",
                                        "two-environments",
                                        "bearer-secret",
                                        "unbound-tokens",
                                        "machine-password",
                                        "ageing-credential",
                                        "endless-credential",
                                        "api-key",
                                        "secret-file",
                                        "issuer-not-pinned",
                                        "workload-not-pinned",
                                        "chain-too-deep",
                                        "acts-for-anyone",
                                        "long-tokens",
                                        "plain-transport",
                                        "audit-not-durable",
                                        "wildcard-permit",
                                        "standing-privilege",
                                        "dead-permit",
                                        "unused-permit",
                                        "hidden-claim",
                                        "route-not-tested",
                                        "api-cannot-tell",
                                        "only-observed"};

constexpr std::string_view kAsTheReport = "write it as the report does: `bearer-secret:nightly-export`";

// The id of the finding: "check:subject", from one key or from two.
std::optional<std::string> finding_of(const files::Fields& fields) {
  const auto finding = fields.required_text("finding");
  const auto subject = fields.text("subject");
  if (!finding || (fields.find("subject") != nullptr && !subject)) return std::nullopt;
  const files::YamlNode& node = *fields.find("finding");
  files::Source& source = fields.source();
  const auto colon = finding->find(':');
  const std::string_view check = std::string_view(*finding).substr(0, colon);
  if (std::ranges::find(kChecks, check) == std::end(kChecks)) {
    const auto near = codec::nearest(check, kChecks);
    source.error(node, fmt::format("there is no check `{}`", check),
                 near.empty() ? std::string(kAsTheReport) : fmt::format("did you mean `{}`?", near));
    return std::nullopt;
  }
  if (colon == std::string::npos && !subject) {
    source.error(node, fmt::format("`{}` is a check and not the id of a finding", *finding),
                 "add `subject`: whom or what the finding is about, or write both as the report does: "
                 "`bearer-secret:nightly-export`");
    return std::nullopt;
  }
  if (colon == std::string::npos) return fmt::format("{}:{}", *finding, *subject);
  if (subject) {
    source.error(*fields.find("subject"), fmt::format("`{}` names its subject already", *finding),
                 "leave one of them out");
    return std::nullopt;
  }
  if (colon + 1 < finding->size()) return finding;
  source.error(node, fmt::format("`{}` is not the id of a finding", *finding), std::string(kAsTheReport));
  return std::nullopt;
}

}  // namespace

std::span<const std::string_view> posture_checks() noexcept {
  return kChecks;
}

std::vector<Exception> read_exceptions(const files::Fields& fields) {
  files::Source& source = fields.source();
  std::vector<Exception> read;
  std::map<std::string, int, std::less<>> lines;
  const auto& list = fields.list("exceptions");
  if (list.size() > kMaxExceptions) {
    source.error(list[kMaxExceptions],
                 fmt::format("there are {} exceptions, at most {} are read", list.size(), kMaxExceptions),
                 "mend some of the findings");
    return read;
  }
  for (const files::YamlNode& node : list) {
    const files::Fields each(&node, source, "an exception",
                             {"finding", "subject", "owner", "reason", "until"});
    const auto finding = finding_of(each);
    const auto owner = each.required_text("owner");
    const auto reason = each.required_text("reason");
    const auto until = each.required_text("until");
    const auto date = until ? inventory::date_from_text(*until) : std::nullopt;
    if (until && !date)
      source.error(*each.find("until"), fmt::format("`{}` is not a date", *until), "write it as 2027-03-31");
    if (!finding || !owner || !reason || !date) continue;
    if (const auto [first, is_new] = lines.try_emplace(*finding, node.line); !is_new) {
      source.error(node, fmt::format("`{}` is excepted twice, first in line {}", *finding, first->second),
                   "keep one of them");
      continue;
    }
    read.push_back({*finding, *owner, *reason, *date, source.place(node)});
  }
  return read;
}

}  // namespace writ::config
