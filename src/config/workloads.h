// What the configuration says of clients without a secret of their own: the issuers that name workloads, and
// in the inventory their tokens, certificates and secrets that are being replaced. Used while reading it
// (docs/workloads.md).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "files/fields.h"
#include "inventory/identity.h"
#include "oauth/trusted_issuers.h"

namespace writ::config {

// The platform's default is an hour, and its clock may be a little ahead.
inline constexpr std::chrono::seconds kWorkloadLifetime{3660};

// Whether the issuer names workloads. Reports what is about users then.
bool names_workloads(const files::Fields& issuer);
// `workloads`, of an issuer that has it. Reports a profile that there is not.
void read_workload_issuer(const files::Fields& fields, oauth::TrustedIssuer& issuer);

// Reads the rules of the inventory, and finds those that more workloads satisfy than are meant.
class WorkloadReader {
 public:
  // They have to outlive it.
  WorkloadReader(const Config& config, files::Source& source) : config_(config), source_(source) {}

  // `workload`, `certificates`, `previous_secret` and `introspects` of an identity.
  void read(const files::Fields& fields, inventory::Identity& identity);
  // After all: rules of two identities that one token satisfies, and certificates that two have.
  void check() const;

 private:
  struct Ruled {
    std::string identity;
    inventory::WorkloadRule rule;
    files::Place place;
  };
  using Group = std::vector<const Ruled*>;
  void read_rule(const files::YamlNode& node, inventory::Identity& identity);
  const oauth::TrustedIssuer* issuer_of(const std::string& name, const files::YamlNode& node) const;
  codec::Json facts_of(const files::YamlNode& node, const oauth::WorkloadProfile& profile) const;
  void read_certificate(const files::YamlNode& node, inventory::Identity& identity);
  void check_groups(const Group& one, const Group& other, int& left) const;

  const Config& config_;
  files::Source& source_;
  std::vector<Ruled> rules_;
  std::map<std::string, std::string> certificates_;  // as text, and whose it is
};

}  // namespace writ::config
