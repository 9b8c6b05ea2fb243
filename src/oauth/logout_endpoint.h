// POST /oauth2/backchannel-logout: a provider says that a session is over (OpenID Connect Back-Channel Logout
// 1.0 §2.5 to §2.8).
//
// Anybody may post; what counts is the signature of an issuer whose logout tokens are taken. Sources that
// post too many wrong ones have to wait. Thread-safe. May be slow: serve it with workers.
#pragma once

#include <functional>

#include "http/request.h"
#include "http/response.h"
#include "oauth/session_end.h"
#include "token/token_attempts.h"

namespace writ::oauth {

class LogoutEndpoint {
 public:
  // What it refers to must outlive it.
  LogoutEndpoint(const SessionEnds& ends, token::TokenAttempts& attempts)
      : ends_(ends), attempts_(attempts) {}

  // True: the key of its logout token is being fetched; `then` was taken, and is called on another thread
  // when that is over.
  bool wait_for_keys(const http::Request& request, std::move_only_function<void()>& then) const;
  http::Response handle(const http::Request& request) const;

 private:
  const SessionEnds& ends_;
  token::TokenAttempts& attempts_;
};

}  // namespace writ::oauth
