#include "http/path_trie.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <map>
#include <unordered_map>

namespace writ::http {
namespace {

constexpr std::size_t kMaxSegments = 64;

struct Segment {
  bool is_parameter;
  std::string text;  // the literal, or the parameter's name
};

std::unexpected<Error> invalid(std::string_view path_template, std::string_view what) {
  return failure(ErrorCode::kInvalid, fmt::format("path template `{}`: {}", path_template, what));
}

bool is_parameter_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Result<std::vector<Segment>> parse_template(std::string_view text) {
  if (!text.starts_with('/')) return invalid(text, "expected a `/` at its begin");
  std::vector<Segment> segments;
  std::string_view rest = text.substr(1);
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    more = slash != std::string_view::npos;
    const std::string_view part = rest.substr(0, slash);
    if (more) rest.remove_prefix(slash + 1);
    if (part.empty() && more) return invalid(text, "has an empty segment");
    if (part == "." || part == "..")
      return invalid(text, "has a dot segment, which no request path can have");
    if (part.find_first_of("%;\\?#") != std::string_view::npos)
      return invalid(text, "has one of `%;\\?#`; write segments decoded, as plain text");
    const bool is_parameter = part.starts_with('{') && part.ends_with('}') && part.size() >= 2;
    const std::string_view name = is_parameter ? part.substr(1, part.size() - 2) : part;
    if (is_parameter && !is_parameter_name(name))
      return invalid(text, fmt::format("`{}` is not a parameter name (letters, digits, `_`)", name));
    if (!is_parameter && part.find_first_of("{}") != std::string_view::npos)
      return invalid(text, "a parameter must be a whole segment");
    const auto same = [&](const Segment& other) {
      return is_parameter && other.is_parameter && other.text == name;
    };
    if (std::any_of(segments.begin(), segments.end(), same))
      return invalid(text, fmt::format("the parameter `{}` stands in it twice", name));
    segments.push_back({.is_parameter = is_parameter, .text = std::string(name)});
    if (segments.size() > kMaxSegments)
      return invalid(text, fmt::format("has more than {} segments", kMaxSegments));
  }
  return segments;
}

// Which segments are literals, a bit by segment.
using Mask = std::uint64_t;
static_assert(kMaxSegments <= 64);

Mask literals_of(const std::vector<Segment>& segments) {
  Mask literals = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) literals |= Mask{!segments[i].is_parameter} << i;
  return literals;
}

// The texts of these segments. No text has a slash.
std::string texts_of(const std::vector<Segment>& segments, Mask of) {
  std::string texts;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if ((of >> i & 1) != 0) texts.append(segments[i].text).push_back('/');
  }
  return texts;
}

}  // namespace

struct PathTrie::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::optional<std::size_t> leaf;

  // Literal first: among templates of which none are ambiguous, this finds the most specific.
  std::optional<std::size_t> match(std::string_view rest, std::size_t depth,
                                   std::vector<std::string_view>& values) const {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const auto go_on = [&](const Node& node) -> std::optional<std::size_t> {
      if (last) return node.leaf;
      return depth < kMaxSegments ? node.match(rest.substr(slash + 1), depth + 1, values) : std::nullopt;
    };
    if (const auto found = literals.find(segment); found != literals.end()) {
      if (const auto leaf_found = go_on(*found->second)) return leaf_found;
    }
    // An empty segment (a slash at the end) is no value.
    if (parameter == nullptr || segment.empty()) return std::nullopt;
    values.push_back(segment);
    const auto leaf_found = go_on(*parameter);
    if (!leaf_found) values.pop_back();
    return leaf_found;
  }
};

// The templates that were added, by their shape: their length, and which of their segments are literals.
//
// Two templates match the same path when they are equal in the segments that both have as literals. So a new
// one looks once at each shape, in a table by those texts, and not at each template. There are few shapes.
struct PathTrie::Known {
  struct Template {
    std::string text;
    std::vector<Segment> segments;
  };
  struct Shape {
    std::vector<std::size_t> templates;  // of the shape, the first one first
    // By the segments that are compared: the first template with these texts.
    std::map<Mask, std::unordered_map<std::string, std::size_t>> tables;
  };

  std::vector<Template> templates;  // by leaf
  std::map<std::pair<std::size_t, Mask>, Shape> shapes;

  // The first template that matches a path that this one matches too, without either being more specific.
  std::optional<std::size_t> find(const std::vector<Segment>& segments) {
    const Mask literals = literals_of(segments);
    std::optional<std::size_t> first;
    const auto end = shapes.end();
    for (auto at = shapes.lower_bound({segments.size(), 0}); at != end && at->first.first == segments.size();
         ++at) {
      const Mask others = at->first.second, both = literals & others;
      const bool more_specific = literals != others && (both == literals || both == others);
      if (more_specific) continue;
      const auto& table = table_of(at->second, both);
      if (const auto found = table.find(texts_of(segments, both)); found != table.end())
        first = std::min(first.value_or(found->second), found->second);
    }
    return first;
  }

  void add(std::string_view text, std::vector<Segment> segments) {
    const auto leaf = templates.size();
    Shape& shape = shapes[{segments.size(), literals_of(segments)}];
    for (auto& [mask, table] : shape.tables) table.try_emplace(texts_of(segments, mask), leaf);
    shape.templates.push_back(leaf);
    templates.push_back({std::string(text), std::move(segments)});
  }

 private:
  // Made when it is asked for: most pairs of shapes need none.
  const std::unordered_map<std::string, std::size_t>& table_of(Shape& shape, Mask mask) const {
    const auto [at, fresh] = shape.tables.try_emplace(mask);
    if (fresh) {
      for (const auto leaf : shape.templates)
        at->second.try_emplace(texts_of(templates[leaf].segments, mask), leaf);
    }
    return at->second;
  }
};

PathTrie::PathTrie() : root_(std::make_unique<Node>()), known_(std::make_unique<Known>()) {}
PathTrie::~PathTrie() = default;
PathTrie::PathTrie(PathTrie&&) noexcept = default;
PathTrie& PathTrie::operator=(PathTrie&&) noexcept = default;

Result<PathTrie::Added> PathTrie::add(std::string_view path_template) {
  std::vector<Segment> segments = TRY(parse_template(path_template));
  Added added{.leaf = known_->templates.size(), .parameters = {}, .existed = false};
  for (const Segment& segment : segments) {
    if (segment.is_parameter) added.parameters.push_back(segment.text);
  }
  if (const auto found = known_->find(segments)) {
    const auto& other = known_->templates[*found];
    if (other.text == path_template) {
      added.leaf = *found;
      added.existed = true;
      return added;
    }
    if (literals_of(segments) == literals_of(other.segments))
      return failure(ErrorCode::kConflict,
                     fmt::format("path templates `{}` and `{}` differ only in the names of parameters",
                                 other.text, path_template));
    return failure(
        ErrorCode::kConflict,
        fmt::format("path templates `{}` and `{}` match the same paths, and neither is more specific",
                    other.text, path_template));
  }
  Node* node = root_.get();
  for (const Segment& segment : segments) {
    auto& next = segment.is_parameter ? node->parameter : node->literals[segment.text];
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
  }
  node->leaf = added.leaf;
  known_->add(path_template, std::move(segments));
  return added;
}

std::optional<std::size_t> PathTrie::match(std::string_view path,
                                           std::vector<std::string_view>& values) const {
  values.clear();
  if (!path.starts_with('/')) return std::nullopt;
  return root_->match(path.substr(1), 1, values);
}

}  // namespace writ::http
