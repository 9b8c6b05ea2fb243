#include "oauth/verified_secrets.h"

#include <algorithm>
#include <cstring>

#include "crypto/random.h"

namespace writ::oauth {
namespace {

// Each part with its length in front, so that no two lists of parts give the same bytes.
void append_part(std::string& out, std::string_view part) {
  const std::uint64_t size = part.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(part);
}

}  // namespace

VerifiedSecrets::VerifiedSecrets(std::size_t entries)
    : key_(crypto::random_bytes(32)), buckets_(std::max<std::size_t>(1, entries / kWays), Bucket{}) {}

crypto::Digest VerifiedSecrets::fingerprint(std::string_view client, std::string_view hash,
                                            const Secret& secret) const {
  std::string text;
  // Reserved, so that growing leaves no copy of the secret behind.
  text.reserve(3 * sizeof(std::uint64_t) + client.size() + hash.size() + secret.expose().size());
  append_part(text, client);
  append_part(text, hash);
  append_part(text, secret.expose());
  const Secret message(std::move(text));
  return crypto::hmac_sha256(key_.expose(), message.expose());
}

std::size_t VerifiedSecrets::bucket_of(const crypto::Digest& fingerprint) const noexcept {
  std::uint64_t prefix;
  std::memcpy(&prefix, fingerprint.data(), sizeof prefix);
  return prefix % buckets_.size();
}

bool VerifiedSecrets::contains(const crypto::Digest& fingerprint, Instant now) const {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : buckets_[bucket_of(fingerprint)]) {
    if (now < entry.until &&
        constant_time_equal(crypto::as_bytes(entry.fingerprint), crypto::as_bytes(fingerprint)))
      return true;
  }
  return false;
}

void VerifiedSecrets::remember(const crypto::Digest& fingerprint, Instant now) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = buckets_[bucket_of(fingerprint)];
  const auto same = std::ranges::find(bucket, fingerprint, &Entry::fingerprint);
  Entry& place = same != bucket.end() ? *same : *std::ranges::min_element(bucket, {}, &Entry::until);
  place = {fingerprint, now + kSecretRemembered};
}

}  // namespace writ::oauth
