// Request targets and path templates: what a template matches must be what it says, segment by segment.
//
// Input: templates and one target, a line each.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/path_trie.h"
#include "http/target.h"

namespace {

using namespace writ::http;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    at = end == std::string_view::npos ? end : end + 1;
  }
  return parts;
}

void check_match(std::string_view path_template, std::string_view path,
                 const std::vector<std::string_view>& values) {
  auto wanted = split(path_template, '/');
  auto given = split(path, '/');
  std::size_t value = 0;
  // The rest of the path: the last value, with one segment or more, and a slash behind it or not.
  const bool slash = path_template.ends_with("/**/");
  if (slash || path_template.ends_with("/**")) {
    wanted.resize(wanted.size() - (slash ? 2 : 1));
    WRIT_CHECK(given.size() > wanted.size() && !values.empty());
    std::string rest(values.back());
    WRIT_CHECK(!rest.empty() && !rest.starts_with('/') && !rest.ends_with('/'));
    if (slash) rest += '/';
    std::string expected;
    for (std::size_t i = wanted.size(); i < given.size(); ++i)
      expected.append(i == wanted.size() ? "" : "/").append(given[i]);
    WRIT_CHECK(rest == expected);
    given.resize(wanted.size());
    ++value;
  }
  WRIT_CHECK(wanted.size() == given.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (const auto open = wanted[i].find('{'); open != std::string_view::npos) {
      const auto end = wanted[i].substr(wanted[i].find('}') + 1);
      WRIT_CHECK(value < values.size() && !values[at].empty());
      WRIT_CHECK(given[i] == std::string(wanted[i].substr(0, open)).append(values[at++]).append(end));
      ++value;
    } else {
      WRIT_CHECK(wanted[i] == given[i]);
    }
  }
  WRIT_CHECK(value == values.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lines = split({reinterpret_cast<const char*>(data), size}, '\n');
  PathTrie trie;
  std::vector<std::string_view> templates;  // by leaf
  for (std::size_t i = 0; i + 1 < lines.size() && i < 32; ++i) {
    const auto added = trie.add(lines[i]);
    if (added && !added->existed) templates.push_back(lines[i]);
  }
  const auto target = parse_target(lines.back());
  if (!target) return 0;
  const std::string& path = target->path;
  WRIT_CHECK(path.starts_with('/') && path.find("//") == std::string::npos &&
             path.find('\0') == std::string::npos);
  for (const std::string_view segment : split(path, '/')) WRIT_CHECK(segment != "." && segment != "..");
  const auto again = parse_target(encode_path(path));
  WRIT_CHECK(again && again->path == path);
  std::vector<std::string_view> values;
  if (const auto leaf = trie.match(path, values)) check_match(templates.at(*leaf), path, values);
  return 0;
}
