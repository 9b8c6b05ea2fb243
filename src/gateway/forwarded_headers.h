// Which header fields pass the gateway, in each direction.
//
// From callers: those on an allow-list, and no others. An upstream behind Writ acts on what reaches it, so
// what nobody thought of does not: another proxy's word for who calls, a credential beside the token, another
// method or path than was decided on. The standard list has what describes and negotiates the content; an API
// adds what else it reads (`forward_headers`), but never a name that Writ or the connection answers for.
// Names compare without case and else byte for byte: `Content_Type`, which CGI reads as `Content-Type`, is
// another name and does not pass. docs/gateway.md has the lists.
//
// From upstreams: all but what is of the connection (RFC 9110 §7.6.1).
//
// A ForwardedHeaders is compiled once for an API and then immutable; asking it allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/headers.h"
#include "http/request.h"

namespace writ::gateway {

class LeftOut;

inline constexpr std::size_t kMaxForwardedNames = 64;  // that one API adds

class ForwardedHeaders {
 public:
  enum class Fate : std::uint8_t {
    kLeftOut,    // nobody named it
    kForwarded,  //
    kOfWrit,     // read by Writ, which answers for it: Authorization, Host
    kOfHop,      // of the connection, RFC 9110 §7.6.1, and the framing that each side makes for itself
  };

  // The standard list with the names that an API adds. Fails with kInvalid, and says which name and why.
  static Result<ForwardedHeaders> with(const std::vector<std::string>& names);
  static const std::shared_ptr<const ForwardedHeaders>& standard();

  Fate fate(std::string_view name) const noexcept;

  // Two readers could understand the fields in two ways: a field that can stand once stands twice, or
  // Connection names one that is for the upstream (RFC 9110 §7.6.1). Says which.
  std::optional<std::string> ambiguity(const http::Headers& received) const;

  // What the upstream gets of the request's fields. Adds X-Forwarded-For (the peer alone), -Host and -Proto.
  http::Headers upstream(const http::Request& request, std::string_view proto, std::string_view api,
                         LeftOut& left_out) const;

  // What it gets of those behind the body (RFC 9110 §6.5), which came after the decision: what its API itself
  // has named, and nothing that says what a request is.
  http::Headers upstream_trailers(const http::Headers& received) const;

  // The forwarded fields that say what is to be done, by name: all but those of content negotiation, caches
  // and traces. Each part has its length before it.
  void append_to(std::string& text, const http::Headers& received) const;

 private:
  struct Field {
    std::string name;  // in lower case
    Fate fate;
    bool once;        // it can stand once only
    bool incidental;  // it says nothing of what is to be done
  };
  static constexpr std::size_t kSlots = 512;  // a power of two, and several times the number of names

  ForwardedHeaders();
  void add(Field field);
  const Field* find(std::string_view name) const noexcept;
  std::optional<std::string> named_by_connection(std::string_view value) const;

  std::vector<Field> fields_;
  std::array<std::uint8_t, kSlots> slots_{};  // the field's index and one, by hash; 0: none
};

// RFC 9110 §7.6.1, and the framing fields.
bool is_hop_by_hop(std::string_view name) noexcept;

// Of a request that is decided on its answer: what would make that a part of it, none at all, or another
// encoding of it is left out, and it is asked for as it is.
void ask_for_whole(http::Headers& headers);

// What becomes of the fields behind an answer's body: all but those that say how it is read, or by whom (RFC
// 9110 §6.5.1).
http::Headers answer_trailers(const http::Headers& received);

// What the answer's fields become.
http::Headers answer_headers(const http::Headers& headers, std::string_view request_id);

// The same where parts of the body are left out: without what is made of all of it, and not to be kept by
// caches.
http::Headers cut_answer_headers(const http::Headers& headers, std::string_view request_id);

}  // namespace writ::gateway
