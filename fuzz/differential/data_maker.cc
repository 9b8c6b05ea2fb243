#include "data_maker.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;
using cedar::EntityUid;
using cedar::Type;
using cedar::TypeKind;

// None of them is a value of any type, or hardly any.
constexpr std::array kOddValues{
    "null"sv,
    "1.5"sv,
    "1e3"sv,
    "-0"sv,
    "9223372036854775808"sv,
    "-9223372036854775809"sv,
    "18446744073709551615"sv,
    "1.0"sv,
    "{\"__extn\": {\"fn\": \"ip\"}}"sv,
    "{\"__extn\": {\"fn\": \"nothing\", \"arg\": \"a\"}}"sv,
    "{\"__extn\": {\"fn\": \"ip\", \"arg\": 1}}"sv,
    "{\"__extn\": {\"fn\": \"isIpv4\", \"arg\": {\"__extn\": {\"fn\": \"ip\", \"arg\": \"::1\"}}}}"sv,
    "{\"__extn\": {\"fn\": \"offset\", \"args\": [\"2024-01-01\", \"1h\"]}}"sv,
    "{\"__extn\": {\"fn\": \"offset\", \"args\": [{\"__extn\": {\"fn\": \"datetime\", \"arg\": "
    "\"2024-01-01\"}}, {\"__extn\": {\"fn\": \"duration\", \"arg\": \"1h\"}}]}}"sv,
    "{\"__extn\": {\"fn\": \"decimal\", \"args\": [\"1.0\"]}}"sv,
    "{\"__extn\": {\"fn\": \"decimal\", \"args\": [\"1.0\", \"2.0\"]}}"sv,
    "{\"__extn\": {\"fn\": \"decimal\", \"arg\": \"1.0\", \"x\": 1}}"sv,
    "{\"fn\": \"decimal\", \"arg\": \"1.0\"}"sv,
    "{\"fn\": \"ip\", \"arg\": \"::1\"}"sv,
    "{\"__entity\": {\"type\": \"User\"}}"sv,
    "{\"__entity\": {\"type\": \"User\", \"id\": \"a\", \"x\": 1}}"sv,
    "{\"__entity\": {\"type\": \"not a name\", \"id\": \"a\"}}"sv,
    "{\"__entity\": {\"type\": \"User\", \"id\": 1}}"sv,
    "{\"__entity\": \"User::\\\"a\\\"\"}"sv,
    "{\"__expr\": \"User::\\\"a\\\"\"}"sv,
    "{\"__expr\": \"1\", \"x\": 1}"sv,
    "{\"__expr\": 1}"sv,
    R"({"__expr": "1", "type": "User", "id": "a"})"sv,
    R"({"__expr": 1, "type": "User", "id": "a"})"sv,
    R"({"__expr": "1", "__entity": {"type": "User", "id": "a"}})"sv,
    R"({"__expr": "1", "__extn": {"fn": "ip", "arg": "::1"}})"sv,
    R"({"__entity": {"type": "User", "id": "a"}, "type": "Doc", "id": "a"})"sv,
    R"({"__entity": {"type": "User"}, "type": "Doc", "id": "a"})"sv,
    R"({"__entity": {"type": "User", "id": "a"}, "x": 1})"sv,
    R"({"__extn": {"fn": "ip", "arg": "::1"}, "x": 1})"sv,
    R"({"__extn": {"fn": "ip", "arg": "::1", "args": []}})"sv,
    R"({"__extn": {"fn": "ip", "args": "::1"}})"sv,
    R"({"__extn": {"fn": "ip", "args": []}})"sv,
    R"({"__extn": {"fn": "ip", "arg": "::1"}, "fn": "ip", "arg": "::2"})"sv,
    R"({"__extn": {"fn": "ip"}, "fn": "ip", "arg": "::2"})"sv,
    R"({"__extn": {"fn": "unknown", "arg": "x"}})"sv,
    R"({"__extn": {"fn": "duration", "arg": {"__extn": {"fn": "duration", "arg": "1h"}}}})"sv,
    R"({"__extn": {"fn": "toTime", "arg": "2024-01-01"}})"sv,
    R"({"__extn": {"fn": "toDate", "arg": {"fn": "datetime", "arg": "2024-01-01"}}})"sv,
    R"({"__extn": {"fn": "isLoopback", "arg": "::1"}})"sv,
    R"({"__extn": {"fn": "isInRange", "args": ["::1", "::1"]}})"sv,
    R"({"__extn": {"fn": "lessThan", "args": ["1.0", "2.0"]}})"sv,
    R"({"__extn": {"fn": "toDays", "arg": "3d"}})"sv,
    R"({"__extn": {"fn": "contains", "args": [[1], 1]}})"sv,
    R"({"__extn": {"fn": "A::ip", "arg": "::1"}})"sv,
    R"({"__extn": {"fn": "ip ", "arg": "::1"}})"sv,
    R"({"fn": "offset", "args": ["2024-01-01", "1h"]})"sv,
    R"({"fn": "durationSince", "args": ["2024-01-02", {"fn": "datetime", "arg": "2024-01-01"}]})"sv,
    R"({"fn": "ip", "arg": "::1", "type": "User", "id": "a"})"sv,
    R"({"__extn": "::1"})"sv,
    R"({"__entity": ["User", "a"]})"sv,
    R"({"__entity": {"id": "a"}})"sv,
    R"({"__entity": null})"sv,
    R"(["User", "a"])"sv,
    R"(["ip", "::1"])"sv,
    R"({"__extn": ["ip", "::1"]})"sv,
    R"([{"type": "User", "id": "a"}, {}, []])"sv,
    R"([["User", "a"]])"sv,
    R"({"type": "User"})"sv,
    R"({"type": "Action", "id": "read"})"sv,
    R"({"__entity": {"type": "Action", "id": "read"}})"sv,
    R"({"type": "", "id": "a"})"sv,
    R"({"type": "A::", "id": "a"})"sv,
    R"({"type": " User", "id": "a"})"sv,
    R"({"type": "User", "id": null})"sv,
    R"([[1, 2], ["a"]])"sv,
    R"({"": {"": ""}})"sv,
    R"([true, 1, "1"])"sv,
    R"([1, 1, 1])"sv,
    R"({"a": {"__extn": {"fn": "ip", "arg": "::1"}}})"sv,
    R"(0.0)"sv,
    R"(-1)"sv,
    R"(12345678901234567890123)"sv,
    R"("1970-01-01T00:00:00Z")"sv,
    "{\"type\": \"User\", \"id\": \"a\"}"sv,
    "{\"type\": \"User\", \"id\": \"a\", \"x\": 1}"sv,
    "\"User::\\\"a\\\"\""sv,
    "{}"sv,
    "[]"sv,
    "[[]]"sv,
    "[null]"sv,
    "[1, \"a\"]"sv,
    "{\"a\": 1, \"a\": 1}"sv,
    "{\"a\": null}"sv,
    "\"\\ud83e\\udd80\""sv,
    "\"\\ud83e\""sv,
    "true"sv,
    "1"sv,
    "\"1.0\""sv,
    "\"::1\""sv,
    "\"2024-01-01\""sv,
    "\"1h\""sv};

}  // namespace

Population make_population(Random& random, const cedar::Schema& schema) {
  Population population;
  for (const auto& [name, type] : schema.entity_types()) {
    std::vector<std::string>& ids = population[name];
    for (std::size_t i = random.between(1, 3); i > 0; --i) {
      const std::string id(type.is_enumerated() && !random.one_in(30) ? std::string(random.pick(type.choices))
                                                                      : std::string(any_entity_id(random)));
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
  }
  return population;
}

EntityUid any_entity(Random& random, const Population& population, std::string_view type) {
  const auto known = population.find(type);
  if (known == population.end() || random.one_in(25))
    return {std::string(type), std::string(any_entity_id(random))};
  return {std::string(type), random.pick(known->second)};
}

DataMaker::DataMaker(Random& random, const cedar::Schema& schema, const Population& population)
    : random_(random),
      schema_(schema),
      population_(population),
      flaws_per_thousand_(random.percent(65) ? 0 : random.between(2, 30)),
      implicit_percent_(random.percent(60) ? 0 : random.between(10, 100)) {}

std::string DataMaker::json_text(std::string_view text) {
  return json_literal(random_, text);
}

std::string DataMaker::object(std::vector<std::string> members) {
  // The order of members must not matter.
  for (std::size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random_.below(i)]);
  return fmt::format("{{{}}}", fmt::join(members, random_.one_in(20) ? " ,\n" : ", "));
}

std::string DataMaker::wrong_value() {
  if (random_.one_in(3)) return value(Type(random_.one_in(2) ? TypeKind::kLong : TypeKind::kString));
  return std::string(random_.pick(kOddValues));
}

std::string DataMaker::value(const Type& type, std::size_t depth) {
  if (flawed()) return type.is(TypeKind::kEntity) && random_.one_in(2) ? any_reference() : wrong_value();
  switch (type.kind()) {
    case TypeKind::kTrue:
    case TypeKind::kFalse:
    case TypeKind::kBool:
      return random_.one_in(2) ? "true" : "false";
    case TypeKind::kLong:
      return std::to_string(any_long(random_));
    case TypeKind::kString:
      return text(any_string(random_));
    case TypeKind::kEntity:
      return reference(any_entity(random_, population_, random_.pick(type.entity_types())),
                       !random_.percent(implicit_percent_));
    case TypeKind::kIp:
      return extension("ip");
    case TypeKind::kDecimal:
    case TypeKind::kDatetime:
    case TypeKind::kDuration:
      return extension(extension_type_name(type.kind()));
    case TypeKind::kSet:
      return set(type, depth);
    case TypeKind::kRecord:
      return record(type.attributes(), depth);
    default:
      return wrong_value();
  }
}

// Of any type, declared or not.
std::string DataMaker::any_reference() {
  if (population_.empty() || random_.one_in(6)) return reference({"Nobody", "a"}, random_.one_in(2));
  if (random_.one_in(6) && !schema_.actions().empty())
    return reference(schema_.actions().begin()->first, random_.one_in(2));
  const auto type =
      std::next(population_.begin(), static_cast<std::ptrdiff_t>(random_.below(population_.size())));
  return reference(any_entity(random_, population_, type->first), random_.one_in(2));
}

std::string DataMaker::reference(const EntityUid& uid, bool escaped) {
  const std::string inner = object({"\"type\": " + text(uid.type), "\"id\": " + text(uid.id)});
  return escaped ? fmt::format("{{\"__entity\": {}}}", inner) : inner;
}

std::string DataMaker::extension(std::string_view constructor) {
  // Data holds arguments that are right; the wrong ones are wrong_value()'s.
  std::string argument = any_argument(random_, constructor);
  for (int tries = 0; tries < 4 && flaws_per_thousand_ == 0 && !is_argument(constructor, argument); ++tries)
    argument = any_argument(random_, constructor);
  if (random_.percent(implicit_percent_)) {
    if (random_.one_in(3))
      return object({fmt::format("\"fn\": \"{}\"", constructor), "\"arg\": " + text(argument)});
    return text(argument);
  }
  const std::string arguments =
      random_.one_in(10) ? fmt::format("\"args\": [{}]", text(argument)) : "\"arg\": " + text(argument);
  return fmt::format("{{\"__extn\": {}}}", object({fmt::format("\"fn\": \"{}\"", constructor), arguments}));
}

std::string DataMaker::set(const Type& type, std::size_t depth) {
  std::vector<std::string> elements;
  for (std::size_t i = random_.below(depth > 2 ? 2 : 4); i > 0; --i)
    elements.push_back(value(type.element(), depth + 1));
  return fmt::format("[{}]", fmt::join(elements, ", "));
}

std::string DataMaker::record(const cedar::Attributes& attributes, std::size_t depth) {
  std::vector<std::string> members;
  for (const auto& [name, attribute] : attributes) {
    if (flawed() || (!attribute.required && random_.percent(40 + 10 * depth))) continue;
    members.push_back(text(name) + ": " + value(attribute.type, depth + 1));
  }
  if (flawed()) members.push_back(text(any_attribute(random_)) + ": " + wrong_value());
  return object(std::move(members));
}

std::string DataMaker::parents(const cedar::SchemaEntityType& type, const std::string& id) {
  std::vector<std::string> parents;
  for (const auto* above : type.ancestors) {
    if (random_.percent(55)) continue;
    const EntityUid parent = any_entity(random_, population_, above->name);
    // Parents come later in the order of names, so there are no cycles, or hardly any.
    if (std::pair(std::string_view(above->name), std::string_view(parent.id)) <=
            std::pair(std::string_view(type.name), std::string_view(id)) &&
        !(flaws_per_thousand_ > 0 && random_.one_in(20)))
      continue;
    parents.push_back(reference(parent, random_.one_in(3)));
  }
  if (flawed()) {
    parents.push_back(random_.one_in(3) ? wrong_value() : any_reference());
  }
  return fmt::format("[{}]", fmt::join(parents, ", "));
}

std::string DataMaker::entity(const cedar::SchemaEntityType& type, const std::string& id) {
  const std::string uid = reference({type.name, id}, random_.one_in(3));
  std::vector<std::string> members{"\"uid\": " + (flawed() ? wrong_value() : uid),
                                   "\"attrs\": " + record(type.attributes, 0),
                                   "\"parents\": " + parents(type, id)};
  if (type.tags || flawed()) {
    std::vector<std::string> tags;
    for (std::size_t i = random_.below(4); i > 0; --i) {
      const std::string_view name = any_attribute(random_);
      const std::string member = text(name) + ": ";
      const bool twice =
          std::any_of(tags.begin(), tags.end(), [&](auto& tag) { return tag.starts_with(member); });
      if (!twice || flawed()) tags.push_back(member + (type.tags ? value(*type.tags) : wrong_value()));
    }
    members.push_back("\"tags\": " + object(std::move(tags)));
  }
  if (flawed()) members.push_back("\"extra\": " + wrong_value());
  if (flawed()) members.erase(members.begin() + static_cast<std::ptrdiff_t>(random_.below(members.size())));
  return object(std::move(members));
}

std::string DataMaker::action(const cedar::SchemaAction& action) {
  std::vector<std::string> parents;
  for (const auto* above : action.ancestors) {
    if (!flawed()) parents.push_back(reference(above->uid, random_.one_in(3)));
  }
  std::vector<std::string> members{"\"uid\": " + reference(action.uid, random_.one_in(3)),
                                   "\"attrs\": " + (flawed() ? "{\"a\": 1}" : std::string("{}")),
                                   fmt::format("\"parents\": [{}]", fmt::join(parents, ", "))};
  if (random_.one_in(6)) members.push_back(flawed() ? "\"tags\": {\"a\": 1}" : "\"tags\": {}");
  return object(std::move(members));
}

std::string DataMaker::entities() {
  std::vector<std::string> all;
  for (const auto& [name, ids] : population_) {
    const cedar::SchemaEntityType* type = schema_.find_entity_type(name);
    for (const std::string& id : ids) {
      // Enumerated types have no attributes; not all entities are known.
      if (type == nullptr || random_.percent(12)) continue;
      if (type->is_enumerated() && !type->has_choice(id) && !flawed()) continue;
      all.push_back(entity(*type, id));
      if (flawed()) all.push_back(random_.one_in(2) ? all.back() : entity(*type, id));
    }
  }
  const bool with_actions = random_.percent(30);
  for (const auto& [uid, declared] : schema_.actions()) {
    if (with_actions && random_.percent(80)) all.push_back(action(declared));
  }
  if (flawed()) all.push_back(wrong_value());
  return fmt::format("[{}]", fmt::join(all, ",\n"));
}

AskedRequest DataMaker::request(const Environment& environment) {
  const cedar::SchemaAction& action = *environment.action;
  AskedRequest request{any_entity(random_, population_, environment.principal), action.uid,
                       any_entity(random_, population_, environment.resource),
                       record(action.context.attributes(), 0)};
  if (flaws_per_thousand_ > 0 && random_.one_in(15)) request.context = wrong_value();
  if (random_.one_in(60)) request.action.id = any_entity_id(random_);
  if (random_.one_in(40)) std::swap(request.principal, request.resource);
  if (random_.one_in(60)) request.resource.type = "Nobody";
  if (random_.one_in(100)) request.principal = request.action;
  if (random_.one_in(200)) request.action = request.resource;
  if (random_.one_in(200)) request.principal.type = "not a name";
  return request;
}

}  // namespace writ::differential
