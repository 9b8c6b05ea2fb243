#include "digest/kind.h"

#include <algorithm>
#include <array>

#include "audit/record.h"
#include "codec/pick.h"

namespace writ::digest {
namespace {

using codec::Json;

constexpr codec::JsonLimits kLimits{.max_bytes = 512 * 1024};
constexpr std::array<std::string_view, 23> kNames = {
    "seq",         "time",   "type",   "effect",   "not_enforced", "task",    "sender_bound",    "public",
    "point",       "api",    "action", "resource", "elements",     "cut",     "policy_revision", "purpose",
    "environment", "client", "actors", "policies", "permits",      "subject", "object"};

std::string text(const Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? *found : std::string();
}

bool flag(const Json& record, std::string_view name) {
  const auto* found = record.find(name);
  return found != nullptr && found->if_bool() != nullptr && *found->if_bool();
}

std::vector<std::string> texts(const Json* list) {
  std::vector<std::string> all;
  if (list == nullptr || list->if_array() == nullptr) return all;
  for (const Json& each : *list->if_array())
    if (const auto* one = each.if_string()) all.push_back(*one);
  return all;
}

void put_number(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((number >> shift) & 0xff);
}

void put_text(std::string& out, std::string_view part) {
  put_number(out, static_cast<std::uint32_t>(part.size()));
  out += part;
}

void put_texts(std::string& out, const std::vector<std::string>& all) {
  put_number(out, static_cast<std::uint32_t>(all.size()));
  for (const auto& each : all) put_text(out, each);
}

// Takes what was put, in order; whatever is missing makes it wrong for good.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}
  bool is_whole() const { return good_ && rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) good_ = false;
    if (!good_) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint32_t number() {
    std::uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 8) value |= std::uint32_t{byte()} << shift;
    return value;
  }
  std::string text() {
    const auto size = number();
    if (size > rest_.size()) good_ = false;
    if (!good_) return {};
    std::string part(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return part;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (auto count = number(); good_ && count > 0; --count) all.push_back(text());
    return all;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string RecordKind::encoded() const {
  std::string out;
  out += static_cast<char>(what);
  out += static_cast<char>((not_enforced ? 1 : 0) | (in_task ? 2 : 0) | (sender_bound ? 4 : 0) |
                           (is_public ? 8 : 0));
  for (const auto* part :
       {&type, &point, &api, &action, &resource_type, &revision, &purpose, &environment, &client, &permits})
    put_text(out, *part);
  put_texts(out, actors);
  put_texts(out, policies);
  return out;
}

std::optional<RecordKind> RecordKind::decoded(std::string_view bytes) {
  Taker taker(bytes);
  RecordKind kind;
  const auto what = taker.byte(), flags = taker.byte();
  if (what > static_cast<std::uint8_t>(What::kPermitted) || flags > 15) return std::nullopt;
  kind.what = static_cast<What>(what);
  kind.not_enforced = (flags & 1) != 0;
  kind.in_task = (flags & 2) != 0;
  kind.sender_bound = (flags & 4) != 0;
  kind.is_public = (flags & 8) != 0;
  for (auto* part : {&kind.type, &kind.point, &kind.api, &kind.action, &kind.resource_type, &kind.revision,
                     &kind.purpose, &kind.environment, &kind.client, &kind.permits})
    *part = taker.text();
  kind.actors = taker.texts();
  kind.policies = taker.texts();
  if (!taker.is_whole()) return std::nullopt;
  return kind;
}

Digested digest_of(std::string_view line) {
  Digested told;
  const auto record = codec::pick_members(line, kNames, kLimits);
  if (!record) return told;
  const auto* number = record->find("seq");
  const auto time = audit::parse_time(text(*record, "time"));
  if (number == nullptr || !number->is_int() || *number->if_int() < 1 || !time) return told;
  told.time = *time;
  told.number = static_cast<std::uint64_t>(*number->if_int());
  RecordKind& kind = told.kind;
  const auto type = text(*record, "type");
  if (type != "decision") {
    kind.what = RecordKind::What::kEvent;
    if (type.starts_with("identity.") || type.starts_with("task.")) {
      kind.type = type;
      told.name = text(*record, "object");
    }
    return told;
  }
  if (text(*record, "effect") != "permit") {
    kind.what = RecordKind::What::kRefused;
    kind.not_enforced = record->find("not_enforced") != nullptr;
    return told;
  }
  kind.what = RecordKind::What::kPermitted;
  kind.in_task = record->find("task") != nullptr;
  kind.sender_bound = flag(*record, "sender_bound");
  kind.is_public = record->find("public") != nullptr;
  kind.point = text(*record, "point");
  kind.api = text(*record, "api");
  kind.action = text(*record, "action");
  // "Billing::Invoice" of `Billing::Invoice::"17"`. The elements of a list may be of another type.
  if (record->find("elements") == nullptr) {
    kind.resource_type = text(*record, "resource");
    kind.resource_type.resize(std::min(kind.resource_type.find("::\""), kind.resource_type.size()));
  }
  // A list that was cut does not name all that may have permitted it.
  const auto* cut = record->find("cut");
  if (cut == nullptr || cut->find("policies") == nullptr) kind.revision = text(*record, "policy_revision");
  kind.purpose = text(*record, "purpose");
  kind.environment = text(*record, "environment");
  kind.client = text(*record, "client");
  kind.actors = texts(record->find("actors"));
  kind.policies = texts(record->find("policies"));
  if (const auto* permits = record->find("permits")) kind.permits = permits->dump();
  told.name = text(*record, "subject");
  return told;
}

}  // namespace writ::digest
