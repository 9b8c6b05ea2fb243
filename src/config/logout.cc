#include "config/logout.h"

#include <fmt/format.h>

namespace writ::config {

void read_logout(const files::Fields& issuer_fields, oauth::TrustedIssuer& issuer) {
  const files::YamlNode* node = issuer_fields.find("logout");
  if (node == nullptr) return;
  files::Source& source = issuer_fields.source();
  const files::Fields fields(node, source, "logout", {"audiences"});
  oauth::LogoutRules rules;
  if (fields.require("audiences") == nullptr) return;
  rules.audiences = fields.texts("audiences");
  if (issuer.workloads != nullptr)
    source.error(*node, "an issuer of workloads has no sessions that could end");
  issuer.logout = std::move(rules);
}

}  // namespace writ::config
