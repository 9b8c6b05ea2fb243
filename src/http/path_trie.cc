#include "http/path_trie.h"

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace writ::http {
namespace {

constexpr std::size_t kMaxSegments = 64;
constexpr std::string_view kRest = "**";

struct Segment {
  std::string text = {};                 // the literal, where there is no parameter
  std::string name = {};                 // of the parameter
  std::string before = {}, behind = {};  // what stands around a parameter in its segment, mostly nothing

  bool is_parameter() const noexcept { return !name.empty(); }
  // What tells it from others with the same segments beside it. No text has a brace or a slash.
  std::string key() const { return is_parameter() ? before + '{' + behind : text; }
};

// A template in parts: what stands segment by segment, and whether the rest of the path follows.
struct Template {
  std::vector<Segment> segments;
  bool has_rest = false;
  bool ends_in_slash = false;  // behind the rest, if it has one; else as an empty segment
};

std::unexpected<Error> invalid_template(std::string_view path_template, std::string_view what) {
  return failure(ErrorCode::kInvalid, fmt::format("path template `{}`: {}", path_template, what));
}

bool is_parameter_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// `text` is the whole template, for messages.
Result<Segment> parse_segment(std::string_view text, std::string_view part) {
  const auto open = part.find_first_of("{}");
  if (open == part.npos) return Segment{.text = std::string(part)};
  const auto close = part.find_first_of("{}", open + 1);
  if (part[open] != '{' || close == part.npos || part[close] != '}')
    return invalid_template(text, "a `{` or a `}` stands alone in a segment");
  if (part.find_first_of("{}", close + 1) != part.npos)
    return invalid_template(text, "a segment has one parameter at most");
  const auto name = part.substr(open + 1, close - open - 1);
  if (!is_parameter_name(name))
    return invalid_template(text, fmt::format("`{}` is not a parameter name (letters, digits, `_`)", name));
  return Segment{.name = std::string(name),
                 .before = std::string(part.substr(0, open)),
                 .behind = std::string(part.substr(close + 1))};
}

Result<Template> parse_template(std::string_view text) {
  if (!text.starts_with('/')) return invalid_template(text, "expected a `/` at its begin");
  Template made;
  auto& segments = made.segments;
  std::string_view rest = text.substr(1);
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    more = slash != std::string_view::npos;
    const std::string_view part = rest.substr(0, slash);
    if (more) rest.remove_prefix(slash + 1);
    if (part.empty() && more) return invalid_template(text, "has an empty segment");
    if (made.has_rest && (more || !part.empty()))
      return invalid_template(text,
                              "nothing but a slash may stand behind `**`, which takes the rest of the path");
    made.ends_in_slash = part.empty();
    if (made.has_rest) break;
    if (part == kRest) {
      made.has_rest = true;
      continue;
    }
    if (part == "." || part == "..")
      return invalid_template(text, "has a dot segment, which no request path can have");
    if (part.find_first_of("%;\\?#") != std::string_view::npos)
      return invalid_template(text, "has one of `%;\\?#`; write segments decoded, as plain text");
    segments.push_back(TRY(parse_segment(text, part)));
    const auto& last = segments.back();
    const auto same = [&](const Segment& other) { return other.name == last.name; };
    if (last.is_parameter() && std::any_of(segments.begin(), segments.end() - 1, same))
      return invalid_template(text, fmt::format("the parameter `{}` stands in it twice", last.name));
    if (segments.size() > kMaxSegments)
      return invalid_template(text, fmt::format("has more than {} segments", kMaxSegments));
  }
  return made;
}

// A bit by segment.
using Mask = std::uint64_t;
static_assert(kMaxSegments <= 64);

// How many segments there are, and of which kinds.
struct Shape {
  bool has_rest = false;
  std::size_t size = 0;
  bool ends_in_slash = false;
  Mask literals = 0;
  Mask prefixed = 0, suffixed = 0;  // parameters with something before them, and behind them

  static Shape of(const Template& made) {
    Shape shape{made.has_rest, made.segments.size(), made.ends_in_slash};
    for (std::size_t i = 0; i < shape.size; ++i) {
      const auto& segment = made.segments[i];
      shape.literals |= Mask{!segment.is_parameter()} << i;
      shape.prefixed |= Mask{!segment.before.empty()} << i;
      shape.suffixed |= Mask{!segment.behind.empty()} << i;
    }
    return shape;
  }
  auto operator<=>(const Shape&) const = default;

  // Parameters with something around them.
  Mask framed() const noexcept { return prefixed | suffixed; }
  // Where it is of a kind that takes less than the other's.
  Mask narrower_than(const Shape& other) const noexcept {
    return (literals & ~other.literals) | (framed() & ~(other.literals | other.framed()));
  }
  // Whether it has a segment, or an own rest, where the other's rest is.
  bool is_longer_than(const Shape& other) const noexcept { return other.has_rest && size > other.size; }
};

// Whether a path can be of both lengths.
bool may_meet(const Shape& a, const Shape& b) noexcept {
  if (a.ends_in_slash != b.ends_in_slash) return false;
  if (!a.has_rest && !b.has_rest) return a.size == b.size;
  if (a.has_rest && b.has_rest) return true;
  // The rest has at least one segment that is not empty.
  const auto &with = a.has_rest ? a : b, &without = a.has_rest ? b : a;
  return without.size >= with.size + 1 + (with.ends_in_slash ? 1 : 0);
}

// The keys of these segments.
std::string keys_of(const std::vector<Segment>& segments, Mask of) {
  std::string keys;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if ((of >> i & 1) != 0) keys.append(segments[i].key()).push_back('/');
  }
  return keys;
}

bool takes(const Segment& parameter, std::string_view segment) {
  return segment.size() > parameter.before.size() + parameter.behind.size() &&
         segment.starts_with(parameter.before) && segment.ends_with(parameter.behind);
}

// What two templates have in common that may meet, found segment by segment.
enum class Common { kNothing, kSame, kOneIsNarrower, kSome };

Common common_of(const Template& a, const Template& b) {
  const auto a_shape = Shape::of(a), b_shape = Shape::of(b);
  if (!may_meet(a_shape, b_shape)) return Common::kNothing;
  bool a_narrower = a_shape.is_longer_than(b_shape), b_narrower = b_shape.is_longer_than(a_shape);
  for (std::size_t i = 0; i < std::min(a_shape.size, b_shape.size); ++i) {
    const auto &one = a.segments[i], &other = b.segments[i];
    if (!one.is_parameter() && !other.is_parameter()) {
      if (one.text != other.text) return Common::kNothing;
    } else if (!one.is_parameter()) {
      if (!takes(other, one.text)) return Common::kNothing;
      a_narrower = true;
    } else if (!other.is_parameter()) {
      if (!takes(one, other.text)) return Common::kNothing;
      b_narrower = true;
    } else {
      // Of two texts that one segment can have at one end, the longer one takes less. A segment that is long
      // enough has what each of two has at its two ends.
      if (!one.before.starts_with(other.before) && !other.before.starts_with(one.before))
        return Common::kNothing;
      if (!one.behind.ends_with(other.behind) && !other.behind.ends_with(one.behind)) return Common::kNothing;
      const auto longer = [](const Segment& x, const Segment& y) {
        return x.before.size() > y.before.size() || x.behind.size() > y.behind.size();
      };
      a_narrower = a_narrower || longer(one, other);
      b_narrower = b_narrower || longer(other, one);
    }
  }
  if (a_narrower && b_narrower) return Common::kSome;
  return a_narrower || b_narrower ? Common::kOneIsNarrower : Common::kSame;
}

}  // namespace

std::string with_braced_rest(std::string_view path_template) {
  std::string text(path_template);
  if (text.ends_with("/**") || text.ends_with("/**/")) text.replace(text.rfind(kRest), kRest.size(), "{**}");
  return text;
}

struct PathTrie::Node {
  using Child = std::unique_ptr<Node>;
  struct ByTexts {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const {
      return std::tie(a.first, a.second) < std::tie(b.first, b.second);
    }
  };
  std::map<std::string, Child, std::less<>> literals;
  std::map<std::pair<std::string, std::string>, Child, ByTexts> framed;  // parameters, by what is around them
  std::vector<std::pair<std::size_t, std::size_t>> frame_sizes;  // of these, the longest together first
  Child parameter;
  std::optional<std::size_t> leaf;
  std::optional<std::size_t> rest, rest_and_slash;  // whatever follows

  Child& child(const Segment& segment) {
    if (!segment.is_parameter()) return literals[segment.text];
    if (segment.before.empty() && segment.behind.empty()) return parameter;
    const std::pair size(segment.before.size(), segment.behind.size());
    const auto whole = [](const auto& each) { return each.first + each.second; };
    if (std::ranges::find(frame_sizes, size) == frame_sizes.end())
      frame_sizes.insert(std::ranges::upper_bound(frame_sizes, whole(size), std::greater(), whole), size);
    return framed[{segment.before, segment.behind}];
  }

  std::optional<std::size_t>& leaf_of(const Template& made) {
    if (!made.has_rest) return leaf;
    return made.ends_in_slash ? rest_and_slash : rest;
  }

  // What takes less comes first: among templates of which none are ambiguous, this finds the most specific.
  std::optional<std::size_t> match(std::string_view path, std::size_t depth,
                                   std::vector<std::string_view>& values) const {
    if (const auto found = match_segment(path, depth, values)) return found;
    const bool slash = path.ends_with('/');
    if (slash) path.remove_suffix(1);
    const auto found = slash ? rest_and_slash : rest;
    // As a value, it is not empty, and neither is a segment of it.
    if (found && !path.empty()) values.push_back(path);
    return path.empty() ? std::nullopt : found;
  }

  std::optional<std::size_t> match_segment(std::string_view path, std::size_t depth,
                                           std::vector<std::string_view>& values) const {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const auto go_on = [&](const Node& node) -> std::optional<std::size_t> {
      if (last) return node.leaf;
      return depth < kMaxSegments ? node.match(path.substr(slash + 1), depth + 1, values) : std::nullopt;
    };
    const auto go_on_with = [&](const Node& node, std::string_view value) {
      values.push_back(value);
      const auto found = go_on(node);
      if (!found) values.pop_back();
      return found;
    };
    if (const auto found = literals.find(segment); found != literals.end()) {
      if (const auto leaf_found = go_on(*found->second)) return leaf_found;
    }
    // Of two that take this segment the narrower one has the longer texts.
    for (const auto& [before, behind] : frame_sizes) {
      // An empty text is no value, here and below (a slash at the end).
      if (before + behind >= segment.size()) continue;
      const auto end = segment.size() - behind;
      const auto found = framed.find(std::pair(segment.substr(0, before), segment.substr(end)));
      if (found == framed.end()) continue;
      if (const auto leaf_found = go_on_with(*found->second, segment.substr(before, end - before)))
        return leaf_found;
    }
    if (parameter == nullptr || segment.empty()) return std::nullopt;
    return go_on_with(*parameter, segment);
  }
};

// The templates that were added, by their shape.
//
// Two templates of kinds that leave one narrower than the other wherever they differ need no look. Of others,
// those that can match the same path are equal in the segments that both have as literals: so a new one looks
// once at each shape, in a table by those texts, and not at each template. There are few shapes. Where one
// has its rest, any segment of the other takes less, and only what stands before is compared. Without texts
// around parameters what is found there is a conflict. With one such text in both, at the same end of the
// same segment, it is one if it is equal too: of two that differ, one is narrower or they have nothing in
// common. So it is looked up with the literals. What is left, such as two such texts in one path, is compared
// with those that have the same literals, one by one.
struct PathTrie::Known {
  struct Entry {
    std::string text;
    Template made;
  };
  struct OfShape {
    std::vector<std::size_t> templates;  // of the shape, the first one first
    // By the segments that are compared: the templates with these keys.
    std::map<Mask, std::unordered_map<std::string, std::vector<std::size_t>>> tables;
  };

  using Shapes = std::map<Shape, OfShape>;
  std::vector<Entry> entries;  // by leaf
  Shapes shapes;               // those with a rest are the last ones

  // The first template that matches a path that this one matches too, without either being more specific.
  std::optional<std::size_t> find(const Template& made) {
    const auto own = Shape::of(made);
    std::optional<std::size_t> first;
    const auto look_at = [&](Shapes::iterator at, Shapes::iterator end) {
      for (; at != end; ++at) {
        if (const auto found = find_in(*at, own, made)) first = std::min(first.value_or(*found), *found);
      }
    };
    const auto with_rest = shapes.lower_bound({.has_rest = true});
    if (own.has_rest) {
      look_at(shapes.begin(), with_rest);
    } else {
      look_at(shapes.lower_bound({.size = own.size}), shapes.lower_bound({.size = own.size + 1}));
    }
    look_at(with_rest, shapes.end());
    return first;
  }

  void add(std::string_view text, Template made) {
    const auto leaf = entries.size();
    auto& of_shape = shapes[Shape::of(made)];
    for (auto& [mask, table] : of_shape.tables) table[keys_of(made.segments, mask)].push_back(leaf);
    of_shape.templates.push_back(leaf);
    entries.push_back({std::string(text), std::move(made)});
  }

 private:
  std::optional<std::size_t> find_in(Shapes::value_type& of_one_shape, const Shape& own,
                                     const Template& made) {
    auto& [theirs, those] = of_one_shape;
    if (!may_meet(own, theirs)) return std::nullopt;
    const bool narrower = own.narrower_than(theirs) != 0 || own.is_longer_than(theirs);
    const bool wider = theirs.narrower_than(own) != 0 || theirs.is_longer_than(own);
    const Mask either = own.framed() & theirs.framed();
    if (narrower != wider && either == 0) return std::nullopt;
    const bool one_text = own == theirs && std::has_single_bit(either) && (own.prefixed & own.suffixed) == 0;
    const bool keys_tell = one_text || (own.framed() | theirs.framed()) == 0;
    const Mask compared = (own.literals & theirs.literals) | (one_text ? either : 0);
    const auto& table = table_of(those, compared);
    const auto found = table.find(keys_of(made.segments, compared));
    if (found == table.end()) return std::nullopt;
    for (const auto leaf : found->second) {
      if (keys_tell) return leaf;
      const auto common = common_of(entries[leaf].made, made);
      if (common == Common::kSame || common == Common::kSome) return leaf;
    }
    return std::nullopt;
  }

  // Made when it is asked for: most pairs of shapes need none.
  const std::unordered_map<std::string, std::vector<std::size_t>>& table_of(OfShape& shape, Mask mask) const {
    const auto [at, fresh] = shape.tables.try_emplace(mask);
    if (fresh) {
      for (const auto leaf : shape.templates)
        at->second[keys_of(entries[leaf].made.segments, mask)].push_back(leaf);
    }
    return at->second;
  }
};

PathTrie::PathTrie() : root_(std::make_unique<Node>()), known_(std::make_unique<Known>()) {}
PathTrie::~PathTrie() = default;
PathTrie::PathTrie(PathTrie&&) noexcept = default;
PathTrie& PathTrie::operator=(PathTrie&&) noexcept = default;

Result<PathTrie::Added> PathTrie::add(std::string_view path_template) {
  auto made = TRY(parse_template(path_template));
  Added added{.leaf = known_->entries.size(), .parameters = {}, .existed = false};
  for (const Segment& segment : made.segments) {
    if (segment.is_parameter()) added.parameters.push_back(segment.name);
  }
  if (made.has_rest) added.parameters.emplace_back(kRest);
  if (const auto found = known_->find(made)) {
    const auto& other = known_->entries[*found];
    if (other.text == path_template) {
      added.leaf = *found;
      added.existed = true;
      return added;
    }
    if (common_of(made, other.made) == Common::kSame)
      return failure(ErrorCode::kConflict,
                     fmt::format("path templates `{}` and `{}` differ only in the names of parameters",
                                 other.text, path_template));
    return failure(
        ErrorCode::kConflict,
        fmt::format("path templates `{}` and `{}` match the same paths, and neither is more specific",
                    other.text, path_template));
  }
  Node* node = root_.get();
  for (const Segment& segment : made.segments) {
    auto& next = node->child(segment);
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
  }
  node->leaf_of(made) = added.leaf;
  known_->add(path_template, std::move(made));
  return added;
}

std::optional<std::size_t> PathTrie::match(std::string_view path,
                                           std::vector<std::string_view>& values) const {
  values.clear();
  if (!path.starts_with('/')) return std::nullopt;
  return root_->match(path.substr(1), 1, values);
}

}  // namespace writ::http
