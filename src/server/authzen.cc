#include "server/authzen.h"

#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "context/context.h"
#include "decision/shadow.h"
#include "gateway/refusal.h"
#include "server/own_api.h"
#include "server/problem.h"
#include "server/world.h"

namespace writ::server {
namespace {

using codec::Json;

constexpr std::size_t kMaxIdBytes = 2048;
constexpr std::size_t kMaxEchoedIdBytes = 128;
constexpr std::size_t kMaxParsedOnLoopBytes = 64 * 1024;

std::unexpected<Error> invalid(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

// AuthZEN 1.0 §5: unknown members are ignored; what is known must be what it should be.
Result<const Json*> object_in(const Json& json, std::string_view name) {
  const Json* value = json.find(name);
  if (value == nullptr) return invalid(fmt::format("`{}` is missing", name));
  if (!value->is_object())
    return invalid(fmt::format("`{}` must be an object, found a {}", name, value->kind()));
  return value;
}

Result<std::string_view> text_in(const Json& object, std::string_view of, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr) return invalid(fmt::format("`{}.{}` is missing", of, name));
  const auto* text = value->if_string();
  if (text == nullptr)
    return invalid(fmt::format("`{}.{}` must be a text, found a {}", of, name, value->kind()));
  if (text->empty() || text->size() > kMaxIdBytes)
    return invalid(fmt::format("`{}.{}` must have 1 to {} bytes", of, name, kMaxIdBytes));
  return std::string_view(*text);
}

// Nothing where they are absent.
Result<std::optional<cedar::Value>> record_in(cedar::Arena& arena, const Json& json, std::string_view where,
                                              std::string_view name) {
  const Json* value = json.find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object())
    return invalid(fmt::format("`{}` must be an object, found a {}", where, value->kind()));
  auto record = cedar::record_from_json(arena, *value);
  if (!record) return std::unexpected(std::move(record).error().in(where));
  return *record;
}

std::optional<inventory::Kind> kind_of(std::string_view type) {
  using inventory::Kind;
  for (const auto kind : {Kind::kUser, Kind::kApplication, Kind::kService, Kind::kAgent}) {
    if (cedar_type(kind) == type) return kind;
  }
  return std::nullopt;
}

// Policies know a suspended identity's attributes, but it is nobody's right to act while it lasts.
std::optional<decision::Refusal> standing_of(cedar::EntityRef principal, inventory::Status status) {
  if (status == inventory::Status::kActive) return std::nullopt;
  const auto kind = kind_of(principal.type()).value_or(inventory::Kind::kUser);
  return decision::Refusal{kind == inventory::Kind::kUser            ? Reason::kSubjectSuspended
                           : status == inventory::Status::kSuspended ? Reason::kCallerSuspended
                                                                     : Reason::kCallerRetired,
                           fmt::format("{} `{}` is {}", kind_name(kind), principal.id(), status_name(status)),
                           principal.to_string(),
                           {},
                           {}};
}

// AuthZEN 1.0 §10.1.3: the caller's own identifier comes back.
std::string echoed_id(const http::Request& request, const std::string& own) {
  const auto given = request.headers.find(gateway::kRequestIdHeader);
  return given && !given->empty() && given->size() <= kMaxEchoedIdBytes ? std::string(*given) : own;
}

struct Memory {
  cedar::Arena arena;
  std::optional<cedar::Overlay> overlay;
  decision::Workspace decision, shadows;
};

}  // namespace

// One question: read, asked, and answered.
struct Authzen::Evaluation {
  const AuthzenSettings& settings;
  const inventory::Snapshot& inventory;
  const decision::PolicySnapshot& policies;
  Memory& memory;
  inventory::Status status = inventory::Status::kActive;  // the subject's, where it is one of ours

  Result<cedar::Request> read(const Json& json) {
    if (!json.is_object()) return invalid("the body must be an object");
    const auto* subject_json = TRY(object_in(json, "subject"));
    const auto* action_json = TRY(object_in(json, "action"));
    const auto* resource_json = TRY(object_in(json, "resource"));
    const auto principal = TRY(entity(*subject_json, "subject"));
    const auto name = TRY(text_in(*action_json, "action", "name"));
    const auto resource = TRY(entity(*resource_json, "resource"));
    const auto action = memory.arena.entity(action_type_on(resource), name);
    if (kind_of(principal.type())) {
      const auto* member = inventory.find(principal.id());
      const bool listed = member != nullptr && member->uid() == principal;
      status = listed ? member->status() : inventory.ordered(principal.id());
    }

    begin_entities();
    TRY(lay(*subject_json, "subject.properties", principal));
    if (resource != principal) TRY(lay(*resource_json, "resource.properties", resource));
    return cedar::Request {
      principal, action, resource, TRY(context(json, *action_json))
    };
  }

  const decision::Decision& ask(const cedar::Request& request) {
    return decision::decide_plain(policies, request, *memory.overlay, memory.decision);
  }
  // Null: there are no shadow policies.
  const decision::Decision* ask_shadows(const cedar::Request& request) {
    if (!policies.with_shadows) return nullptr;
    return &decision::decide_plain(*policies.with_shadows, request, *memory.overlay, memory.shadows);
  }

 private:
  std::string_view cedar_type_of(std::string_view type) const {
    for (const auto& [theirs, ours] : settings.types) {
      if (theirs == type) return ours;
    }
    return type;
  }

  // Each API's resources have actions of its own, whichever of its names a type is called by.
  std::string_view action_type_on(cedar::EntityRef resource) const {
    for (const auto& [type, actions] : settings.action_types) {
      if (cedar_type_of(type) == resource.type()) return actions;
    }
    return settings.action_type;
  }

  Result<cedar::EntityRef> entity(const Json& json, std::string_view name) {
    const auto type = cedar_type_of(TRY(text_in(json, name, "type")));
    const auto id = TRY(text_in(json, name, "id"));
    if (!cedar::valid_entity_type(type))
      return invalid(
          fmt::format("`{}.type` `{}` is no Cedar type; `authzen.types` in the configuration can "
                      "name one for it",
                      name, type));
    return memory.arena.entity(type, id);
  }

  void begin_entities() {
    auto& overlay = memory.overlay;
    if (!overlay || &overlay->base() != policies.entities.get()) overlay.emplace(*policies.entities);
    overlay->clear();
  }

  Result<void> lay(const Json& json, std::string_view where, cedar::EntityRef uid) {
    const auto properties = TRY(record_in(memory.arena, json, where, "properties"));
    const auto* member = kind_of(uid.type()) ? inventory.find(uid.id()) : nullptr;
    if (member != nullptr && member->uid() == uid)
      return context::lay_identity(*memory.overlay, memory.arena, uid, member->attributes());
    if (properties) return context::lay_facts(*memory.overlay, memory.arena, uid, *properties);
    return {};
  }

  Result<cedar::Value> context(const Json& json, const Json& action) {
    const auto given = TRY(record_in(memory.arena, json, "context", "context"));
    const auto properties = TRY(record_in(memory.arena, action, "action.properties", "properties"));
    const auto& record = given ? given->as_record() : *cedar::empty_record();
    if (!properties) return cedar::Value::record(&record);
    if (record.find("action") != nullptr)
      return invalid("`context.action` is where policies find `action.properties`; give one of them");
    std::vector<cedar::TextField> fields(record.begin(), record.end());
    fields.push_back({memory.arena.text("action"), *properties});
    return cedar::make_record(memory.arena, std::span<const cedar::TextField>(fields));
  }
};

namespace {

std::string answer_body(const decision::Refusal* refusal) {
  if (refusal == nullptr) return R"({"decision":true})";
  auto context = Json::object({{"reason", reason_code(refusal->reason)}, {"message", refusal->message}});
  if (!refusal->path.empty()) context.set("path", refusal->path);
  if (!refusal->policies.empty()) {
    auto policies = Json::array();
    for (const auto& policy : refusal->policies) policies.push(policy);
    context.set("policies", std::move(policies));
  }
  return Json::object({{"decision", false}, {"context", std::move(context)}}).dump();
}

struct Told {
  const http::Request& http;
  const cedar::Request& asked;
  std::string_view caller;
  std::string_view request_id;
  const decision::PolicySnapshot& policies;
};

audit::Record record_of(Instant now, const Told& told, const decision::Decision* decision,
                        const decision::Refusal* refusal, const decision::Decision* shadowed) {
  const auto subject = told.asked.principal.to_string();
  const auto action = told.asked.action.to_string();
  const auto resource = told.asked.resource.to_string();
  audit::Decision facts{.point = "authzen",
                        .effect = effect_name(decision::Effect::kPermit),
                        .request_id = told.request_id,
                        .subject = subject,
                        .client = told.caller,
                        .api = kOwnApi,
                        .action = action,
                        .resource = resource,
                        .policy_revision = told.policies.revision,
                        .method = told.http.method,
                        .path = told.http.path,
                        .peer = told.http.peer_ip};
  if (refusal != nullptr) {
    gateway::add_refusal(facts, *refusal);
  } else {
    facts.policies = decision->policies();
  }
  decision::add_shadows(facts, &told.policies, shadowed);
  return audit::make_record(now, facts);
}

}  // namespace

void Authzen::evaluate(http::Exchange exchange, std::string_view caller, const std::string& id) {
  thread_local Memory memory;
  memory.arena.reset();
  const auto& http = exchange.request();
  auto json = read_json(http);
  if (!json) return exchange.respond(std::move(json).error());
  const auto inventory = parts_.inventory.snapshot();
  const auto policies = parts_.policies();
  Evaluation evaluation{settings_, *inventory, *policies, memory};
  const auto request = evaluation.read(*json);
  if (!request) return exchange.respond(problem(request.error()));

  auto refusal = standing_of(request->principal, evaluation.status);
  const decision::Decision *decision = nullptr, *shadowed = nullptr;
  if (!refusal) {
    decision = &evaluation.ask(*request);
    shadowed = evaluation.ask_shadows(*request);
    if (!decision->permitted()) refusal = decision->refusals().front();
  }
  (refusal ? denies_ : permits_).fetch_add(1, std::memory_order_relaxed);

  const Told told{http, *request, caller, id, *policies};
  auto record = record_of(parts_.clock.earliest(), told, decision, refusal ? &*refusal : nullptr, shadowed);
  auto response = http::json_response(200, answer_body(refusal ? &*refusal : nullptr));
  response.headers.set(gateway::kRequestIdHeader, echoed_id(http, id));
  parts_.record(std::move(record), [exchange = std::move(exchange), response = std::move(response),
                                    id](Result<void> recorded) mutable {
    exchange.respond(recorded ? std::move(response) : gateway::audit_unavailable(id));
  });
}

// What is long, or a stranger's, is not parsed on a loop.
void Authzen::evaluate_apart(http::Exchange exchange, std::string caller, std::string request_id) {
  http::hand_over(workers_, std::move(exchange),
                  [this, caller = std::move(caller), id = std::move(request_id)](http::Exchange held) {
                    evaluate(std::move(held), caller, id);
                  });
}

gateway::Asked Authzen::asked(const http::Request& request) const {
  return {.point = "authzen",
          .request = request,
          .api = kOwnApi,
          .action = {"Writ::Action", "evaluate"},
          .resource = {"Writ::Api", kOwnApi},
          // The evaluation's record names the caller.
          .record_permit = false,
          .public_origin = parts_.origin};
}

// Takes the whole request: its caller first, and the body only of one who may ask. So the token is looked at
// once, whether or not the body came with the head.
void Authzen::gate(http::Exchange exchange, http::Endpoints::Pass) {
  const auto question = asked(exchange.request());
  parts_.enforcer.enforce(question, [this, exchange = std::move(exchange)](gateway::Outcome outcome) mutable {
    if (!outcome) return exchange.respond(std::move(outcome).error().response);
    http::Exchange::read_whole_body(
        std::move(exchange), 0,
        [this, permit = *std::move(outcome)](http::Exchange whole) {
          const auto& caller = permit.token()->client_id;
          if (whole.request().body.size() > kMaxParsedOnLoopBytes)
            return evaluate_apart(std::move(whole), caller, permit.request_id());
          evaluate(std::move(whole), caller, permit.request_id());
        },
        http::BodyOf::kKnown);
  });
}

// Of whoever reaches the listener, where that is configured.
void Authzen::begin(http::Exchange exchange) {
  evaluate_apart(std::move(exchange), {}, gateway::new_request_id());
}

Result<void> Authzen::add_to(http::Endpoints& endpoints) {
  constexpr std::string_view kPath = "/access/v1/evaluation";
  if (settings_.access == AuthzenAccess::kToken) {
    endpoints.guard(std::string(kPath), [this](http::Exchange exchange, http::Endpoints::Pass pass) {
      gate(std::move(exchange), std::move(pass));
    });
  }
  return endpoints.add_async("POST", kPath, [this](http::Exchange exchange, const http::PathValues&) {
    begin(std::move(exchange));
  });
}

}  // namespace writ::server
