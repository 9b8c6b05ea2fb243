// A path of an OpenAPI document as Writ's routes have it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::init {

struct PathSegment {
  bool is_parameter;
  std::string text;      // the literal, decoded; or the parameter's name, made safe
  std::string end = {};  // what stands behind a parameter in its segment, decoded: ".pdf", ":cancel"
};

struct SegmentedPath {
  std::vector<PathSegment> segments;

  // "/orders/{order}/items", of the first so many segments.
  std::string text(std::size_t count) const;
  // The same without names: "/orders/{}/items". Equal for paths that no request can tell apart.
  std::string shape(std::size_t count) const;
  // The shape up to the last parameter, without what stands behind it in its segment: equal for what is about
  // one resource, `/orders/{order}/items` and `/orders/{order}.pdf`. Empty: it has no parameter.
  std::string resource_shape() const;
  // How many segments there are up to the last parameter, with it; 0: it has none.
  std::size_t up_to_last_parameter() const;
};

// Fails with what cannot be a route: a parameter that is a part of a segment, a query in the path.
Result<SegmentedPath> segment_path(std::string_view path);

}  // namespace writ::init
