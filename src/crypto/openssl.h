// Handles of OpenSSL's EVP that free themselves, and its error queue made into one Error.
//
// Included by crypto's .cc files only: no other module sees OpenSSL.
#pragma once

#include <memory>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::crypto {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, Freer<Free>>;

using Bignum = Handle<BIGNUM, BN_clear_free>;
using EcdsaSignature = Handle<ECDSA_SIG, ECDSA_SIG_free>;
using EcGroup = Handle<EC_GROUP, EC_GROUP_free>;
using EcPoint = Handle<EC_POINT, EC_POINT_clear_free>;
using Kdf = Handle<EVP_KDF, EVP_KDF_free>;
using KdfContext = Handle<EVP_KDF_CTX, EVP_KDF_CTX_free>;
using MdContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using ParamBuilder = Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Handle<OSSL_PARAM, OSSL_PARAM_free>;
using PkeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

inline const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* octets(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// Leaves the thread's error queue empty when a scope ends, so that no later call reads this one's errors.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() { ERR_clear_error(); }
  ~ErrorQueueGuard() { ERR_clear_error(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

// What the library says went wrong last; empties its queue.
inline std::unexpected<Error> openssl_failure(ErrorCode code, std::string_view what) {
  std::string message(what);
  if (const auto error = ERR_peek_last_error(); error != 0) {
    if (const char* reason = ERR_reason_error_string(error)) message.append(": ").append(reason);
  }
  ERR_clear_error();
  return failure(code, std::move(message));
}

}  // namespace writ::crypto
