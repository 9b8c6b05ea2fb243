#include "config/listen.h"

#include <arpa/inet.h>
#include <charconv>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "config/client_bundles.h"
#include "files/files.h"
#include "http/url.h"

namespace writ::config {
namespace {

constexpr std::size_t kMaxCertificates = 1000;

// "127.0.0.1:8180" or "[::1]:8180".
std::optional<ListenAddress> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  std::string address(text.substr(0, colon));
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), port);
  if (error != std::errc() || end != digits.end()) return std::nullopt;
  unsigned char bytes[16];
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
    if (::inet_pton(AF_INET6, address.c_str(), bytes) != 1) return std::nullopt;
  } else if (::inet_pton(AF_INET, address.c_str(), bytes) != 1) {
    return std::nullopt;
  }
  return ListenAddress{std::move(address), port};
}

// An absolute URI without query, fragment, path and final slash. RFC 6454 §6.2: nothing after the authority.
bool is_origin(std::string_view text) {
  return is_issuer_url(text) && text.find('/', text.find("//") + 2) == text.npos;
}

// What is wrong with one certificate is told where it stands.
std::optional<http::TlsIdentity> read_certificate(const files::YamlNode& node, files::Source& source,
                                                  Writers writers) {
  const files::Fields fields(&node, source, "a certificate", {"chain", "key", "ocsp"});
  if (fields.require("chain") == nullptr || fields.require("key") == nullptr) return std::nullopt;
  auto identity = read_tls_identity(fields, writers);
  if (!identity) return std::nullopt;
  if (const auto* ocsp = fields.find("ocsp")) {
    auto response = files::read_file(*ocsp, source, files::kMaxPemBytes);
    if (!response) return std::nullopt;
    if (response->empty()) {
      source.error(*ocsp, "there is no OCSP response in it");
      return std::nullopt;
    }
    identity->ocsp = *std::move(response);
  }
  const auto made = http::TlsServer::make({.identities = {*identity}});
  if (!made) {
    source.error(node, fmt::format("this certificate cannot be used: {}", made.error().message));
    return std::nullopt;
  }
  warn_of_end((*made)->certificates(), node, source);
  return identity;
}

void note_file(const files::Fields& fields, std::string_view key, std::vector<std::filesystem::path>& files) {
  if (const auto* node = fields.find(key)) files.push_back(fields.source().resolve(node->text));
}

std::shared_ptr<const http::TlsServer> read_tls(const files::YamlNode& node, files::Source& source,
                                                Config& config) {
  const files::Fields fields(&node, source, "tls",
                             {"certificates", "client_certificates", "client_ca", "client_bundles"});
  http::TlsServerOptions options;
  if (fields.require("certificates") == nullptr) return nullptr;
  const auto& certificates = fields.list("certificates");
  if (certificates.empty() || certificates.size() > kMaxCertificates) {
    source.error(*fields.find("certificates"),
                 fmt::format("`certificates` must be a list with 1 to {} entries", kMaxCertificates),
                 "for example [{chain: tls/api.pem, key: tls/api.key}]");
    return nullptr;
  }
  for (const files::YamlNode& certificate : certificates) {
    auto identity = read_certificate(certificate, source, config.data_access);
    if (!identity) continue;
    const files::Fields names(&certificate, source, "a certificate", {"chain", "key", "ocsp"});
    note_file(names, "chain", config.tls_files);
    note_file(names, "key", config.tls_files);
    note_file(names, "ocsp", config.tls_files);
    options.identities.push_back(*std::move(identity));
  }
  using enum http::ClientCertificates;
  const auto clients = fields.choice("client_certificates", {"none", "asked", "required"}).value_or(0);
  options.clients = clients == 2 ? kRequired : clients == 1 ? kAsked : kNone;
  const files::YamlNode* ca = fields.find("client_ca");
  if (ca != nullptr && options.clients == kNone) {
    source.error(*ca, "`client_ca` is not used: no client is asked for a certificate",
                 "`client_certificates` must be `asked` or `required`");
  } else if (ca == nullptr && fields.find("client_bundles") == nullptr && options.clients != kNone) {
    source.error(node, "`client_ca` is missing: name a PEM file with the CAs of the clients' certificates",
                 "or `client_bundles`, with those of SPIFFE trust domains");
  } else if (ca != nullptr) {
    options.client_ca = files::read_file(*ca, source, files::kMaxPemBytes).value_or("");
    note_file(fields, "client_ca", config.tls_files);
  }
  const bool bundles_read = read_client_bundles(fields, config.outbound.rules, options, config.tls_files);
  // What is missing was reported.
  if (options.identities.size() < certificates.size() || !bundles_read ||
      (options.clients != kNone && options.client_ca.empty() && options.trust_domains.empty()))
    return nullptr;
  auto made = http::TlsServer::make(options);
  if (made) return *std::move(made);
  source.error(ca != nullptr ? *ca : node, made.error().message);
  return nullptr;
}

// An address, or a map with one.
std::optional<ListenAddress> read_listener(const files::Fields& listen, std::string_view key,
                                           Config& config) {
  const files::YamlNode* node = listen.find(key);
  if (node == nullptr) return std::nullopt;
  files::Source& source = listen.source();
  const bool whole = node->kind == files::YamlNode::Kind::kMap;
  const files::Fields fields(whole ? node : nullptr, source, "a listener",
                             {"address", "tls", "proxy_protocol", "http2"});
  const auto text = whole ? fields.required_text("address") : listen.text(key);
  if (!text) return std::nullopt;
  auto read = parse_listen(*text);
  if (!read) {
    source.error(whole ? *fields.find("address") : *node,
                 fmt::format("`{}` must be an IP address and a port, found `{}`", key, *text),
                 "for example 127.0.0.1:8180 or [::1]:8180");
    return std::nullopt;
  }
  read->proxy_protocol = fields.boolean("proxy_protocol").value_or(false);
  read->http2 = fields.boolean("http2").value_or(true);
  if (read->proxy_protocol && config.proxies.empty())
    source.error(
        *fields.find("proxy_protocol"),
        "nobody could connect: only `listen.proxies` may use the PROXY protocol, and there are none");
  if (const auto* tls = fields.find("tls")) {
    read->tls = read_tls(*tls, source, config);
    const auto* clients = tls->find("client_certificates");
    read->asks_certificates = clients != nullptr && clients->text != "none";
  }
  return read;
}

void read_proxies(const files::Fields& fields, Config& config) {
  for (const files::YamlNode& node : fields.list("proxies")) {
    const auto text = files::read_text(node, fields.source(), "a proxy");
    if (!text) continue;
    if (const auto added = config.proxies.add(*text); !added)
      fields.source().error(node, added.error().message);
  }
  using enum http::ForwardedBy;
  constexpr std::array kChoices{kEither, kForwarded, kXForwardedFor, kNobody};
  config.forwarded_by = kChoices.at(
      fields.choice("forwarded_by", {"either", "forwarded", "x-forwarded-for", "nobody"}).value_or(0));
  if (fields.find("forwarded_by") != nullptr && config.proxies.empty())
    fields.source().error(*fields.find("forwarded_by"), "`forwarded_by` has no effect without `proxies`");
}

}  // namespace

bool is_issuer_url(std::string_view text) {
  return text.find('?') == text.npos && !text.ends_with('/') && http::parse_url(text).has_value();
}

std::string ListenAddress::text() const {
  return address.find(':') == address.npos ? fmt::format("{}:{}", address, port)
                                           : fmt::format("[{}]:{}", address, port);
}

std::string ListenAddress::url(std::uint16_t at) const {
  return (tls != nullptr ? "https://" : "http://") + ListenAddress{address, at}.text();
}

void read_listeners(const files::Fields& root, Config& config) {
  const files::Fields fields(
      root.require("listen"), root.source(), "listen",
      {"api", "gateway", "operator", "proxies", "forwarded_by", "public_origin", "threads"});
  read_proxies(fields, config);
  if (fields.require("api") != nullptr) {
    if (auto api = read_listener(fields, "api", config)) config.api_listen = std::move(*api);
  }
  config.gateway_listen = read_listener(fields, "gateway", config);
  config.operator_listen = read_listener(fields, "operator", config);
  const auto apart = [&](std::string_view key, const std::optional<ListenAddress>& from,
                         std::string_view name) {
    const auto& listen = key == "gateway" ? config.gateway_listen : config.operator_listen;
    if (listen && from && listen->port != 0 && listen->text() == from->text())
      root.source().error(*fields.find(key),
                          fmt::format("the {} needs an address of its own, this is `{}`'s", key, name));
  };
  apart("gateway", config.api_listen, "api");
  apart("operator", config.api_listen, "api");
  apart("operator", config.gateway_listen, "gateway");
  config.public_origin = fields.text("public_origin").value_or("");
  if (!config.public_origin.empty() && !is_origin(config.public_origin)) {
    root.source().error(
        *fields.find("public_origin"),
        fmt::format("`{}` is not an origin, expected a scheme and a host", config.public_origin),
        "for example https://api.acme.example");
  }
  config.threads = static_cast<std::size_t>(fields.integer("threads", 1, 256).value_or(2));
}

std::shared_ptr<const Secret> read_private_key(const files::YamlNode& node, files::Source& source,
                                               Writers writers, std::string_view what) {
  const auto path = source.resolve(node.text);
  struct stat info {};
  auto content = files::read_regular_file(path, files::kMaxPemBytes, &info);
  if (!content) {
    source.error(node, content.error().message);
    return nullptr;
  }
  auto secret = std::make_shared<const Secret>(*std::move(content));
  if (const auto privately = check_private(info, path, std::string(what).c_str(), writers); !privately) {
    source.error(node, privately.error().message);
    return nullptr;
  }
  if ((info.st_mode & S_IROTH) != 0) {
    source.error(node, fmt::format("{} `{}` may be read by anyone", what, path.string()),
                 "`chmod o-r` it; and make a new one if others have used this machine");
    return nullptr;
  }
  return secret;
}

std::optional<http::TlsIdentity> read_tls_identity(const files::Fields& fields, Writers writers) {
  const files::YamlNode *chain = fields.find("chain"), *key = fields.find("key");
  if (chain == nullptr && key == nullptr) return std::nullopt;
  if (chain == nullptr || key == nullptr) {
    fields.source().error(chain != nullptr ? *chain : *key, "`chain` and `key` belong together");
    return std::nullopt;
  }
  auto certificates = files::read_file(*chain, fields.source(), files::kMaxPemBytes);
  auto secret = read_private_key(*key, fields.source(), writers);
  if (!certificates || secret == nullptr) return std::nullopt;
  return http::TlsIdentity{.chain = *std::move(certificates), .key = std::move(secret)};
}

void warn_of_end(const std::vector<http::CertificateFacts>& certificates, const files::YamlNode& place,
                 files::Source& source) {
  using std::chrono::seconds;
  const auto now = std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto date = [](std::int64_t at) { return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(at)); };
  for (const auto& certificate : certificates) {
    const auto names = fmt::format("{}", fmt::join(certificate.names, ", "));
    const auto warn = [&](std::string_view what, std::int64_t at) {
      source.issues.warning(source.place(place),
                            fmt::format("the certificate of `{}` {} {}", names, what, date(at)),
                            "clients refuse it; put a new one in its place, and reload");
    };
    if (certificate.stapled_until && seconds(*certificate.stapled_until) <= now)
      source.issues.warning(source.place(place),
                            fmt::format("the OCSP response about the certificate of `{}` has ended at {}",
                                        names, date(*certificate.stapled_until)),
                            "clients do not get it; put a new one in its place, and reload");
    if (seconds(certificate.not_after) <= now) {
      warn("has ended at", certificate.not_after);
    } else if (seconds(certificate.not_after) <= now + kWarnBeforeEnd) {
      warn("ends at", certificate.not_after);
    } else if (seconds(certificate.not_before) > now) {
      warn("is not good before", certificate.not_before);
    }
  }
}

}  // namespace writ::config
