// Which pages of other origins may call an API from a browser, and read its answers (Fetch standard, CORS).
//
// Writ answers preflights itself: they bring no token, and nothing is decided by them. The answers of the API
// then carry what Writ says and nothing that the API says of it, refusals included, so that a page can read
// why it was refused. Who may call is decided as ever: this only tells browsers which pages they may trust
// with the answer.
//
// Immutable and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/forwarded_headers.h"
#include "http/headers.h"
#include "http/request.h"
#include "http/response.h"

namespace writ::gateway {

inline constexpr std::size_t kMaxCorsNames = 64;  // of origins, and of exposed fields

struct CorsSpec {
  // As browsers write them: "https://shop.example", "http://localhost:3000". Or "*" alone: any page.
  std::vector<std::string> origins;
  bool credentials = false;             // cookies and the browser's client certificate may come along
  std::vector<std::string> expose;      // fields of answers that a page may read, beside the usual ones
  std::uint32_t max_age_seconds = 600;  // for which a browser may remember a preflight's answer
};

class Cors {
 public:
  // Fails with kInvalid and says which origin or name, and why: an origin that no browser sends, and "*"
  // together with credentials or another origin.
  static Result<Cors> with(CorsSpec spec);

  // Only a browser sends it, before a request that a page may not make unasked.
  static bool is_preflight(const http::Request& request) noexcept;
  // 204. To an origin that is not allowed it says nothing, which is what a browser takes for no. `methods`:
  // of the path; the fields that a page may send are those that the API gets.
  http::Response preflight(const http::Request& request, std::string_view methods,
                           const ForwardedHeaders& forwarded) const;
  // May pages of that origin call? For WebSockets, which browsers open without asking.
  bool allows(std::string_view origin) const noexcept;
  // What an answer to this request says to a browser. The API's own word is taken out.
  void mark(http::Headers& answer, const http::Headers& request) const;

 private:
  explicit Cors(CorsSpec spec);
  void allow(http::Headers& answer, const http::Headers& request) const;

  CorsSpec spec_;
  bool any_ = false;
  std::string exposed_;
};

}  // namespace writ::gateway
