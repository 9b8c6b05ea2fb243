#include "config/fact_sources.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <set>

#include "cedar/entity_json.h"
#include "codec/json_pointer.h"
#include "codec/name.h"
#include "codec/twin.h"
#include "config/listen.h"
#include "config/outbound.h"
#include "crypto/hash.h"
#include "files/fields.h"
#include "files/files.h"
#include "gateway/fact_finder.h"

namespace writ::config {
namespace {

constexpr std::size_t kMaxSources = 64;
constexpr std::size_t kMaxStatementBytes = 16 * 1024;
constexpr std::size_t kMaxSourceNameBytes = 64;

using Attributes = std::vector<std::pair<std::string, std::string>>;

class FactSourceReader {
 public:
  FactSourceReader(const Config& config, files::Source& source) : config_(config), source_(source) {}

  void read(const files::YamlNode& node, std::vector<DeclaredSource>& sources) {
    const auto errors_before = source_.issues.errors();
    const files::Fields fields(&node, source_, "a source of facts",
                               {"name", "type", "http", "sqlite", "postgres", "id", "attributes",
                                "max_age_seconds", "missing_max_age_seconds", "timeout_seconds", "threads",
                                "max_waiting", "max_cached", "failures", "pause_seconds"});
    DeclaredSource declared{
        .place = source_.place(node), .settings = {}, .origin = sources::HttpOriginSettings{}};
    read_name(fields, sources, declared.settings);
    read_bounds(fields, declared.settings);
    const auto *http = fields.find("http"), *sqlite = fields.find("sqlite"),
               *postgres = fields.find("postgres");
    if ((http != nullptr) + (sqlite != nullptr) + (postgres != nullptr) != 1) {
      source_.error(node, "a source of facts has one of `http`, `sqlite` and `postgres`: who is asked");
      return;
    }
    const auto id = fields.require("id") != nullptr ? fields.text("id") : std::nullopt;
    auto attributes = read_attributes(fields, declared.settings);
    if (http != nullptr) {
      if (id) check_pointer(*fields.find("id"), *id);
      if (const auto* named = fields.find("attributes"))
        for (const auto& entry : named->entries) check_pointer(entry.value, entry.value.text);
      if (auto origin = read_http(*http, declared.settings)) {
        origin->id = id.value_or("");
        origin->attributes = std::move(attributes);
        declared.origin = *std::move(origin);
      }
    } else if (postgres != nullptr) {
      read_postgres(*postgres, id.value_or(""), std::move(attributes), declared);
    } else {
      declared.settings.reading.numbers_are_bools = true;
      read_sqlite(*sqlite, id.value_or(""), std::move(attributes), declared);
    }
    if (source_.issues.errors() != errors_before) return;
    declared.digest = digest_of(node, http != nullptr ? http : postgres);
    sources.push_back(std::move(declared));
  }

 private:
  // `server`: who is asked over TLS, or null. Credentials are read whenever they are used.
  std::string digest_of(const files::YamlNode& node, const files::YamlNode* server) const {
    auto text = to_json(node).dump();
    for (const auto* key : {"ca", "chain", "key"}) {
      const auto* file = server != nullptr ? server->find(key) : nullptr;
      const auto pem = file != nullptr ? files::read_file(source_.resolve(file->text), files::kMaxPemBytes)
                                       : std::string();
      text += crypto::hex(crypto::sha256(pem ? *pem : std::string()));
    }
    return crypto::hex(crypto::sha256(text));
  }

  void read_name(const files::Fields& fields, const std::vector<DeclaredSource>& before,
                 sources::SourceSettings& settings) {
    settings.name = fields.required_text("name", kMaxSourceNameBytes).value_or("");
    settings.reading.type = fields.required_text("type").value_or("");
    if (const auto problem = codec::name_problem(settings.name); problem && !settings.name.empty())
      source_.error(*fields.find("name"), fmt::format("`{}` is not a name: {}", settings.name, *problem));
    const auto& type = settings.reading.type;
    if (!type.empty() && !cedar::valid_entity_type(type))
      source_.error(*fields.find("type"),
                    fmt::format("`{}` is not an entity type, expected for example `Shop::Order`", type));
    if (type.starts_with("Writ::"))
      source_.error(*fields.find("type"),
                    fmt::format("`{}` is Writ's own type, and Writ keeps its facts itself", type));
    for (const auto& other : before) {
      if (other.settings.name == settings.name)
        source_.error(*fields.find("name"), fmt::format("there are two sources `{}`", settings.name));
      if (other.settings.reading.type == type)
        source_.error(*fields.find("type"),
                      fmt::format("the sources `{}` and `{}` both tell facts about `{}`: a type has one",
                                  other.settings.name, settings.name, type),
                      "let one of them answer with all attributes");
    }
  }

  static void read_bounds(const files::Fields& fields, sources::SourceSettings& settings) {
    const auto set = [&](std::string_view key, auto& value, std::int64_t least, std::int64_t most) {
      if (const auto given = fields.integer(key, least, most))
        value = static_cast<std::remove_reference_t<decltype(value)>>(*given);
    };
    const auto set_seconds = [&](std::string_view key, Duration& value, std::int64_t least,
                                 std::int64_t most) {
      if (const auto given = fields.integer(key, least, most)) value = std::chrono::seconds(*given);
    };
    set_seconds("max_age_seconds", settings.max_age, 0, 3600);
    set_seconds("missing_max_age_seconds", settings.missing_max_age, 0, 60);
    set_seconds("timeout_seconds", settings.timeout, 1, 30);
    set_seconds("pause_seconds", settings.pause, 1, 300);
    set("threads", settings.threads, 1, 64);
    set("max_waiting", settings.max_waiting, 1, 10'000);
    set("max_cached", settings.max_cached, 1, 1'000'000);
    set("failures", settings.failures, 1, 1000);
  }

  Attributes read_attributes(const files::Fields& fields, sources::SourceSettings& settings) {
    Attributes attributes;
    const auto* node = fields.require("attributes");
    if (node == nullptr) return attributes;
    if (node->kind != files::YamlNode::Kind::kMap || node->entries.empty() ||
        node->entries.size() > gateway::kMaxFacts) {
      source_.error(*node, fmt::format("`attributes` must be a map of 1 to {} attributes, and where in the "
                                       "answer each is",
                                       gateway::kMaxFacts));
      return attributes;
    }
    for (const auto& entry : node->entries) {
      const auto place = files::read_text(entry.value, source_, "a place in the answer");
      if (!place) continue;
      settings.reading.attributes.push_back(entry.key);
      if (gateway::is_guarded_attribute(entry.key)) settings.reading.needed.push_back(entry.key);
      attributes.emplace_back(entry.key, *place);
    }
    return attributes;
  }

  void check_pointer(const files::YamlNode& node, std::string_view pointer) {
    if (!codec::is_json_pointer(pointer))
      return source_.error(
          node, fmt::format("`{}` is not a JSON pointer, expected for example `/customer/id`", pointer));
    if (!std::ranges::all_of(codec::pointer_names(pointer), codec::is_ascii_name))
      source_.error(node, fmt::format("the pointer `{}` has a name that other readers could take for another "
                                      "one; use letters and digits of ASCII",
                                      pointer));
  }

  std::optional<sources::HttpOriginSettings> read_http(const files::YamlNode& node,
                                                       const sources::SourceSettings& settings) {
    const files::Fields fields(
        &node, source_, "http",
        {"url", "bearer_file", "bearer_env", "ca", "chain", "key", "server_name", "max_answer_bytes"});
    sources::HttpOriginSettings made{.url = {}, .id = {}, .attributes = {}};
    made.fetcher = config_.outbound;
    made.fetcher.timeout = settings.timeout;
    made.fetcher.connect_timeout =
        std::min<std::chrono::milliseconds>(settings.timeout, made.fetcher.connect_timeout);
    if (const auto bytes = fields.integer("max_answer_bytes", 1024, 1 << 20))
      made.max_answer_bytes = static_cast<std::size_t>(*bytes);
    const auto text = fields.required_text("url", 2048);
    if (!text) return std::nullopt;
    auto url = sources::UrlTemplate::parse(*text);
    if (!url) {
      source_.error(*fields.find("url"), url.error().message);
      return std::nullopt;
    }
    check_url(*fields.find("url"), url->example(), config_.outbound.rules, source_);
    made.url = *std::move(url);
    read_credential(fields, made);
    if (text->starts_with("https:")) {
      read_tls(node, fields, made);
    } else if (made.bearer != nullptr || !made.bearer_file.empty()) {
      source_.issues.warning(source_.place(node),
                             "the bearer token of this source goes over `http://`, unencrypted");
    }
    return made;
  }

  void read_credential(const files::Fields& fields, sources::HttpOriginSettings& made) {
    const auto *file = fields.find("bearer_file"), *name = fields.find("bearer_env");
    if (file != nullptr && name != nullptr)
      return source_.error(*name, "`bearer_file` and `bearer_env` both hold the token; leave one out");
    if (file != nullptr) {
      // Read anew with each question, so that it can be exchanged; here it is looked at.
      if (read_private_key(*file, source_, config_.data_access) == nullptr) return;
      made.bearer_file = source_.resolve(file->text);
    }
    if (name == nullptr) return;
    const char* value = std::getenv(name->text.c_str());
    if (value == nullptr || *value == '\0')
      return source_.error(*name, fmt::format("the environment has no variable `{}`", name->text));
    const std::string_view token(value);
    if (!std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
      return source_.error(*name, fmt::format("the variable `{}` does not hold a token", name->text));
    made.bearer = std::make_shared<const Secret>(std::string(token));
  }

  void read_tls(const files::YamlNode& node, const files::Fields& fields, sources::HttpOriginSettings& made) {
    http::TlsClientOptions options{.server_name = fields.text("server_name", 253).value_or("")};
    const auto* ca = fields.find("ca");
    if (ca != nullptr) {
      auto pem = files::read_file(*ca, source_, files::kMaxPemBytes);
      if (!pem) return;
      if (pem->empty()) return source_.error(*ca, "there is no certificate in it");
      options.ca = *std::move(pem);
    }
    auto identity = read_tls_identity(fields, config_.data_access);
    if (ca == nullptr && !identity && options.server_name.empty()) return;  // as `outbound` says
    if (identity) options.identity = *std::move(identity);
    auto tls = http::TlsClient::make(options);
    if (!tls) return source_.error(node, tls.error().message);
    made.fetcher.tls = *std::move(tls);
  }

  void read_sqlite(const files::YamlNode& node, std::string id, Attributes attributes,
                   DeclaredSource& declared) {
    const files::Fields fields(&node, source_, "sqlite", {"file", "statement"});
    const auto file = fields.required_text("file");
    const auto statement = fields.required_text("statement", kMaxStatementBytes);
    if (!file || !statement) return;
    store::SqliteOriginSettings made{.file = source_.resolve(*file),
                                     .statement = *statement,
                                     .id = std::move(id),
                                     .attributes = std::move(attributes),
                                     .timeout = declared.settings.timeout};
    if (const auto checked = store::SqliteOrigin(made).check(); !checked) {
      const auto place = source_.place(node);
      // It may be there when it is asked.
      if (checked.error().code == ErrorCode::kUnavailable)
        source_.issues.warning(place, checked.error().message);
      else
        source_.issues.error(place, checked.error().message);
    }
    declared.origin = std::move(made);
  }

  void read_postgres(const files::YamlNode& node, std::string id, Attributes attributes,
                     DeclaredSource& declared) {
    const auto errors_before = source_.issues.errors();
    const files::Fields fields(&node, source_, "postgres",
                               {"host", "port", "database", "user", "password_file", "password_env", "tls",
                                "ca", "chain", "key", "statement"});
    postgres::PostgresOriginSettings made{.server = {}, .statement = {}, .id = {}, .attributes = {}};
    auto& server = made.server;
    server.host = fields.required_text("host", 253).value_or("");
    server.port = static_cast<std::uint16_t>(fields.integer("port", 1, 65535).value_or(5432));
    server.database = fields.required_text("database", kMaxSourceNameBytes).value_or("");
    server.user = fields.required_text("user", kMaxSourceNameBytes).value_or("");
    server.timeout = declared.settings.timeout;
    // A list of hosts is libpq's; here it would be hosts whose names nobody has looked at.
    if (server.host.find_first_of(", ") != server.host.npos)
      source_.error(*fields.find("host"), fmt::format("`{}` is not one host", server.host));
    read_password(fields, server);
    read_postgres_tls(node, fields, server);
    if (const auto text = fields.required_text("statement", kMaxStatementBytes)) {
      if (auto statement = postgres::Select::parse(*text))
        made.statement = *std::move(statement);
      else
        source_.error(*fields.find("statement"), statement.error().message);
    }
    if (source_.issues.errors() != errors_before) return;
    made.id = std::move(id);
    made.attributes = std::move(attributes);
    if (const auto checked = postgres::PostgresOrigin(made).check(); !checked) {
      // It may be there when it is asked.
      if (checked.error().code == ErrorCode::kUnavailable)
        source_.issues.warning(source_.place(node), checked.error().message,
                               "until it answers, requests that need its facts are refused");
      else
        source_.issues.error(source_.place(node), checked.error().message);
    }
    declared.origin = std::move(made);
  }

  void read_password(const files::Fields& fields, postgres::ServerSettings& server) {
    const auto *file = fields.find("password_file"), *name = fields.find("password_env");
    if (file != nullptr && name != nullptr)
      return source_.error(*name, "`password_file` and `password_env` both hold the password; leave one out");
    // Read anew with each connection, so that it can be exchanged; here it is looked at.
    if (file != nullptr && read_private_key(*file, source_, config_.data_access) != nullptr)
      server.password_file = source_.resolve(file->text);
    if (name == nullptr) return;
    const char* value = std::getenv(name->text.c_str());
    if (value == nullptr || *value == '\0')
      return source_.error(*name, fmt::format("the environment has no variable `{}`", name->text));
    server.password = std::make_shared<const Secret>(std::string(value));
  }

  void read_postgres_tls(const files::YamlNode& node, const files::Fields& fields,
                         postgres::ServerSettings& server) {
    const bool local = postgres::is_this_machine(server.host);
    server.tls = fields.boolean("tls").value_or(!local);
    const auto *ca = fields.find("ca"), *chain = fields.find("chain"), *key = fields.find("key");
    if (!server.tls) {
      for (const auto* unused : {ca, chain, key})
        if (unused != nullptr)
          source_.error(*unused, "there is no TLS to this host, so this is not used; set `tls: true`");
      if (!local)
        source_.issues.warning(
            source_.place(node),
            "`tls` is false: facts come unencrypted, from whoever can take this host's place");
      return;
    }
    if (server.host.starts_with('/'))
      return source_.error(node, "there is no TLS over a socket; leave `tls` out");
    if (ca == nullptr)
      return source_.error(
          node, "`ca` is missing: a PEM file of the CAs that the database's certificate must lead to");
    if (const auto pem = files::read_file(*ca, source_, files::kMaxPemBytes); !pem) return;
    server.ca = source_.resolve(ca->text);
    if (!read_tls_identity(fields, config_.data_access)) return;
    server.chain = source_.resolve(chain->text);
    server.key = source_.resolve(key->text);
  }

  const Config& config_;
  files::Source& source_;
};

}  // namespace

std::vector<DeclaredSource> read_fact_sources(const Config& config, files::Issues& issues) {
  std::vector<DeclaredSource> sources;
  files::Source source{config.file.string(), config.file.parent_path(), issues, /*keys_need_values=*/true};
  const auto* list = config.root != nullptr ? config.root->find("fact_sources") : nullptr;
  if (list == nullptr) return sources;
  if (list->kind != files::YamlNode::Kind::kList || list->items.size() > kMaxSources) {
    source.error(*list, fmt::format("`fact_sources` must be a list of at most {} sources", kMaxSources));
    return sources;
  }
  FactSourceReader reader(config, source);
  for (const auto& node : list->items) reader.read(node, sources);
  return sources;
}

std::unique_ptr<sources::AskedSource> make_source(const DeclaredSource& declared, const Clock& clock) {
  std::unique_ptr<sources::Origin> origin;
  if (const auto* http = std::get_if<sources::HttpOriginSettings>(&declared.origin))
    origin = std::make_unique<sources::HttpOrigin>(*http);
  else if (const auto* postgres = std::get_if<postgres::PostgresOriginSettings>(&declared.origin))
    origin = std::make_unique<postgres::PostgresOrigin>(*postgres);
  else
    origin = std::make_unique<store::SqliteOrigin>(std::get<store::SqliteOriginSettings>(declared.origin));
  return std::make_unique<sources::AskedSource>(declared.settings, std::move(origin), clock);
}

}  // namespace writ::config
