// Parameters: those of one question in a query, read strictly. Each once; one that it does not take is
// refused.
//
// A view; what it reads must outlive it. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/own_api.h"
#include "api/problem.h"

namespace writ::api {

// One that is given once, or not at all.
Answer<std::optional<std::string>> optional_parameter(const http::Request& request, std::string_view name);

class Parameters {
 public:
  Parameters(const http::Request& request, std::vector<std::string_view> taken)
      : query_(request.query), taken_(std::move(taken)) {}

  // That there are no others.
  Answer<void> check() const;
  // Empty when it is not there, unless it is required.
  Answer<std::string> text(std::string_view name, bool required = false) const;
  Answer<bool> flag(std::string_view name) const;
  Answer<std::optional<std::uint64_t>> number(std::string_view name, std::uint64_t least,
                                              std::uint64_t most) const;
  // "sub,scope"
  Answer<std::vector<std::string>> list(std::string_view name) const;

 private:
  const std::string_view query_;
  const std::vector<std::string_view> taken_;
};

}  // namespace writ::api
