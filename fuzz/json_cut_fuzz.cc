// cut_json on any bytes: the first line has the patterns, `/a/*/b,/c` what is redacted and behind a `;` what
// is kept. What comes out is JSON without what was named, and cutting it again changes nothing.
#include <algorithm>
#include <cstdlib>

#include "codec/json_cut.h"
#include "codec/json_pointer.h"

namespace {

using writ::codec::JsonPattern;

std::vector<JsonPattern> patterns(std::string_view text) {
  std::vector<JsonPattern> made;
  while (!text.empty() && made.size() < 8) {
    const auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (auto pattern = writ::codec::parse_json_pattern(part)) made.push_back(*std::move(pattern));
  }
  return made;
}

// An element that is taken out leaves its place to the next one.
bool has_index(const JsonPattern& pattern) {
  return std::ranges::any_of(pattern.names, [](const std::string& name) {
    return name.find_first_not_of("0123456789") == name.npos;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::codec;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = input.substr(0, input.find('\n'));
  const auto text = input.substr(std::min(line.size() + 1, input.size()));
  JsonCut cut;
  const auto semicolon = std::min(line.find(';'), line.size());
  for (const auto& pattern : patterns(line.substr(0, semicolon))) cut.add_redaction(pattern);
  if (semicolon < line.size()) cut.add_kept(patterns(line.substr(semicolon + 1)));
  const JsonLimits limits{.max_bytes = 1 << 16, .max_depth = 32};
  const auto left = cut_json(text, cut, limits);
  if (!left) return 0;
  if (left->size() > text.size()) std::abort();
  const auto json = parse_json(*left, limits);
  if (!json) std::abort();
  bool indexed = false;
  for (const auto& list : cut.keep) indexed = indexed || std::ranges::any_of(list, has_index);
  for (const auto& pattern : cut.redact) {
    if (has_index(pattern)) {
      indexed = true;
    } else if (std::ranges::find(pattern.names, "*") == pattern.names.end() &&
               at_pointer(*json, pattern.text) != nullptr) {
      std::abort();
    }
  }
  if (!indexed && cut_json(*left, cut, limits) != *left) std::abort();
  return 0;
}
