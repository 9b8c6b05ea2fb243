#include "http/forwarded.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "codec/ascii.h"

namespace writ::http {
namespace {

constexpr std::size_t kMostHops = 64;

using Failure = std::unexpected<std::string>;
// The addresses as texts, in the order of the fields.
using Hops = std::expected<std::vector<std::string>, std::string>;

bool looks_like_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1" or "[2001:db8::1]:80".
std::optional<Address> parse_hop(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return std::nullopt;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
    if (text.find(':') == text.npos) return std::nullopt;
  } else if (std::ranges::count(text, ':') == 1) {
    port = text.substr(text.find(':'));
    text = text.substr(0, text.find(':'));
  }
  if (!port.empty() && (port[0] != ':' || !looks_like_port(port.substr(1)))) return std::nullopt;
  if (text.find('%') != text.npos) return std::nullopt;
  return Address::parse(text);
}

bool add_list(std::string_view value, std::vector<std::string>& hops) {
  for (;;) {
    const auto comma = std::min(value.find(','), value.size());
    if (hops.size() == kMostHops) return false;
    hops.emplace_back(codec::trimmed(value.substr(0, comma)));
    if (comma == value.size()) return true;
    value.remove_prefix(comma + 1);
  }
}

// RFC 7239 §4: forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] ), with a `for` in each that
// counts here. Read from the left and whole, so that no quote which a caller opened hides what a proxy wrote.
class ForwardedList {
 public:
  explicit ForwardedList(std::string_view text) : rest_(text) {}

  bool add_to(std::vector<std::string>& hops) {
    do {
      if (hops.size() == kMostHops) return false;
      std::optional<std::string> address;
      do {
        skip_spaces();
        if (!rest_.empty() && rest_[0] != ';' && rest_[0] != ',' && !pair(address)) return false;
        skip_spaces();
      } while (take(';'));
      hops.push_back(std::move(address).value_or(""));
    } while (take(','));
    return rest_.empty();
  }

 private:
  bool pair(std::optional<std::string>& address) {
    const auto name = token();
    std::string value;
    if (name.empty() || !take('=')) return false;
    if (take('"')) {
      if (!quoted(value)) return false;
    } else {
      value = token();
      if (value.empty()) return false;
    }
    if (!equal_ignoring_case(name, "for")) return true;
    if (address) return false;  // once in each element
    address = std::move(value);
    return true;
  }

  bool quoted(std::string& value) {
    while (!rest_.empty()) {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c == '\\') {
        if (rest_.empty()) return false;
        c = rest_[0];
        rest_.remove_prefix(1);
      }
      if (!is_field_value({&c, 1})) return false;
      value += c;
    }
    return false;
  }

  std::string_view token() {
    std::size_t size = 0;
    while (size < rest_.size() && is_token(rest_.substr(size, 1))) ++size;
    const auto found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ') || take('\t')) {
    }
  }

  std::string_view rest_;
};

// RFC 9110 §5.3: several fields of the name are one list.
Hops read_hops(const Headers& headers, std::string_view name) {
  std::vector<std::string> hops;
  const bool forwarded = equal_ignoring_case(name, "Forwarded");
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const Header header = headers[i];
    if (!equal_ignoring_case(header.name, name)) continue;
    const bool good = forwarded ? ForwardedList(header.value).add_to(hops) : add_list(header.value, hops);
    if (!good) return Failure(fmt::format("`{}` is malformed, or has more than {} entries", name, kMostHops));
  }
  return hops;
}

std::expected<Address, std::string> address_by(const Headers& headers, std::string_view name,
                                               const Address& peer, const Networks& proxies) {
  const auto hops = read_hops(headers, name);
  if (!hops) return Failure(hops.error());
  Address at = peer;
  for (auto hop = hops->rbegin(); hop != hops->rend() && proxies.contains(at); ++hop) {
    const auto next = parse_hop(*hop);
    if (!next)
      return Failure(fmt::format("`{}`, as the proxy {} wrote it, has no address where the caller's belongs",
                                 name, at.text()));
    at = *next;
  }
  return at;
}

}  // namespace

std::expected<Address, std::string> client_address(const Headers& headers, const Address& peer,
                                                   const Networks& proxies, ForwardedBy by) {
  constexpr std::string_view kForwarded = "Forwarded", kXForwardedFor = "X-Forwarded-For";
  if (by == ForwardedBy::kNobody || !proxies.contains(peer)) return peer;
  const bool old = by != ForwardedBy::kForwarded && headers.contains(kXForwardedFor);
  const bool standard = by != ForwardedBy::kXForwardedFor && headers.contains(kForwarded);
  if (!old && !standard) return peer;
  if (!standard) return address_by(headers, kXForwardedFor, peer, proxies);
  auto told = address_by(headers, kForwarded, peer, proxies);
  if (!old || !told) return told;
  const auto other = address_by(headers, kXForwardedFor, peer, proxies);
  if (!other) return other;
  if (*other != *told)
    return Failure(
        "`Forwarded` and `X-Forwarded-For` name different callers; `listen.forwarded_by` says "
        "which one the proxies write");
  return told;
}

}  // namespace writ::http
