#include "http/path_trie.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

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

enum class Relation { kDisjoint, kSame, kComparable, kAmbiguous };

Relation relate(const std::vector<Segment>& a, const std::vector<Segment>& b) {
  if (a.size() != b.size()) return Relation::kDisjoint;
  bool a_wins = false;
  bool b_wins = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i].is_parameter && !b[i].is_parameter && a[i].text != b[i].text) return Relation::kDisjoint;
    a_wins |= !a[i].is_parameter && b[i].is_parameter;
    b_wins |= a[i].is_parameter && !b[i].is_parameter;
  }
  if (a_wins && b_wins) return Relation::kAmbiguous;
  return a_wins || b_wins ? Relation::kComparable : Relation::kSame;
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

struct PathTrie::Known {
  std::string text;
  std::vector<Segment> segments;
  std::size_t leaf;
};

PathTrie::PathTrie() : root_(std::make_unique<Node>()) {}
PathTrie::~PathTrie() = default;
PathTrie::PathTrie(PathTrie&&) noexcept = default;
PathTrie& PathTrie::operator=(PathTrie&&) noexcept = default;

Result<PathTrie::Added> PathTrie::add(std::string_view path_template) {
  std::vector<Segment> segments = TRY(parse_template(path_template));
  Added added{.leaf = known_.size(), .parameters = {}, .existed = false};
  for (const Segment& segment : segments) {
    if (segment.is_parameter) added.parameters.push_back(segment.text);
  }
  for (const Known& other : known_) {
    const Relation relation = relate(segments, other.segments);
    if (relation == Relation::kSame && other.text == path_template) {
      added.leaf = other.leaf;
      added.existed = true;
      return added;
    }
    if (relation == Relation::kSame)
      return failure(ErrorCode::kConflict,
                     fmt::format("path templates `{}` and `{}` differ only in the names of parameters",
                                 other.text, path_template));
    if (relation == Relation::kAmbiguous)
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
  known_.push_back({.text = std::string(path_template), .segments = std::move(segments), .leaf = added.leaf});
  return added;
}

std::optional<std::size_t> PathTrie::match(std::string_view path,
                                           std::vector<std::string_view>& values) const {
  values.clear();
  if (!path.starts_with('/')) return std::nullopt;
  return root_->match(path.substr(1), 1, values);
}

}  // namespace writ::http
