// What proxies and callers write of where a request comes from. Whatever it is: a stranger is who it is, and
// of a proxy's word the caller is never one whom a shorter chain would not have named.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "http/forwarded.h"
#include "http/net/proxy_header.h"

namespace {

using namespace writ::http;

Networks proxies() {
  Networks made;
  WRIT_CHECK(made.add("10.0.0.0/8").has_value());
  return made;
}

void fuzz_field(std::string_view name, std::string_view value) {
  static const Networks kProxies = proxies();
  const auto proxy = *Address::parse("10.0.0.1"), stranger = *Address::parse("203.0.113.5");
  const Headers headers = {{name, value}};
  WRIT_CHECK(client_address(headers, stranger, kProxies, ForwardedBy::kEither) == stranger);
  WRIT_CHECK(client_address(headers, proxy, kProxies, ForwardedBy::kNobody) == proxy);
  // What the proxy adds is what counts, whatever the caller wrote before it; or the whole is refused.
  const bool old = name.starts_with("X");
  const std::string added = std::string(value) + (old ? ", 192.0.2.9" : ", for=192.0.2.9");
  const auto told = client_address({{name, added}}, proxy, kProxies, ForwardedBy::kEither);
  WRIT_CHECK(!told || *told == *Address::parse("192.0.2.9"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto header = parse_proxy_header(bytes))
    WRIT_CHECK(size >= kProxyPrefixBytes && size <= kMaxProxyBytes);
  // A field's value has no control characters by then.
  if (!is_field_value(bytes)) return 0;
  fuzz_field("X-Forwarded-For", bytes);
  fuzz_field("Forwarded", bytes);
  return 0;
}
