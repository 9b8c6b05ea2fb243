// Standards: the ids and titles that findings point to, each with the document that they were read from, and
// which of them each check falls under.
//
// Both tables are in standards.cc alone. An id that is not there cannot be given to a check, and a title that
// could not be verified is not there: tests/cases/posture/standards.json has what the sources say, and a test
// holds one against the other. Constants, safe from any thread.
#pragma once

#include <span>
#include <string_view>

namespace writ::posture {

struct Standard {
  std::string_view id;        // "NHI5:2025", as the standard writes it
  std::string_view title;     // "Overprivileged NHI"
  std::string_view document;  // "OWASP Non-Human Identities Top 10 2025"
  std::string_view source;    // https: URL
};

std::span<const Standard> standards() noexcept;
// Their ids, of a check by its id; none: there is no such check.
std::span<const std::string_view> standards_of(std::string_view check) noexcept;
// Null: there is no such id.
const Standard* find_standard(std::string_view id) noexcept;

}  // namespace writ::posture
