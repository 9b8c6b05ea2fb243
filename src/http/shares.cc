#include "http/shares.h"

#include "http/debts.h"

namespace writ::http {

std::uint64_t Shares::key(std::uint64_t client, std::uint64_t subject) noexcept {
  static const HiddenKeys keys;
  return keys.of(client + keys.of(subject));
}

}  // namespace writ::http
