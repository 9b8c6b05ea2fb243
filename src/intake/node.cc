#include "intake/node.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "codec/name.h"

namespace writ::intake {
namespace {

constexpr std::size_t kMaxTextBytes = 2048;

std::optional<std::int64_t> number_of(const codec::Json& json) {
  if (const auto* number = json.if_int()) return *number;
  const auto* text = json.if_string();
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

}  // namespace

std::string ExportNode::place() const {
  if (parent_ == nullptr) return {};
  const auto before = parent_->place();
  if (member_.empty()) return fmt::format("{}[{}]", before, index_);
  return before.empty() ? std::string(member_) : fmt::format("{}.{}", before, member_);
}

void ExportNode::wrong(std::string_view problem, std::string help) const {
  const auto at = place();
  issues_->error({file_->name},
                 at.empty() ? fmt::format("the export {}", problem) : fmt::format("`{}` {}", at, problem),
                 std::move(help));
}

std::optional<ExportNode> ExportNode::child(std::string_view member) const {
  const auto* object = json_->if_object();
  if (object == nullptr) return std::nullopt;
  for (const auto& [name, value] : *object) {
    if (name != member) continue;
    if (value.is_null()) return std::nullopt;
    ExportNode node(value, *file_, *issues_);
    node.parent_ = this;
    node.member_ = name;
    return node;
  }
  return std::nullopt;
}

bool ExportNode::has(std::string_view member) const {
  return child(member).has_value();
}

std::optional<std::string> ExportNode::text(std::string_view member) const {
  const auto node = child(member);
  if (!node) return std::nullopt;
  const auto* text = node->json_->if_string();
  if (text == nullptr) return node->wrong("must be a string"), std::nullopt;
  if (text->empty()) return std::nullopt;
  if (text->size() > kMaxTextBytes) {
    node->wrong(fmt::format("has {} bytes, at most {} are read", text->size(), kMaxTextBytes));
    return std::nullopt;
  }
  // What would change the meaning of a line or of a terminal becomes a space.
  std::string plain = *text;
  for (char& c : plain) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return plain;
}

std::optional<std::string> ExportNode::required(std::string_view member) const {
  auto value = text(member);
  if (!value && !has(member)) wrong(fmt::format("has no `{}`", member));
  if (!value && has(member) && json_->find(member)->is_string())
    wrong(fmt::format("has an empty `{}`", member));
  return value;
}

std::optional<std::string> ExportNode::id(std::string_view member) const {
  const auto node = child(member);
  if (node && node->json_->is_int()) return std::to_string(*node->json_->if_int());
  return required(member);
}

bool ExportNode::flag(std::string_view member, bool otherwise) const {
  const auto node = child(member);
  if (!node) return otherwise;
  if (const auto* value = node->json_->if_bool()) return *value;
  node->wrong("must be true or false");
  return otherwise;
}

std::optional<Instant> ExportNode::date(std::string_view member) const {
  const auto value = text(member);
  if (!value) return std::nullopt;
  const auto read = lenient_date(*value);
  // The first year of the calendar is how some systems say never.
  if (!read && !value->starts_with("0001-"))
    child(member)->wrong(fmt::format("is `{}`, expected a date such as 2027-01-31T12:00:00Z", *value));
  return read;
}

std::optional<Instant> ExportNode::seconds(std::string_view member) const {
  const auto node = child(member);
  if (!node) return std::nullopt;
  const auto value = number_of(*node->json_);
  if (!value || *value < 0 || *value > 253'402'300'799)
    return node->wrong("must be a number of seconds since 1970"), std::nullopt;
  if (*value == 0) return std::nullopt;
  return instant_from_unix_seconds(*value);
}

std::optional<Instant> ExportNode::milliseconds(std::string_view member) const {
  const auto node = child(member);
  if (!node) return std::nullopt;
  const auto value = number_of(*node->json_);
  if (!value || *value < 0 || *value > 253'402'300'799'999)
    return node->wrong("must be a number of milliseconds since 1970"), std::nullopt;
  if (*value == 0) return std::nullopt;
  return Instant(Duration(*value));
}

std::vector<std::string> ExportNode::texts(std::string_view member) const {
  std::vector<std::string> all;
  const auto list = child(member);
  if (!list) return all;
  const auto* items = list->json_->if_array();
  if (items == nullptr) return list->wrong("must be a list"), all;
  for (const auto& item : *items) {
    const auto* text = item.if_string();
    if (text == nullptr) return list->wrong("must be a list of strings"), all;
    if (text->size() <= kMaxTextBytes && !codec::name_problem(*text)) all.push_back(*text);
  }
  return all;
}

std::optional<ExportNode> ExportNode::object(std::string_view member) const {
  auto node = child(member);
  if (!node) return std::nullopt;
  if (!node->json_->is_object()) return node->wrong("must be an object"), std::nullopt;
  return node;
}

std::optional<codec::Json> parse_export(const File& file, files::Issues& issues) {
  // Some tools begin a file with a byte order mark.
  std::string_view text = file.text;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto last = text.find_last_not_of(" \t\r\n");
  if (last == text.npos) return issues.error({file.name}, "the file is empty"), std::nullopt;
  auto json = codec::parse_json(text, {.max_bytes = kMaxFileBytes, .max_depth = 128});
  if (json) return *std::move(json);
  const bool cut = text[last] != '}' && text[last] != ']';
  issues.error({file.name}, json.error().message,
               cut ? "the file ends in the middle: it was not written to its end" : "export it again");
  return std::nullopt;
}

}  // namespace writ::intake
