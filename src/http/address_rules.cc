#include "http/address_rules.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "base/check.h"

namespace writ::http {
namespace {

struct Kind {
  const char* network;
  const char* name;
};

// The special-purpose registries of IANA (RFC 6890), and what clouds serve to their machines alone. The first
// that fits names it.
constexpr Kind kInside[] = {
    {"169.254.169.254", "a cloud's metadata service"},
    {"fd00:ec2::254", "a cloud's metadata service"},
    {"100.100.100.200", "a cloud's metadata service"},
    {"192.0.0.192", "a cloud's metadata service"},
    {"168.63.129.16", "a cloud's metadata service"},
    {"0.0.0.0/8", "an address of this host"},
    {"127.0.0.0/8", "a loopback address"},
    {"::1", "a loopback address"},
    {"::", "an address of this host"},
    {"10.0.0.0/8", "a private address"},
    {"172.16.0.0/12", "a private address"},
    {"192.168.0.0/16", "a private address"},
    {"fc00::/7", "a private address"},
    {"100.64.0.0/10", "an address of a carrier's or cloud's own network (RFC 6598)"},
    {"169.254.0.0/16", "a link-local address"},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a private address"},
    {"224.0.0.0/4", "a multicast address"},
    {"ff00::/8", "a multicast address"},
    {"192.0.0.0/24", "a reserved address"},
    {"192.0.2.0/24", "an address for documents"},
    {"198.51.100.0/24", "an address for documents"},
    {"203.0.113.0/24", "an address for documents"},
    {"2001:db8::/32", "an address for documents"},
    {"3fff::/20", "an address for documents"},
    {"192.88.99.0/24", "a relay's address"},
    {"198.18.0.0/15", "an address for measurements"},
    {"240.0.0.0/4", "a reserved address"},
    {"64:ff9b::/96", "an IPv4 address behind NAT64"},
    {"64:ff9b:1::/48", "an IPv4 address behind NAT64"},
    {"2002::/16", "an IPv4 address behind 6to4"},
    {"2001::/32", "an IPv4 address behind Teredo"},
    {"2001::/23", "a reserved address"},
};

Networks network(std::string_view text) {
  Networks made;
  WRIT_CHECK(made.add(text).has_value());
  return made;
}

// Of IPv6, only what stands below 2000::/3 is anybody's public address.
const char* inside(const Address& address) {
  static const auto kinds = [] {
    std::vector<std::pair<Networks, const char*>> all;
    for (const auto& kind : kInside) all.emplace_back(network(kind.network), kind.name);
    return all;
  }();
  for (const auto& [addresses, name] : kinds) {
    if (addresses.contains(address)) return name;
  }
  static const Networks given_out = network("2000::/3");
  return address.is_v4() || given_out.contains(address) ? nullptr : "a reserved address";
}

// RFC 6052 §2.1: the last four bytes under the well-known prefix.
std::optional<Address> behind_nat64(const Address& address) {
  static const Networks well_known = network("64:ff9b::/96");
  if (!well_known.contains(address)) return std::nullopt;
  auto inner = *Address::parse("0.0.0.0");
  std::ranges::copy(address.bytes.end() - 4, address.bytes.end(), inner.bytes.end() - 4);
  return inner;
}

}  // namespace

std::optional<std::string> AddressRules::refusal(const Address& address, bool secure) const {
  if (const char* kind = inside(address); kind != nullptr && !allowed.contains(address))
    return fmt::format(
        "{} is {}, and only public addresses are connected to, and networks in `outbound.allow`",
        address.text(), kind);
  // Who may go through the translator does not get to what stands behind it.
  if (const auto inner = behind_nat64(address)) {
    if (const char* kind = inside(*inner); kind != nullptr && !allowed.contains(*inner))
      return fmt::format("{} leads to {}, which is {}", address.text(), inner->text(), kind);
  }
  if (!secure && !address.is_loopback() && !allowed_plain.contains(address))
    return fmt::format(
        "{} is not of this machine, and `http://` is used beyond it only in networks in "
        "`outbound.allow_http`",
        address.text());
  return std::nullopt;
}

}  // namespace writ::http
