#include "gateway/routes.h"

#include <algorithm>
#include <fmt/format.h>

#include "gateway/hosts.h"
#include "gateway/one_reading.h"
#include "http/headers.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

// RFC 9110 §9.3.6, §9.3.8: CONNECT makes a tunnel nobody could decide about, TRACE sends back what the
// caller must not see.
Result<void> check_method(std::string_view method) {
  if (!http::is_token(method)) return invalid(fmt::format("`{}` is not a method", method));
  if (method == "CONNECT" || method == "TRACE") return invalid(fmt::format("{} can't be forwarded", method));
  return {};
}

std::string_view take_segment(std::string_view& rest) {
  const auto segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
  return segment;
}

// Whether all that is no value was sent in its canonical encoding: whole segments, and what stands around the
// values of others. Behind the rest of the path, nothing stands but a slash.
bool literals_as_sent(std::string_view path, std::string_view sent,
                      const std::vector<std::string_view>& values) {
  auto value = values.begin();
  while (!path.empty() || !sent.empty()) {
    const auto segment = take_segment(path), sent_segment = take_segment(sent);
    const auto end = segment.data() + segment.size();
    if (value == values.end() || value->data() < segment.data() || value->data() >= end) {
      if (http::encode_path(segment) != sent_segment) return false;
      continue;
    }
    if (value->size() > segment.size()) return true;
    const auto before = segment.substr(0, static_cast<std::size_t>(value->data() - segment.data()));
    const auto behind = segment.substr(before.size() + value->size());
    if (!sent_segment.starts_with(http::encode_path(before)) ||
        !sent_segment.ends_with(http::encode_path(behind)))
      return false;
    ++value;
  }
  return true;
}

// A path with a literal that was sent in another encoding is another path.
Routes::Match as_sent(Routes::Match found, const http::Request& request,
                      const std::vector<std::string_view>& values) {
  if (request.encoded_path == request.path || found.allow == nullptr) return found;
  return literals_as_sent(request.path, request.encoded_path, values) ? found
                                                                      : Routes::Match{nullptr, nullptr};
}

}  // namespace

Result<void> TextTemplate::add_parameter(std::string_view name, const std::vector<std::string>& parameters) {
  const auto at = std::ranges::find(parameters, name);
  if (at == parameters.end()) return invalid(fmt::format("the path has no parameter `{}`", name));
  const bool follows = std::ranges::any_of(pieces_, [](const Piece& p) { return p.parameter != kLiteral; });
  const bool apart = !pieces_.empty() && pieces_.back().parameter == kLiteral &&
                     pieces_.back().literal.find('/') != std::string::npos;
  if (follows && !apart)
    return invalid(
        fmt::format("a text with a `/` must stand before `{{{}}}`, or two paths could mean the same", name));
  pieces_.push_back({{}, static_cast<std::size_t>(at - parameters.begin())});
  return {};
}

Result<TextTemplate> TextTemplate::parse(std::string_view text, const std::vector<std::string>& parameters) {
  TextTemplate made;
  while (!text.empty()) {
    const auto open = std::min(text.find('{'), text.size());
    if (text.substr(0, open).find('}') != std::string_view::npos)
      return invalid("a `}` stands without its `{`");
    if (open > 0) made.pieces_.push_back({std::string(text.substr(0, open)), kLiteral});
    text.remove_prefix(open);
    if (text.empty()) break;
    const auto close = text.find('}');
    if (close == std::string_view::npos) return invalid("a `{` stands without its `}`");
    TRY(made.add_parameter(text.substr(1, close - 1), parameters));
    text.remove_prefix(close + 1);
  }
  return made;
}

void TextTemplate::append(std::string& out, const std::vector<std::string_view>& values) const {
  for (const Piece& piece : pieces_)
    out.append(piece.parameter == kLiteral ? std::string_view(piece.literal) : values[piece.parameter]);
}

Result<Route> Route::make(RouteSpec spec, const std::vector<std::string>& parameters) {
  TRY(check_method(spec.method));
  if (spec.to == nullptr) spec.to = TRY(http::Upstream::make(spec.api, {spec.upstream}, {}, spec.tls));
  auto resource_id = TRY(TextTemplate::parse(spec.resource_id, parameters));
  Route route(std::move(spec), std::move(resource_id));
  if (route.spec_.query) route.query_names_ = TRY(QueryNames::only(*route.spec_.query));
  for (const auto& [name, text] : route.spec_.attributes) {
    const auto named = [&](const auto& other) { return other.first == name; };
    if (std::ranges::any_of(route.attributes_, named))
      return invalid(fmt::format("the attribute `{}` is given twice", name));
    route.attributes_.emplace_back(name, TRY(TextTemplate::parse(text, parameters)));
  }
  TRY(route.read_answer());
  TRY(route.check_stream());
  for (const auto& [name, text] : route.spec_.amounts) {
    if (!task::is_amount_name(name)) return invalid(fmt::format("`{}` cannot be an amount's name", name));
    route.amounts_.emplace_back(name, TRY(AmountSource::parse(text, parameters)));
  }
  route.request_facts_ = TRY(FactFinder::make(route.spec_.facts, parameters));
  if (route.web_socket() && route.has_something_in_body())
    return invalid("the request for a WebSocket has no body that an amount or a fact could stand in");
  if (route.request_facts_.read_graphql() && (route.spec_.method != "POST" || route.is_public()))
    return invalid("a GraphQL operation is read from the body of a POST, on a route that is not public");
  // What is decided on is what the API gets.
  for (const auto name : route.request_facts_.header_names()) {
    if (route.forwarded().fate(name) == ForwardedHeaders::Fate::kLeftOut)
      return invalid(fmt::format(
          "the header field `{}` does not reach the API; name it in its `forward_headers`", name));
  }
  return route;
}

Result<void> Route::read_answer() {
  if (spec_.is_public && (spec_.answer || !spec_.amounts.empty() || !spec_.labels.empty()))
    return invalid(
        "a public route has no task and no party, so it has no amounts and labels, and is not "
        "decided on its answer");
  if (!spec_.answer) return {};
  TRY(check_answer_s_route());
  // Whatever it answered, it would have to pass as it came.
  if (spec_.observed)
    return invalid(
        "a decision by the API's answer needs an API that is enforced, and this one has `enforce: false`");
  for (const auto& [name, pointer] : spec_.answer->attributes) {
    const auto named = [&](const auto& other) { return other.first == name; };
    if (std::ranges::any_of(attributes_, named) || std::ranges::count_if(spec_.answer->attributes, named) > 1)
      return invalid(fmt::format("the attribute `{}` is given twice", name));
  }
  element_action_ = {spec_.action.type,
                     spec_.answer->element_action.empty() ? spec_.action.id : spec_.answer->element_action};
  element_type_ = spec_.answer->element_type.empty() ? spec_.resource_type : spec_.answer->element_type;
  answer_ = TRY(AnswerReader::make(*spec_.answer));
  return {};
}

// Its own answer, or that to a GET of a path which its own begins with.
Result<void> Route::check_answer_s_route() {
  const auto& read = spec_.answer->read;
  const bool is_read = spec_.method == "GET" || spec_.method == "HEAD";
  if (read.empty()) {
    if (is_read) return {};
    return invalid(
        "`decide: on response` is for GET and HEAD: what changes something is decided before it, as by "
        "`decide: on read`");
  }
  if (is_read && read == spec_.path)
    return invalid("its own answer tells of the resource: say `decide: on response`");
  // Of `/orders/{order}:cancel` the order alone, too.
  const bool leads =
      read.starts_with('/') && !read.ends_with('/') && spec_.path.starts_with(read) &&
      (spec_.path.size() == read.size() || spec_.path[read.size()] == '/' || read.ends_with('}'));
  if (!leads)
    return invalid(fmt::format(
        "`read` is `{}`, and the path of this route does not begin with it, segment by segment", read));
  if (spec_.path.find("/**") != spec_.path.npos && read == spec_.path) {
    read_segments_ = kAllSegments;
    return {};
  }
  read_segments_ = static_cast<std::size_t>(std::ranges::count(read, '/'));
  const auto rest = std::string_view(spec_.path).substr(read.size());
  read_end_ = http::encode_path(rest.substr(0, rest.find('/')));
  return {};
}

std::string_view Route::read_path(std::string_view encoded_path) const noexcept {
  if (read_segments_ == kAllSegments) return encoded_path;
  std::size_t end = 0;
  for (std::size_t i = 0; i < read_segments_; ++i)
    end = std::min(encoded_path.find('/', end + 1), encoded_path.size());
  return encoded_path.substr(0, end - read_end_.size());
}

Result<void> Route::check_stream() const {
  if (!spec_.web_socket && !spec_.stream) return {};
  if (spec_.web_socket && spec_.stream)
    return invalid("a WebSocket is a stream already: a route has `websocket` or `stream`");
  if (spec_.web_socket && spec_.method != "GET") return invalid("a WebSocket begins with a GET");
  if (spec_.answer && spec_.answer->read.empty())
    return invalid(
        "`decide: on response` reads all of the answer, and a stream has no end to wait for; `decide: on "
        "read` "
        "reads before it what tells of the resource");
  return {};
}

bool Route::decides_as(const Route& other) const {
  const auto& a = spec_;
  const auto& b = other.spec_;
  const auto same_fact = [](const FactSpec& one, const FactSpec& two) {
    return one.of == two.of && one.name == two.name && one.from == two.from && one.type == two.type;
  };
  return a.api == b.api && a.action == b.action && a.resource_type == b.resource_type &&
         a.resource_id == b.resource_id && a.path == b.path && a.attributes == b.attributes &&
         a.amounts == b.amounts && a.labels == b.labels && a.to->origin().pool == b.to->origin().pool &&
         a.hosts == b.hosts && a.is_public == b.is_public && a.observed == b.observed &&
         a.web_socket == b.web_socket && a.answer == b.answer &&
         std::ranges::equal(a.facts, b.facts, same_fact);
}

bool Route::has_something_in_body() const noexcept {
  return request_facts_.read_body() ||
         std::ranges::any_of(amounts_, [](const auto& each) { return each.second.is_in_body(); });
}

bool Route::reads_body(const http::Headers& headers) const {
  if (has_something_in_body()) return true;
  const bool in_query = request_facts_.read_query() || std::ranges::any_of(amounts_, [](const auto& each) {
                          return each.second.is_in_query();
                        });
  return in_query && (is_json(headers) || !headers.contains("Content-Type"));
}

std::vector<task::NamedAmount> Route::amounts(const http::Request& request,
                                              const std::vector<std::string_view>& values,
                                              std::optional<std::string_view> body) const {
  std::vector<task::NamedAmount> told;
  for (const auto& [name, source] : amounts_) {
    if (const auto amount = source.find(request, values, body)) told.push_back({name, *amount});
  }
  return told;
}

Route::MakeRecord Route::facts(const std::vector<std::string_view>& values, const FoundFacts* found) const {
  const bool none_found = found == nullptr || found->attributes.empty();
  if (attributes_.empty() && none_found) return {};
  return [this, &values, found, none_found](cedar::Arena& arena) {
    std::vector<cedar::Field> fields;
    for (const auto& [name, text] : attributes_) {
      std::string filled;
      text.append(filled, values);
      fields.emplace_back(name, cedar::make_string(arena, filled));
    }
    if (!none_found) fields.insert(fields.end(), found->attributes.begin(), found->attributes.end());
    return cedar::make_record(arena, fields);
  };
}

Route::MakeRecord Route::input(const FoundFacts* found) {
  if (found == nullptr || found->input.empty()) return {};
  return [found](cedar::Arena& arena) { return cedar::make_record(arena, found->input); };
}

// The parameters of its path.
Result<std::vector<std::string>> Routes::add_to(Table& table, const RouteSpec& spec) {
  auto added = TRY(table.paths.add(spec.path));
  if (table.places.size() <= added.leaf) table.places.resize(added.leaf + 1);
  auto& place = table.places[added.leaf];
  if (!place.methods.try_emplace(spec.method, routes_.size()).second)
    return failure(ErrorCode::kConflict, "there is another route for this method and path");
  place.allow += (place.allow.empty() ? "" : ", ") + spec.method;
  return std::move(added.parameters);
}

Result<void> Routes::add(RouteSpec spec) {
  std::vector<std::string> parameters;
  if (spec.hosts.empty()) parameters = TRY(add_to(everywhere_, spec));
  for (auto& host : spec.hosts) {
    host = TRY(host_pattern(host));
    auto added = add_to(by_host_[host], spec);
    if (!added) return std::unexpected(std::move(added).error().in(fmt::format("host `{}`", host)));
    parameters = *std::move(added);
  }
  if (spec.observed) observed_apis_.insert(spec.api);
  routes_.push_back(TRY(Route::make(std::move(spec), parameters)));
  const auto& to = routes_.back().spec_.to;
  if (upstreams_.empty() || upstreams_.back() != to) upstreams_.push_back(to);
  return {};
}

Result<Routes> Routes::make(std::vector<RouteSpec> specs) {
  std::vector<Wrong> wrong;
  auto routes = make(std::move(specs), wrong);
  if (wrong.empty()) return routes;
  return std::unexpected(std::move(wrong.front().error));
}

Routes Routes::make(std::vector<RouteSpec> specs, std::vector<Wrong>& wrong) {
  Routes routes;
  routes.routes_.reserve(std::min(specs.size(), kMaxRoutes));
  for (std::size_t number = 0; number < specs.size(); ++number) {
    if (number == kMaxRoutes) {
      wrong.push_back(
          {number, {ErrorCode::kLimit, fmt::format("there are more than {} routes", kMaxRoutes)}});
      break;
    }
    const auto name = fmt::format("route `{} {}`", specs[number].method, specs[number].path);
    if (auto added = routes.add(std::move(specs[number])); !added)
      wrong.push_back({number, std::move(added).error().in(name)});
  }
  std::ranges::sort(routes.upstreams_);
  routes.upstreams_.erase(std::ranges::unique(routes.upstreams_).begin(), routes.upstreams_.end());
  return routes;
}

void Routes::take_over_upstreams(const Routes& before) const {
  for (const auto& mine : upstreams_)
    std::ranges::any_of(before.upstreams_, [&](const auto& other) { return mine->take_over(*other); });
}

Routes::Match Routes::match(const http::Request& request, std::vector<std::string_view>& values) const {
  return match(request.method, request, values);
}

Routes::Match Routes::match(std::string_view method, const http::Request& request,
                            std::vector<std::string_view>& values) const {
  const auto found = by_host_.empty() ? match_in(everywhere_, method, request.path, values)
                                      : match_on(request.host, method, request.path, values);
  return as_sent(found, request, values);
}

Routes::Match Routes::match_anywhere(const http::Request& request,
                                     std::vector<std::string_view>& values) const {
  return as_sent(match(request.method, request.path, values), request, values);
}

Routes::Match Routes::match(std::string_view method, std::string_view path,
                            std::vector<std::string_view>& values) const {
  auto found = match_in(everywhere_, method, path, values);
  for (const auto& [host, table] : by_host_) {
    if (found.route != nullptr) break;
    const auto other = match_in(table, method, path, values);
    if (other.route != nullptr || found.allow == nullptr) found = other;
  }
  return found;
}

Routes::Match Routes::match_on(std::string_view host, std::string_view method, std::string_view path,
                               std::vector<std::string_view>& values) const {
  const auto name = host_name(host);
  Match known{nullptr, nullptr};
  const auto try_in = [&](const Table& table) {
    const auto found = match_in(table, method, path, values);
    if (found.route != nullptr || known.allow == nullptr) known = found;
    return found.route != nullptr;
  };
  if (const auto exact = by_host_.find(name); exact != by_host_.end() && try_in(exact->second)) return known;
  if (const auto wildcard = by_host_.find(wildcard_of(name)); wildcard != by_host_.end())
    if (try_in(wildcard->second)) return known;
  // The longest suffix first. They stand together in the map, and mostly there are none.
  if (const auto first = by_host_.lower_bound(kHostSuffix);
      first != by_host_.end() && first->first.starts_with(kHostSuffix)) {
    std::string pattern;
    for (auto rest = without_label(name); !rest.empty(); rest = without_label(rest)) {
      const auto suffix = by_host_.find(pattern.assign(kHostSuffix).append(rest));
      if (suffix != by_host_.end() && try_in(suffix->second)) return known;
    }
  }
  try_in(everywhere_);
  return known;
}

Routes::Match Routes::match_in(const Table& table, std::string_view method, std::string_view path,
                               std::vector<std::string_view>& values) const {
  const auto leaf = table.paths.match(path, values);
  if (!leaf) return {nullptr, nullptr};
  const Place& place = table.places[*leaf];
  const auto route = place.methods.find(method);
  return {route != place.methods.end() ? &routes_[route->second] : nullptr, &place.allow};
}

}  // namespace writ::gateway
