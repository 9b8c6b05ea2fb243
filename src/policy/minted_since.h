// MintedSince: which claims the tokens of each API lack, and until when some of those live that lacked one.
// By it a set of policies waits that reads a claim which tokens did not carry before (docs/claims.md).
//
// Only what is lacked, or was so lately, is kept: nothing where every token carries everything. What a token
// is exchanged for ends no later than the token, so a claim is on all of them one token life after it is on
// all that are minted. Values; not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/times.h"
#include "codec/json.h"
#include "token/claims.h"

namespace writ::policy {

class MintedSince {
 public:
  // Of all declared APIs, what their tokens carry outside of tasks. (Inside of one, the task says what they
  // leave out besides.)
  using ByApi = std::map<std::string, token::ClaimsContract, std::less<>>;

  explicit MintedSince(Duration token_lifetime) : lifetime_(token_lifetime) {}
  // As to_json() has it. Tokens of before may live as long as was said then. Fails with kCorrupt.
  static Result<MintedSince> from_json(const codec::Json& json, Duration token_lifetime, Instant now);
  codec::Json to_json() const;

  // Tokens are going to be minted so: what they do not carry is lacked from here on. True: that is news.
  bool drop(const ByApi& minted);
  // They are, since then. Forgets what is over.
  bool add(const ByApi& minted, Times now);

  // When the last token ends that lacks the claim, if from `now` on all carry it. Nothing: none lacks it.
  std::optional<Instant> lacked_until(std::string_view api, std::string_view claim, Instant now) const;
  bool empty() const noexcept { return lacking_.empty(); }

 private:
  Instant end_of_those_minted_at(Instant now) const;

  Duration lifetime_;
  // When the last token ends that was minted under another configuration of lifetimes.
  Instant others_end_{};
  // By API and claim. Nothing: it is not minted now.
  using Ends = std::map<std::string, std::optional<Instant>, std::less<>>;
  std::map<std::string, Ends, std::less<>> lacking_;
};

}  // namespace writ::policy
