// The way of a token from any bytes: taken from a header, verified, refused. No input may verify, since none
// is signed. The claims parser, which stands behind the signature, also gets the bytes directly.
#include <cstdlib>
#include <string>

#include "jose/jws.h"
#include "token/assertion.h"
#include "token/testing/world.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  static const token::testing::World world;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (world.verifier.verify_parameter(text, token::testing::kNow)) std::abort();
  const std::string header = "DPoP " + std::string(text);
  const std::string_view authorization[] = {header}, proofs[] = {text};
  if (const auto presented = token::Presented::from_values(authorization, proofs)) {
    if (world.verifier.verify(*presented, std::nullopt, token::testing::kNow)) std::abort();
  }
  static token::MemoryReplayGuard replays;
  (void)token::verify_proof(text, {"GET", "https://a.example/"}, std::nullopt, "client", replays,
                            token::testing::kNow);
  (void)token::unverified_issuer(text);

  if (const auto json = jose::parse_claims(text)) {
    if (const auto claims = token::claims_from_json(*json)) {
      const auto again = token::claims_from_json(token::claims_to_json(*claims));
      if (!again || again->actors != claims->actors || again->subject != claims->subject) std::abort();
    }
  }
  return 0;
}
