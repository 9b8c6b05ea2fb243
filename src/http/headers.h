// The header fields of one HTTP message, in the order they came.
//
// Names compare without regard to case (RFC 9110 §5.1). All bytes live in one buffer, so that a message costs
// two allocations at most, and none when the object is used again. Views into it are valid until the next
// change. Not thread-safe while being changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace writ::http {

struct Header {
  std::string_view name;
  std::string_view value;
};

namespace internal {
bool same_letters(std::string_view a, std::string_view b) noexcept;  // of one size
}

// ASCII only, as header names are. Most of what is compared differs in size already.
inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && internal::same_letters(a, b);
}

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) {
    for (const Header& header : headers) add(header.name, header.value);
  }

  std::size_t size() const noexcept { return spans_.size(); }
  bool empty() const noexcept { return spans_.empty(); }
  Header operator[](std::size_t index) const noexcept {
    const Span& span = spans_[index];
    const char* const begin = bytes_.data() + span.begin;
    return {.name = {begin, span.name_size}, .value = {begin + span.name_size, span.value_size}};
  }

  // The value of the first field of that name. Where a second one matters, ask count().
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  std::size_t count(std::string_view name) const noexcept;
  bool contains(std::string_view name) const noexcept { return find(name).has_value(); }
  // Does a comma-separated list field of that name hold the token (both without regard to case)?
  bool has_token(std::string_view name, std::string_view token) const noexcept;

  // The caller answers for name and value being valid: what is written is checked again (is_field_name, ...).
  void add(std::string_view name, std::string_view value);
  // Replaces all fields of that name by one.
  void set(std::string_view name, std::string_view value);
  // Returns how many were removed.
  std::size_t remove(std::string_view name);
  // The fields of all these names.
  void remove_all(std::initializer_list<std::string_view> names);
  void clear() noexcept;

 private:
  struct Span {
    std::uint32_t begin;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  std::string bytes_;
  std::vector<Span> spans_;
};

// RFC 9110 §5.6.2: token, the syntax of methods and field names.
bool is_token(std::string_view text) noexcept;
// RFC 9110 §5.5: no control characters but tab; in particular no CR, LF or NUL.
bool is_field_value(std::string_view text) noexcept;

}  // namespace writ::http
