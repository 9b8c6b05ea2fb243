// Writ's own signing keys as use cases: see them, rotate them (docs/keys.md).
//
// Thread-safe. They wait for the audit and for the disk: not on a loop thread.
#pragma once

#include "codec/json.h"
#include "control/authority.h"
#include "token/own_keys.h"

namespace writ::control {

class KeyRotation {
 public:
  // What it refers to must outlive it.
  KeyRotation(const Authority& authority, token::OwnKeys& keys) : authority_(authority), keys_(keys) {}

  Answer<void> list(const Caller& caller) const;
  // `request` as docs/api.md has it.
  Answer<void> rotate(const Caller& caller, const codec::Json& request) const;
  const token::OwnKeys& keys() const noexcept { return keys_; }

 private:
  const Authority& authority_;
  token::OwnKeys& keys_;
};

}  // namespace writ::control
