#include "crypto/random.h"

#include <openssl/rand.h>

#include "base/check.h"
#include "codec/base64url.h"

namespace writ::crypto {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  WRIT_CHECK(RAND_priv_bytes_ex(nullptr, reinterpret_cast<unsigned char*>(bytes.data()), count, 0) == 1);
  return bytes;
}

std::string random_id() {
  return codec::base64url_encode(random_bytes(16));
}

}  // namespace writ::crypto
