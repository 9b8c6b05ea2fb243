#include "enforce/request_id.h"

#include <cstddef>
#include <cstdint>

#include "crypto/random.h"

namespace writ::enforce {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kBegin = 12;  // characters that a thread's ids have in common: 72 random bits

}  // namespace

RequestId RequestId::begin_of_thread() noexcept {
  RequestId id;
  const auto random = crypto::random_bytes(kBegin);  // short enough to need no memory
  for (std::size_t i = 0; i < kBegin; ++i) id.text_[i] = kDigits[random[i] & 63];
  return id;
}

// Random bytes cost more than the rest of a warm decision, so each thread takes some once and then counts.
RequestId RequestId::next() noexcept {
  thread_local const RequestId begin = begin_of_thread();
  thread_local std::uint64_t count = 0;
  RequestId id = begin;
  auto rest = ++count;
  for (std::size_t i = id.text_.size(); i-- > kBegin; rest >>= 6) id.text_[i] = kDigits[rest & 63];
  return id;
}

}  // namespace writ::enforce
