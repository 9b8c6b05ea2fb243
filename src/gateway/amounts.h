// Amounts: what a request spends, found where its route says: `query NAME`, `path NAME`, `body /POINTER` (a
// member of a JSON body, RFC 6901) or `none`, which is zero.
//
// What is absent, given twice, or no number (task/amount.h) is not told, and a task that counts it refuses
// the request; an amount is never guessed. Nor is it told where another reader could find another one: in a
// body of another charset, in the body beside the query, in a member or a parameter whose name some reader
// takes for the same (codec/twin.h), in a number of more digits than a double holds. Read-only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"
#include "task/amount.h"
#include "task/budget.h"

namespace writ::gateway {

class AmountSource {
 public:
  // Parameters are named as in the path's template. Fails with kInvalid.
  static Result<AmountSource> parse(std::string_view text, const std::vector<std::string>& parameters);

  bool is_in_body() const noexcept { return where_ == Where::kBody; }
  bool is_in_query() const noexcept { return where_ == Where::kQuery; }
  // `values` are the path's. `body` is all of it; null: it was not read.
  std::optional<task::Amount> find(const http::Request& request, const std::vector<std::string_view>& values,
                                   std::optional<std::string_view> body) const;

 private:
  enum class Where { kNowhere, kQuery, kPath, kBody };
  AmountSource(Where where, std::string name, std::size_t parameter)
      : where_(where), name_(std::move(name)), parameter_(parameter) {}

  Where where_;
  std::string name_;    // of the parameter; or the pointer
  std::string member_;  // of the body: the pointer's last name
  std::size_t parameter_;
};

}  // namespace writ::gateway
