// What proxies and callers write of where a request comes from. Whatever it is: a stranger is who it is, and
// of a proxy's word the caller is never one whom a shorter chain would not have named.
//
// Input: as a PROXY header, as what follows its signature, and as a field's value; then two fields, one in
// each of the first two lines.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/forwarded.h"
#include "http/net/proxy_header.h"

namespace {

using namespace writ::http;

constexpr std::string_view kStandard = "Forwarded", kOld = "X-Forwarded-For";
const Address kProxy = *Address::parse("10.0.0.1"), kStranger = *Address::parse("203.0.113.5"),
              kCaller = *Address::parse("192.0.2.9");

const Networks& proxies() {
  static const Networks made = [] {
    Networks networks;
    WRIT_CHECK(networks.add("10.0.0.0/8").has_value());
    return networks;
  }();
  return made;
}

auto told(const Headers& headers, ForwardedBy by = ForwardedBy::kEither) {
  return client_address(headers, kProxy, proxies(), by);
}

void fuzz_field(std::string_view name, std::string_view value) {
  const Headers headers = {{name, value}};
  WRIT_CHECK(client_address(headers, kStranger, proxies(), ForwardedBy::kEither) == kStranger);
  WRIT_CHECK(told(headers, ForwardedBy::kNobody) == kProxy);
  // What the proxy adds is what counts, whatever the caller wrote before it; or the whole is refused.
  const std::string_view its_own = name == kOld ? "192.0.2.9" : "for=192.0.2.9";
  const auto added = told({{name, std::string(value) + ", " + std::string(its_own)}});
  WRIT_CHECK(!added || *added == kCaller);
  // Likewise in a field of its own; and what is read of one field is read of two.
  const auto beside = told({{name, value}, {name, its_own}});
  WRIT_CHECK(!beside || *beside == kCaller);
  WRIT_CHECK(added.has_value() == beside.has_value());
  // Further proxies of the operator's change nothing.
  const std::string_view further = name == kOld ? "10.0.0.2" : "for=10.0.0.2";
  const auto through = told({{name, std::string(value) + ", " + std::string(further)}});
  const auto direct = told(headers);
  if (through && direct) WRIT_CHECK(*through == *direct);
}

// A caller may send the field that the proxies do not write: nobody is believed who contradicts the other.
void fuzz_both(std::string_view standard, std::string_view old) {
  const Headers both = {{kStandard, standard}, {kOld, old}};
  const auto by_standard = told({{kStandard, standard}}), by_old = told({{kOld, old}});
  WRIT_CHECK(told(both, ForwardedBy::kForwarded) == by_standard);
  WRIT_CHECK(told(both, ForwardedBy::kXForwardedFor) == by_old);
  const auto either = told(both);
  if (either) WRIT_CHECK(by_standard && by_old && *by_standard == *by_old && *either == *by_old);
}

void fuzz_proxy_header(std::string_view bytes) {
  if (bytes.size() >= kProxyPrefixBytes) {
    const auto size = proxy_header_size(bytes.substr(0, kProxyPrefixBytes));
    if (size) WRIT_CHECK(*size >= kProxyPrefixBytes && *size <= kMaxProxyBytes);
    // A header is of its own length only, however it comes in.
    if (size && *size < bytes.size()) WRIT_CHECK(!parse_proxy_header(bytes).has_value());
  }
  const auto header = parse_proxy_header(bytes);
  if (!header) return;
  WRIT_CHECK(bytes.size() >= kProxyPrefixBytes && bytes.size() <= kMaxProxyBytes);
  for (const std::size_t less : {std::size_t{1}, bytes.size() - kProxyPrefixBytes})
    if (less > 0) WRIT_CHECK(!parse_proxy_header(bytes.substr(0, bytes.size() - less)).has_value());
  // A source is one that somebody else reads of it alike.
  if (header->source) WRIT_CHECK(Address::parse(header->source->text()) == header->source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::string_view_literals;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz_proxy_header(bytes);
  fuzz_proxy_header(std::string("\r\n\r\n\0\r\nQUIT\n"sv) + std::string(bytes));
  const auto line = bytes.find('\n');
  const auto first = bytes.substr(0, line);
  const auto rest = line == bytes.npos ? std::string_view() : bytes.substr(line + 1);
  const auto second = rest.substr(0, rest.find('\n'));
  // A field's value has no control characters by then.
  for (const auto value : {first, second}) {
    if (!is_field_value(value)) return 0;
    fuzz_field(kOld, value);
    fuzz_field(kStandard, value);
  }
  fuzz_both(first, second);
  return 0;
}
