#include "posture/patch.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::posture {
namespace {

using files::YamlNode;

constexpr std::size_t kAround = 3;  // lines that a hunk shows before and behind a change

// With their line breaks; the last one may have none.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

void add_line(std::string& out, char mark, std::string_view line) {
  out += mark;
  out += line;
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

// Lines from `first` on, `count` of them, become these.
struct Change {
  std::size_t first, count;
  std::string text;
};

// `-3,2`; of nothing the line before it is named.
std::string range_text(std::size_t first, std::size_t count) {
  return fmt::format("{},{}", count == 0 ? first : first + 1, count);
}

}  // namespace

TextLines::TextLines(std::string text) : text_(std::move(text)) {
  begins_.push_back(0);
  for (std::size_t at = 0; at < text_.size();) {
    at = std::min(text_.find('\n', at), text_.size() - 1) + 1;
    begins_.push_back(at);
  }
}

std::size_t TextLines::at(std::size_t place) const {
  const auto behind = std::ranges::upper_bound(begins_, place) - begins_.begin();
  return std::min(static_cast<std::size_t>(behind), count()) - 1;
}

std::string unified_diff(std::string_view path, const TextLines& lines, std::vector<TextEdit> edits) {
  // What is put in at a place comes before what is replaced there.
  std::ranges::stable_sort(edits, {}, [](const TextEdit& edit) { return std::pair(edit.begin, edit.end); });
  const auto text = lines.text();
  const bool none = lines.count() == 0;
  // Edits that touch a common line are one change.
  std::vector<Change> changes;
  for (std::size_t i = 0; i < edits.size();) {
    const auto first = none ? 0 : lines.at(edits[i].begin);
    std::string changed;
    std::size_t from = none ? 0 : lines.begin(first), last = first;
    for (; i < edits.size() && (none || lines.at(edits[i].begin) <= last); ++i) {
      changed += text.substr(from, edits[i].begin - from);
      changed += edits[i].text;
      from = edits[i].end;
      if (!none) last = std::max(last, lines.at(std::max(edits[i].end, edits[i].begin + 1) - 1));
    }
    const auto end = none ? 0 : lines.begin(last + 1);
    changed += text.substr(from, end - from);
    changes.push_back({first, none ? 0 : last - first + 1, std::move(changed)});
  }
  std::erase_if(changes, [&](const Change& each) {
    const auto begin = lines.begin(each.first);
    return each.count > 0 && text.substr(begin, each.text.size()) == each.text &&
           begin + each.text.size() == lines.begin(each.first + each.count);
  });
  if (changes.empty()) return {};

  auto out = fmt::format("--- a/{0}\n+++ b/{0}\n", path);
  std::ptrdiff_t moved = 0;  // how much further down a line stands afterwards
  for (std::size_t i = 0; i < changes.size();) {
    // As many changes as are near each other.
    std::size_t next = i + 1;
    while (next < changes.size() &&
           changes[next].first <= changes[next - 1].first + changes[next - 1].count + 2 * kAround)
      ++next;
    const auto begin = changes[i].first - std::min(changes[i].first, kAround);
    const auto behind = changes[next - 1].first + changes[next - 1].count;
    const auto end = std::min(lines.count(), behind + kAround);
    std::string body;
    std::size_t at = begin, now = 0;
    for (; i < next; ++i) {
      for (; at < changes[i].first; ++at, ++now) add_line(body, ' ', lines.line(at));
      for (; at < changes[i].first + changes[i].count; ++at) add_line(body, '-', lines.line(at));
      for (const auto line : lines_of(changes[i].text)) {
        add_line(body, '+', line);
        ++now;
      }
    }
    for (; at < end; ++at, ++now) add_line(body, ' ', lines.line(at));
    out += fmt::format("@@ -{} +{} @@\n{}", range_text(begin, end - begin),
                       range_text(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(begin) + moved), now),
                       body);
    moved += static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(end - begin);
  }
  return out;
}

std::string unified_new_file(std::string_view path, std::string_view text) {
  const auto lines = lines_of(text);
  auto out = fmt::format("--- /dev/null\n+++ b/{}\n@@ -0,0 +{} @@\n", path, range_text(0, lines.size()));
  for (const auto line : lines) add_line(out, '+', line);
  return out;
}

std::optional<std::size_t> YamlText::offset(int line, int column) const {
  if (line < 1 || column < 1 || static_cast<std::size_t>(line) > lines_.count() + 1) return std::nullopt;
  const auto at = lines_.begin(static_cast<std::size_t>(line) - 1) + static_cast<std::size_t>(column) - 1;
  if (at > text_.size()) return std::nullopt;
  return at;
}

std::optional<std::size_t> YamlText::end_of(const YamlNode& value) const {
  const auto begin = offset(value.line, value.column);
  if (!begin || *begin >= text_.size()) return std::nullopt;
  const auto rest = text_.substr(*begin);
  const char first = rest.front();
  if (first == '"' || first == '\'') {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (first == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == first) {
        if (first == '\'' && i + 1 < rest.size() && rest[i + 1] == first) {
          ++i;
          continue;
        }
        return *begin + i + 1;
      }
    }
    return std::nullopt;
  }
  if (first == '[' || first == '{') {
    int depth = 0;
    char quote = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const char letter = rest[i];
      if (quote != 0) {
        if (quote == '"' && letter == '\\')
          ++i;
        else if (letter == quote)
          quote = 0;
      } else if (letter == '"' || letter == '\'') {
        quote = letter;
      } else if (letter == '#' && i > 0 && rest[i - 1] == ' ') {
        return std::nullopt;  // a comment inside
      } else if (letter == '[' || letter == '{') {
        ++depth;
      } else if ((letter == ']' || letter == '}') && --depth == 0) {
        return *begin + i + 1;
      }
    }
    return std::nullopt;
  }
  if (value.kind == YamlNode::Kind::kList || value.kind == YamlNode::Kind::kMap) return std::nullopt;
  // Plain, on one line, as it was read.
  if (value.text.empty() || !rest.starts_with(value.text)) return std::nullopt;
  return *begin + value.text.size();
}

std::optional<std::size_t> YamlText::begin_of(const YamlNode& map, std::string_view key) const {
  const auto entry = std::ranges::find(map.entries, key, &YamlNode::Entry::key);
  if (entry == map.entries.end()) return std::nullopt;
  const auto begin = offset(entry->line, entry->column);
  if (!begin || !text_.substr(*begin).starts_with(key)) return std::nullopt;
  return begin;
}

std::optional<TextEdit> YamlText::put(const YamlNode& map, std::string_view key,
                                      std::string_view value) const {
  if (map.find(key) != nullptr) return replace(map, key, key, value);
  if (map.entries.empty()) return std::nullopt;
  const auto begin = offset(map.line, map.column);
  if (!begin || *begin >= text_.size()) return std::nullopt;
  // Behind the first key where that is possible, since it is most often the name.
  const auto& where = map.entries[map.entries.size() > 1 ? 1 : 0];
  const auto at = begin_of(map, where.key);
  if (!at) return std::nullopt;
  if (text_[*begin] == '{') return TextEdit{*at, *at, fmt::format("{}: {}, ", key, value)};
  return TextEdit{
      *at, *at,
      fmt::format("{}: {}\n{}", key, value, std::string(static_cast<std::size_t>(where.column) - 1, ' '))};
}

std::optional<TextEdit> YamlText::replace(const YamlNode& map, std::string_view old_key, std::string_view key,
                                          std::string_view value) const {
  const auto* old_value = map.find(old_key);
  const auto begin = begin_of(map, old_key);
  if (old_value == nullptr || !begin) return std::nullopt;
  const auto end = end_of(*old_value);
  if (!end) return std::nullopt;
  return TextEdit{*begin, *end, fmt::format("{}: {}", key, value)};
}

std::optional<TextEdit> YamlText::take_out(const YamlNode& map, std::string_view key) const {
  const auto entry = std::ranges::find(map.entries, key, &YamlNode::Entry::key);
  if (entry == map.entries.end() || map.entries.size() < 2) return std::nullopt;
  const auto begin = begin_of(map, key), end = end_of(entry->value);
  if (!begin || !end) return std::nullopt;
  // Up to the next key; of the last one, from the end of the value before.
  if (entry + 1 != map.entries.end()) {
    const auto next = begin_of(map, (entry + 1)->key);
    if (!next) return std::nullopt;
    return TextEdit{*begin, *next, {}};
  }
  const auto before = end_of((entry - 1)->value);
  if (!before) return std::nullopt;
  return TextEdit{*before, *end, {}};
}

std::optional<TextEdit> YamlText::take_item(const YamlNode& list, const YamlNode& item) const {
  if (list.items.size() < 2) return std::nullopt;
  const auto list_begin = offset(list.line, list.column);
  // Of a list in lines, the dash before it on its line.
  const auto begin_of_item = [&](const YamlNode& each) -> std::optional<std::size_t> {
    auto begin = offset(each.line, each.column);
    if (!list_begin || !begin || text_[*list_begin] != '-') return begin;
    const auto dash = text_.rfind('-', *begin - 1);
    if (dash == text_.npos || text_.find('\n', dash) < *begin) return std::nullopt;
    return dash;
  };
  const auto at = static_cast<std::size_t>(&item - list.items.data());
  const auto begin = begin_of_item(item);
  if (!begin) return std::nullopt;
  if (at + 1 < list.items.size()) {
    const auto next = begin_of_item(list.items[at + 1]);
    if (!next) return std::nullopt;
    return TextEdit{*begin, *next, {}};
  }
  const auto end = end_of(item);
  const auto before = end_of(list.items[at - 1]);
  if (!end || !before) return std::nullopt;
  return TextEdit{*before, *end, {}};
}

std::optional<TextEdit> YamlText::add_item(const YamlNode& list, std::string_view item) const {
  if (list.items.empty()) return std::nullopt;
  const auto begin = offset(list.line, list.column);
  if (!begin || *begin >= text_.size()) return std::nullopt;
  if (text_[*begin] == '[') return TextEdit{*begin + 1, *begin + 1, fmt::format("{}, ", item)};
  if (text_[*begin] != '-') return std::nullopt;
  return TextEdit{*begin, *begin,
                  fmt::format("- {}\n{}", item, std::string(static_cast<std::size_t>(list.column) - 1, ' '))};
}

}  // namespace writ::posture
