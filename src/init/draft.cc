#include "init/draft.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "cedar/parse.h"
#include "codec/ascii.h"
#include "gateway/forwarded_headers.h"
#include "gateway/query_names.h"
#include "gateway/routes.h"
#include "http/client.h"
#include "http/path_trie.h"
#include "init/actions.h"
#include "init/names.h"
#include "init/overlaps.h"
#include "init/types.h"
#include "inventory/identity.h"

namespace writ::init {
namespace {

constexpr std::string_view kUpstream = "http://127.0.0.1:8000";

Deed deed_of(std::string_view method) noexcept {
  if (method == "GET" || method == "HEAD" || method == "OPTIONS") return Deed::kRead;
  return method == "DELETE" ? Deed::kDelete : Deed::kWrite;
}

// "/shops/{shop}" → "/shops", "/v{version}" → "".
std::string before_parameters(const std::string& path) {
  const auto open = path.find('{');
  return open == path.npos ? path : path.substr(0, path.rfind('/', open));
}

// An operation that can be a route.
struct Routable {
  const Operation* operation;
  SegmentedPath path;
};

class Drafter {
 public:
  Drafter(Reading reading, Settings settings) : reading_(std::move(reading)) {
    draft_.settings = std::move(settings);
    draft_.title = reading_.title;
    draft_.notes = std::move(reading_.notes);
    draft_.operations = reading_.operations.size();
  }

  Result<Draft> make() {
    TRY(settle());
    find_routable();
    if (routable_.empty()) return failure(ErrorCode::kInvalid, nothing());
    name_them();
    TRY(check_owner());
    if (auto told = draft_.of_numbers(); !told.empty()) draft_.notes.push_back({"owners", std::move(told)});
    collect_headers();
    collect_likely_owners();
    return std::move(draft_);
  }

 private:
  void note(const Operation& operation, std::string text, bool not_routed = false) {
    draft_.notes.push_back({shown(operation.name()), std::move(text), not_routed});
  }

  Result<void> check_owner() const {
    const auto& owner = draft_.settings.owner;
    if (owner.empty() ||
        std::ranges::any_of(draft_.routes, [](const auto& route) { return route.on_answer.has_value(); }))
      return {};
    return failure(
        ErrorCode::kInvalid,
        fmt::format("nothing would be decided by the owner `{}`: in the document no GET of one "
                    "resource, as `/orders/{{id}}`, answers 200 with JSON that has a text or an integer "
                    "of that name, or an object of that name with such an `id`",
                    shown(owner)));
  }

  std::string nothing() const {
    for (const Note& note : draft_.notes)
      if (note.not_routed)
        return fmt::format("the document has no operation that can be routed; {}: {}", note.place, note.text);
    for (const Note& note : draft_.notes)
      if (note.place == "webhooks") return "the document has no operations; " + note.text;
    return "the document has no operations, so there is nothing to guard";
  }

  Result<void> settle() {
    Settings& settings = draft_.settings;
    if (!settings.name.empty() && slug(settings.name) != settings.name)
      return failure(ErrorCode::kInvalid,
                     fmt::format("`{}` cannot be the API's name; expected small letters, digits and `-`",
                                 settings.name));
    draft_.api = settings.name.empty() ? slug(reading_.title) : settings.name;
    if (settings.name.empty() && draft_.api.size() > 4 && draft_.api.ends_with("-api"))
      draft_.api.resize(draft_.api.size() - 4);
    if (draft_.api.empty()) draft_.api = "api";
    if (draft_.api == "writ") draft_.api = "writ-api";
    settings.name = draft_.api;
    draft_.name_space = pascal(draft_.api);
    if (draft_.name_space == "Writ" || !cedar::is_entity_type_name(draft_.name_space))
      draft_.name_space += "Api";
    if (draft_.name_space.empty()) draft_.name_space = "Api";
    TRY(settle_places());
    for (const auto* id : {&settings.app, &settings.agent, &settings.purpose})
      if (!inventory::valid_id(*id) || slug(*id) != *id)
        return failure(ErrorCode::kInvalid,
                       fmt::format("`{}` cannot be an id here; expected small letters, digits and `-`", *id));
    if (codec::name_problem(settings.user) || settings.user == settings.app ||
        settings.user == settings.agent || settings.app == settings.agent)
      return failure(ErrorCode::kInvalid, "the user, the application and the agent need three different ids");
    return {};
  }

  // Where the API is, and what its tokens are for.
  Result<void> settle_places() {
    Settings& settings = draft_.settings;
    const bool known = !reading_.origin.empty() && http::parse_origin(reading_.origin).has_value();
    if (settings.upstream.empty()) {
      settings.upstream = known ? reading_.origin : std::string(kUpstream);
      if (!known)
        draft_.notes.push_back(
            {"servers",
             fmt::format(
                 "the document does not say where the API is; `upstream` is {}, change it there or with "
                 "--upstream",
                 kUpstream)});
    } else if (const auto origin = http::parse_origin(settings.upstream); !origin) {
      return std::unexpected(origin.error());
    }
    if (settings.audience.empty())
      settings.audience = known ? reading_.origin + before_parameters(reading_.base)
                                : fmt::format("https://{}.example", draft_.api);
    const inventory::Api probe{draft_.api, settings.audience, draft_.name_space, {"probe"}};
    if (!inventory::validate(probe)) settings.audience = fmt::format("https://{}.example", draft_.api);
    if (settings.issuer.empty())
      for (const auto& issuer : reading_.issuers)
        draft_.notes.push_back(
            {"security", fmt::format("the document names the issuer `{}`; to trust its tokens, "
                                     "give it with --issuer",
                                     shown(issuer))});
    return {};
  }

  // Two paths that no request can tell apart are one, called as the first of them.
  void find_routable() {
    std::vector<SegmentedPath> paths;
    std::map<std::string, std::size_t> numbers;  // by shape
    std::vector<std::pair<Operation*, std::size_t>> met;
    std::vector<std::size_t> operations;
    for (Operation& operation : reading_.operations) {
      auto path = segment_path(operation.path);
      if (!path) {
        note(operation, path.error().message + "; it is not routed", true);
        continue;
      }
      const auto [at, is_new] = numbers.try_emplace(path->shape(path->segments.size()), paths.size());
      if (is_new) {
        paths.push_back(*std::move(path));
        operations.push_back(0);
      }
      ++operations[at->second];
      met.emplace_back(&operation, at->second);
    }
    std::vector<WeighedPath> weighed;
    for (std::size_t i = 0; i < paths.size(); ++i) weighed.push_back({&paths[i], operations[i]});
    const auto fates = resolve_overlaps(weighed);
    http::PathTrie trie;
    std::map<std::pair<std::string, std::size_t>, Operation*> seen;
    for (const auto& [operation, number] : met) {
      const auto& path = paths[number];
      const auto text = path.text(path.segments.size());
      if (const auto other = fates[number]; other != kStays) {
        note(*operation,
             fmt::format(
                 "some requests match `{}` too, and neither path is more specific; it is not routed: those "
                 "requests are taken for the other, and all others of it are answered 404",
                 shown(paths[other].text(paths[other].segments.size()))),
             true);
        continue;
      }
      if (const auto added = trie.add(text); !added) {
        note(*operation, shown(added.error().message, 400) + "; it is not routed", true);
        continue;
      }
      const auto [other, is_new] = seen.try_emplace({operation->method, number}, operation);
      if (!is_new) {
        take_query_too(*other->second, *operation);
        note(*operation,
             fmt::format(
                 "no request can tell it from `{}`; it has no route of its own, and that one takes its "
                 "query parameters too",
                 shown(other->second->name())),
             true);
      } else if (routable_.size() == gateway::kMaxRoutes) {
        note(*operation, "there are too many; it is not routed", true);
      } else {
        routable_.push_back({operation, path});
      }
    }
  }

  static void take_query_too(Operation& one, const Operation& other) {
    one.any_query = one.any_query || other.any_query;
    for (const auto& name : other.query)
      if (std::ranges::find(one.query, name) == one.query.end()) one.query.push_back(name);
  }

  void name_them() {
    std::vector<SegmentedPath> paths;
    for (const auto& each : routable_) paths.push_back(each.path);
    const ResourceTypes types(paths);
    std::vector<ActionSource> sources;
    for (const auto& each : routable_)
      sources.push_back({each.operation, &each.path, types.type_of(each.path)});
    std::vector<std::string> groups;
    for (const Deed deed : kDeeds) groups.emplace_back(group_of(deed));
    const auto actions = name_actions(sources, groups, draft_.notes);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      draft_.routes.push_back(route_of(sources[i], actions[i]));
      if (std::ranges::find(draft_.types, sources[i].type) == draft_.types.end())
        draft_.types.push_back(sources[i].type);
    }
    for (std::size_t i = 0; i < sources.size(); ++i)
      decide_on_answer(*sources[i].operation, *sources[i].path, draft_.routes[i]);
    for (std::size_t i = 0; i < sources.size(); ++i) decide_on_list(*sources[i].operation, draft_.routes[i]);
    for (std::size_t i = 0; i < sources.size(); ++i)
      decide_on_read(*sources[i].operation, *sources[i].path, draft_.routes[i]);
    for (std::size_t i = 0; i < sources.size(); ++i)
      decide_on_list_elsewhere(*sources[i].operation, draft_.routes[i]);
    for (std::size_t i = 0; i < sources.size(); ++i)
      decide_on_body(*sources[i].operation, *sources[i].path, draft_.routes[i]);
    for (std::size_t i = 0; i < sources.size(); ++i)
      warn_of_answer(*sources[i].operation, *sources[i].path, draft_.routes[i]);
  }

  // The parameter's own name, or `/id`.
  static std::string id_in(const AnswerShape& answer, const std::string& parameter) {
    for (const auto& wanted : {"/" + parameter, std::string("/id")})
      if (std::ranges::find(answer.ids, wanted) != answer.ids.end()) return wanted;
    return {};
  }

  // `/orgs/{org}` takes a name, where the answer's `id` is a number.
  static bool is_another_name(const Operation& operation, const AnswerShape& answer,
                              const std::string& parameter, const std::string& id) {
    const auto has = [](const std::vector<std::string>& list, const std::string& one) {
      return std::ranges::find(list, one) != list.end();
    };
    return has(operation.texts, parameter) && has(answer.numbers, id) &&
           !codec::lowered(parameter).ends_with("id");
  }

  static bool reads(const PlannedRoute& route) { return route.method == "GET" || route.method == "HEAD"; }

  // Whether an answer `{"order": {…}}` is about the resource: any other member may be something that it has.
  static bool is_all_of(std::string_view inside, std::string_view type) {
    constexpr std::string_view kAny[] = {"data",     "result", "response", "item",
                                         "resource", "object", "payload"};
    const auto name = inside.substr(1);
    if (std::ranges::find(kAny, codec::lowered(name)) != std::end(kAny)) return true;
    const auto named = pascal(singular(name));
    return !named.empty() && type.ends_with(named);
  }

  // The answer is the resource itself where the path ends with it.
  void decide_on_answer(const Operation& operation, const SegmentedPath& path, PlannedRoute& route) {
    if (!reads(route) || !operation.answer || operation.answer->elements ||
        !path.segments.back().names_resource())
      return;
    const auto& answer = *operation.answer;
    if (!answer.inside.empty() && !is_all_of(answer.inside, route.type)) return;
    route.on_answer = {.owner = answer.inside + answer.owner, .owner_is_number = answer.owner_is_number};
    // With parameters before it the id is more than what the answer has.
    if (route.parameters.size() == 1) {
      const auto& parameter = route.parameters.front();
      const auto id = id_in(answer, parameter);
      if (!id.empty() && !is_another_name(operation, answer, parameter, id))
        route.on_answer->id = answer.inside + id;
    }
    if (route.method != "GET") return;
    const auto& end = path.segments.back().end;
    const Telling telling{*route.on_answer, end, answer.owner};
    const auto [told, is_new] = telling_.try_emplace(path.resource_shape(), telling);
    if (!is_new && end.empty()) told->second = telling;
    if (route.parameters.size() == 1) add_kind(answer.what, route, route.parameters.front());
  }

  // What the document describes by this schema is this resource; nothing, where two are.
  void add_kind(const void* what, const PlannedRoute& one, const std::string& parameter) {
    const auto [at, is_new] = kinds_.try_emplace(what, Kind{one.action, one.type, parameter});
    if (!is_new && at->second.type != one.type) at->second.type.clear();
  }

  static PlannedRoute::OnAnswer on_elements(const AnswerShape& list, const std::string& id,
                                            const std::string& action, const std::string& type) {
    return {.owner = list.owner,
            .id = id,
            .owner_is_number = list.owner_is_number,
            .elements = list.elements,
            .action = action,
            .type = type};
  }

  // A list of what is known one by one, wherever the list stands: `/orders/search`. Of those that stand in a
  // resource that has an owner, that one decides.
  void decide_on_list_elsewhere(const Operation& operation, PlannedRoute& route) {
    if (!reads(route) || route.on_answer || !operation.answer || !operation.answer->elements) return;
    const auto kind = kinds_.find(operation.answer->what);
    if (kind == kinds_.end() || kind->second.type.empty()) return;
    const auto id = id_in(*operation.answer, kind->second.parameter);
    if (!id.empty())
      route.on_answer = on_elements(*operation.answer, id, kind->second.action, kind->second.type);
  }

  // A list of what `/{id}` behind it leads to.
  void decide_on_list(const Operation& operation, PlannedRoute& route) {
    if (!reads(route) || !operation.answer || !operation.answer->elements) return;
    for (const auto& one : draft_.routes) {
      if (one.method != "GET" || !one.on_answer || one.on_answer->elements || one.parameters.size() != 1 ||
          one.path != fmt::format("{}/{{{}}}", route.path, one.parameters.front()))
        continue;
      const auto id = id_in(*operation.answer, one.parameters.front());
      if (id.empty()) return;
      route.on_answer = on_elements(*operation.answer, id, one.action, one.type);
      // It may describe its elements in another way than they are one by one.
      add_kind(operation.answer->what, one, one.parameters.front());
      return;
    }
  }

  // What happens to a resource of which a GET tells whose it is: at its own path, and below it, whatever that
  // path calls its parameters. Where none does, it belongs to whom that belongs in which it stands:
  // `/orders/{order}/items/{item}`.
  void decide_on_read(const Operation& operation, const SegmentedPath& path, PlannedRoute& route) {
    if (route.on_answer || route.method == "OPTIONS") return;
    const auto own = path.up_to_last_parameter();
    auto count = own;
    auto told = telling_.end();
    for (; count > 0; --count) {
      if (!path.segments[count - 1].names_resource()) continue;
      if (told = telling_.find(path.resource_shape(count)); told != telling_.end()) break;
    }
    if (told == telling_.end()) return;
    const auto& last = path.segments[count - 1];
    const auto read =
        fmt::format("{}/{}{{{}}}{}", path.text(count - 1), last.begin, last.text, told->second.end);
    // What is read is a leading part of the path (gateway/routes.cc).
    if (!route.path.starts_with(read))
      return note(operation,
                  fmt::format("whose it is, only `GET {}` tells, and that cannot be read before; so "
                              "every user may do it; say in the policy who may",
                              shown(read)));
    route.on_answer = told->second.answer;
    route.on_answer->of_parent = count < own;
    // What is read has another id.
    if (count < own) route.on_answer->id.clear();
    // What HEAD is answered, GET is.
    if (route.method != "HEAD" || route.path != read) route.on_answer->read = read;
    warn_of_new_owner(operation, *route.on_answer);
    if (count < own && told_of_parents_.insert(route.type).second)
      note(operation,
           fmt::format("its owner is that of `{}`, so the API must not find there what stands in another one",
                       shown(read)));
  }

  // Whose it is now is looked at, and not whose it will be: a body that leaves the owner out, or hides it
  // from one reader and not from another, would pass as one that keeps it.
  void warn_of_new_owner(const Operation& operation, const PlannedRoute::OnAnswer& answer) {
    const auto end = std::min(answer.owner.find('/', 1), answer.owner.size());
    const auto owner = answer.owner.substr(1, end - 1);
    if (answer.of_parent || std::ranges::find(operation.sets, owner) == operation.sets.end()) return;
    note(operation,
         fmt::format("its body may name another `{}`, and give the resource to somebody: nobody looks at "
                     "that here; let the API refuse it, or say in the policy who may",
                     shown(owner)));
  }

  // An answer that says whose things are, by which nothing is decided: a search by POST, what the API chose
  // (`GET /me/wallet`), a list of what no path leads to one by one.
  void warn_of_answer(const Operation& operation, const SegmentedPath& path, const PlannedRoute& route) {
    if (!operation.answer || route.on_answer || !route.owner_in_body.empty()) return;
    // What is created is its creator's.
    if (route.method == "POST" && telling_.contains(path.shape(path.segments.size()) + "/{}")) return;
    const auto why = !reads(route)                ? "it is not a GET"
                     : operation.answer->elements ? "no path leads to each of them by its id"
                     : route.parameters.empty()   ? "the request does not name the resource"
                                                  : "it may be another one's";
    note(operation,
         fmt::format(
             "its answer says whose each resource is (`{}`), and cannot be decided by that, since {}; so "
             "every user gets it; say in the policy who may",
             shown(operation.answer->owner_shown()), why));
  }

  // What is created among resources of which a GET tells whose each is: its body says so by the same name.
  void decide_on_body(const Operation& operation, const SegmentedPath& path, PlannedRoute& route) {
    if (operation.body.empty() || route.on_answer || !route.parameters.empty()) return;
    const auto told = telling_.find(path.shape(path.segments.size()) + "/{}");
    if (told == telling_.end()) return;
    for (const auto& owner : {told->second.answer.owner, told->second.owner}) {
      if (std::ranges::find(operation.body, owner) == operation.body.end()) continue;
      route.owner_in_body = owner;
      return;
    }
  }

  PlannedRoute route_of(const ActionSource& source, const std::string& action) {
    const auto& [operation, path, type] = source;
    PlannedRoute route{.method = operation->method,
                       .path = path->text(path->segments.size()),
                       .action = action,
                       .deed = deed_of(operation->method),
                       .type = type};
    route.scopes = operation->scopes;
    route.streams = operation->streams;
    for (const auto& segment : path->segments) {
      if (segment.tells_form) route.forms.push_back(segment.text);
      if (!segment.names_resource()) continue;
      route.id += fmt::format("{}{{{}}}", route.id.empty() ? "" : "/", segment.text);
      route.parameters.push_back(segment.text);
      // A guard compares it with the token's, so that nobody reaches over.
      const auto name = codec::lowered(segment.text);
      const bool names_tenant = name == "tenant" || name == "tenantid" || name == "tenant_id";
      if (names_tenant && route.attributes.empty())
        route.attributes.emplace_back("tenant", fmt::format("{{{}}}", segment.text));
    }
    if (route.parameters.empty()) route.id = collection_of(*path);
    route.query = query_of(*operation);
    return route;
  }

  std::string collection_of(const SegmentedPath& path) const {
    const auto base = segment_path(reading_.base);
    auto at = base ? std::min(base->segments.size(), path.segments.size()) : 0;
    const auto is_version = [](const PathSegment& segment) {
      return segment.is_parameter ? codec::lowered(segment.begin) == "v" : is_of_version(segment.text);
    };
    while (at < path.segments.size() && is_version(path.segments[at])) ++at;
    return std::string(at < path.segments.size() && !path.segments[at].word().empty()
                           ? path.segments[at].word()
                           : draft_.api);
  }

  std::optional<std::vector<std::string>> query_of(const Operation& operation) {
    if (operation.any_query) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& name : operation.query) {
      // A name of a credential can be listed, but nobody should do so without knowing it.
      const auto made = gateway::QueryNames::only({name});
      const auto credential = made ? gateway::QueryNames().refusal(name) : std::nullopt;
      if (credential) {
        note(operation, fmt::format("{}; add it to the route's `query` if it is no credential",
                                    shown(credential->substr(0, credential->find(',')), 300)));
      } else if (const auto problem = made ? std::nullopt : std::optional(made.error().message)) {
        note(operation,
             fmt::format("the query parameter `{}` is not taken: {}", shown(name), shown(*problem, 300)));
      } else {
        names.push_back(name);
      }
    }
    if (names.size() <= gateway::kMaxQueryNames) return names;
    note(operation, "it has more query parameters than a route lists, so the route takes all of them");
    return std::nullopt;
  }

  // Where nothing tells owners. What many resources have comes first.
  void collect_likely_owners() {
    std::map<std::string, std::size_t> counts;
    for (const auto& each : routable_) {
      if (!each.path.segments.back().names_resource()) continue;
      for (const auto& name : each.operation->likely_owners) {
        if (++counts[name] == 1) draft_.likely_owners.push_back(name);
      }
    }
    std::ranges::stable_sort(draft_.likely_owners, std::greater(),
                             [&](const std::string& name) { return counts[name]; });
  }

  // Each once. OpenAPI 3.1 §4.8.12.1: `Accept`, `Content-Type` and `Authorization` mean nothing here.
  void collect_headers() {
    std::set<std::string> seen;
    for (const auto& each : routable_) {
      for (const auto& header : each.operation->headers) {
        const auto name = codec::lowered(header);
        if (!seen.insert(name).second || name == "authorization" ||
            gateway::ForwardedHeaders::standard()->fate(name) == gateway::ForwardedHeaders::Fate::kForwarded)
          continue;
        if (name == "cookie" || name == "baggage") {
          note(
              *each.operation,
              fmt::format("the header field `{}` does not reach the API: it may bring more than the document "
                          "names; if it has to, add it to `forward_headers`",
                          shown(header)));
        } else if (const auto made = gateway::ForwardedHeaders::with({name}); !made) {
          note(*each.operation, fmt::format("the header field `{}` does not reach the API: {}", shown(header),
                                            shown(made.error().message, 300)));
        } else if (draft_.forward_headers.size() == gateway::kMaxForwardedNames) {
          note(
              *each.operation,
              fmt::format("the header field `{}` does not reach the API: there are too many", shown(header)));
        } else {
          draft_.forward_headers.push_back(name);
        }
      }
    }
  }

  Reading reading_;
  Draft draft_;
  std::vector<Routable> routable_;
  // What a GET of the resource tells, and what stands behind its last parameter. By the resource's shape.
  struct Telling {
    PlannedRoute::OnAnswer answer;
    std::string end;
    std::string owner;  // in what all of the answer is: "/owner" of `{"order": {"owner": …}}`
  };
  // What one schema describes.
  struct Kind {
    std::string action, type;  // of one; no type: it describes two kinds
    std::string parameter;
  };
  std::map<const void*, Kind> kinds_;
  std::map<std::string, Telling, std::less<>> telling_;
  std::set<std::string> told_of_parents_;  // types
};

}  // namespace

std::string_view group_of(Deed deed) noexcept {
  switch (deed) {
    case Deed::kRead:
      return "any-read";
    case Deed::kWrite:
      return "any-write";
    case Deed::kDelete:
      return "any-delete";
  }
  return "any-write";
}

bool Draft::has(Deed deed) const {
  return std::ranges::find(routes, deed, &PlannedRoute::deed) != routes.end();
}

std::string Draft::of_numbers() const {
  const auto number = std::ranges::find_if(
      routes, [](const PlannedRoute& route) { return route.on_answer && route.on_answer->owner_is_number; });
  if (number == routes.end()) return {};
  return fmt::format(
      "`{}` is an integer, and 42 there is the user Writ::User::\"42\": users get what is theirs only if the "
      "provider's tokens have that number as `sub`, as \"42\"; otherwise name with --owner a member that has "
      "the `sub`",
      number->on_answer->owner.substr(1));
}

bool Draft::tells_owner(std::string_view type) const {
  return std::ranges::any_of(routes, [&](const PlannedRoute& route) {
    return route.type == type && route.on_answer && !route.on_answer->elements;
  });
}

Result<Draft> make_draft(Reading reading, Settings settings) {
  return Drafter(std::move(reading), std::move(settings)).make();
}

}  // namespace writ::init
