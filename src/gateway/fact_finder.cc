#include "gateway/fact_finder.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "codec/json_pointer.h"
#include "codec/twin.h"
#include "codec/utf8.h"
#include "decision/guards.h"
#include "gateway/graphql.h"
#include "gateway/one_reading.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

using cedar::Type;
using cedar::TypeKind;
using cedar::Value;
using Found = std::expected<Value, std::string_view>;

constexpr std::string_view kSetOf = "set of ";
constexpr std::string_view kGraphqlType = "type", kGraphqlName = "name", kGraphqlFields = "fields";

std::unexpected<std::string_view> gap(std::string_view why) {
  return std::unexpected(why);
}

// `7` and `-7`, but not `07`, `+7` or `7.0`, which some readers take for something else.
Found long_of(std::string_view text) {
  const auto digits = text.starts_with('-') ? text.substr(1) : text;
  const bool plain = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos &&
                     (digits == "0" ? digits == text : digits.front() != '0');
  std::int64_t number = 0;
  if (!plain || !fits_double(digits) ||
      std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
    return gap("it is not a whole number of at most 15 digits");
  return Value::integer(number);
}

// As amounts are written, or less than zero.
Found decimal_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto amount = task::Amount::parse(negative ? text.substr(1) : text);
  if (!amount || !fits_double(text) || (negative && amount->ten_thousandths == 0))
    return gap("it is not a number of at most 15 digits, of which at most four follow the point");
  return Value::decimal({negative ? -amount->ten_thousandths : amount->ten_thousandths});
}

Found text_of(std::string_view text, const Type& type, cedar::Arena& arena) {
  if (text.size() > kMaxFactBytes) return gap("it is longer than 1024 bytes");
  if (!codec::valid_utf8(text)) return gap("it is not UTF-8");
  if (text.contains('\0')) return gap("it has a NUL, at which some readers end a text");
  if (!type.is(TypeKind::kEntity)) return cedar::make_string(arena, text);
  if (text.empty()) return gap("it is empty, and no entity's id");
  return cedar::make_entity(arena, type.entity_types().front(), text);
}

// The entity of that number, as it is written.
Found entity_of(std::string_view number, const Type& type, cedar::Arena& arena) {
  TRY(long_of(number));
  return text_of(number, type, arena);
}

// Of a path, a query or a header, where everything is text.
Found value_of_text(std::string_view text, const Type& type, cedar::Arena& arena) {
  switch (type.kind()) {
    case TypeKind::kLong:
      return long_of(text);
    case TypeKind::kDecimal:
      return decimal_of(text);
    case TypeKind::kBool:
      if (text == "true" || text == "false") return Value::boolean(text == "true");
      return gap("it is neither `true` nor `false`");
    default:
      return text_of(text, type, arena);
  }
}

// A comma may part it in two for another reader.
bool is_plain_field(std::string_view value) noexcept {
  return std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f && c != ','; });
}

}  // namespace

// The body as JSON, parsed when the first fact is looked for in it.
class FactFinder::Body {
 public:
  Body(const http::Request& request, std::optional<std::string_view> text)
      : request_(request), text_(text.value_or("")), said_(text) {}

  // Whether no reader finds in it what stands in the query.
  bool says_nothing_of(std::string_view name) const {
    return body_says_nothing_of(request_.headers, said_, name);
  }

  bool is_no_form() const { return body_is_no_form(request_.headers, said_); }

  Found find(const Fact& fact, cedar::Arena& arena) {
    if (text_.empty()) return gap("there is no body");
    if (!is_json(request_.headers)) return gap("the body is not JSON in UTF-8 by its `Content-Type`");
    if (!query_says_nothing_of(request_.query, fact.member))
      return gap("the query has a parameter that some reader takes for it");
    if (!json()) return gap("the body is not JSON that can be read in one way only");
    const auto* found = codec::at_pointer_alone(*json(), fact.place);
    if (found == nullptr) return gap("the body does not have it, or has what some reader takes for it");
    return value(*found, fact.place, fact.type, arena);
  }

  Found find_graphql(const Fact& fact, cedar::Arena& arena) {
    const auto& read = graphql();
    if (!read) return gap("the GraphQL request cannot be read");
    if (fact.place == kGraphqlType) return cedar::make_string(arena, kind_name(read->kind));
    if (fact.place == kGraphqlName) {
      if (read->name.empty()) return gap("the operation has no name");
      return text_of(read->name, fact.type, arena);
    }
    if (read->fields.size() > kMaxFactElements) return gap("it has more than 64 fields at its root");
    std::vector<Value> fields;
    for (const auto& field : read->fields)
      fields.push_back(TRY(text_of(field, Type(TypeKind::kString), arena)));
    return cedar::make_set(arena, fields);
  }

  // Of the operation that a server executes.
  const Result<GraphqlOperation>& graphql() {
    if (!graphql_) graphql_.emplace(read_operation());
    return *graphql_;
  }

 private:
  const Result<codec::Json>& json() {
    if (!json_) json_.emplace(codec::parse_json(text_, {.max_bytes = text_.size()}));
    return *json_;
  }

  Result<GraphqlOperation> read_operation() {
    if (!is_json(request_.headers))
      return invalid("a GraphQL request is JSON in UTF-8, with the `Content-Type` `application/json`");
    // Some servers take these from the query too, or the name of a document that they keep.
    for (const auto* name : {"query", "operationName", "variables", "extensions", "id", "documentId", "docId",
                             "queryId", "operationId", "persistedQuery", "hash", "sha256Hash"})
      if (!query_says_nothing_of(request_.query, name))
        return invalid(
            "the URL's query has a parameter that some reader takes for a part of the GraphQL request");
    if (text_.empty() || !json()) return invalid("the body is not JSON that can be read in one way only");
    return read_graphql_request(*json());
  }

  Found value(const codec::Json& json, const std::string& at, const Type& type, cedar::Arena& arena) const {
    switch (type.kind()) {
      case TypeKind::kSet:
        return set(json, at, type.element(), arena);
      case TypeKind::kBool:
        if (const auto* flag = json.if_bool()) return Value::boolean(*flag);
        return gap("it is not true or false");
      case TypeKind::kLong:
        return json.is_int() ? number(at, long_of) : gap("it is not a whole number");
      case TypeKind::kDecimal:
        if (const auto* text = json.if_string()) return decimal_of(*text);
        return json.is_int() || json.is_double() ? number(at, decimal_of) : gap("it is not a number");
      case TypeKind::kEntity:
        if (json.is_int())
          return number(at, [&](std::string_view written) { return entity_of(written, type, arena); });
        [[fallthrough]];
      default:
        if (const auto* text = json.if_string()) return text_of(*text, type, arena);
        return gap("it is not a text");
    }
  }

  // The nearest double might be another number than what is written.
  template <class Read>
  Found number(const std::string& at, Read read) const {
    const auto written = codec::number_text(text_, at);
    return written ? read(*written) : gap("it is not a number");
  }

  Found set(const codec::Json& json, const std::string& at, const Type& element, cedar::Arena& arena) const {
    const auto* array = json.if_array();
    if (array == nullptr) return gap("it is not a list");
    if (array->size() > kMaxFactElements) return gap("it has more than 64 elements");
    std::vector<Value> elements;
    for (std::size_t i = 0; i < array->size(); ++i)
      elements.push_back(TRY(value((*array)[i], fmt::format("{}/{}", at, i), element, arena)));
    return cedar::make_set(arena, elements);
  }

  const http::Request& request_;
  const std::string_view text_;
  const std::optional<std::string_view> said_;
  std::optional<Result<codec::Json>> json_;
  std::optional<Result<GraphqlOperation>> graphql_;
};

Result<Type> parse_fact_type(std::string_view text) {
  if (text.starts_with(kSetOf)) {
    auto element = TRY(parse_fact_type(text.substr(kSetOf.size())));
    if (element.is_set()) return invalid("a set of sets cannot be found in a request");
    return Type::set(std::move(element));
  }
  if (text == "string") return Type(TypeKind::kString);
  if (text == "long") return Type(TypeKind::kLong);
  if (text == "bool") return Type(TypeKind::kBool);
  if (text == "decimal") return Type(TypeKind::kDecimal);
  if (text.find("::") != text.npos && cedar::valid_entity_type(text)) return Type::entity(std::string(text));
  return invalid(fmt::format(
      "`{}` is not a type, expected `string`, `long`, `bool`, `decimal`, the type of an entity such "
      "as `Billing::Team`, or `set of` one of them",
      text));
}

bool is_guarded_attribute(std::string_view name) noexcept {
  return name == "taskLabels" || decision::is_read_by_guards(name);
}

Result<FactFinder::Fact> FactFinder::parse(const FactSpec& spec, const std::vector<std::string>& parameters) {
  if (!task::is_amount_name(spec.name)) return invalid("it has no name that policies can read");
  if (spec.of == FactSpec::Of::kResource && is_guarded_attribute(spec.name))
    return invalid(
        "a guard goes by this attribute, and a request that leaves it out would get past it; write what the "
        "path says as a template (\"{parameter}\"), or push it as an entity");
  Fact fact{.of = spec.of,
            .where = Where::kBody,
            .name = spec.name,
            .path = (spec.of == FactSpec::Of::kResource ? "resource." : "context.input.") + spec.name,
            .from = spec.from,
            .place = {},
            .member = {},
            .type = TRY(parse_fact_type(spec.type))};
  const std::string_view from = spec.from;
  const auto space = std::min(from.find(' '), from.size());
  const auto where = from.substr(0, space);
  fact.place = from.substr(std::min(space + 1, from.size()));
  const auto& place = fact.place;
  const auto unclear = [&] {
    return invalid(
        fmt::format("other readers could take other names for `{}`; a name has letters and digits "
                    "of ASCII, and `_`, `-` or `$`",
                    place));
  };
  if (where == "body" && codec::is_json_pointer(place)) {
    auto names = codec::pointer_names(place);
    if (!std::ranges::all_of(names, codec::is_ascii_name)) return unclear();
    fact.member = std::move(names.back());
    return fact;
  }
  if (where == "graphql" && (place == kGraphqlType || place == kGraphqlName || place == kGraphqlFields)) {
    const bool is_list = place == kGraphqlFields;
    const bool good = is_list ? fact.type.is_set() && fact.type.element().is(TypeKind::kString)
                              : fact.type.is(TypeKind::kString);
    if (!good)
      return invalid(fmt::format("`{}` is of the type `{}`", from, is_list ? "set of string" : "string"));
    fact.where = Where::kGraphql;
    return fact;
  }
  if (fact.type.is_set()) return invalid("a set can be found in a `body` only");
  if (where == "query" && !place.empty()) {
    if (!is_parameter_name(place)) return unclear();
    fact.where = Where::kQuery;
    return fact;
  }
  if (where == "header" && http::is_token(place)) {
    if (!codec::is_ascii_name(place)) return unclear();
    fact.where = Where::kHeader;
    return fact;
  }
  if (where == "path") {
    const auto at = std::ranges::find(parameters, place);
    if (at == parameters.end()) return invalid(fmt::format("the path has no parameter `{}`", place));
    fact.where = Where::kPath;
    fact.parameter = static_cast<std::size_t>(at - parameters.begin());
    return fact;
  }
  return invalid(
      fmt::format("`{}` does not say where it is, expected `path NAME`, `query NAME`, `header NAME`, "
                  "`body /POINTER`, or `graphql` with `type`, `name` or `fields`",
                  from));
}

Result<FactFinder> FactFinder::make(const std::vector<FactSpec>& specs,
                                    const std::vector<std::string>& parameters) {
  if (specs.size() > kMaxFacts)
    return failure(ErrorCode::kLimit, fmt::format("a route finds at most {} facts", kMaxFacts));
  FactFinder made;
  for (const auto& spec : specs) {
    auto fact = parse(spec, parameters);
    const auto what = spec.of == FactSpec::Of::kResource ? "attribute" : "context entry";
    if (!fact) return std::unexpected(std::move(fact).error().in(fmt::format("{} `{}`", what, spec.name)));
    made.facts_.push_back(*std::move(fact));
  }
  return made;
}

bool FactFinder::read_body() const noexcept {
  return read_graphql() ||
         std::ranges::any_of(facts_, [](const Fact& fact) { return fact.where == Where::kBody; });
}

bool FactFinder::read_query() const noexcept {
  return std::ranges::any_of(facts_, [](const Fact& fact) { return fact.where == Where::kQuery; });
}

bool FactFinder::read_graphql() const noexcept {
  return std::ranges::any_of(facts_, [](const Fact& fact) { return fact.where == Where::kGraphql; });
}

std::vector<std::string_view> FactFinder::header_names() const {
  std::vector<std::string_view> names;
  for (const Fact& fact : facts_) {
    if (fact.where == Where::kHeader) names.push_back(fact.place);
  }
  return names;
}

FactFinder::Found FactFinder::find(const Fact& fact, const http::Request& request,
                                   const std::vector<std::string_view>& values, Body& body,
                                   cedar::Arena& arena) {
  switch (fact.where) {
    case Where::kPath:
      if (!query_says_nothing_of(request.query, fact.place))
        return gap("the query has a parameter that some reader takes for it");
      if (!body.is_no_form()) return gap("the body is a form, whose fields some reader takes for it");
      return value_of_text(values[fact.parameter], fact.type, arena);
    case Where::kQuery: {
      if (!body.says_nothing_of(fact.place))
        return gap("the body may have it too, and some reader takes that for the query's");
      if (!reads_in_one_way(request.query, fact.place))
        return gap("the query can be read in more ways than one");
      const auto given = http::query_parameter(request.query, fact.place);
      if (given.state == http::QueryState::kAbsent) return gap("the query does not have it");
      if (given.state == http::QueryState::kMany) return gap("the query has it twice");
      // As in a form (WHATWG URL §5.1); RFC 3986 knows nothing of it.
      if (given.value.contains('+') && request.query.contains('+'))
        return gap("it has a `+`, which some readers take for a space: send `%2B` or `%20`");
      return value_of_text(given.value, fact.type, arena);
    }
    case Where::kHeader: {
      const auto value = only_field(request.headers, fact.place);
      if (!value)
        return gap(request.headers.contains(fact.place) ? "the header has it twice, or a field like it"
                                                        : "the header does not have it");
      if (!is_plain_field(*value)) return gap("it has a comma, or characters that are not visible ASCII");
      return value_of_text(*value, fact.type, arena);
    }
    case Where::kBody:
      return body.find(fact, arena);
    case Where::kGraphql:
      return body.find_graphql(fact, arena);
  }
  return gap("it is nowhere");
}

std::unique_ptr<FoundFacts> FactFinder::find(const http::Request& request,
                                             const std::vector<std::string_view>& values,
                                             std::optional<std::string_view> text) const {
  if (facts_.empty()) return nullptr;
  auto all = std::make_unique<FoundFacts>();
  Body body(request, text);
  if (read_graphql()) {
    if (const auto& read = body.graphql(); !read) all->unreadable = read.error().message;
  }
  for (const Fact& fact : facts_) {
    const auto found = find(fact, request, values, body, all->arena);
    all->notes.push_back({fact.path, fact.from, found ? std::string_view() : found.error()});
    if (!found) continue;
    auto& told = fact.of == FactSpec::Of::kResource ? all->attributes : all->input;
    told.emplace_back(fact.name, *found);
  }
  return all;
}

}  // namespace writ::gateway
