// The facts of an identity as the configuration writes them: who answers for it, its life, its credentials.
//
// A part of config/world.h. Reports into the fields' source.
#pragma once

#include "files/fields.h"
#include "inventory/identity.h"

namespace writ::config {

// An entry of `inventory.identities`.
files::Fields identity_fields(const files::YamlNode& node, files::Source& source);
// What it says of facts: status, owner, sponsor, dates, credentials.
void read_identity_facts(const files::Fields& fields, inventory::Identity& identity);

}  // namespace writ::config
