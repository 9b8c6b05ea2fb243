// The section `fact_sources`: who is asked for facts about resources (docs/asked-facts.md). Used while
// reading the configuration: databases are looked at, and servers of HTTP are not asked.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "files/issue.h"
#include "postgres/postgres_origin.h"
#include "sources/http_origin.h"
#include "sources/source.h"
#include "store/sqlite_origin.h"

namespace writ::config {

struct DeclaredSource {
  files::Place place;
  // Of what is written of it, and of the certificates that are read for it: two with the same one ask in the
  // same way.
  std::string digest = {};
  sources::SourceSettings settings;
  std::variant<sources::HttpOriginSettings, store::SqliteOriginSettings, postgres::PostgresOriginSettings>
      origin;
};

// Reports into `issues`; what has errors is left out.
std::vector<DeclaredSource> read_fact_sources(const Config& config, files::Issues& issues);

// Who is asked from now on.
std::unique_ptr<sources::AskedSource> make_source(const DeclaredSource& declared, const Clock& clock);

}  // namespace writ::config
