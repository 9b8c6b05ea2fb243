// Routes: which API, action and resource a request is about, and which upstream serves it.
//
//   GET /invoices/{invoice}         →  api invoices, Billing::Action::"read", Billing::Invoice::"{invoice}"
//   POST /invoices/{invoice}:cancel →  api invoices, Billing::Action::"cancel", the same
//   GET /static/**                  →  api site, Site::Action::"get", Site::File::"{**}"
//
// A route names one method and a whole path template (http/path_trie.h); what no route names is never
// forwarded. Routes are made once and refuse, with the place, whatever could be read in two ways: two routes
// for one method and path, templates that overlap with neither more specific, resource ids that two different
// paths could both become, parameters that no path supplies. HEAD is not implied by GET.
//
// Routes may be for some hosts alone: `api.acme.example`, `*.acme.example` for one label more, or
// `**.acme.example` for any number of them. A request goes by the routes of its host, then by those of the
// wildcard, then of the suffixes from the longest on, then by those that are for every host: the first of
// these that have its path and method. A host that no route names has only the last.
//
// Immutable and thread-safe; match() allocates nothing with a warm vector.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cedar/ast.h"
#include "cedar/value.h"
#include "gateway/amounts.h"
#include "gateway/answer_reader.h"
#include "gateway/cors.h"
#include "gateway/fact_finder.h"
#include "gateway/forwarded_headers.h"
#include "gateway/query_names.h"
#include "gateway/rates.h"
#include "http/client.h"
#include "http/path_trie.h"
#include "http/upstream.h"

namespace writ::gateway {

inline constexpr std::size_t kMaxRoutes = 200'000;

// How long an upstream may take; absent: as the client's options say.
struct RouteTimeouts {
  http::CallTimeouts call = {};
  std::optional<std::chrono::milliseconds> idle = {};   // of a stream, either way; else between two pieces
  std::optional<std::chrono::milliseconds> whole = {};  // of the request and its answer

  bool operator==(const RouteTimeouts&) const = default;
};

// A route as configuration says it.
struct RouteSpec {
  std::string method;         // "GET"
  std::string path;           // "/invoices/{invoice}"
  std::string api;            // the id of an API in the inventory
  cedar::EntityUid action;    // Billing::Action::"read"
  std::string resource_type;  // Billing::Invoice
  std::string resource_id;    // a template: "{invoice}"
  // What the path says about the resource: {"tenant", "{tenant}"}. Text attributes.
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string upstream;  // "http://127.0.0.1:9001/base"
  // What a request spends, and where it says so (gateway/amounts.h): {"credited", "body /amount"}.
  std::vector<std::pair<std::string, std::string>> amounts = {};
  std::vector<std::string> labels = {};  // that a task earns by it
  std::shared_ptr<const ForwardedHeaders> forwarded = ForwardedHeaders::standard();  // never null
  // The parameters that its query may have; absent: all but those of credentials (gateway/query_names.h).
  std::optional<std::vector<std::string>> query = {};
  std::shared_ptr<const http::TlsClient> tls = {};  // of an https upstream; null: what the system trusts
  std::shared_ptr<const Cors> cors = {};            // null: pages of other origins are not thought of
  std::optional<AnswerSpec> answer = {};            // an answer of the API decides: its own, or one before
  bool is_public = false;                           // nobody's token is asked for
  bool observed = false;                            // the API is not enforced
  std::vector<FactSpec> facts = {};                 // what else is found in a request
  std::shared_ptr<const Rates> rates = {};          // null: nobody's calls are counted
  std::shared_ptr<http::Upstream> to = {};  // in place of `upstream` and `tls`, of all routes of an API
  bool web_socket = false;                  // GET, and its answer is a WebSocket (RFC 6455)
  bool stream = false;                      // its answer may last, and be quiet
  RouteTimeouts timeouts = {};
  std::vector<std::string> hosts = {};  // that it is for (gateway/hosts.h); empty: every one
  // Where no route has a path, and this one has it with one slash more or less at its end, the caller is sent
  // here (GET and HEAD).
  bool redirects_slash = false;
};

// Text with parameters: "{tenant}/{invoice}".
class TextTemplate {
 public:
  // Parameters are named as in the path's template. With more than one, a literal with a slash must stand
  // between two of them: no parameter's value holds a slash but the path's rest, which is one at most, so
  // different values give different texts.
  static Result<TextTemplate> parse(std::string_view text, const std::vector<std::string>& parameters);

  // `values` are the path's, in its order.
  void append(std::string& out, const std::vector<std::string_view>& values) const;

 private:
  struct Piece {
    std::string literal;    // when parameter is kLiteral
    std::size_t parameter;  // index into the values
  };
  static constexpr std::size_t kLiteral = static_cast<std::size_t>(-1);
  Result<void> add_parameter(std::string_view name, const std::vector<std::string>& parameters);

  std::vector<Piece> pieces_;
};

// A route in force. Read-only.
class Route {
 public:
  const std::string& api() const noexcept { return spec_.api; }
  const cedar::EntityUid& action() const noexcept { return spec_.action; }
  const std::string& resource_type() const noexcept { return spec_.resource_type; }
  const TextTemplate& resource_id() const noexcept { return resource_id_; }
  const std::vector<std::pair<std::string, TextTemplate>>& attributes() const noexcept { return attributes_; }
  using MakeRecord = std::function<cedar::Value(cedar::Arena&)>;
  // What is found in the request beside amounts; null when the route declares nothing of the kind. `body` is
  // all of it, empty where there is none, and needed if reads_body(); null: it was not read.
  std::unique_ptr<FoundFacts> find_facts(const http::Request& request,
                                         const std::vector<std::string_view>& values,
                                         std::optional<std::string_view> body) const {
    return request_facts_.find(request, values, body);
  }
  // Makes what the path says of the resource, and what was found of it (or null), a record; empty when
  // neither says anything. Both are borrowed.
  MakeRecord facts(const std::vector<std::string_view>& values, const FoundFacts* found = nullptr) const;
  // The same for `context.input`.
  static MakeRecord input(const FoundFacts* found);
  // Whether something in the body must be known before the decision: what stands there, or for what stands in
  // the query, that the body does not say something else.
  bool reads_body(const http::Headers& headers) const;
  // What the request spends, as far as it tells. `body` as above.
  std::vector<task::NamedAmount> amounts(const http::Request& request,
                                         const std::vector<std::string_view>& values,
                                         std::optional<std::string_view> body) const;
  const std::vector<std::string>& labels() const noexcept { return spec_.labels; }
  const http::Origin& upstream() const noexcept { return spec_.to->origin(); }
  // Where its requests go.
  http::Upstream& to() const noexcept { return *spec_.to; }
  const ForwardedHeaders& forwarded() const noexcept { return *spec_.forwarded; }
  const QueryNames& query_names() const noexcept { return query_names_; }
  const std::shared_ptr<const Cors>& cors() const noexcept { return spec_.cors; }
  const AnswerReader* answer() const noexcept { return answer_ ? &*answer_ : nullptr; }
  // Whether that is an answer about the resource which the API gives before the request reaches it.
  bool reads_before() const noexcept { return read_segments_ > 0; }
  // Of the path as it was sent, what tells of the resource.
  std::string_view read_path(std::string_view encoded_path) const noexcept;
  const Rates* rates() const noexcept { return spec_.rates.get(); }
  bool is_public() const noexcept { return spec_.is_public; }
  bool observed() const noexcept { return spec_.observed; }
  bool web_socket() const noexcept { return spec_.web_socket; }
  bool stream() const noexcept { return spec_.stream; }
  const RouteTimeouts& timeouts() const noexcept { return spec_.timeouts; }
  bool redirects_slash() const noexcept { return spec_.redirects_slash; }
  // Whether requests by the other one are decided by the same, and go to the same place.
  bool decides_as(const Route& other) const;
  // What is asked of each element of a list in its answer.
  const cedar::EntityUid& element_action() const noexcept { return element_action_; }
  const std::string& element_type() const noexcept { return element_type_; }

 private:
  friend class Routes;
  Route(RouteSpec spec, TextTemplate resource_id)
      : spec_(std::move(spec)), resource_id_(std::move(resource_id)) {}
  static Result<Route> make(RouteSpec spec, const std::vector<std::string>& parameters);
  bool has_something_in_body() const noexcept;
  Result<void> read_answer();
  Result<void> check_answer_s_route();
  Result<void> check_stream() const;

  RouteSpec spec_;
  TextTemplate resource_id_;
  QueryNames query_names_;
  std::vector<std::pair<std::string, TextTemplate>> attributes_;
  std::vector<std::pair<std::string, AmountSource>> amounts_;
  std::optional<AnswerReader> answer_;
  static constexpr std::size_t kAllSegments = static_cast<std::size_t>(-1);
  std::size_t read_segments_ = 0;
  std::string read_end_;  // what stands behind the last of them, and is not read
  cedar::EntityUid element_action_;
  std::string element_type_;
  FactFinder request_facts_;
};

class Routes {
 public:
  // The error says which route: "route `GET /invoices/{id}`: ...".
  static Result<Routes> make(std::vector<RouteSpec> specs);
  // The same for all that are wrong, with their numbers; with any, what it returns is not to be used.
  struct Wrong {
    std::size_t route;
    Error error;
  };
  static Routes make(std::vector<RouteSpec> specs, std::vector<Wrong>& wrong);

  struct Match {
    const Route* route;        // null: none for this method or path
    const std::string* allow;  // the methods the path takes: "GET, PUT"; null: no such path
  };
  // The values are views into the request's decoded path. A reserved character of the template was sent as it
  // stands there: an upstream may take `/files/a%3Acopy` for another path than `/files/a:copy` (RFC 3986
  // §2.2).
  Match match(const http::Request& request, std::vector<std::string_view>& values) const;
  // For another method than the request's own: what a preflight asks about.
  Match match(std::string_view method, const http::Request& request,
              std::vector<std::string_view>& values) const;
  // The same under whatever host: for questions that name none, and never for a request that came. Where
  // hosts have different routes for a path, the first one.
  Match match_anywhere(const http::Request& request, std::vector<std::string_view>& values) const;
  // Of the path alone. The values are views into `path`.
  Match match(std::string_view method, std::string_view path, std::vector<std::string_view>& values) const;

  std::size_t size() const noexcept { return routes_.size(); }
  // The APIs that are only observed, in order.
  const std::set<std::string>& observed_apis() const noexcept { return observed_apis_; }
  // Where requests go, each once.
  const std::vector<std::shared_ptr<http::Upstream>>& upstreams() const noexcept { return upstreams_; }
  // Before these are in force: what is known of the upstreams of those before (http/upstream.h).
  void take_over_upstreams(const Routes& before) const;

 private:
  struct Place {
    std::map<std::string, std::size_t, std::less<>> methods;  // and the route's index
    std::string allow;
  };
  struct Table {
    http::PathTrie paths;
    std::vector<Place> places;  // by leaf
  };
  Result<void> add(RouteSpec spec);
  Result<std::vector<std::string>> add_to(Table& table, const RouteSpec& spec);
  Match match_in(const Table& table, std::string_view method, std::string_view path,
                 std::vector<std::string_view>& values) const;
  Match match_on(std::string_view host, std::string_view method, std::string_view path,
                 std::vector<std::string_view>& values) const;

  std::vector<Route> routes_;
  Table everywhere_;
  std::map<std::string, Table, std::less<>> by_host_;  // "api.acme.example", "*.acme.example"
  std::set<std::string> observed_apis_;
  std::vector<std::shared_ptr<http::Upstream>> upstreams_;
};

}  // namespace writ::gateway
