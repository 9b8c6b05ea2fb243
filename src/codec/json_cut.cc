#include "codec/json_cut.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "base/check.h"
#include "codec/json_pointer.h"
#include "codec/twin.h"

namespace writ::codec {
namespace {

constexpr std::string_view kEach = "*";

// Where a pattern stands on its way in: the names that are still to come, at least one.
using Ahead = std::span<const std::string>;

// What patterns make of one value. Nothing is ahead of what they name as a whole: that is out, or stays.
struct Reach {
  std::vector<Ahead> redact;
  // By list of what is kept. Absent: all that is here is.
  std::vector<std::optional<std::vector<Ahead>>> keep;

  bool leaves_all() const {
    return redact.empty() && std::ranges::none_of(keep, [](const auto& list) { return list.has_value(); });
  }
  bool keeps_all() const {
    return std::ranges::none_of(keep, [](const auto& list) { return list.has_value(); });
  }
};

bool is_index(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_at(std::string_view name, std::size_t index) {
  std::size_t at = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), at);
  return error == std::errc() && end == name.data() + name.size() && at == index;
}

// Of a member of that name. False: it is out.
bool redactions_of_member(const std::vector<Ahead>& here, std::string_view name, std::vector<Ahead>& inside) {
  for (const Ahead ahead : here) {
    if (ahead.front() == kEach) {
      if (ahead.size() == 1) return false;
      inside.push_back(ahead.subspan(1));
      continue;
    }
    // `card.number` may be read as `number` in `card`.
    std::string joined;
    for (std::size_t count = 1; count <= ahead.size() && ahead[count - 1] != kEach; ++count) {
      joined += ahead[count - 1];
      if (name != joined && !may_read_as(name, joined)) continue;
      if (count == ahead.size()) return false;
      inside.push_back(ahead.subspan(count));
    }
  }
  return true;
}

// Of an element of a list.
bool redactions_of_element(const std::vector<Ahead>& here, std::size_t index, std::vector<Ahead>& inside) {
  for (const Ahead ahead : here) {
    const auto& name = ahead.front();
    if (name != kEach && !is_index(name)) {
      inside.push_back(ahead);
    } else if (name == kEach || is_at(name, index)) {
      if (ahead.size() == 1) return false;
      inside.push_back(ahead.subspan(1));
    }
  }
  return true;
}

// What is kept inside of a part, which `names` says of a pattern's next name. False: nothing of it.
template <class Names>
bool kept_of_part(const Reach& here, Names names, Reach& inside) {
  for (const auto& list : here.keep) {
    auto& ahead_inside = inside.keep.emplace_back();
    if (!list) continue;
    std::vector<Ahead> found;
    bool whole = false;
    for (const Ahead ahead : *list) {
      if (ahead.front() != kEach && !names(ahead.front())) continue;
      whole = whole || ahead.size() == 1;
      if (ahead.size() > 1) found.push_back(ahead.subspan(1));
    }
    if (whole) continue;
    if (found.empty()) return false;
    ahead_inside = std::move(found);
  }
  return true;
}

// Goes through a text that parse_json() took, beside what it made of it.
class Cutter {
 public:
  explicit Cutter(std::string_view text) : text_(text) {}

  // Appends what stays of the value, and says whether that is anything.
  bool cut(const Json& json, const Reach& reach, std::string& out) {
    skip_space();
    if (reach.leaves_all()) return out += value(), true;
    if (const auto* members = json.if_object()) return cut_object(*members, reach, out), true;
    if (const auto* items = json.if_array()) return cut_array(*items, reach, out), true;
    // Only what lies inside of it would be kept.
    const auto scalar = value();
    if (!reach.keeps_all()) return false;
    out += scalar;
    return true;
  }

 private:
  void cut_object(const Json::Object& members, const Reach& reach, std::string& out) {
    take('{');
    char separator = '{';
    for (const auto& [name, json] : members) {
      skip_space();
      const auto spelt = string();
      skip_space();
      take(':');
      Reach inside;
      const auto same = [&](const std::string& other) { return other == name; };
      const bool stays =
          redactions_of_member(reach.redact, name, inside.redact) && kept_of_part(reach, same, inside);
      const auto before = out.size();
      out += separator;
      out += spelt;
      out += ':';
      if (cut_part(json, stays ? &inside : nullptr, out)) {
        separator = ',';
      } else {
        out.resize(before);
      }
    }
    end_of('}', separator == '{' ? "{}" : "}", out);
  }

  void cut_array(const Json::Array& items, const Reach& reach, std::string& out) {
    take('[');
    char separator = '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      Reach inside;
      const auto same = [&](const std::string& other) { return is_at(other, i); };
      const bool stays =
          redactions_of_element(reach.redact, i, inside.redact) && kept_of_part(reach, same, inside);
      const auto before = out.size();
      out += separator;
      if (cut_part(items[i], stays ? &inside : nullptr, out)) {
        separator = ',';
      } else {
        out.resize(before);
      }
    }
    end_of(']', separator == '[' ? "[]" : "]", out);
  }

  // And the comma behind it. Null: nothing of it stays.
  bool cut_part(const Json& json, const Reach* inside, std::string& out) {
    skip_space();
    bool stays = false;
    if (inside != nullptr) {
      stays = cut(json, *inside, out);
    } else {
      value();
    }
    skip_space();
    if (at_ < text_.size() && text_[at_] == ',') ++at_;
    return stays;
  }

  void end_of(char close, std::string_view written, std::string& out) {
    skip_space();
    take(close);
    out += written;
  }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  void take(char c) {
    WRIT_CHECK(at_ < text_.size() && text_[at_] == c);
    ++at_;
  }

  std::string_view string() {
    const auto begin = at_;
    take('"');
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    take('"');
    return text_.substr(begin, at_ - begin);
  }

  // As it is written.
  std::string_view value() {
    const auto begin = at_;
    std::size_t open = 0;
    do {
      WRIT_CHECK(at_ < text_.size());
      const char c = text_[at_];
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++open, ++at_;
      } else if (c == '}' || c == ']') {
        --open, ++at_;
      } else if (open > 0) {
        ++at_;
      } else {
        at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
      }
    } while (open > 0);
    return text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Json texts_of(const std::vector<JsonPattern>& patterns) {
  auto texts = Json::array();
  for (const auto& pattern : patterns) texts.push(pattern.text);
  return texts;
}

}  // namespace

Result<JsonPattern> parse_json_pattern(std::string_view text) {
  if (!is_json_pointer(text))
    return failure(ErrorCode::kInvalid,
                   "`" + std::string(text) + "` is not a JSON pointer, expected for example `/card/number`");
  JsonPattern pattern{std::string(text), pointer_names(text)};
  for (const auto& name : pattern.names)
    if (name != kEach && !is_ascii_name(name))
      return failure(ErrorCode::kInvalid, "`" + std::string(text) + "` has the name `" + name +
                                              "`, which readers may spell in several ways; use letters and "
                                              "digits of ASCII, or `*` for each element");
  return pattern;
}

void JsonCut::add_redaction(const JsonPattern& pattern) {
  if (std::ranges::find(redact, pattern) == redact.end()) redact.push_back(pattern);
}

void JsonCut::add_kept(const std::vector<JsonPattern>& patterns) {
  if (std::ranges::find(keep, patterns) == keep.end()) keep.push_back(patterns);
}

void JsonCut::add(const JsonCut& other) {
  for (const auto& pattern : other.redact) add_redaction(pattern);
  for (const auto& patterns : other.keep) add_kept(patterns);
}

Json JsonCut::to_json() const {
  auto json = Json::object();
  if (!redact.empty()) json.set("redact", texts_of(redact));
  if (keep.empty()) return json;
  auto lists = Json::array();
  for (const auto& patterns : keep) lists.push(texts_of(patterns));
  json.set("keep", std::move(lists));
  return json;
}

Result<std::string> cut_json(std::string_view text, const JsonCut& cut, const JsonLimits& limits) {
  const auto json = TRY(parse_json(text, limits));
  Reach reach;
  for (const auto& pattern : cut.redact) reach.redact.emplace_back(pattern.names);
  for (const auto& patterns : cut.keep) {
    auto& list = reach.keep.emplace_back().emplace();
    for (const auto& pattern : patterns) list.emplace_back(pattern.names);
  }
  std::string out;
  out.reserve(text.size());
  if (!Cutter(text).cut(json, reach, out))
    return failure(ErrorCode::kInvalid, "json: nothing can be kept of what is not an object or a list");
  return out;
}

}  // namespace writ::codec
