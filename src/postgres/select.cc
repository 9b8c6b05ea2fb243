#include "postgres/select.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "base/characters.h"

namespace writ::postgres {
namespace {

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_in_name(char c) {
  return begins_name(c) || is_digit(c) || c == '$' || (c & 0x80) != 0;
}

// PostgreSQL 15, §4.1: the parts of a statement in which a colon is a colon.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<Select> read() {
    bool has_id = false;
    while (at_ < text_.size()) {
      const auto begin = at_;
      if (skip_quoted() || skip_comment()) {
        append(begin);
        continue;
      }
      if (begins_name(text_[at_])) {
        const auto word = read_name();
        if (!is_select_) is_select_ = is(word, "select") || is(word, "with");
        if (!*is_select_) break;
        append(begin);
        continue;
      }
      if (text_[at_] == '$' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))
        return invalid("the statement's parameters are `:id` and `:tenant`, not `$1`");
      if (text_.substr(at_, 2) == "::") {
        at_ += 2;
        append(begin);
        continue;
      }
      if (text_[at_] == ':' && at_ + 1 < text_.size() && begins_name(text_[at_ + 1])) {
        ++at_;
        const auto name = read_name();
        if (name != "id" && name != "tenant")
          return invalid(fmt::format("the statement's parameters are `:id` and `:tenant`, not `:{}`", name));
        has_id = has_id || name == "id";
        made_.has_tenant = made_.has_tenant || name == "tenant";
        made_.text += name == "id" ? "$1" : "$2";
        continue;
      }
      ++at_;
      append(begin);
    }
    if (!is_select_.value_or(false)) return invalid("the statement does not begin with SELECT or WITH");
    if (!has_id) return invalid("the statement does not have the parameter `:id`");
    return std::move(made_);
  }

 private:
  static bool is(std::string_view word, std::string_view lower) {
    return std::ranges::equal(word, lower, [](char a, char b) { return (a | 0x20) == b; });
  }

  void append(std::size_t begin) { made_.text += text_.substr(begin, at_ - begin); }

  std::string_view read_name() {
    const auto begin = at_;
    while (at_ < text_.size() && is_in_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // 'text', E'te\'xt', "name", $tag$text$tag$. What does not end, PostgreSQL refuses.
  bool skip_quoted() {
    const char c = text_[at_];
    if ((c == 'E' || c == 'e') && text_.substr(at_ + 1, 1) == "'") {
      ++at_;
      skip_to_quote('\'', true);
      return true;
    }
    if (c == '\'' || c == '"') {
      skip_to_quote(c, false);
      return true;
    }
    if (c != '$') return false;
    auto end = at_ + 1;
    while (end < text_.size() && text_[end] != '$' && is_in_name(text_[end])) ++end;
    if (end >= text_.size() || text_[end] != '$' || is_digit(text_[at_ + 1])) return false;
    const auto tag = text_.substr(at_, end + 1 - at_);
    const auto close = text_.find(tag, end + 1);
    at_ = close == text_.npos ? text_.size() : close + tag.size();
    return true;
  }

  // A quote that stands twice begins the next part at once, which does no harm.
  void skip_to_quote(char quote, bool escapes) {
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_)
      if (escapes && text_[at_] == '\\') ++at_;
    at_ = std::min(at_ + 1, text_.size());
  }

  // Those of several lines nest.
  bool skip_comment() {
    if (text_.substr(at_, 2) == "--") {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return true;
    }
    if (text_.substr(at_, 2) != "/*") return false;
    int depth = 0;
    do {
      const auto two = text_.substr(at_, 2);
      depth += two == "/*" ? 1 : two == "*/" ? -1 : 0;
      at_ += two == "/*" || two == "*/" ? 2 : 1;
    } while (depth > 0 && at_ < text_.size());
    return true;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::optional<bool> is_select_;  // by its first word
  Select made_;
};

}  // namespace

Result<Select> Select::parse(std::string_view written) {
  return Reader(written).read();
}

}  // namespace writ::postgres
