#include "oauth/token_endpoint.h"

#include <algorithm>

#include "codec/json.h"
#include "context/context.h"
#include "crypto/random.h"
#include "decision/facts.h"
#include "decision/shadow.h"
#include "oauth/form_request.h"
#include "oauth/grants.h"
#include "oauth/origin.h"
#include "oauth/token_request.h"
#include "token/presented.h"
#include "token/proof.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kActionType = "Writ::Action";
constexpr std::string_view kIssue = "issue";
constexpr std::string_view kDelegate = "delegate";

std::unexpected<Refusal> broken(std::string description) {
  return refuse(OauthError::kServerError, std::move(description), Reason::kIndeterminate);
}

std::unexpected<Refusal> refuse(const decision::Decision& decision) {
  // Without a permit and without a reason something is broken.
  if (decision.refusals().empty()) return broken("the decision gave no answer");
  const auto& first = decision.refusals().front();
  return std::unexpected(
      Refusal{error_of(first.reason), first.message, first.reason, first.party, first.policies});
}

// RFC 9396 §9.1: only where the API's contract names them, because they can be long.
bool wants_details(const inventory::Api& api) {
  return api.claims && std::ranges::find(*api.claims, "authorization_details") != api.claims->end();
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

  std::optional<http::Response> authenticate() override {
    if (auto client = authenticated(); !client) return refused_with(client.error());
    return std::nullopt;
  }

  http::Response issue() override {
    auto issued = issue_to(*client_);
    if (issued) return *std::move(issued);
    // A task that was opened for a token which there is not is nobody's.
    if (opened_ && issued.error().error != OauthError::kAuthorizationPending)
      parts_.desk->abandon(*opened_, claimed_client_, request_id_);
    return refused_with(issued.error());
  }

 private:
  // What a token is made from: who asks, and what was presented.
  struct Asker {
    const TokenRequest& request;
    const AuthenticatedClient& client;
    const std::optional<std::string>& proof_key;
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
    const auto* api = TRY(find_api(client, request.audience));
    aim_at(*api);
    const auto proof_key = TRY(verify_proof(client));
    const ExchangeFacts facts{client, parts_.verifier, parts_.trusted_issuers, proof_key, now_};
    const Origin origin = request.exchange ? TRY(origin_of_exchange(*request.exchange, facts)) : origin_of_client(client);
    origin_subject_ = origin.subject;
    const Asker asker{request, client, proof_key, origin};
    std::optional<std::string> task;
    if (request.task) task.emplace(*request.task);
    if (request.details) {
      task = request.details->identifier;
      if (!task) task = TRY(open_task(asker));
      aim_at(*api);
    }
    const auto token = TRY(issue_for(asker, *api, task));
    const bool granted = request.details && task_ != nullptr;
    return token_response(token, *claims_, request,
                          granted ? granted_details(task_->task(), now_.latest) : codec::Json());
  }

  // Which API the decisions and records from here on are about.
  void aim_at(const inventory::Api& api) {
    api_ = api.id;
    ask_about(kIssue, {"Writ::Api", api.id});
  }

  void ask_about(std::string_view action, const cedar::EntityUid& resource) {
    action_ = action;
    asked_resource_ = resource;
    resource_.clear();
    cedar::append_entity(resource_, resource.type, resource.id);
  }

  // As if the client had got a token for Writ's own API and sent the task there: both are decided and
  // recorded as they would be then. That token goes nowhere.
  Outcome<std::string> open_task(const Asker& asker) {
    if (parts_.desk == nullptr)
      return oauth::refuse(OauthError::kInvalidAuthorizationDetails, "no tasks are opened here");
    const auto* own = asker.client.inventory().find_audience(parts_.desk->audience());
    if (own == nullptr) return broken("Writ's own API is not in the inventory");
    aim_at(*own);
    const auto token = TRY(issue_for(asker, *own, std::nullopt));
    const auto caller = parts_.verifier.verify_parameter(token, now_);
    if (!caller) return broken(caller.error().message);
    opened_ = TRY(parts_.desk->open(request_, *caller, asker.request.details->request));
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

  static Outcome<const inventory::Api*> find_api(const AuthenticatedClient& client,
                                                 std::string_view audience) {
    if (const auto* api = client.inventory().find_audience(audience)) return api;
    return oauth::refuse(OauthError::kInvalidTarget, "there is no API `" + std::string(audience) + "`",
                         Reason::kAudienceMismatch);
  }

  // RFC 9449 §5: a proof that comes along must be right, and binds the token.
  Outcome<std::optional<std::string>> verify_proof(const AuthenticatedClient& client) const {
    const auto count = request_.headers.count("DPoP");
    if (count == 0) return std::nullopt;
    const auto proof = *request_.headers.find("DPoP");
    if (count > 1 || proof.size() > token::kMaxProofBytes)
      return oauth::refuse(OauthError::kInvalidDpopProof, "the DPoP header is there twice, or too long",
                           Reason::kSenderBindingMismatch);
    const token::ProofTarget target{"POST", options_.token_endpoint};
    auto key = token::verify_proof(proof, target, std::nullopt, client.id(), parts_.replays, now_);
    if (key) return *std::move(key);
    if (key.error().reason == Reason::kIndeterminate) return broken(std::move(key.error().message));
    return oauth::refuse(OauthError::kInvalidDpopProof, std::move(key).error());
  }

  // claims → decision → audit record → token, in the task that is asked for.
  Outcome<std::string> issue_for(const Asker& asker, const inventory::Api& api,
                                 std::optional<std::string_view> asked_task) {
    policies_ = nullptr;
    shadowed_ = {};
    auto task_id = TRY(task_of(asker.origin, asked_task, parts_.tasks));
    task_ = task_id ? parts_.tasks.find(*task_id) : nullptr;
    const Issue issue{.issuer = options_.issuer,
                      .audience = api.audience,
                      .client = asker.client,
                      .purpose = asker.request.purpose,
                      .proof_key = asker.proof_key,
                      .lifetime = options_.token_lifetime,
                      .now = now_};
    claims_ = TRY(claims_from(asker.origin, issue, std::move(task_id), task_.get()));
    if (task_ != nullptr && wants_details(api))
      claims_->authorization_details = granted_details(task_->task(), now_.latest);
    const auto policies = TRY(decide(asker.client, api));
    if (asker.origin.handed_on) TRY(decide_delegation(asker.client, api));
    const auto contract = api.claims ? token::ClaimsContract::of(*api.claims) : token::ClaimsContract();
    if (!contract) return broken(contract.error().message);
    auto token = parts_.minter.mint(*claims_, *contract);
    if (!token && token.error().code == ErrorCode::kLimit)
      return oauth::refuse(OauthError::kInvalidRequest,
                           "what the API wants to know does not fit: " + token.error().message);
    if (!token) return broken(token.error().message);
    // Written before the token leaves.
    TRY(record_permit(policies));
    return *std::move(token);
  }

  // Inventory and policy have to agree that work may go to this agent; the inventory's word is a guard.
  Outcome<void> decide_delegation(const AuthenticatedClient& client, const inventory::Api& api) {
    ask_about(kDelegate, {"Writ::Agent", client.id()});
    auto policies = decide(client, api);
    if (!policies) {
      // Not the API is out of reach, but this way to it.
      auto refusal = std::move(policies).error();
      if (refusal.error == OauthError::kInvalidTarget) refusal.error = OauthError::kUnauthorizedClient;
      return std::unexpected(std::move(refusal));
    }
    TRY(record_permit(*policies));
    aim_at(api);
    return {};
  }

  // What is asked about, of every party. The policies that permit it.
  Outcome<std::vector<std::string>> decide(const AuthenticatedClient& client, const inventory::Api& api) {
    if (policies_ == nullptr) policies_ = parts_.policies();
    context::Workspace context_memory;
    decision::Workspace decision_memory;
    auto& arena = context_memory.arena();
    const context::Inputs inputs{
        .request = {now_, request_.method, request_.path, request_.peer_ip},
        .api = api,
        .action = arena.entity(kActionType, action_),
        .resource = arena.entity(asked_resource_.type, asked_resource_.id),
        .inventory = client.inventory(),
        .task = task_.get(),
        .entities = *policies_->entities,
        .calendars = *policies_->calendars,
    };
    const auto context = context::Context::of_issue(*claims_, inputs, context_memory);
    if (!context) return broken(context.error().message);
    const auto& decision = decision::decide(*policies_, *context, decision_memory);
    shadowed() = decision::decide_with_shadows(*policies_, *context, shadow_memory_[action_ == kDelegate]);
    if (!decision.permitted()) return refused(decision);
    return std::vector<std::string>(decision.policies().begin(), decision.policies().end());
  }

  std::unexpected<Refusal> refused(const decision::Decision& decision) const {
    const bool waits = task_ != nullptr && task_->standing() == task::State::kRequested;
    if (waits && !decision.refusals().empty() &&
        decision.refusals().front().reason == Reason::kApprovalRequired)
      return pending(*task_);
    return refuse(decision);
  }

  const decision::Decision*& shadowed() { return shadowed_[action_ == kDelegate]; }
  const decision::Decision* shadowed() const { return shadowed_[action_ == kDelegate]; }

  audit::Decision facts() const {
    audit::Decision record{
        .point = "oauth",
        .request_id = request_id_,
        .subject = origin_subject_,
        .client = claimed_client_,
        .api = api_,
        .action = action_ == kDelegate ? "Writ::Action::\"delegate\"" : "Writ::Action::\"issue\"",
        .resource = resource_,
        .policy_revision = policies_ ? std::string_view(policies_->revision) : "",
        .method = request_.method,
        .path = request_.path,
        .peer = request_.peer_ip};
    if (!claims_) return record;
    for (const auto& actor : claims_->actors) record.actors.push_back(actor.subject);
    if (claims_->task) record.task = *claims_->task;
    decision::add_claims(record, *claims_);
    return record;
  }

  Outcome<void> record_permit(const std::vector<std::string>& policies) const {
    auto record = facts();
    record.effect = effect_name(decision::Effect::kPermit);
    record.token_id = claims_->jti;
    record.policies.assign(policies.begin(), policies.end());
    decision::add_shadows(record, policies_.get(), shadowed());
    // Whoever stops somebody may need a token for it first.
    if (parts_.desk != nullptr && claims_->audience == parts_.desk->audience())
      record.standing = audit::Standing::kOperator;
    if (parts_.record(make_record(now_.earliest, record))) return {};
    return broken("the audit record could not be written");
  }

  Result<void> record_refusal(const Refusal& refusal) const {
    auto record = facts();
    const bool failed = refusal.error == OauthError::kServerError;
    record.effect = effect_name(failed ? decision::Effect::kIndeterminate : decision::Effect::kDeny);
    record.reason = refusal.reason ? reason_code(*refusal.reason) : error_name(refusal.error);
    record.message = refusal.description;
    record.party = refusal.party;
    record.policies.assign(refusal.policies.begin(), refusal.policies.end());
    decision::add_shadows(record, policies_.get(), shadowed());
    if (!known_) record.standing = audit::Standing::kStranger;
    return parts_.record(make_record(now_.earliest, record));
  }

  const TokenEndpointOptions& options_;
  const TokenEndpointParts& parts_;
  const http::Request& request_;
  const Form form_;
  Times now_;
  std::optional<TokenRequest> asked_;  // views into form_
  std::optional<AuthenticatedClient> client_;
  const std::string request_id_ = crypto::random_id();
  std::shared_ptr<task::LiveTask> task_;
  std::optional<std::string> opened_;  // the task that was opened for this token
  bool known_ = false;                 // the client is who it says
  // For the record, as far as the request got.
  std::string claimed_client_, origin_subject_, api_, resource_;
  std::string_view action_ = kIssue;
  cedar::EntityUid asked_resource_;
  std::optional<token::AccessClaims> claims_;
  std::shared_ptr<const decision::PolicySnapshot> policies_;
  // Of issuing and of delegating, each until it is recorded; under the same policies.
  std::array<decision::Workspace, 2> shadow_memory_;
  std::array<const decision::Decision*, 2> shadowed_{};
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
