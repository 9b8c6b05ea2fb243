#include "http/tls/context.h"

#include <atomic>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <new>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "codec/ascii.h"
#include "http/source.h"
#include "http/tls/openssl.h"
#include "http/tls/session.h"
#include "http/tls/staple.h"

namespace writ::http {
namespace {

constexpr std::string_view kAlpn = "\x08http/1.1", kAlpnWithHttp2 = "\x02h2\x08http/1.1";

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// RFC 7301 §3.2: a client that offers protocols, and none that is spoken here, is refused.
int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  const auto spoken = SSL_get_app_data(ssl) != nullptr ? kAlpnWithHttp2 : kAlpn;
  const auto found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, bytes(spoken),
                                           static_cast<unsigned>(spoken.size()), offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<tls::Domains> read_domains(const std::vector<TrustDomain>& trusted) {
  tls::Domains domains;
  for (const auto& each : trusted) {
    domains.push_back({fmt::format("spiffe://{}/", each.name), {}});
    if (each.ca.empty()) continue;
    auto roots = tls::read_certificates(each.ca);
    if (!roots)
      return std::unexpected(std::move(roots).error().in(fmt::format("trust domain `{}`", each.name)));
    domains.back().roots = *std::move(roots);
  }
  return domains;
}

Result<void> ask_clients(SSL_CTX& context, const TlsServerOptions& options, const tls::Domains& domains) {
  if (options.clients == ClientCertificates::kNone) return {};
  std::vector<std::string_view> all;
  if (!options.client_ca.empty() || options.trust_domains.empty()) all.push_back(options.client_ca);
  for (const auto& domain : options.trust_domains)
    if (!domain.ca.empty()) all.push_back(domain.ca);
  for (const auto ca : all) {
    TRY(tls::trust(context, ca));
    // Clients with several certificates choose by these names.
    for (const auto& certificate : TRY(tls::read_certificates(ca)))
      SSL_CTX_add_client_CA(&context, certificate.get());
  }
  if (!domains.empty()) {
    SSL_CTX_set_app_data(&context, const_cast<tls::Domains*>(&domains));
    // SPIFFE Trust Domain and Bundle §4.2: its CAs need not have signed themselves.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&context), X509_V_FLAG_PARTIAL_CHAIN);
  }
  const int must = options.clients == ClientCertificates::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | must, nullptr);
  return {};
}

}  // namespace

// ---- TlsServer ----

struct TlsServer::Impl {
  TlsServerOptions options;  // that it was made from
  tls::Domains domains;
  std::vector<std::unique_ptr<const tls::Staple>> staples;
  std::vector<tls::Context> contexts;  // one for each identity
  std::map<std::string, SSL_CTX*, std::less<>> by_name;

  // RFC 6066 §3; RFC 9525 §6.3: `*` stands for one whole label, the first.
  SSL_CTX* find(std::string_view asked) const {
    const auto name = codec::lowered(asked);
    auto found = by_name.find(name);
    if (found == by_name.end() && name.find('.') != name.npos)
      found = by_name.find("*" + name.substr(name.find('.')));
    return found != by_name.end() ? found->second : nullptr;
  }

  static int on_server_name(SSL* ssl, int*, void* impl) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_CTX* context = static_cast<const Impl*>(impl)->find(name);
    if (context == nullptr) return SSL_TLSEXT_ERR_NOACK;
    return SSL_set_SSL_CTX(ssl, context) != nullptr ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }
};

TlsServer::TlsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServer::~TlsServer() = default;

Result<std::shared_ptr<const TlsServer>> TlsServer::make(const TlsServerOptions& options) {
  if (options.identities.empty()) return failure(ErrorCode::kInvalid, "there is no certificate");
  std::unique_ptr<Impl> impl(new Impl);
  std::vector<CertificateFacts> certificates;
  auto domains = read_domains(options.trust_domains);
  if (!domains) return std::unexpected(std::move(domains).error());
  impl->domains = *std::move(domains);
  for (std::size_t i = 0; i < options.identities.size(); ++i) {
    auto context = TRY(tls::make_context(TLS_server_method()));
    if (auto used = tls::use_identity(*context, options.identities[i]); !used)
      return std::unexpected(std::move(used).error().in(fmt::format("certificate {}", i + 1)));
    if (auto asked = ask_clients(*context, options, impl->domains); !asked)
      return std::unexpected(std::move(asked).error().in("the clients' CA"));
    SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
    certificates.push_back(tls::facts_of(*SSL_CTX_get0_certificate(context.get())));
    if (const auto& ocsp = options.identities[i].ocsp; !ocsp.empty()) {
      auto staple = tls::read_staple(*context, ocsp);
      if (!staple)
        return std::unexpected(
            std::move(staple).error().in(fmt::format("certificate {}: its OCSP response", i + 1)));
      tls::use_staple(*context, **staple);
      certificates.back().stapled_until = (*staple)->until;
      impl->staples.push_back(*std::move(staple));
    }
    for (const auto& name : certificates.back().names)
      impl->by_name.try_emplace(codec::lowered(name), context.get());
    impl->contexts.push_back(std::move(context));
  }
  SSL_CTX_set_tlsext_servername_callback(impl->contexts.front().get(), &Impl::on_server_name);
  SSL_CTX_set_tlsext_servername_arg(impl->contexts.front().get(), impl.get());
  impl->options = options;
  std::shared_ptr<TlsServer> made(new TlsServer(std::move(impl)));
  made->certificates_ = std::move(certificates);
  return made;
}

const std::vector<TrustDomain>& TlsServer::trust_domains() const noexcept {
  return impl_->options.trust_domains;
}

Result<std::shared_ptr<const TlsServer>> TlsServer::with(std::vector<TrustDomain> trust_domains) const {
  auto options = impl_->options;
  options.trust_domains = std::move(trust_domains);
  return make(options);
}

std::unique_ptr<TlsSession> TlsServer::session(int socket, bool http2) const {
  SSL* ssl = SSL_new(impl_->contexts.front().get());
  if (ssl == nullptr) throw std::bad_alloc();
  SSL_set_accept_state(ssl);
  // Of the session and not of its context, which SNI may change.
  static char speaks_http2;
  if (http2) SSL_set_app_data(ssl, &speaks_http2);
  return std::make_unique<TlsSession>(ssl, socket, shared_from_this());
}

// ---- TlsClient ----

struct TlsClient::Impl {
  tls::Context context;
  std::string server_name;
};

namespace {

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Those there are, by what they were made from.
struct Known {
  std::mutex mutex;
  std::vector<std::pair<TlsClientOptions, std::weak_ptr<const TlsClient>>> all;
};

Known& known() {
  static Known& known = *new Known;
  return known;
}

bool same(const TlsClientOptions& a, const TlsClientOptions& b) {
  const auto key = [](const TlsClientOptions& options) {
    return options.identity.key != nullptr ? options.identity.key->expose() : std::string_view();
  };
  return a.ca == b.ca && a.server_name == b.server_name && a.identity.chain == b.identity.chain &&
         constant_time_equal(key(a), key(b));
}

}  // namespace

TlsClient::TlsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)), number_(next_number()) {}
TlsClient::~TlsClient() = default;

Result<std::shared_ptr<const TlsClient>> TlsClient::make(const TlsClientOptions& options) {
  const std::lock_guard lock(known().mutex);
  auto& all = known().all;
  std::erase_if(all, [](const auto& each) { return each.second.expired(); });
  for (const auto& [of, client] : all) {
    if (!same(of, options)) continue;
    if (auto found = client.lock()) return found;
  }
  auto context = TRY(tls::make_context(TLS_client_method()));
  if (options.ca.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1)
      return failure(ErrorCode::kIo, "what the system trusts cannot be read");
  } else if (auto trusted = tls::trust(*context, options.ca); !trusted) {
    return std::unexpected(std::move(trusted).error().in("the CA"));
  }
  if (!options.identity.chain.empty()) {
    if (auto used = tls::use_identity(*context, options.identity); !used)
      return std::unexpected(std::move(used).error().in("the client's certificate"));
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  std::unique_ptr<Impl> impl(new Impl{std::move(context), options.server_name});
  std::shared_ptr<const TlsClient> made(new TlsClient(std::move(impl)));
  all.emplace_back(options, made);
  return made;
}

std::shared_ptr<const TlsClient> TlsClient::system() {
  static const auto client = [] {
    auto made = make({});
    WRIT_CHECK(made.has_value());
    return *std::move(made);
  }();
  return client;
}

std::unique_ptr<TlsSession> TlsClient::session(int socket, const std::string& host, bool http2) const {
  SSL* ssl = SSL_new(impl_->context.get());
  if (ssl == nullptr) throw std::bad_alloc();
  auto session = std::make_unique<TlsSession>(ssl, socket, shared_from_this());
  std::string name = impl_->server_name.empty() ? host : impl_->server_name;
  // RFC 6066 §3: without the dot of the root, and names only.
  if (name.ends_with('.')) name.pop_back();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set =
      Address::parse(name)
          ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1
          : SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
  // Without a name to check, any certificate would do.
  if (!set) throw std::bad_alloc();
  const auto offered = http2 ? kAlpnWithHttp2 : kAlpn;
  if (SSL_set_alpn_protos(ssl, bytes(offered), static_cast<unsigned>(offered.size())) != 0)
    throw std::bad_alloc();
  SSL_set_connect_state(ssl);
  return session;
}

}  // namespace writ::http
