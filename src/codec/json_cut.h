// JsonCut: a JSON text without the parts that somebody must not see. What stays keeps its bytes.
//
//   redact /card/number        the member is taken out
//   keep   /id, /lines/*/sku   only these stay; of several lists, what each of them names
//
// A pattern is a JSON Pointer (RFC 6901) in which `*` stands for each element of a list and each member of an
// object. Where a reader could take something for what is named, less goes out:
//
// - a redaction covers the twins of its names too (codec/twin.h), `Card` or `card.number`, and where it names
//   a member and finds a list, that member of each element;
// - a list of what is kept names exactly what it names.
//
// Pure. A cut is immutable and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace writ::codec {

struct JsonPattern {
  std::string text;
  std::vector<std::string> names;  // of `text`, unescaped; at least one

  bool operator==(const JsonPattern&) const = default;
};

// Fails with kInvalid. Names are ASCII names (codec/twin.h), or `*`.
Result<JsonPattern> parse_json_pattern(std::string_view text);

struct JsonCut {
  std::vector<JsonPattern> redact;
  std::vector<std::vector<JsonPattern>> keep;

  bool empty() const noexcept { return redact.empty() && keep.empty(); }
  // Once each, whatever names it.
  void add_redaction(const JsonPattern& pattern);
  void add_kept(const std::vector<JsonPattern>& patterns);
  void add(const JsonCut& other);
  // {"redact":["/card/number"],"keep":[["/id","/total"]]}; absent members are left out.
  Json to_json() const;
};

// What is left of the text. Fails with kInvalid where it is not JSON as parse_json() takes it within the
// limits, and where something has to be kept of what is neither an object nor a list.
Result<std::string> cut_json(std::string_view text, const JsonCut& cut, const JsonLimits& limits = {});

}  // namespace writ::codec
