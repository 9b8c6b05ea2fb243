// Court: decides requests that nobody sent, by the real way: the token is minted and verified, the rest is
// what enforce/ruling.h does. What it says of a trial is what a request like it would meet.
//
// Nothing is recorded and nothing is used up. The key is made for this object and known to nobody else. Most
// trials differ in what is asked for and not in the token: one with the same claims is signed once, and its
// signature is looked at once. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "access/frame.h"
#include "codec/json.h"
#include "enforce/ruling.h"
#include "task/memory_store.h"
#include "token/key_ring.h"
#include "token/minter.h"
#include "token/replay.h"
#include "token/verifier.h"

namespace writ::access {

// A whole request. Plain values.
struct Trial {
  token::AccessClaims claims;  // issuer, id and, where there is one, the task are the court's to fill in
  std::optional<task::Task> task;
  Instant time;
  std::string method, path, ip;
  bool approved = false;
  Target target;
  cedar::EntityUid resource;                       // kUse
  codec::Json attributes = codec::Json::object();  // that the caller tells of the resource, as Cedar's JSON
};

// In the words of a request file (docs/testing.md); the task stands beside it, whole.
codec::Json to_json(const Trial& trial);
// "purpose `support`, task for `support`, resource Billing::Invoice::"17" with owner ..."
std::string text_of(const Trial& trial);

class Court {
 public:
  static Result<std::unique_ptr<Court>> make();

  struct Judgement {
    bool permitted;
    std::optional<decision::Refusal> refusal;
  };
  // Of an issue: all that the token service asks. Fails when the request cannot be put together.
  Result<Judgement> judge(const Trial& trial, const Frame& frame);
  std::size_t judged() const noexcept { return judged_; }

 private:
  explicit Court(std::unique_ptr<token::KeyRing> ring);
  Result<Judgement> judge_step(const Trial& trial, const Frame& frame, const token::AccessClaims& claims,
                               const enforce::Deciding& deciding);

  Result<std::string> minted(const token::AccessClaims& claims, const token::ClaimsContract& contract);

  const std::unique_ptr<token::KeyRing> ring_;
  const token::Minter minter_;
  std::unordered_map<std::string, std::string> minted_;  // by what is in them
  token::Revocations revocations_;
  token::MemoryReplayGuard replays_;
  const token::Verifier verifier_;
  task::MemoryStore tasks_;
  enforce::Memory memory_;
  std::size_t judged_ = 0;
};

}  // namespace writ::access
