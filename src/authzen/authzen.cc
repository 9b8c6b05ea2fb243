#include "authzen/authzen.h"

#include <algorithm>
#include <fmt/format.h>

#include "api/own_api.h"
#include "api/problem.h"
#include "authzen/echoed_ids.h"
#include "authzen/held.h"
#include "authzen/types.h"
#include "cedar/entity_json.h"
#include "config/world.h"
#include "enforce/plain.h"
#include "enforce/record.h"
#include "facts/pushed.h"
#include "gateway/http_question.h"
#include "gateway/refusal.h"

namespace writ::authzen {
namespace {

using codec::Json;
using codec::JsonNode;

constexpr std::size_t kMaxIdBytes = 2048;
constexpr std::string_view kActionInContext = "action";
constexpr std::size_t kMaxParsedOnLoopBytes = 64 * 1024;
// Cedar can hold neither these nor fractions (authzen/held.h).
constexpr auto kLargeIntegers = codec::JsonReader::LargeIntegers::kSomeDouble;

// AuthZEN 1.0 §5: unknown members are ignored; what is known must be what it should be.
Result<const JsonNode*> object_in(const JsonNode& json, std::string_view name) {
  const JsonNode* value = json.find(name);
  if (value == nullptr) return invalid(fmt::format("`{}` is missing", name));
  if (!value->is_object())
    return invalid(fmt::format("`{}` must be an object, found a {}", name, value->kind()));
  return value;
}

Result<std::string_view> text_in(const JsonNode& object, std::string_view of, std::string_view name) {
  const JsonNode* value = object.find(name);
  if (value == nullptr) return invalid(fmt::format("`{}.{}` is missing", of, name));
  const auto text = value->if_string();
  if (!text) return invalid(fmt::format("`{}.{}` must be a text, found a {}", of, name, value->kind()));
  if (text->empty() || text->size() > kMaxIdBytes)
    return invalid(fmt::format("`{}.{}` must have 1 to {} bytes", of, name, kMaxIdBytes));
  return *text;
}

// Nothing where they are absent.
Result<std::optional<cedar::Value>> record_in(cedar::Arena& arena, const JsonNode& json,
                                              std::string_view where, std::string_view name, Held& held,
                                              Held::As as = Held::As::kAttributes) {
  const JsonNode* value = json.find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object())
    return invalid(fmt::format("`{}` must be an object, found a {}", where, value->kind()));
  auto tree = value->tree();
  held.leave_out(tree, where, as);
  auto record = cedar::record_from_json(arena, tree);
  if (!record) return std::unexpected(std::move(record).error().in(where));
  return *record;
}

// The caller's own identifier comes back (authzen/echoed_ids.h), and Writ's where it gave none.
void respond(http::Exchange exchange, http::Response response) {
  if (!given_id(exchange.request()).empty()) response.headers.remove(gateway::kRequestIdHeader);
  exchange.respond(std::move(response));
}

}  // namespace

// One question, as it is read. What a source tells of the resource is told by nobody else.
struct Authzen::Evaluation {
  const config::AuthzenSettings& settings;
  const std::shared_ptr<const sources::Sources>& sources;
  enforce::PlainQuestion& question;
  const sources::ToldFacts* told = nullptr;  // null: it did not tell yet
  sources::SourcePtr source = nullptr;       // found by read(); null: nobody is asked
  std::optional<std::string> tenant = {};    // of the subject
  Held held;

  Result<cedar::Request> read(const JsonNode& json) {
    if (!json.is_object()) return invalid("the body must be an object");
    const auto* subject_json = TRY(object_in(json, "subject"));
    const auto* action_json = TRY(object_in(json, "action"));
    const auto* resource_json = TRY(object_in(json, "resource"));
    const auto principal = TRY(entity(*subject_json, "subject"));
    const auto name = TRY(text_in(*action_json, "action", "name"));
    const auto resource = TRY(entity(*resource_json, "resource"));
    auto& arena = question.arena();
    const auto action = arena.entity(action_type_on(resource), name);
    source = sources::source_of(sources, resource.type());
    auto properties = TRY(record_in(arena, *subject_json, "subject.properties", "properties", held));
    if (source != nullptr) tenant = tenant_of(principal, properties);
    if (resource != principal) {
      TRY(question.lay(principal, properties));
      properties = TRY(record_in(arena, *resource_json, "resource.properties", "properties", held));
    }
    TRY(question.lay(resource, source != nullptr ? joined(properties) : properties));
    return cedar::Request{principal, action, resource, TRY(context(json, *action_json))};
  }

 private:
  // Null: it is Cedar's own name, or nobody's.
  const std::string* configured_type(std::string_view type) const {
    for (const auto& [theirs, ours] : settings.types) {
      if (theirs == type) return &ours;
    }
    return nullptr;
  }

  std::string_view cedar_type_of(std::string_view type) const {
    const auto* configured = configured_type(type);
    return configured != nullptr ? *configured : type;
  }

  // Each API's resources have actions of its own, whichever of its names a type is called by.
  std::string_view action_type_on(cedar::EntityRef resource) const {
    for (const auto& [type, actions] : settings.action_types) {
      if (cedar_type_of(type) == resource.type()) return actions;
    }
    return settings.action_type;
  }

  Result<cedar::EntityRef> entity(const JsonNode& json, std::string_view name) {
    const auto said = TRY(text_in(json, name, "type"));
    const auto* const configured = configured_type(said);
    const std::string_view type = configured != nullptr ? *configured : said;
    const auto id = TRY(text_in(json, name, "id"));
    // `authzen.types` may name one of these; a caller's word for it could be another name's.
    if (type == said && is_foreign(type))
      return invalid(
          fmt::format("`{}.type`: the types in `{}` stand for names that are not Cedar's; send the name",
                      name, kForeign));
    // What is configured was checked when it was read.
    if (configured != nullptr || cedar::valid_entity_type(type)) return question.arena().entity(type, id);
    // A URN, a URL, a name with dots or dashes; what has spaces is most likely a mistake.
    if (std::ranges::any_of(type, [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
      return invalid(
          fmt::format("`{}.type` `{}` is not a type: it has spaces or control characters", name, type));
    return question.arena().entity(foreign_type(type), id);
  }

  // As the inventory has it; of others, as the caller says.
  std::optional<std::string> tenant_of(cedar::EntityRef principal,
                                       const std::optional<cedar::Value>& properties) const {
    if (const auto own = question.tenant_of(principal)) return std::string(*own);
    const auto* said = properties ? properties->as_record().find("tenant") : nullptr;
    if (said == nullptr || !said->is(cedar::Kind::kString)) return std::nullopt;
    return std::string(said->as_string());
  }

  // Properties of the resource, without those that the source tells, and with what it told.
  cedar::Value joined(const std::optional<cedar::Value>& properties) {
    std::vector<cedar::TextField> fields;
    if (properties) {
      const auto& names = source->settings().reading.attributes;
      for (const auto& field : properties->as_record())
        if (std::ranges::find(names, field.name->view()) == names.end()) fields.push_back(field);
    }
    if (told != nullptr) fields.insert(fields.end(), told->attributes->begin(), told->attributes->end());
    return cedar::make_record(question.arena(), std::span<const cedar::TextField>(fields));
  }

  Result<cedar::Value> context(const JsonNode& json, const JsonNode& action) {
    const auto given = TRY(record_in(question.arena(), json, "context", "context", held, Held::As::kContext));
    const auto properties = TRY(record_in(question.arena(), action, "action.properties", "properties", held,
                                          Held::As::kActionInContext));
    const auto& record = given ? given->as_record() : *cedar::empty_record();
    if (!properties) return cedar::Value::record(&record);
    // Where the caller's context has an `action` too, what it says of the action itself counts.
    std::vector<cedar::TextField> fields;
    for (const auto& field : record)
      if (field.name->view() != kActionInContext) fields.push_back(field);
    fields.push_back({question.arena().text(kActionInContext), *properties});
    return cedar::make_record(question.arena(), std::span<const cedar::TextField>(fields));
  }
};

namespace {

Json list_of(const std::vector<std::string>& texts) {
  auto list = Json::array();
  for (const auto& text : texts) list.push(text);
  return list;
}

std::string answer_body(const decision::Refusal* refusal, const std::vector<std::string>& left_out) {
  if (refusal == nullptr) {
    if (left_out.empty()) return R"({"decision":true})";
    auto context = Json::object({{"left_out", list_of(left_out)}});
    return Json::object({{"decision", true}, {"context", std::move(context)}}).dump();
  }
  auto context = Json::object({{"reason", reason_code(refusal->reason)}, {"message", refusal->message}});
  if (!refusal->path.empty()) context.set("path", refusal->path);
  if (!refusal->policies.empty()) context.set("policies", list_of(refusal->policies));
  if (!left_out.empty()) context.set("left_out", list_of(left_out));
  return Json::object({{"decision", false}, {"context", std::move(context)}}).dump();
}

}  // namespace

namespace {

decision::Refusal refuse(Reason reason, std::string message) {
  return {reason, std::move(message), {}, {}, {}};
}

// What was told, and by whom, for the record, as JSON.
struct Noted {
  std::string attributes, sources;
};

Noted noted(const sources::ToldFacts& told, const sources::AskedSource& source) {
  if (told.attributes->size == 0) return {};
  auto by = Json::object();
  for (std::size_t i = 0; i < source.paths().size(); ++i)
    if (told.has[i]) by.set(source.paths()[i], source.label());
  return {cedar::value_to_json(cedar::Value::record(told.attributes)).dump(), by.dump()};
}

}  // namespace

// A question that waits for a source. It is read again from its request, which the exchange keeps.
struct Authzen::Posed {
  std::string caller;
  enforce::RequestId id;
  sources::SourcePtr source;
  bool from_cache = false;
};

void Authzen::answer(http::Exchange exchange, enforce::RequestId id, enforce::Told told,
                     const decision::Refusal* refusal, const decision::Refusal* shown,
                     const std::vector<std::string>& left_out) {
  (refusal != nullptr ? denies_ : permits_).fetch_add(1, std::memory_order_relaxed);
  const auto& http = exchange.request();
  told.point = "authzen";
  told.request_id = id;
  told.sent = gateway::sent_in(http);
  told.api = control::kOwnApi;
  if (refusal != nullptr) told.refusal = enforce::said(*refusal);
  // Nobody has authenticated where access is open, and refusals cost whoever asks nothing.
  if (refusal != nullptr && told.client.empty()) told.standing = audit::Standing::kStranger;
  parts_.record(enforce::record_of(parts_.clock.earliest(), told),
                [exchange = std::move(exchange), body = answer_body(shown, left_out),
                 id](const Result<void>& recorded) mutable {
                  if (!recorded) return respond(std::move(exchange), gateway::audit_unavailable(id));
                  auto response = http::json_response(200, std::move(body));
                  response.headers.add(gateway::kRequestIdHeader, id);
                  respond(std::move(exchange), std::move(response));
                });
}

void Authzen::evaluate(http::Exchange exchange, std::string_view caller, enforce::RequestId id,
                       std::shared_ptr<const enforce::InForce> in_force) {
  thread_local enforce::PlainMemory memory;
  thread_local codec::JsonReader reader;
  auto json = api::read_json(exchange.request(), reader, kLargeIntegers);
  if (!json) return exchange.respond(std::move(json).error());
  enforce::PlainQuestion question(*in_force->inventory, *in_force->policies, memory, in_force->pushed.get());
  Evaluation evaluation{.settings = settings_,
                        .sources = in_force->sources,
                        .question = question,
                        .held = Held(in_force->policies->policies)};
  const auto request = evaluation.read(**json);
  if (!request) return exchange.respond(api::problem(request.error()));

  const auto now = parts_.clock.now();
  const auto& source = evaluation.source;
  const auto ruling = source == nullptr
                          ? question.rule(*request, now)
                          : question.rule_awaiting(*request, now, source->settings().reading.attributes);
  const auto* refusal = ruling.refusal ? &*ruling.refusal : nullptr;
  if (source != nullptr && refusal == nullptr)
    return ask(std::move(exchange), {std::string(caller), id, std::move(evaluation.source)},
               {std::move(evaluation.tenant), std::string(request->resource.id())}, *in_force);
  auto& names = memory.names;
  answer(std::move(exchange), id,
         {.action = enforce::written(names.action, request->action),
          .resource = enforce::written(names.resource, request->resource),
          .subject = enforce::written(names.subject, request->principal),
          .client = caller,
          .policies = in_force->policies.get(),
          .decision = ruling.decision,
          .shadowed = ruling.shadowed},
         refusal, refusal, evaluation.held.left_out());
}

void Authzen::ask(http::Exchange exchange, Posed posed, const sources::SourceQuery& query,
                  const enforce::InForce& in_force) {
  if (auto told = posed.source->cached(query, in_force.policies->schema.get())) {
    posed.from_cache = true;
    return evaluate_on(std::move(exchange), std::move(posed), in_force, std::move(told));
  }
  ask_source(std::move(exchange), std::move(posed), query, in_force);
}

void Authzen::ask_source(http::Exchange exchange, Posed posed, const sources::SourceQuery& query,
                         const enforce::InForce& in_force) {
  auto& source = *posed.source;
  const auto party = std::hash<std::string_view>()(posed.caller);
  source.ask(query, in_force.policies->schema, party,
             [this, exchange = std::move(exchange),
              posed = std::move(posed)](const sources::AskedSource::Answer& said) mutable noexcept {
               // Others wait for the same answer. What breaks is this question alone: its exchange answers
               // 500 as it goes.
               try {
                 const auto now_in_force = parts_.current.get();
                 evaluate_on(std::move(exchange), std::move(posed), *now_in_force, said);
               } catch (const std::exception&) {
               }
             });
}

// Everything anew, with what the source told. What was stopped or changed meanwhile counts.
void Authzen::evaluate_on(http::Exchange exchange, Posed posed, const enforce::InForce& in_force,
                          const sources::AskedSource::Answer& said) {
  thread_local enforce::PlainMemory memory;
  thread_local codec::JsonReader reader;
  auto json = api::read_json(exchange.request(), reader, kLargeIntegers);
  if (!json) return exchange.respond(std::move(json).error());
  enforce::PlainQuestion question(*in_force.inventory, *in_force.policies, memory, in_force.pushed.get());
  const sources::ToldFacts* told = said ? said->get() : nullptr;
  Evaluation evaluation{.settings = settings_,
                        .sources = in_force.sources,
                        .question = question,
                        .told = told,
                        .held = Held(in_force.policies->policies)};
  const auto request = evaluation.read(**json);
  if (!request) return exchange.respond(api::problem(request.error()));
  enforce::PlainRuling ruling;
  // What is not so of the resource is the operator's to know.
  auto shown = refuse(Reason::kPolicyNoPermit, "no policy permits this request");
  if (evaluation.source != posed.source || (told != nullptr && told->schema != in_force.policies->schema)) {
    // Nobody vouches any more for what was said.
    shown = refuse(
        Reason::kIndeterminate,
        "the schema, or who is asked for facts, changed while this question waited for them; send it again");
    ruling.refusal = shown;
  } else if (told == nullptr) {
    ruling.refusal =
        refuse(Reason::kFactsUnavailable, fmt::format("{}: {}", posed.source->label(), said.error().why));
    // That it is down says nothing of the resource.
    if (said.error().down)
      shown = refuse(Reason::kFactsUnavailable,
                     fmt::format("facts about `{}` cannot be had at the moment: {} does not tell them",
                                 request->resource.type(), posed.source->label()));
  } else {
    ruling = question.rule(*request, parts_.clock.now());
    // As enforce/walk_source.cc: a refusal does not come sooner because of the cache.
    if (ruling.refusal && std::exchange(posed.from_cache, false) && !posed.source->may_refuse(*told))
      return ask_source(std::move(exchange), std::move(posed),
                        {std::move(evaluation.tenant), std::string(request->resource.id())}, in_force);
  }
  const auto* refusal = ruling.refusal ? &*ruling.refusal : nullptr;
  const auto [attributes, sources] = told != nullptr ? noted(*told, *posed.source) : Noted{};
  auto& names = memory.names;
  answer(std::move(exchange), posed.id,
         {.action = enforce::written(names.action, request->action),
          .resource = enforce::written(names.resource, request->resource),
          .subject = enforce::written(names.subject, request->principal),
          .client = posed.caller,
          .policies = in_force.policies.get(),
          .decision = ruling.decision,
          .shadowed = ruling.shadowed,
          .attributes = attributes,
          .sources = sources},
         refusal, refusal != nullptr ? &shown : nullptr, evaluation.held.left_out());
}

// What is long, or a stranger's, is not parsed on a loop.
void Authzen::evaluate_apart(http::Exchange exchange, std::string caller, enforce::RequestId request_id) {
  http::hand_over(workers_, std::move(exchange),
                  [this, caller = std::move(caller), id = request_id](http::Exchange held) {
                    evaluate(std::move(held), caller, id, parts_.current.get());
                  });
}

// Takes the whole request: its caller first, and the body only of one who may ask. So the token is looked at
// once, whether or not the body came with the head.
void Authzen::gate(http::Exchange exchange, http::Endpoints::Pass) {
  const enforce::Question question{.point = "authzen",
                                   .sent = gateway::sent_in(exchange.request()),
                                   .credentials = gateway::credentials_in(exchange.request()),
                                   .api = control::kOwnApi,
                                   .action = {"Writ::Action", "evaluate"},
                                   .resource = {"Writ::Api", control::kOwnApi},
                                   .public_origin = parts_.origin,
                                   // The evaluation's record names the caller.
                                   .record_permit = false};
  parts_.enforcer.enforce(question, [this, exchange = std::move(exchange)](enforce::Outcome outcome) mutable {
    if (!outcome) return respond(std::move(exchange), gateway::response_of(outcome.error()));
    http::Exchange::read_whole_body(
        std::move(exchange), 0,
        [this, permit = *std::move(outcome)](http::Exchange whole) {
          const auto& caller = permit.token()->client_id;
          if (whole.request().body.size() > kMaxParsedOnLoopBytes)
            return evaluate_apart(std::move(whole), caller, permit.request_id());
          // On its loop, which takes no lock for it.
          evaluate(std::move(whole), caller, permit.request_id(), parts_.current.read());
        },
        http::BodyOf::kKnown);
  });
}

// Of whoever reaches the listener, where that is configured.
void Authzen::begin(http::Exchange exchange) {
  evaluate_apart(std::move(exchange), {}, enforce::RequestId::next());
}

Result<void> Authzen::add_to(http::Endpoints& endpoints) {
  constexpr std::string_view kPath = "/access/v1/evaluation";
  if (settings_.access == config::AuthzenAccess::kToken) {
    endpoints.guard(std::string(kPath), [this](http::Exchange exchange, http::Endpoints::Pass pass) {
      gate(std::move(exchange), std::move(pass));
    });
  }
  return endpoints.add_async("POST", kPath, [this](http::Exchange exchange, const http::PathValues&) {
    begin(std::move(exchange));
  });
}

}  // namespace writ::authzen
