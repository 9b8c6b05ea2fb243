#include "oauth/token_endpoint.h"

#include <algorithm>

#include "codec/json.h"
#include "crypto/random.h"
#include "oauth/form_request.h"
#include "oauth/grants.h"
#include "oauth/issuer.h"
#include "oauth/origin.h"
#include "oauth/task_details.h"
#include "oauth/token_request.h"
#include "token/presented.h"
#include "token/proof.h"

namespace writ::oauth {
namespace {

using enforce::IssuingStep;

std::unexpected<Refusal> broken(std::string description) {
  return refuse(OauthError::kServerError, std::move(description), Reason::kIndeterminate);
}

Refusal refusal_of(const decision::Refusal& refusal) {
  return {error_of(refusal.reason), refusal.message, refusal.reason, refusal.party, refusal.policies};
}

// Why a task was not opened. Not the API is out of reach, but the task: RFC 9396 §5 has an error for that.
Refusal refusal_of(const control::Failure& failure) {
  const auto broke = [] {
    return Refusal{OauthError::kServerError, "the task could not be opened", Reason::kIndeterminate};
  };
  auto refusal = failure.visit(
      [&](const Error& error) {
        const bool ours = error.code == ErrorCode::kIo || error.code == ErrorCode::kCorrupt ||
                          error.code == ErrorCode::kInternal || error.code == ErrorCode::kUnavailable;
        return ours ? broke() : Refusal{OauthError::kInvalidTarget, error.message, std::nullopt};
      },
      [&](const enforce::Refused& refused) {
        return refused.kind == enforce::Refused::Kind::kDecided ? refusal_of(refused.refusal) : broke();
      },
      [](const task::NoRoom& full) {
        Refusal later{OauthError::kSlowDown, full.why, std::nullopt};
        later.retry_after = full.retry_after;
        return later;
      },
      [&](const control::NotRecorded&) { return broke(); });
  if (refusal.error == OauthError::kInvalidTarget) refusal.error = OauthError::kInvalidAuthorizationDetails;
  return refusal;
}

// RFC 9396 §9.1: only where the API's contract names them, because they can be long.
bool wants_details(const inventory::Api& api) {
  const auto names_them = [](const std::vector<std::string>& claims) {
    return std::ranges::find(claims, "authorization_details") != claims.end();
  };
  return api.claims ? names_them(*api.claims) : api.by_contract && names_them(api.reads);
}

http::Response token_response(const std::string& token, const token::AccessClaims& claims,
                              const TokenRequest& request, const codec::Json& details) {
  auto json = codec::Json::object({{"access_token", token}});
  // RFC 8693 §2.2.1: required in the answer to an exchange.
  if (request.exchange) json.set("issued_token_type", request.exchange->issued_token_type);
  // RFC 9449 §5: a bound token is not a bearer token.
  json.set("token_type", claims.key_thumbprint ? "DPoP" : "Bearer");
  json.set("expires_in", unix_seconds(claims.expires_at) - unix_seconds(claims.issued_at));
  // RFC 9396 §7.
  if (!details.is_null()) json.set("authorization_details", details);
  auto response = http::json_response(200, json.dump());
  // RFC 6749 §5.1.
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Pragma", "no-cache");
  return response;
}

// One token request.
class Issuance final : public TokenCall {
 public:
  Issuance(const TokenEndpointOptions& options, const TokenEndpointParts& parts, const http::Request& request,
           Form form)
      : options_(options),
        parts_(parts),
        request_(request),
        form_(std::move(form)),
        now_(times_of(parts.clock)) {}

  bool wait_for_client_keys(std::move_only_function<void()>& then) override {
    return parts_.clients.wait_for_keys(form_, then);
  }

  std::optional<http::Response> authenticate() override {
    now_ = times_of(parts_.clock);
    if (auto client = authenticated(); !client) return refused_with(client.error());
    return std::nullopt;
  }

  bool wait_for_keys(std::move_only_function<void()>& then) override {
    return asked_->exchange && asked_->exchange->subject_token_kind == SubjectTokenKind::kExternal &&
           parts_.trusted_issuers.wait_for_keys(asked_->exchange->subject_token, then);
  }

  http::Response issue() override {
    auto issued = issue_to(*client_);
    if (issued) return *std::move(issued);
    // A task that was opened for a token which there is not is nobody's.
    if (opened_ && issued.error().error != OauthError::kAuthorizationPending)
      parts_.opening->abandon(*opened_, claimed_client_, request_id_);
    return refused_with(issued.error());
  }

 private:
  // What a token is made from: who asks, and what was presented.
  struct Asker {
    const TokenRequest& request;
    const AuthenticatedClient& client;
    const std::optional<std::string>& proof_key;
    const std::optional<std::string>& certificate;
    const Origin& origin;
  };

  http::Response refused_with(const Refusal& refusal) const {
    // A refusal stands whether or not it could be recorded.
    (void)record_refusal(refusal);
    return to_response(refusal, request_id_);
  }

  Outcome<void> authenticated() {
    const auto credentials = TRY(Credentials::read(request_, form_));
    claimed_client_ = credentials.claimed_client();
    // What is malformed is refused before it costs a password hash.
    asked_ = TRY(TokenRequest::read(form_));
    client_ = TRY(parts_.clients.authenticate(credentials, now_));
    known_ = true;
    return {};
  }

  Outcome<http::Response> issue_to(const AuthenticatedClient& client) {
    const TokenRequest& request = *asked_;
    // It may have waited for its turn.
    now_ = times_of(parts_.clock);
    in_force_ = parts_.current.get();
    const auto* api = TRY(find_api(request.audience));
    issuer_.aim_at(*api);
    const auto proof_key = TRY(verify_proof(client));
    const auto certificate = TRY(certificate_to_bind_to(client, proof_key.has_value()));
    const ExchangeFacts facts{client, parts_.verifier,          parts_.trusted_issuers, proof_key,
                              now_,   request_.peer_certificate};
    const Origin origin =
        request.exchange ? TRY(origin_of_exchange(*request.exchange, facts)) : origin_of_client(client);
    origin_subject_ = origin.subject;
    const Asker asker{request, client, proof_key, certificate, origin};
    std::optional<std::string> task;
    if (request.task) task.emplace(*request.task);
    if (request.details) {
      task = request.details->identifier;
      if (!task) task = TRY(open_task(asker));
      issuer_.aim_at(*api);
    }
    const auto token = TRY(issue_for(asker, *api, task));
    const bool granted = request.details && task_ != nullptr;
    return token_response(token, *claims_, request,
                          granted ? granted_details(task_->task(), now_.latest) : codec::Json());
  }

  // As if the client had got a token for Writ's own API and sent the task there: both are decided and
  // recorded as they would be then. That token goes nowhere.
  Outcome<std::string> open_task(const Asker& asker) {
    if (parts_.opening == nullptr)
      return oauth::refuse(OauthError::kInvalidAuthorizationDetails, "this server does not open tasks");
    const auto* own = in_force_->inventory->find_audience(options_.own_audience);
    if (own == nullptr) return broken("Writ's own API is not in the inventory");
    issuer_.aim_at(*own);
    const auto token = TRY(issue_for(asker, *own, std::nullopt));
    const auto caller = parts_.verifier.verify_parameter(token, now_);
    if (!caller) return broken(caller.error().message);
    auto opened =
        parts_.opening->open({sent_, enforce::Credentials(*caller)}, asker.request.details->request);
    if (!opened) return std::unexpected(refusal_of(opened.error()));
    opened_ = (*opened->live)->id;
    // The task begins when it was opened, and what comes now comes after.
    now_ = times_of(parts_.clock);
    const auto live = parts_.tasks.find(*opened_);
    if (live == nullptr) return broken("the task that was opened is not there");
    if (live->standing() == task::State::kRequested) return pending(*live);
    return *opened_;
  }

  static std::unexpected<Refusal> pending(const task::LiveTask& live) {
    Refusal refusal{OauthError::kAuthorizationPending,
                    "task `" + live->id +
                        "` waits for approval: ask again, with it as `task` or as the `identifier` in "
                        "`authorization_details`",
                    Reason::kApprovalRequired};
    refusal.task = live->id;
    return std::unexpected(std::move(refusal));
  }

  Outcome<const inventory::Api*> find_api(std::string_view audience) const {
    if (const auto* api = in_force_->inventory->find_audience(audience)) return api;
    return oauth::refuse(OauthError::kInvalidTarget, "there is no API `" + std::string(audience) + "`",
                         Reason::kAudienceMismatch);
  }

  // RFC 9449 §5: a proof that comes along must be right, and binds the token.
  Outcome<std::optional<std::string>> verify_proof(const AuthenticatedClient& client) const {
    const auto count = request_.headers.count("DPoP");
    if (count == 0) return std::nullopt;
    const auto proof = *request_.headers.find("DPoP");
    if (count > 1 || proof.size() > token::kMaxProofBytes)
      return oauth::refuse(OauthError::kInvalidDpopProof, "the DPoP header is given twice, or is too long",
                           Reason::kSenderBindingMismatch);
    const token::ProofTarget target{"POST", options_.token_endpoint};
    auto key = token::verify_proof(proof, target, std::nullopt, client.id(), parts_.replays, now_);
    if (key) return *std::move(key);
    if (key.error().reason == Reason::kIndeterminate) return broken(std::move(key.error().message));
    return oauth::refuse(OauthError::kInvalidDpopProof, std::move(key).error());
  }

  // RFC 8705 §3: of a client that authenticates by it, or whose tokens the inventory wants to be bound. With
  // a proof the client chose its key.
  Outcome<std::optional<std::string>> certificate_to_bind_to(const AuthenticatedClient& client,
                                                             bool has_proof) const {
    const auto& shown = request_.peer_certificate;
    if (client.identity().certificate_bound) {
      if (shown.empty())
        return oauth::refuse(OauthError::kInvalidRequest,
                             "tokens of client `" + client.id() +
                                 "` are bound to a certificate, and the connection came without one",
                             Reason::kSenderBindingMissing);
      if (has_proof)
        return oauth::refuse(OauthError::kInvalidDpopProof,
                             "tokens of client `" + client.id() +
                                 "` are bound to a certificate: leave the "
                                 "proof out",
                             Reason::kSenderBindingMismatch);
      return shown;
    }
    const bool by_certificate = client.credential().type == inventory::CredentialType::kCertificate;
    if (!options_.bind_certificates || !by_certificate || has_proof) return std::nullopt;
    return shown;
  }

  // A token in the task that is asked for: as much as was presented, and no more than the API wants to know.
  Outcome<std::string> issue_for(const Asker& asker, const inventory::Api& api,
                                 std::optional<std::string_view> asked_task) {
    auto task_id = TRY(task_of(asker.origin, asked_task, parts_.tasks));
    task_ = task_id ? task_to_tell(asker.origin, asker.client, *task_id, parts_.tasks) : nullptr;
    not_told_ = task_id && task_ == nullptr && parts_.tasks.find(*task_id) != nullptr;
    const Terms terms{.issuer = options_.issuer,
                      .audience = api.audience,
                      .client = asker.client,
                      .purpose = asker.request.purpose,
                      .proof_key = asker.proof_key,
                      .lifetime = options_.token_lifetime,
                      .now = now_,
                      .certificate = asker.certificate};
    claims_ = TRY(claims_from(asker.origin, terms, std::move(task_id), task_.get()));
    if (task_ != nullptr && wants_details(api))
      claims_->authorization_details = granted_details(task_->task(), now_.latest);
    // A caller that stops somebody may need a token for it first.
    const bool for_operators = parts_.opening != nullptr && api.audience == options_.own_audience;
    auto token =
        issuer_.issue({.claims = *claims_,
                       .api = api,
                       .task = task_.get(),
                       .handed_on = asker.origin.handed_on,
                       .in_force = in_force_,
                       .now = now_,
                       .standing = for_operators ? audit::Standing::kOperator : audit::Standing::kOrdinary});
    if (!token) return refused(std::move(token).error());
    parts_.verifier.look_ahead(*token, now_);
    return *std::move(token);
  }

  std::unexpected<Refusal> refused(NotIssued why) const {
    if (why.kind == NotIssued::Kind::kBroken) return broken(std::move(why.refusal.message));
    if (why.kind == NotIssued::Kind::kTooLong)
      return oauth::refuse(
          OauthError::kInvalidRequest,
          "the claims that the API asks for do not fit into a token: " + why.refusal.message);
    const bool waits = task_ != nullptr && task_->standing() == task::State::kRequested;
    if (waits && why.refusal.reason == Reason::kApprovalRequired) return pending(*task_);
    auto refusal = refusal_of(why.refusal);
    // Not the API is out of reach, but this way to it.
    if (issuer_.step() == IssuingStep::kDelegate && refusal.error == OauthError::kInvalidTarget)
      refusal.error = OauthError::kUnauthorizedClient;
    return std::unexpected(std::move(refusal));
  }

  Result<void> record_refusal(const Refusal& refusal) const {
    auto denial = issuer_.told();
    denial.subject = origin_subject_;
    denial.client = claimed_client_;
    const bool failed = refusal.error == OauthError::kServerError;
    denial.refusal = {failed ? decision::Effect::kIndeterminate : decision::Effect::kDeny,
                      refusal.reason ? reason_code(*refusal.reason) : error_name(refusal.error),
                      refusal.recorded(), refusal.party, refusal.policies};
    // The audit is for those who may know.
    const auto untold =
        refusal.description + ": it is there, but it is not for this client, which is not told";
    if (not_told_ && refusal.reason == Reason::kTaskMissing) denial.refusal->message = untold;
    if (!known_) denial.standing = audit::Standing::kStranger;
    return parts_.record(enforce::record_of(now_.earliest, denial));
  }

  const TokenEndpointOptions& options_;
  const TokenEndpointParts& parts_;
  const http::Request& request_;
  const enforce::Sent sent_{request_.method, request_.path, request_.encoded_path, request_.query,
                            request_.peer_ip};
  const Form form_;
  Times now_;
  std::optional<TokenRequest> asked_;  // views into form_
  std::optional<AuthenticatedClient> client_;
  const std::string request_id_ = crypto::random_id();
  std::shared_ptr<task::LiveTask> task_;
  std::optional<std::string> opened_;  // the task that was opened for this token
  bool not_told_ = false;              // there is a task of that id, and the client may not know
  bool known_ = false;                 // the client is who it says
  // For the record, as far as the request got.
  std::string claimed_client_, origin_subject_;
  std::optional<token::AccessClaims> claims_;
  std::shared_ptr<const enforce::InForce> in_force_;
  Issuer issuer_{parts_.minter, parts_.record, sent_, request_id_};
};

}  // namespace

std::expected<std::unique_ptr<TokenCall>, http::Response> TokenEndpoint::begin(
    const http::Request& request) const {
  auto form = TRY(read_form(request));
  return std::make_unique<Issuance>(options_, parts_, request, std::move(form));
}

http::Response TokenEndpoint::handle(const http::Request& request) const {
  const auto call = begin(request);
  if (!call) return call.error();
  auto refused = (*call)->authenticate();
  return refused ? *std::move(refused) : (*call)->issue();
}

}  // namespace writ::oauth
