// OwnApi: who may use Writ's own API (/v1). It is an API like any other: a token for its audience, a decision
// for every party, a record before the effect.
//
// Shared by the parts of /v1. Thread-safe; allow() waits for the audit, so serve what calls it with
// http::Cost::kSlow.
#pragma once

#include <expected>
#include <functional>
#include <string_view>

#include "audit/log.h"
#include "base/times.h"
#include "codec/json.h"
#include "gateway/enforcer.h"
#include "gateway/refusal.h"
#include "http/endpoints.h"

namespace writ::server {

// Returns after the record is written as durably as the log is configured.
using Recorder = std::function<Result<void>(audit::Record)>;

// The way out of a handler early: an answer that is no success.
template <class T>
using Answer = std::expected<T, http::Response>;

// Who calls: a request with its token, or a token that was just made for who sent the request. A view.
struct Caller {
  Caller(const http::Request& sent, const token::Verified* made = nullptr) : request(sent), token(made) {}
  const http::Request& request;
  const token::Verified* token;
};

class OwnApi {
 public:
  // What it refers to must outlive it. `origin`: how callers reach it, for DPoP proofs.
  OwnApi(const Clock& clock, gateway::Enforcer& enforcer, Recorder record, std::string origin)
      : clock_(clock), enforcer_(enforcer), record_(std::move(record)), origin_(std::move(origin)) {}

  Times now() const { return times_of(clock_); }
  const Clock& clock() const noexcept { return clock_; }

  // For http::Endpoints::guard: who brings no good token is refused, with a record, before its body is read
  // and before it takes a worker's time. Who passes is not allowed anything yet.
  void gate(http::Exchange exchange, http::Endpoints::Pass pass) const;

  // `action` is one of Writ's own: "manage-tasks".
  Answer<gateway::Permit> allow(const Caller& caller, std::string_view action,
                                const gateway::EntityName& resource,
                                std::function<cedar::Value(cedar::Arena&)> attributes = {}) const;
  // Of Writ as a whole.
  Answer<gateway::Permit> allow(const Caller& caller, std::string_view action) const;
  // Whether there is what is asked about. kOpen: it need not be there for who may, and is not for who may
  // not.
  enum class Presence { kAbsent, kOpen, kThere };
  struct Object {
    gateway::EntityName name;
    std::function<cedar::Value(cedar::Arena&)> attributes;
    std::string_view seen_by;  // the action that it takes to see it
    Presence presence;
    Error absent;  // kNotFound, with its id
  };
  // About one object, by its id. What the caller may not see is told as what is not there, in the same words
  // and after the same work: a refusal says its reason only to who may see what it is about, or where it
  // would be the same for every object.
  Answer<gateway::Permit> allow_on(const Caller& caller, std::string_view action, Object object) const;
  // Silently, for lists.
  bool would_allow(const Caller& caller, std::string_view action, const gateway::EntityName& resource,
                   std::function<cedar::Value(cedar::Arena&)> attributes) const;

  // What is about to be done, written before it is done.
  Answer<void> record(const gateway::Permit& permit, std::string_view event, std::string_view object,
                      std::string_view detail = {}) const;

 private:
  gateway::Asked asked(const Caller& caller, std::string_view action, const gateway::EntityName& resource,
                       std::function<cedar::Value(cedar::Arena&)> attributes) const;

  const Clock& clock_;
  gateway::Enforcer& enforcer_;
  Recorder record_;
  std::string origin_;
};

// The request's body as JSON; refuses another media type.
Answer<codec::Json> read_json(const http::Request& request);
http::Response answer_json(int status, const codec::Json& json);

// Turns `Answer<Response> (Request, PathValues)` into an endpoint.
template <class Function>
http::Endpoints::Function endpoint(Function function) {
  return [function = std::move(function)](const http::Request& request, const http::PathValues& values) {
    Answer<http::Response> answer = function(request, values);
    return answer ? *std::move(answer) : std::move(answer).error();
  };
}

}  // namespace writ::server
