// Path templates compiled to a trie: "/tenants/{tenant}/invoices/{invoice}" → a number, and the parameters'
// values.
//
// A segment is literal text, or one {parameter} with literal text around it or none
// (`/orders/{order}:cancel`, `/v{version}/orders`, `/reports/of-{year}.csv`). Its value is not empty. At the
// end, `**` takes the rest of the path, which is
// one segment or more (`/files/**`, or `/files/**/` where a slash must follow it): the value of a parameter
// of that name, with slashes inside and none at its ends.
//
// Where two templates match the same path, the more specific one is taken: literal where the other has a
// parameter (`/users/me` before `/users/{id}`), the one with the longer text before or behind a parameter
// (`/orders/{order}:cancel` before `/orders/{order}`), and any segment where the other has its rest. Two that
// overlap with neither more specific (`/{kind}/me` and `/users/{id}`, `/v{a}` and `/{b}.json`) are ambiguous
// and refused when added, as are two that differ only in the names of parameters: a guess would decide on the
// wrong resource. A path matches exactly: a slash at the end, or letters of another case, are another path.
//
// Immutable after the last add(); match() is then thread-safe and does not allocate beyond the caller's
// vector.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::http {

// With the rest of the path written as texts with parameters have it: "/files/**" → "/files/{**}".
std::string with_braced_rest(std::string_view path_template);

class PathTrie {
 public:
  PathTrie();
  ~PathTrie();
  PathTrie(PathTrie&&) noexcept;
  PathTrie& operator=(PathTrie&&) noexcept;

  // Returns the template's parameter names in order; adding the same template again is allowed and means the
  // same place. `leaf` receives a small dense number for the place.
  struct Added {
    std::size_t leaf;
    std::vector<std::string> parameters;
    bool existed;
  };
  Result<Added> add(std::string_view path_template);

  // The leaf that the decoded path matches; values are views into `path`.
  std::optional<std::size_t> match(std::string_view path, std::vector<std::string_view>& values) const;

 private:
  struct Node;
  struct Known;
  std::unique_ptr<Node> root_;
  std::unique_ptr<Known> known_;
};

}  // namespace writ::http
