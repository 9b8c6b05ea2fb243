// A path of an OpenAPI document as Writ's routes have it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::init {

struct PathSegment {
  bool is_parameter;
  std::string text;        // the literal, decoded; or the parameter's name, made safe
  std::string end = {};    // what stands behind a parameter in its segment, decoded: ".pdf", ":cancel"
  std::string begin = {};  // what stands before it: "v"
  // In which form something is asked for, and not of what: `/v{version}/orders`, `/invoice.{format}`.
  bool tells_form = false;

  bool names_resource() const noexcept { return is_parameter && !tells_form; }
  // What it says to people: "orders", and of `invoice.{format}` "invoice".
  std::string_view word() const noexcept {
    const std::string_view whole = is_parameter ? begin : text;
    return is_parameter && whole.ends_with('.') ? whole.substr(0, whole.size() - 1) : whole;
  }
};

struct SegmentedPath {
  std::vector<PathSegment> segments;

  // "/orders/{order}/items", of the first so many segments.
  std::string text(std::size_t count) const;
  // The same without names: "/orders/{}/items". Equal for paths that no request can tell apart.
  std::string shape(std::size_t count) const;
  // The shape up to the last parameter that names a resource, without what stands behind it in its segment:
  // equal for what is about one resource, `/orders/{order}/items` and `/orders/{order}.pdf`. Empty: it has no
  // such parameter.
  std::string resource_shape() const { return resource_shape(up_to_last_parameter()); }
  // The same up to one before it.
  std::string resource_shape(std::size_t count) const;
  // How many segments there are up to that parameter, with it; 0: it has none.
  std::size_t up_to_last_parameter() const;
};

// Fails with what cannot be a route: two parameters in one segment, a query in the path.
Result<SegmentedPath> segment_path(std::string_view path);

}  // namespace writ::init
