#include "http/tls/development.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <new>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string_view>

#include "http/source.h"
#include "http/tls/openssl.h"

namespace writ::http {
namespace {

constexpr std::chrono::minutes kBeginsBefore{5};  // clocks of clients differ
constexpr std::size_t kMaxNameBytes = 253;

// OpenSSL fails here for want of memory, or of randomness.
void require_done(bool done) {
  if (!done) throw std::bad_alloc();
}

bool is_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' && name.back() != '.' &&
         name.find("..") == name.npos && std::ranges::all_of(name, is_letter);
}

// As an extension says them.
Result<std::string> alternatives_of(const std::vector<std::string>& names) {
  if (names.empty()) return failure(ErrorCode::kInvalid, "a certificate is for one name at least");
  std::string text;
  for (const auto& name : names) {
    const bool is_address = Address::parse(name).has_value();
    if (!is_address && !is_name(name))
      return failure(ErrorCode::kInvalid, fmt::format("`{}` is not a host name or an address", name));
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", is_address ? "IP" : "DNS", name);
  }
  return text;
}

void add(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require_done(extension != nullptr);
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  require_done(added);
}

// What both have: a number that no other one has, their times, a name.
tls::Certificate make(EVP_PKEY* key, const std::string& name, std::chrono::seconds life) {
  tls::Certificate made(X509_new());
  std::array<unsigned char, 16> number{};
  require_done(made != nullptr && RAND_bytes(number.data(), number.size()) == 1);
  number[0] = static_cast<unsigned char>((number[0] & 0x7f) | 0x40);  // positive, and of full length
  X509* const raw = made.get();
  const auto begins = -std::chrono::seconds(kBeginsBefore);
  require_done(X509_set_version(raw, X509_VERSION_3) == 1 &&
               ASN1_STRING_set(X509_get_serialNumber(raw), number.data(), number.size()) == 1 &&
               X509_gmtime_adj(X509_getm_notBefore(raw), static_cast<long>(begins.count())) != nullptr &&
               X509_gmtime_adj(X509_getm_notAfter(raw), static_cast<long>(life.count())) != nullptr &&
               X509_set_pubkey(raw, key) == 1 &&
               X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                          0) == 1);
  return made;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const tls::Bio bio(BIO_new(BIO_s_mem()));
  require_done(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

std::shared_ptr<const Secret> pem_of(EVP_PKEY* key) {
  const tls::Bio bio(BIO_new(BIO_s_secmem()));
  require_done(bio != nullptr &&
               PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return std::make_shared<const Secret>(text_of(bio.get()));
}

}  // namespace

Result<DevelopmentCertificate> make_development_certificate(const std::vector<std::string>& names,
                                                            std::chrono::days life) {
  const auto alternatives = TRY(alternatives_of(names));
  const tls::Key ca_key(EVP_EC_gen("P-256")), key(EVP_EC_gen("P-256"));
  require_done(ca_key != nullptr && key != nullptr);

  const auto ca = make(ca_key.get(), "Writ, for development", life);
  require_done(X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get())) == 1);
  add(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
  add(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  require_done(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0);

  const auto leaf = make(key.get(), names.front().substr(0, 64), life);
  require_done(X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get())) == 1);
  add(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
  add(leaf.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
  add(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth");
  add(leaf.get(), ca.get(), NID_subject_alt_name, alternatives);
  add(leaf.get(), ca.get(), NID_subject_key_identifier, "hash");
  add(leaf.get(), ca.get(), NID_authority_key_identifier, "keyid:always");
  require_done(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) > 0);
  return DevelopmentCertificate{.ca = pem_of(ca.get()),
                                .identity = {.chain = pem_of(leaf.get()), .key = pem_of(key.get())}};
}

}  // namespace writ::http
