#include "init/operations.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "init/names.h"

namespace writ::init {
namespace {

using codec::Json;

constexpr std::string_view kMethods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};
constexpr std::string_view kOfPathItem[] = {"$ref", "summary", "description", "servers", "parameters"};
constexpr std::string_view kOfDocument[] = {"openapi", "info",        "jsonSchemaDialect", "servers",
                                            "paths",   "webhooks",    "components",        "security",
                                            "tags",    "externalDocs"};
constexpr std::size_t kMostNamed = 5;

template <class List>
bool is_one_of(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != std::end(list);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string text_of(const Json& json, std::string_view name) {
  const auto* text = json.find_string(name);
  return text != nullptr ? *text : std::string();
}

struct Server {
  std::string origin, base;
  std::vector<std::string> notes = {};  // on its path
};

// "v1", "2024-01-01" are values of what says no more than where an API is. What differs from caller to caller
// is called after what it names.
bool names_something(std::string_view variable, std::string_view preset) {
  if (is_of_version(preset)) return false;
  for (const std::string_view word :
       {"account", "customer", "org", "organization", "project", "tenant", "workspace"})
    if (variable == word) return true;
  return named_by(variable) != variable;
}

// Where the path begins in "https://api.example.com/v1", "{server}/v1" and "/v1"; npos: there is none.
std::size_t path_begin(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != url.npos && scheme < url.find('/')) return url.find('/', scheme + 3);
  return url.starts_with('{') ? url.find('/') : 0;
}

// `{version}` in the URL is what `variables` say it is by default. In the path, one that names something
// becomes a parameter of the routes: `/organizations/{organizationId}`.
Server server_of(const Json& json) {
  auto url = text_of(json, "url");
  Server server;
  const auto* variables = json.find("variables");
  const auto* members = variables != nullptr ? variables->if_object() : nullptr;
  for (const auto& [name, value] : members != nullptr ? *members : Json::Object()) {
    const auto place = "{" + name + "}";
    const auto at = url.find(place);
    if (at == url.npos) continue;
    const auto preset = text_of(value, "default");
    const auto* values = value.find("enum");
    const bool is_free = values == nullptr || values->if_array() == nullptr;
    const auto end = at + place.size();
    const bool in_path = at >= path_begin(url);
    const bool is_segment = in_path && url[at - 1] == '/' && (end == url.size() || url[end] == '/');
    if (is_free && is_segment && names_something(name, preset)) {
      server.notes.push_back(fmt::format("`{}` in its path is a parameter of every route", shown(place)));
      continue;
    }
    url.replace(at, place.size(), preset);
    if (in_path && (is_free || values->if_array()->size() != 1))
      server.notes.push_back(
          fmt::format("`{}` in its path is `{}` in the routes; other values are not routed", shown(place),
                      shown(preset)));
  }
  const auto path = std::min(path_begin(url), url.size());
  server.origin = url.substr(0, path);
  url.erase(0, path);
  while (url.ends_with('/')) url.pop_back();
  server.base = url.empty() || url.starts_with('/') ? url : "/" + url;
  return server;
}

// The first few, and how many more there are.
std::string some_of(const std::vector<std::string>& names) {
  std::vector<std::string> named;
  for (const auto& name : names)
    if (named.size() < kMostNamed) named.push_back(shown(name));
  if (names.size() > kMostNamed) named.push_back(fmt::format("and {} more", names.size() - kMostNamed));
  return fmt::format("{}", fmt::join(named, ", "));
}

// Some tell two operations of one path apart by what no path has: `/responses?beta=true`, `/token#refresh`.
void cut_what_no_path_has(Operation& operation) {
  int braces = 0;
  std::size_t at = 0;
  for (; at < operation.path.size(); ++at) {
    const char c = operation.path[at];
    braces += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (braces <= 0 && (c == '?' || c == '#')) break;
  }
  operation.behind = operation.path.substr(at);
  operation.path.resize(at);
  if (!operation.behind.starts_with('?')) return;
  std::string_view rest = operation.behind;
  rest = rest.substr(1, rest.find('#') - 1);
  while (!rest.empty()) {
    const auto one = rest.substr(0, rest.find('&'));
    if (const auto name = one.substr(0, one.find('=')); !name.empty()) operation.query.emplace_back(name);
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
  }
}

class Reader {
 public:
  Reader(const Document& document, std::string_view owner)
      : document_(document), root_(document.root()), owner_(owner) {}

  Reading read() {
    if (const auto* info = root_.find("info")) {
      reading_.title = text_of(*info, "title");
      reading_.version = text_of(*info, "version");
    }
    for (const auto& [name, value] : *root_.if_object())
      if (!is_one_of(kOfDocument, name) && !name.starts_with("x-"))
        note("", fmt::format("`{}` is not a part of OpenAPI that Writ reads", shown(name)));
    read_servers();
    read_schemes();
    if (const auto* security = root_.find("security")) security_ = security;
    read_webhooks();
    read_paths();
    note_open();
    return std::move(reading_);
  }

 private:
  void note(std::string place, std::string text, bool not_routed = false) {
    reading_.notes.push_back({std::move(place), std::move(text), not_routed});
  }

  void read_servers() {
    const auto* list = root_.find("servers");
    const auto* servers = list != nullptr ? list->if_array() : nullptr;
    if (servers == nullptr || servers->empty()) return;
    const auto first = server_of(servers->front());
    reading_.origin = first.origin;
    reading_.base = first.base;
    for (const auto& text : first.notes) note("servers", text);
    for (const Json& other : *servers) {
      const auto server = server_of(other);
      if (server.base != first.base)
        note("servers", fmt::format("`{}` has another path than the first server, whose path the routes have",
                                    shown(text_of(other, "url"))));
    }
  }

  // What callers prove who they are by. Through Writ they do so by its tokens.
  void read_schemes() {
    const auto* components = root_.find("components");
    const auto* schemes = components != nullptr ? components->find("securitySchemes") : nullptr;
    const auto* members = schemes != nullptr ? schemes->if_object() : nullptr;
    if (members == nullptr) return;
    for (const auto& [name, value] : *members) {
      const auto scheme = document_.resolve(value);
      const auto place = fmt::format("security scheme {}", shown(name));
      if (!scheme) {
        note(place, scheme.error().message);
        continue;
      }
      const auto type = text_of(**scheme, "type");
      if (type == "openIdConnect") {
        constexpr std::string_view kEnd = "/.well-known/openid-configuration";
        auto url = text_of(**scheme, "openIdConnectUrl");
        if (url.ends_with(kEnd)) reading_.issuers.push_back(url.substr(0, url.size() - kEnd.size()));
      } else if (type == "apiKey") {
        note(place, fmt::format("callers' keys (`{}` in the {}) do not reach the API: who calls, Writ says",
                                shown(text_of(**scheme, "name")), shown(text_of(**scheme, "in"))));
      } else if (type == "mutualTLS") {
        note(place, "a caller's certificate does not reach the API: who calls, Writ says");
      } else if (type == "http" && upper(text_of(**scheme, "scheme")) != "BEARER") {
        note(place, fmt::format("callers' `{}` credentials do not reach the API: who calls, Writ says",
                                shown(text_of(**scheme, "scheme"))));
      }
    }
  }

  void read_webhooks() {
    const auto* webhooks = root_.find("webhooks");
    if (webhooks == nullptr || webhooks->if_object() == nullptr) return;
    std::vector<std::string> names;
    for (const auto& [name, value] : *webhooks->if_object()) names.push_back(name);
    if (!names.empty()) note("webhooks", "calls that the API makes itself are not routed: " + some_of(names));
  }

  void read_paths() {
    const auto* paths = root_.find("paths");
    if (paths == nullptr) return;
    if (paths->if_object() == nullptr) return note("paths", "it is not a map, so there are no operations");
    for (const auto& [path, value] : *paths->if_object()) {
      if (!path.starts_with("x-")) read_path(path, value);
    }
  }

  // OpenAPI 3.1 §4.8.9.1: beside a `$ref` others may stand; what both say is not defined.
  void read_path(const std::string& path, const Json& value) {
    const auto item = document_.resolve(value);
    if (!item) return note(shown(path), item.error().message + "; its operations are not routed", true);
    const auto* members = (*item)->if_object();
    if (members == nullptr) return note(shown(path), "it is not a map; its operations are not routed", true);
    if (&value != *item && value.if_object()->size() > 1)
      for (const auto& [name, beside] : *value.if_object())
        if (is_one_of(kMethods, name))
          note(shown(upper(name) + " " + path), "it stands beside a `$ref`, and is not routed", true);
    for (const auto& [name, operation] : *members) {
      if (is_one_of(kMethods, name)) {
        read_operation(upper(name), path, **item, operation);
      } else if (name == "query" || name == "additionalOperations") {
        note(shown(path), fmt::format("`{}` is of OpenAPI 3.2; its operations are not routed", name), true);
      } else if (!is_one_of(kOfPathItem, name) && !name.starts_with("x-")) {
        note(shown(path), fmt::format("`{}` is not a method, and is not routed", shown(name)), true);
      }
    }
  }

  void read_operation(std::string method, const std::string& path, const Json& item, const Json& value) {
    Operation operation{.method = std::move(method), .path = path};
    const auto found = document_.resolve(value);
    if (!found || (*found)->if_object() == nullptr)
      return note(shown(operation.name()),
                  (found ? "it is not a map" : found.error().message) + std::string("; it is not routed"),
                  true);
    const Json& json = **found;
    if (operation.method == "TRACE")
      return note(shown(operation.name()), "TRACE shows what callers must not see, and is not routed", true);
    const auto* servers = json.find("servers") != nullptr ? json.find("servers") : item.find("servers");
    auto base = reading_.base;
    if (const auto* own = servers != nullptr ? servers->if_array() : nullptr;
        own != nullptr && !own->empty()) {
      const auto server = server_of(own->front());
      if (!server.origin.empty() && server.origin != reading_.origin)
        return note(shown(operation.name()),
                    fmt::format("it is served elsewhere (`{}`), and is not routed", shown(server.origin)),
                    true);
      base = server.base;
    }
    operation.path = base + path;
    cut_what_no_path_has(operation);
    operation.id = text_of(json, "operationId");
    read_parameters(item, json, operation);
    read_security(json, operation);
    operation.answer = answer_shape(document_, json, owner_);
    if (operation.method == "GET" && owner_.empty()) operation.likely_owners = likely_owners(document_, json);
    if (operation.method == "POST") operation.body = required_ids(document_, json);
    if (operation.method == "PUT" || operation.method == "PATCH" || operation.method == "POST")
      operation.sets = body_names(document_, json);
    operation.streams = streams(json);
    if (const auto* callbacks = json.find("callbacks");
        callbacks != nullptr && callbacks->if_object() != nullptr)
      for (const auto& [name, callback] : *callbacks->if_object())
        note(shown(operation.name()),
             fmt::format("the callback `{}` is a call that the API makes, and is not routed", shown(name)));
    reading_.operations.push_back(std::move(operation));
  }

  // One that may answer with something else, too, is known by the answer (gateway/open_streams.h).
  bool streams(const Json& json) const {
    const auto* responses = json.find("responses");
    const auto* answer = responses != nullptr ? responses->find("200") : nullptr;
    const auto found = answer != nullptr ? document_.resolve(*answer) : Result<const Json*>(nullptr);
    const auto* content = found && *found != nullptr ? (*found)->find("content") : nullptr;
    return content != nullptr && content->if_object() != nullptr && content->if_object()->size() == 1 &&
           content->find("text/event-stream") != nullptr;
  }

  // Those of the operation stand before those of the path with the same name and place.
  void read_parameters(const Json& item, const Json& json, Operation& operation) {
    std::map<std::pair<std::string, std::string>, const Json*> parameters;
    std::vector<std::pair<std::string, std::string>> order;
    for (const Json* from : {&item, &json}) {
      const auto* list = from->find("parameters");
      const auto* all = list != nullptr ? list->if_array() : nullptr;
      if (all == nullptr) continue;
      for (const Json& each : *all) {
        const auto parameter = document_.resolve(each);
        if (!parameter) {
          note(shown(operation.name()), "a parameter: " + parameter.error().message);
          operation.any_query = true;
          continue;
        }
        std::pair key(text_of(**parameter, "in"), text_of(**parameter, "name"));
        if (parameters.insert_or_assign(key, *parameter).second) order.push_back(std::move(key));
      }
    }
    for (const auto& key : order) read_parameter(key.first, key.second, *parameters.at(key), operation);
  }

  bool may_be_object(const Json& parameter) const {
    const auto* schema = parameter.find("schema");
    if (schema == nullptr) return false;
    const auto found = document_.resolve(*schema);
    return !found || text_of(**found, "type") == "object" || (*found)->find("properties") != nullptr ||
           (*found)->find("additionalProperties") != nullptr;
  }

  void read_parameter(const std::string& in, const std::string& name, const Json& json,
                      Operation& operation) {
    if (in == "query") {
      operation.query.push_back(name);
      // OpenAPI 3.1 §4.8.12: an object may become a parameter for each of its members.
      if (text_of(json, "style") == "deepObject" || may_be_object(json)) operation.any_query = true;
    } else if (in == "header") {
      operation.headers.push_back(name);
    } else if (in == "cookie") {
      note(shown(operation.name()), fmt::format("the cookie `{}` does not reach the API", shown(name)));
    } else if (in == "path") {
      const auto* schema = json.find("schema");
      const auto found = schema != nullptr ? document_.resolve(*schema) : Result<const Json*>(nullptr);
      if (found && *found != nullptr && text_of(**found, "type") == "string") operation.texts.push_back(name);
    } else {
      note(shown(operation.name()),
           fmt::format("the parameter `{}` is in `{}`, which Writ does not read", shown(name), shown(in)));
    }
  }

  void read_security(const Json& json, Operation& operation) {
    const auto* security = json.find("security") != nullptr ? json.find("security") : security_;
    const auto* ways = security != nullptr ? security->if_array() : nullptr;
    std::set<std::string> scopes;
    bool open = ways == nullptr || ways->empty();
    for (const Json& way : ways != nullptr ? *ways : Json::Array()) {
      const auto* schemes = way.if_object();
      if (schemes == nullptr) continue;
      open = open || schemes->empty();
      for (const auto& [name, list] : *schemes) {
        if (list.if_array() == nullptr) continue;
        for (const Json& scope : *list.if_array())
          if (scope.if_string() != nullptr) scopes.insert(*scope.if_string());
      }
    }
    operation.scopes.assign(scopes.begin(), scopes.end());
    operation.is_open = open;
    if (open && (security_ != nullptr || json.find("security") != nullptr)) open_.push_back(operation.name());
  }

  void note_open() {
    if (open_.empty()) return;
    note("security",
         fmt::format("through Writ every request needs a token, also where the document asks for none: {}",
                     some_of(open_)));
  }

  const Document& document_;
  const Json& root_;
  const std::string_view owner_;
  const Json* security_ = nullptr;
  std::vector<std::string> open_;
  Reading reading_;
};

}  // namespace

Reading read_operations(const Document& document, std::string_view owner) {
  return Reader(document, owner).read();
}

}  // namespace writ::init
