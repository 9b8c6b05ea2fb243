// Members: one JSON object read strictly, member by member; a member nobody asked for is an error.
//
// For requests and stored records. Messages name the member and the object: "`kind` of the identity must be a
// string". A view; the object must outlive it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace writ::codec {

class Members {
 public:
  // `what` names the object in messages: "the task". Fails with kInvalid on anything but an object with only
  // allowed members.
  static Result<Members> of(const Json& json, std::string_view what,
                            std::initializer_list<std::string_view> allowed) {
    return of(json, what, std::span(allowed.begin(), allowed.size()));
  }
  static Result<Members> of(const Json& json, std::string_view what,
                            std::span<const std::string_view> allowed);

  const Json* find(std::string_view name) const { return json_->find(name); }

  // Required; neither absent nor empty. Texts have at most max_bytes and no control characters.
  Result<std::string> text(std::string_view name, std::size_t max_bytes = 256) const;
  // Absent and null are the same.
  Result<std::optional<std::string>> optional_text(std::string_view name, std::size_t max_bytes = 256) const;
  Result<std::optional<std::int64_t>> optional_integer(std::string_view name, std::int64_t min,
                                                       std::int64_t max) const;
  Result<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max) const;
  Result<bool> boolean(std::string_view name, bool otherwise) const;
  // A list of distinct texts; empty when absent.
  Result<std::vector<std::string>> texts(std::string_view name, std::size_t max_count,
                                         std::size_t max_bytes = 256) const;

  // An error about a member, for the caller's own checks.
  std::unexpected<Error> wrong(std::string_view name, std::string_view problem) const;

 private:
  Members(const Json& json, std::string_view what) : json_(&json), what_(what) {}
  const Json* json_;
  std::string_view what_;
};

// A list of texts as JSON.
Json json_texts(const std::vector<std::string>& texts);

}  // namespace writ::codec
