#include "init/paths.h"

#include <algorithm>
#include <fmt/format.h>
#include <initializer_list>

#include "codec/ascii.h"
#include "codec/name.h"
#include "init/document.h"
#include "init/names.h"

namespace writ::init {
namespace {

std::unexpected<Error> unfit(std::string message) {
  return failure(ErrorCode::kUnsupported, std::move(message));
}

int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

// RFC 3986 §2.1. What a request path cannot have, no route can either (http/target.h).
Result<std::string> decoded_segment(std::string_view segment) {
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      out += segment[i];
      continue;
    }
    const bool whole = i + 2 < segment.size() && digit(segment[i + 1]) >= 0 && digit(segment[i + 2]) >= 0;
    if (!whole) return unfit(fmt::format("`{}` has a `%` that begins no escape", shown(segment)));
    out += static_cast<char>(digit(segment[i + 1]) * 16 + digit(segment[i + 2]));
    i += 2;
  }
  if (const auto problem = codec::name_problem(out))
    return unfit(fmt::format("the segment `{}` {}", shown(segment), *problem));
  // Whoever reads the configuration must see what is in it.
  if (shown(out, out.size()) != out)
    return unfit(
        fmt::format("the segment `{}` has letters that are not seen, or turn text round", shown(segment)));
  if (out.find_first_of("/\\;%?#{}") != out.npos)
    return unfit(fmt::format("`{}` has one of `/\\;%?#{{}}` in a segment", shown(segment)));
  if (out == "." || out == "..") return unfit("it has a dot segment, which no request path can have");
  return out;
}

std::string several_segments(std::string_view segment) {
  return fmt::format(
      "`{}` may stand for more than one segment, and a route that ends in `/**` is written by hand",
      shown(segment));
}

// A version before all else, or the kind of file at the end. Without these texts before them such names may
// be those of resources: `/packages/{package}/{version}`.
bool is_form_of(std::string_view begin, std::string_view name, bool first, bool last) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, codec::lowered(name)) != names.end();
  };
  if (begin == "v" || begin == "V")
    return first && is_one_of({"version", "apiversion", "api_version", "api-version"});
  return last && begin.size() > 1 && begin.ends_with('.') && is_one_of({"format", "ext", "extension"});
}

}  // namespace

std::string SegmentedPath::text(std::size_t count) const {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += segments[i].is_parameter
               ? fmt::format("/{}{{{}}}{}", segments[i].begin, segments[i].text, segments[i].end)
               : "/" + segments[i].text;
  return out;
}

std::string SegmentedPath::shape(std::size_t count) const {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += segments[i].is_parameter ? fmt::format("/{}{{}}{}", segments[i].begin, segments[i].end)
                                    : "/" + segments[i].text;
  return out;
}

std::string SegmentedPath::resource_shape(std::size_t count) const {
  return count == 0 ? std::string() : fmt::format("{}/{}{{}}", shape(count - 1), segments[count - 1].begin);
}

std::size_t SegmentedPath::up_to_last_parameter() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (segments[i].names_resource()) count = i + 1;
  return count;
}

Result<SegmentedPath> segment_path(std::string_view path) {
  if (!path.starts_with('/')) return unfit("a path begins with `/`");
  SegmentedPath made;
  std::vector<std::string> names;
  std::string_view rest = path.substr(1);
  for (bool more = true; more;) {
    const auto slash = rest.find('/');
    more = slash != rest.npos;
    const auto segment = rest.substr(0, slash);
    if (more) rest.remove_prefix(slash + 1);
    if (segment.empty()) {
      if (more) return unfit("it has an empty segment");
      made.segments.push_back({false, {}});
      break;
    }
    const bool braces = segment.find_first_of("{}") != segment.npos;
    // Which of the paths below it there are, only people know.
    if (segment == "**") return unfit(several_segments(segment));
    if (!braces) {
      made.segments.push_back({false, TRY(decoded_segment(segment))});
      continue;
    }
    // As the gateway's routes have them (http/path_trie.h).
    const auto open = segment.find_first_of("{}"), close = segment.find_first_of("{}", open + 1);
    if (segment[open] != '{' || close == segment.npos || segment[close] != '}')
      return unfit(fmt::format("`{}`: a `{{` or a `}}` stands alone", shown(segment)));
    if (segment.find_first_of("{}", close + 1) != segment.npos)
      return unfit(fmt::format("`{}`: a segment has one parameter at most", shown(segment)));
    const auto name = segment.substr(open + 1, close - open - 1);
    if (name.empty()) return unfit(fmt::format("`{}`: a parameter has a name", shown(segment)));
    // RFC 6570: these stand for more than one segment, or for none.
    if (std::string_view("+#./;?&*").find(name.front()) != std::string_view::npos || name.ends_with('*') ||
        name.ends_with('+'))
      return unfit(several_segments(segment));
    auto begin = open > 0 ? TRY(decoded_segment(segment.substr(0, open))) : std::string();
    auto end = close + 1 < segment.size() ? TRY(decoded_segment(segment.substr(close + 1))) : std::string();
    const bool is_form = end.empty() && is_form_of(begin, name, names.empty(), !more);
    names.push_back(parameter_name(name, names));
    made.segments.push_back({true, names.back(), std::move(end), std::move(begin), is_form});
  }
  return made;
}

}  // namespace writ::init
