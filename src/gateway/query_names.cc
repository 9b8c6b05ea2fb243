#include "gateway/query_names.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/characters.h"
#include "codec/utf8.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

// In lower case, letters and digits alone. First what an ordinary word ends with too.
constexpr std::string_view kCredentials[] = {
    "appkey",    "auth", "authkey", "bearer",      "codeverifier", "hmac",    "key", "otp",     "pass",
    "phpsessid", "pwd",  "samlart", "samlrequest", "samlresponse", "session", "sig", "userkey",
};
// Whoever's it is: `wrap_access_token`, `hapikey`, `AWSAccessKeyId`.
constexpr std::string_view kEndsOfCredentials[] = {
    "accesskey",   "accesskeyid", "apikey",    "assertion",  "authorization",   "credential",
    "credentials", "jwt",         "passcode",  "passphrase", "passwd",          "password",
    "secret",      "secretkey",   "sessionid", "signature",  "subscriptionkey", "token",
};
// A token of these says where a list goes on: `nextPageToken`, `$skiptoken`, `continuation-token`.
constexpr std::string_view kPlacesInLists[] = {
    "change", "continuation", "continue", "cursor",   "delta", "last",     "next",
    "page",   "pagination",   "paging",   "position", "prev",  "previous", "resume",
    "scroll", "skip",         "start",    "starting", "sync",
};
constexpr std::string_view kNever[] = {
    "accesstoken",     "dpop",
    "httpheaders",  // `$httpHeaders`
    "httpmethod",      "httpmethodoverride",
    "methodoverride",  "requestmethod",
    "xhttpmethod",     "xhttpmethodoverride",
    "xmethodoverride",
};

template <class Table>
bool is_one_of(const Table& table, std::string_view name) noexcept {
  return std::ranges::find(table, name) != std::end(table);
}

// Lower case, letters and digits alone. Of a long name the end, which is longer than anything in the tables.
class Folded {
 public:
  explicit Folded(std::string_view name) noexcept {
    for (auto c = name.rbegin(); c != name.rend() && begin_ > 0; ++c) {
      if (is_letter_or_digit(*c)) bytes_[--begin_] = static_cast<char>(*c <= '9' ? *c : *c | 0x20);
    }
  }
  std::string_view text() const noexcept {
    return std::string_view(bytes_.data(), bytes_.size()).substr(begin_);
  }

 private:
  std::array<char, 32> bytes_{};
  std::size_t begin_ = bytes_.size();
};

template <class Table>
bool ends_with_one_of(const Table& table, std::string_view name) noexcept {
  return std::ranges::any_of(table, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_credential(std::string_view folded) noexcept {
  constexpr std::string_view kToken = "token";
  if (is_one_of(kCredentials, folded)) return true;
  if (!ends_with_one_of(kEndsOfCredentials, folded)) return false;
  return !folded.ends_with(kToken) ||
         !ends_with_one_of(kPlacesInLists, folded.substr(0, folded.size() - kToken.size()));
}

// `_method`; `method` alone is an ordinary word.
bool is_never(std::string_view name, std::string_view folded) noexcept {
  return is_one_of(kNever, folded) || (folded == "method" && name.size() > folded.size());
}

// As it can stand in a message.
std::string shown_parameter(std::string_view name) {
  constexpr std::size_t kMaxShownBytes = 64;
  return http::encode_path(name.substr(0, kMaxShownBytes)) + (name.size() > kMaxShownBytes ? "..." : "");
}

std::string refused(std::string_view name, std::string_view why) {
  return fmt::format("the query parameter `{}` is not taken: {}", shown_parameter(name), why);
}

bool has_escape(std::string_view name) noexcept {
  const auto hex = [](char c) { return is_letter_or_digit(c) && (c <= '9' || (c | 0x20) <= 'f'); };
  for (auto at = name.find('%'); at != name.npos; at = name.find('%', at + 1)) {
    if (at + 2 < name.size() && hex(name[at + 1]) && hex(name[at + 2])) return true;
  }
  return false;
}

}  // namespace

Result<QueryNames> QueryNames::only(std::vector<std::string> names) {
  if (names.size() > kMaxQueryNames)
    return failure(ErrorCode::kLimit, fmt::format("there are more than {} names", kMaxQueryNames));
  for (const auto& name : names) {
    const bool unclear = std::ranges::any_of(name, [](char c) {
      return c <= 0x20 || c >= 0x7f || std::string_view("&;=+%#").find(c) != std::string_view::npos;
    });
    if (name.empty() || name.size() > 64 || unclear)
      return failure(
          ErrorCode::kInvalid,
          fmt::format("`{}` cannot be a query parameter's name: 1 to 64 visible characters of ASCII "
                      "without `&;=+%#`, as they are when decoded",
                      name));
    if (is_never(name, Folded(name).text()))
      return failure(ErrorCode::kInvalid,
                     fmt::format("`{}` cannot be taken: a token comes in the Authorization header, and the "
                                 "method is that of the request",
                                 name));
  }
  QueryNames made;
  made.only_ = std::move(names);
  return made;
}

std::optional<std::string> QueryNames::refusal_of_name(std::string_view name) const {
  if (std::ranges::any_of(name, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
    return refused(name, "its name has a control character");
  if (!codec::valid_utf8(name)) return refused(name, "its name is not UTF-8");
  if (has_escape(name)) return refused(name, "its name is percent-encoded twice");
  const Folded folded(name);
  if (folded.text() == "accesstoken") return refused(name, "a token comes in the Authorization header alone");
  if (is_never(name, folded.text())) return refused(name, "it would ask for another method or other headers");
  if (only_) {
    if (std::ranges::find(*only_, name) != only_->end()) return std::nullopt;
    return refused(name, "the route does not name it");
  }
  if (is_credential(folded.text()))
    return refused(name, "it is a credential's, and the route does not name it");
  return std::nullopt;
}

// Some readers separate parameters by `;`, too: each name passes as either kind of reader has it.
std::optional<std::string> QueryNames::refusal(std::string_view query) const {
  std::optional<std::string> refusal;
  const auto judge = [&](std::string_view parameters) {
    return http::for_each_parameter(parameters, [&](std::string_view name) {
      refusal = refusal_of_name(name);
      return !refusal;
    });
  };
  if (!judge(query) || query.find(';') == query.npos) return refusal;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find(';'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (!judge(part)) break;
  }
  return refusal;
}

}  // namespace writ::gateway
