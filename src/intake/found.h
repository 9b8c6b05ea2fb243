// Found: an identity as another system's export tells of it, and what reading exports has in common.
//
// Nothing here is permission. Plain values; pure: texts in, values out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"
#include "files/issue.h"
#include "inventory/identity.h"

namespace writ::intake {

inline constexpr std::size_t kMaxFileBytes = 256 << 20;
inline constexpr std::size_t kMaxFound = 1'000'000;  // identities of one import
inline constexpr std::size_t kMaxGrants = 200;       // that are kept of one identity; more are counted
inline constexpr std::size_t kMaxGrantBytes = 256;
inline constexpr std::size_t kMaxAliases = 32;
inline constexpr std::size_t kMaxLinks = 4;         // imports that are joined in one identity
inline constexpr std::size_t kMaxNativeBytes = 96;  // of the source's own id; longer ones are shortened

struct File {
  std::string name;  // for messages and evidence
  std::string text;
};

struct Found {
  std::string native;  // the source's own id of it, unique there
  inventory::Kind kind;
  std::string kind_by;  // what told the kind: "servicePrincipalType is ManagedIdentity"
  std::string file;
  std::string name = {};
  bool enabled = true;
  std::optional<std::string> owner = {}, sponsor = {}, parent = {}, description = {}, provider = {},
                             model = {}, blueprint = {}, tenant = {}, environment = {};
  std::optional<Instant> created_at = {}, expires_at = {}, last_used_at = {};
  std::vector<inventory::Credential> credentials = {};
  std::vector<std::string> grants = {};   // "realm role auditor", "verb get on pods in namespace shop"
  std::vector<std::string> aliases = {};  // names that other systems may have for it, exact: "spiffe://..."
};

// What one import collects, over its files. An identity that two files tell of differently is an error.
class Findings {
 public:
  explicit Findings(files::Issues& issues, std::size_t most = kMaxFound) : issues_(issues), most_(most) {}

  // Null when it is a duplicate or one too many, which is reported. What is returned stays where it is until
  // the next one is added.
  Found* add(Found found);
  Found* find(std::string_view native);
  // Something of the export that is not an identity Writ keeps: `what` is counted and told.
  void leave_out(std::string_view what) { ++left_out_[std::string(what)]; }

  files::Issues& issues() noexcept { return issues_; }
  const std::vector<Found>& all() const noexcept { return all_; }
  const std::map<std::string, std::size_t>& left_out() const noexcept { return left_out_; }

 private:
  files::Issues& issues_;
  const std::size_t most_;
  bool told_that_too_many_ = false;
  std::vector<Found> all_;
  std::map<std::string, std::size_t, std::less<>> by_native_;
  std::map<std::string, std::size_t> left_out_;
};

// RFC 3339 as systems write it, with any number of digits behind the point; also `2027-01-31 12:00:00 UTC`.
// What is before 1970 stands for "never" in some exports, and is absent.
std::optional<Instant> lenient_date(std::string_view text) noexcept;

}  // namespace writ::intake
