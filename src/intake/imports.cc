#include "intake/imports.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <tuple>
#include <unordered_map>

#include "codec/members.h"
#include "crypto/hash.h"
#include "intake/node.h"
#include "inventory/facts.h"

namespace writ::intake {
namespace {

using codec::Json;
using inventory::Kind;

constexpr std::string_view kFormat = "writ-import-1";

struct Row {
  std::string_view name;
  Reader read;
};
constexpr std::array<Row, 9> kSources{{{"keycloak", read_keycloak},
                                       {"entra", read_entra},
                                       {"okta", read_okta},
                                       {"kubernetes", read_kubernetes},
                                       {"spire", read_spire},
                                       {"aws", read_aws},
                                       {"github", read_github},
                                       {"scim", read_scim},
                                       {"csv", read_csv}}};

// How many bytes of a control character, or of one that nobody sees and that turns a line around, begin here.
// In UTF-8: U+0080 to U+009F; U+200B to U+200F, U+2028 to U+202E; U+2060 to U+206F; U+FEFF.
std::size_t unseen(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const unsigned char first = byte(0), second = byte(1), third = byte(2);
  if (first < ' ' || first == 0x7f) return 1;
  if (first == 0xC2 && second >= 0x80 && second <= 0x9F) return 2;
  if (first == 0xEF && second == 0xBB && third == 0xBF) return 3;
  if (first != 0xE2) return 0;
  if (second == 0x80 && ((third >= 0x8B && third <= 0x8F) || (third >= 0xA8 && third <= 0xAE))) return 3;
  return second == 0x81 && third >= 0xA0 && third <= 0xAF ? 3 : 0;
}

// What nobody sees becomes a space; what is too long is cut.
std::string plain(std::string_view text, std::size_t max_bytes) {
  std::string out(text.substr(0, max_bytes));
  while (!out.empty() && text.size() > max_bytes && (static_cast<unsigned char>(out.back()) & 0x80) != 0)
    out.pop_back();
  std::string seen;
  for (std::size_t at = 0; at < out.size();) {
    const auto bytes = unseen(std::string_view(out).substr(at));
    seen += bytes > 0 ? ' ' : out[at];
    at += std::max<std::size_t>(bytes, 1);
  }
  return seen;
}

// The source's id behind the import's name. Characters that an id cannot have are written as in a URL; a long
// one ends in a digest of the whole.
std::string id_of(std::string_view import, std::string_view native) {
  std::string id;
  for (const char c : native) {
    const bool fits = c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '\'' && c != '%';
    id += fits ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  if (id.size() > kMaxNativeBytes - 1) {
    const auto whole = crypto::sha256(native);
    std::string digest;
    for (std::size_t i = 0; i < 8; ++i) digest += fmt::format("{:02x}", whole[i]);
    id = id.substr(0, kMaxNativeBytes - 18) + "~" + digest;
  }
  return fmt::format("{}:{}", import, id);
}

Json credentials_of(const Found& found) {
  auto credentials = found.credentials;
  // Of the same type and without ids they are counted.
  std::set<std::pair<int, std::string>> seen;
  for (auto& each : credentials) {
    const auto first = each.id = plain(each.id, 200);
    for (int n = 2; !seen.emplace(static_cast<int>(each.type), each.id).second; ++n)
      each.id = fmt::format("{}#{}", first, n);
  }
  if (credentials.size() > 64) credentials.resize(64);
  return inventory::credentials_to_json(credentials);
}

Json sorted_texts(std::vector<std::string> texts, std::size_t most, std::size_t& left_out) {
  for (auto& text : texts) text = plain(text, kMaxGrantBytes);
  std::ranges::sort(texts);
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  left_out = texts.size() > most ? texts.size() - most : 0;
  texts.resize(texts.size() - left_out);
  return codec::json_texts(texts);
}

Json evidence_of(const Import& import, const Found& found, const std::string& file, const std::string& at) {
  Json json = Json::object({{"source", source_name(import.source)},
                            {"import", import.name},
                            {"file", file},
                            {"imported_at", at},
                            {"native_id", plain(found.native, 2048)},
                            {"name", plain(found.name, 256)},
                            {"kind_by", plain(found.kind_by, 256)},
                            {"enabled", found.enabled}});
  if (found.last_used_at) json.set("last_used_at", inventory::date_text(*found.last_used_at));
  std::size_t left_out = 0;
  json.set("grants", sorted_texts(found.grants, kMaxGrants, left_out));
  if (left_out > 0) json.set("grants_left_out", static_cast<std::int64_t>(left_out));
  json.set("aliases", sorted_texts(found.aliases, kMaxAliases, left_out));
  return json;
}

// In this order, so that equal identities are equal texts.
Json record_of(const Import& import, const Found& found, const std::string& file, const std::string& at) {
  Json json = Json::object({{"id", id_of(import.name, found.native)}, {"kind", kind_name(found.kind)}});
  const auto text = [&](std::string_view name, const std::optional<std::string>& value,
                        std::size_t max_bytes = 256) {
    if (value && !value->empty()) json.set(name, plain(*value, max_bytes));
  };
  const auto date = [&](std::string_view name, const std::optional<Instant>& value) {
    if (value) json.set(name, inventory::date_text(*value));
  };
  text("tenant", found.tenant);
  text("environment", found.environment);
  text("owner", found.owner);
  if (found.kind == Kind::kAgent) text("sponsor", found.sponsor);
  if (found.parent) json.set("parent", id_of(import.name, *found.parent));
  text("description", found.description, 1024);
  text("provider", found.provider);
  text("model", found.model);
  text("blueprint", found.blueprint);
  date("created_at", found.created_at);
  date("expires_at", found.expires_at);
  // What authenticates a user is the provider's business.
  if (!found.credentials.empty()) json.set("credentials", credentials_of(found));
  json.set("evidence", evidence_of(import, found, file, at));
  return json;
}

const Json& evidence_in(const Json& record) {
  static const Json kNone = Json::object();
  const Json* evidence = record.find("evidence");
  return evidence != nullptr && evidence->is_object() ? *evidence : kNone;
}

std::string text_in(const Json& object, std::string_view name) {
  const auto* text = object.find_string(name);
  return text != nullptr ? *text : std::string();
}

// The members in which two records differ, those of the evidence among them.
std::vector<std::string> differing(const Json& before, const Json& after) {
  std::set<std::string> names;
  const auto compare = [&](const Json& a, const Json& b) {
    for (const auto* each : {&a, &b}) {
      for (const auto& [name, value] : *each->if_object()) {
        const Json *one = a.find(name), *other = b.find(name);
        const bool same = one != nullptr && other != nullptr && *one == *other;
        if (!same && name != "evidence" && name != "file" && name != "imported_at") names.insert(name);
      }
    }
  };
  compare(before, after);
  compare(evidence_in(before), evidence_in(after));
  return {names.begin(), names.end()};
}

}  // namespace

std::string_view source_name(Source source) noexcept {
  return kSources[static_cast<std::size_t>(source)].name;
}

std::optional<Source> source_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kSources, name, &Row::name);
  if (found == kSources.end()) return std::nullopt;
  return static_cast<Source>(found - kSources.begin());
}

std::vector<std::string> source_names() {
  std::vector<std::string> names;
  for (const auto& row : kSources) names.emplace_back(row.name);
  return names;
}

void read_source(Source source, const std::vector<File>& files, Findings& findings) {
  bool readable = true;
  for (const File& file : files) {
    // As PowerShell writes what is redirected.
    if (!file.text.starts_with("\xff\xfe") && !file.text.starts_with("\xfe\xff")) continue;
    findings.issues().error({file.name}, "the file is in UTF-16",
                            "write it as UTF-8, in PowerShell with `| Out-File -Encoding utf8`");
    readable = false;
  }
  if (!readable) return;
  kSources[static_cast<std::size_t>(source)].read(files, findings);
}

bool valid_import_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  }) && name.front() != '.';
}

Result<Import> parse_import(std::string_view text) {
  const auto json = TRY(codec::parse_json(text, {.max_bytes = kMaxFileBytes, .max_depth = 64}));
  const auto members =
      TRY(codec::Members::of(json, "the import", {"format", "source", "name", "identities"}));
  if (const auto format = TRY(members.text("format")); format != kFormat)
    return members.wrong("format", fmt::format("is `{}`, expected {}", format, kFormat));
  const auto source = source_from_name(TRY(members.text("source")));
  if (!source) return members.wrong("source", "is not a source that Writ reads");
  Import import{.source = *source, .name = TRY(members.text("name")), .records = {}};
  if (!valid_import_name(import.name)) return members.wrong("name", "is not the name of an import");
  const auto* list = members.find("identities") != nullptr ? members.find("identities")->if_array() : nullptr;
  if (list == nullptr) return members.wrong("identities", "must be a list");
  for (const Json& record : *list) {
    const auto id = text_in(record, "id");
    if (!id.starts_with(import.name + ":"))
      return failure(ErrorCode::kInvalid,
                     fmt::format("the identity `{}` is not of the import `{}`", id, import.name));
    if (!import.records.emplace(id, record).second)
      return failure(ErrorCode::kConflict, fmt::format("the identity `{}` is there twice", id));
  }
  return import;
}

std::string import_text(const Import& import) {
  std::string out = fmt::format("{{\"format\":\"{}\",\"source\":\"{}\",\"name\":\"{}\",\"identities\":[",
                                kFormat, source_name(import.source), import.name);
  bool first = true;
  for (const auto& [id, record] : import.records) {
    out += first ? "\n" : ",\n";
    out += record.dump();
    first = false;
  }
  return out + "\n]}\n";
}

Result<Merged> merge(const Import& before, const Findings& findings, Instant now) {
  Merged merged{.after = {.source = before.source, .name = before.name, .records = {}}, .difference = {}};
  auto& [after, difference] = merged;
  const auto today = inventory::date_text(std::chrono::floor<std::chrono::seconds>(now));
  for (const Found& found : findings.all()) {
    auto record = record_of(before, found, found.file, today);
    const auto id = text_in(record, "id");
    TRY(identity_of(record));
    if (after.records.contains(id))
      return failure(ErrorCode::kConflict, fmt::format("`{}` is there twice", id));
    const auto known = before.records.find(id);
    if (known == before.records.end()) {
      difference.added.push_back(id);
      after.records.emplace(id, std::move(record));
      continue;
    }
    const Json& old = known->second;
    if (text_in(old, "kind") != kind_name(found.kind))
      return failure(
          ErrorCode::kConflict,
          fmt::format(
              "`{}` was of kind {} before and is of kind {} now, and a kind cannot change: retire the "
              "one before, and import under another name (--as)",
              id, text_in(old, "kind"), kind_name(found.kind)));
    // As it would be if nothing but file and day were new.
    const Json& evidence = evidence_in(old);
    if (record_of(before, found, text_in(evidence, "file"), text_in(evidence, "imported_at")) == old) {
      ++difference.same;
      after.records.emplace(id, old);
      continue;
    }
    if (evidence.find("no_longer_seen") != nullptr) {
      difference.back.push_back(id);
    } else {
      difference.changed.push_back({id, differing(old, record)});
    }
    after.records.emplace(id, std::move(record));
  }
  for (const auto& [id, old] : before.records) {
    if (after.records.contains(id)) continue;
    Json kept = old;
    Json evidence = evidence_in(old);
    if (evidence.find("no_longer_seen") == nullptr) {
      difference.gone.push_back(id);
      evidence.set("no_longer_seen", today);
      kept.set("evidence", std::move(evidence));
    } else {
      ++difference.same;
    }
    after.records.emplace(id, std::move(kept));
  }
  // Files come in any order, and what is told of them does not depend on it.
  std::ranges::sort(difference.added);
  std::ranges::sort(difference.back);
  std::ranges::sort(difference.changed, {}, [](const auto& each) { return each.id; });
  return merged;
}

Result<inventory::Identity> identity_of(const Json& record) {
  std::vector<std::string_view> allowed{"id",    "kind",        "tenant",  "environment",
                                        "owner", "credentials", "evidence"};
  allowed.insert(allowed.end(), inventory::fact_names().begin(), inventory::fact_names().end());
  const auto members = TRY(codec::Members::of(record, "the imported identity", allowed));
  inventory::Identity identity{.id = TRY(members.text("id", inventory::kMaxUserIdBytes)),
                               .kind = Kind::kUser};
  const auto kind = inventory::kind_from_name(TRY(members.text("kind")));
  if (!kind) return members.wrong("kind", "is not a kind");
  identity.kind = *kind;
  identity.configured_status = inventory::Status::kRequested;
  identity.tenant = TRY(members.optional_text("tenant"));
  identity.environment = TRY(members.optional_text("environment"));
  identity.owner = TRY(members.optional_text("owner", inventory::kMaxUserIdBytes));
  TRY(inventory::read_facts(members, identity));
  if (const Json* credentials = members.find("credentials"))
    identity.credentials = TRY(inventory::credentials_from_json(*credentials));
  const Json* evidence = members.find("evidence");
  if (evidence == nullptr || !evidence->is_object()) return members.wrong("evidence", "must be an object");
  identity.evidence = Json::array();
  identity.evidence.push(*evidence);
  identity.declared = true;
  TRY(validate(identity));
  return identity;
}

namespace {

// Who has a name: by id, of which import ("": of the configuration), and whether a user.
struct NamedParty {
  std::string_view id, import;
  std::optional<bool> is_user;

  friend bool operator<(const NamedParty& a, const NamedParty& b) {
    return std::tie(a.id, a.import) < std::tie(b.id, b.import);
  }
  bool may_be(const NamedParty& other) const {
    if (id == other.id || (!import.empty() && import == other.import)) return false;
    return !is_user || !other.is_user || *is_user == *other.is_user;
  }
};

}  // namespace

std::vector<Suggestion> suggested_links(std::span<const Import> imports, std::span<const Listed> listed,
                                        std::size_t most) {
  // Of each that is linked already, to what.
  std::unordered_map<std::string_view, const Listed*> linked;
  for (const Listed& each : listed) {
    for (const auto& id : each.linked) linked[id] = &each;
  }
  const auto of_listed = [](const Listed& each) {
    return NamedParty{each.id, {}, each.kind ? std::optional(*each.kind == Kind::kUser) : std::nullopt};
  };
  std::unordered_map<std::string, std::set<NamedParty>> by_alias;
  for (const Import& import : imports) {
    for (const auto& [id, record] : import.records) {
      const Json* aliases = evidence_in(record).find("aliases");
      if (aliases == nullptr || aliases->if_array() == nullptr) continue;
      const auto link = linked.find(id);
      const NamedParty named =
          link != linked.end()
              ? of_listed(*link->second)
              : NamedParty{id, import.name, text_in(record, "kind") == kind_name(Kind::kUser)};
      for (const auto& alias : *aliases->if_array()) {
        if (const auto* text = alias.if_string()) by_alias[*text].insert(named);
      }
    }
  }
  for (const Listed& each : listed) {
    for (const auto& alias : {"client:" + each.id, "user:" + each.id, each.id}) {
      const auto found = by_alias.find(alias);
      if (found != by_alias.end()) found->second.insert(of_listed(each));
    }
  }
  std::set<Suggestion> all;
  for (const auto& [alias, named] : by_alias) {
    // Each with the first that it may be: whoever joins them sees what is left.
    for (auto each = named.begin(); each != named.end(); ++each) {
      const auto first =
          std::find_if(named.begin(), each, [&](const NamedParty& one) { return one.may_be(*each); });
      if (first != each) all.insert({std::string(first->id), std::string(each->id), alias});
    }
  }
  std::vector<Suggestion> first(all.begin(), all.end());
  if (first.size() > most) first.resize(most);
  return first;
}

}  // namespace writ::intake
