#include "init/types.h"

#include <algorithm>
#include <fmt/format.h>

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
  std::vector<std::pair<const SegmentedPath*, std::size_t>> shapes;
  for (const auto& path : paths)
    if (const auto count = path.up_to_last_parameter(); count > 0) shapes.emplace_back(&path, count);
  std::ranges::stable_sort(shapes, {}, &std::pair<const SegmentedPath*, std::size_t>::second);
  for (const auto& [path, count] : shapes) {
    const auto shape = path->shape(count);
    if (!by_shape_.contains(shape)) by_shape_[shape] = name_for(*path, count);
  }
}

const std::string& ResourceTypes::type_of(const SegmentedPath& path) const {
  const auto count = path.up_to_last_parameter();
  return count == 0 ? collection_ : by_shape_.at(path.shape(count));
}

// After the literal before the parameter, `/orders/{id}`; else after the parameter, `/{owner}/{repo}`. A name
// that is taken gets what stands further left before it.
std::string ResourceTypes::name_for(const SegmentedPath& path, std::size_t count) {
  const auto& segments = path.segments;
  std::size_t left = count - 1;  // what has not been used
  std::string name;
  if (left > 0 && !segments[left - 1].is_parameter && !is_of_version(segments[left - 1].text))
    name = capitals(segments[--left].text);
  if (name.empty()) name = pascal(named_by(segments[count - 1].text));
  if (name.empty()) name = "Resource";
  while (taken_.contains(name) && left > 0) {
    const auto& before = segments[--left];
    if (before.is_parameter) continue;
    name = capitals(before.text) + name;
  }
  if (name.size() > 120) name.resize(120);
  auto made = name;
  if (std::ranges::find(kReserved, name) != std::end(kReserved)) made = name + "Resource";
  for (int number = 2; taken_.contains(made); ++number) made = fmt::format("{}{}", name, number);
  taken_.insert(made);
  return made;
}

}  // namespace writ::init
