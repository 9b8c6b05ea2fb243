#include "init/types.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

#include "init/names.h"

namespace writ::init {
namespace {

// Cedar's own, those that Writ gives a meaning, and the namespace's actions.
constexpr std::string_view kReserved[] = {"Action",    "Bool", "Boolean", "Collection", "Context", "Entity",
                                          "Extension", "Long", "Record",  "Set",        "String"};

std::string capitals(std::string_view segment) {
  return pascal(singular(segment));
}

}  // namespace

ResourceTypes::ResourceTypes(const std::vector<SegmentedPath>& paths)
    : taken_(std::begin(kReserved), std::end(kReserved)) {
  struct Shape {
    const SegmentedPath* path;
    std::size_t segments, operations;
  };
  std::map<std::string, std::size_t, std::less<>> numbers;
  std::vector<Shape> shapes;
  for (const auto& path : paths) {
    const auto count = path.up_to_last_parameter();
    if (count == 0) continue;
    const auto [at, is_new] = numbers.try_emplace(path.resource_shape(), shapes.size());
    if (is_new) shapes.push_back({&path, count, 0});
    ++shapes[at->second].operations;
  }
  std::ranges::stable_sort(shapes, [](const Shape& a, const Shape& b) {
    return std::tuple(a.segments, b.operations) < std::tuple(b.segments, a.operations);
  });
  for (const auto& [path, count, operations] : shapes)
    by_shape_[path->resource_shape()] = name_for(*path, count);
}

const std::string& ResourceTypes::type_of(const SegmentedPath& path) const {
  return path.up_to_last_parameter() == 0 ? collection_ : by_shape_.at(path.resource_shape());
}

// After the literal before the parameter, `/orders/{id}`; else after the parameter, `/{owner}/{repo}`. A name
// that is taken gets what stands further left before it.
std::string ResourceTypes::name_for(const SegmentedPath& path, std::size_t count) {
  const auto& segments = path.segments;
  std::size_t left = count - 1;  // what has not been used
  std::string name;
  if (left > 0 && !segments[left - 1].is_parameter && !is_of_version(segments[left - 1].text))
    name = capitals(segments[--left].text);
  // Of `/users/{id}` and `/users/by-name-{name}` the ids are of two kinds.
  if (!name.empty() && !segments[count - 1].begin.empty()) name += pascal(segments[count - 1].text);
  if (name.empty()) name = pascal(named_by(segments[count - 1].text));
  if (name.empty()) name = "Resource";
  if (std::ranges::find(kReserved, name) != std::end(kReserved)) name += "Resource";
  while (taken_.contains(name) && left > 0) {
    const auto& before = segments[--left];
    const auto word = before.is_parameter ? std::string() : capitals(before.text);
    if (word != name) name = word + name;  // `/repos/{owner}/{repo}`
  }
  if (name.size() > 120) name.resize(120);
  auto made = name;
  for (int number = 2; taken_.contains(made); ++number) made = fmt::format("{}{}", name, number);
  taken_.insert(made);
  return made;
}

}  // namespace writ::init
