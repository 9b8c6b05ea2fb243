// OutboundProxy: the HTTP proxy through which Writ's own requests leave, where a network lets out nothing
// else. Named by the operator; the environment's `https_proxy` is not read.
//
//   https   through a tunnel (CONNECT, RFC 9110 §9.3.6). TLS is end to end, and the server is verified as
//           without a proxy: the proxy learns where the request goes, and nothing of it.
//   http    directly. It is for this machine, and for networks that the operator named (AddressRules).
//
// What AddressRules check does not depend on the proxy: a name is resolved here, and the proxy is asked for
// an address that was checked. With `resolves_names` the proxy gets the name: then it is the proxy that has
// to keep Writ's requests out of what is inside, and only hosts that are addresses themselves are checked
// here. Plain values; immutable once made, and then thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "http/source.h"

namespace writ::http {

class OutboundProxy {
 public:
  // "http://proxy.acme.example:3128". Fails with kInvalid.
  static Result<OutboundProxy> parse(std::string_view url);

  // What is reached without the proxy: a host, `*.` and the rest of it for whatever is below, an address or a
  // block of them. Fails with kInvalid.
  Result<void> leave_out(std::string_view what);
  // "user:password", as they are. Fails with kInvalid.
  Result<void> authenticate(const Secret& credentials);
  void let_it_resolve_names() noexcept { resolves_names_ = true; }

  // The host as it stands in a URL; an IPv6 address without its brackets.
  bool leaves_out(std::string_view host) const;
  // With let_it_resolve_names(): why the proxy is not asked for a host that is no address. Nothing when it
  // may be: a resolver that is not ours might take these for an address inside.
  static std::optional<std::string> refusal_of_name(std::string_view host);

  const std::string& host() const noexcept { return host_; }
  std::uint16_t port() const noexcept { return port_; }
  const std::string& authority() const noexcept { return authority_; }
  bool resolves_names() const noexcept { return resolves_names_; }
  // The value of Proxy-Authorization; null: none is sent.
  const Secret* authorization() const noexcept { return authorization_.get(); }

 private:
  OutboundProxy(std::string host, std::uint16_t port, std::string authority)
      : host_(std::move(host)), port_(port), authority_(std::move(authority)) {}

  std::string host_;
  std::uint16_t port_;
  std::string authority_;  // for messages
  bool resolves_names_ = false;
  std::shared_ptr<const Secret> authorization_;
  Networks networks_left_out_;
  std::vector<std::string> hosts_left_out_;     // in lower case
  std::vector<std::string> suffixes_left_out_;  // ".intra.example"
};

}  // namespace writ::http
