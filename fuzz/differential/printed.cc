#include "printed.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "cedar/link.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/schema.h"
#include "cedar/schema_syntax.h"

namespace writ::differential {
namespace {

using codec::Json;

// One form for what may be written in several: members in the order of their names, `@a` as `@a("")`, `x has
// a.b` as `x has a && x.a has b`, `in [x]` as `in x`, chains of `&&` and `||` as lists.
class Normal {
 public:
  Json of(const Json& json) const {
    if (const Json::Array* array = json.if_array()) {
      Json::Array elements;
      for (const Json& element : *array) elements.push_back(of(element));
      return Json(std::move(elements));
    }
    const Json::Object* object = json.if_object();
    if (object == nullptr) return json;
    if (object->size() == 1) {
      const auto& [name, content] = object->front();
      const bool binary = content.find("left") != nullptr && content.find("right") != nullptr;
      if (binary && (name == "&&" || name == "||")) return chain(name, content);
      if (name == "has" && content.find("left") != nullptr && content.find("attr") != nullptr)
        return has(content);
    }
    Json::Object members;
    for (const auto& [name, value] : *object) {
      const auto* entities = value.if_array();
      if (name == "entities" && entities != nullptr && entities->size() == 1) {
        members.emplace_back("entity", of(entities->front()));
      } else if (name == "annotations" && value.is_object()) {
        members.emplace_back(name, annotations(*value.if_object()));
      } else {
        members.emplace_back(name, of(value));
      }
    }
    std::ranges::sort(members, {}, &Json::Member::first);
    return Json(std::move(members));
  }

 private:
  Json annotations(const Json::Object& given) const {
    Json::Object all;
    for (const auto& [name, value] : given) all.emplace_back(name, value.is_null() ? Json("") : value);
    std::ranges::sort(all, {}, &Json::Member::first);
    return Json(std::move(all));
  }

  Json chain(const std::string& op, const Json& content) const {
    Json::Array operands;
    for (const std::string_view side : {"left", "right"}) {
      const Json operand = of(*content.find(side));
      const Json* inner = operand.find(op);
      if (inner != nullptr && inner->is_array()) {
        std::ranges::copy(*inner->if_array(), std::back_inserter(operands));
      } else {
        operands.push_back(operand);
      }
    }
    return Json::object({{op, Json(std::move(operands))}});
  }

  Json has(const Json& content) const {
    Json object = of(*content.find("left"));
    const Json* path = content.find("attr");
    Json::Array tests;
    for (const Json& name : path->is_array() ? *path->if_array() : Json::Array{*path}) {
      tests.push_back(Json::object({{"has", Json::object({{"attr", name}, {"left", object}})}}));
      object = Json::object({{".", Json::object({{"attr", name}, {"left", object}})}});
    }
    return tests.size() == 1 ? tests.front() : Json::object({{"&&", Json(std::move(tests))}});
  }
};

std::string normal(const Json& json) {
  return Normal().of(json).dump();
}

// As JSON, with the links; null when Writ refused them.
Json own_policies(const Case& asked) {
  auto read =
      asked.policies_are_json ? cedar::parse_policies_json(asked.policies) : Result<cedar::PolicySet>();
  if (!asked.policies_are_json) {
    auto parsed = cedar::parse_policies(asked.policies);
    if (!parsed) return {};
    read = *std::move(parsed);
    for (const auto& link : asked.links) static_cast<void>(cedar::add_link(*read, link));
  }
  if (!read) return {};
  const auto json = cedar::policies_to_json(*read);
  return json ? *json : Json();
}

void compare_policies(const Case& asked, const std::string& printed, std::vector<Difference>& found) {
  const Json ours = own_policies(asked);
  if (ours.is_null()) return;
  const auto theirs = cedar::parse_policies_json(printed);
  if (!theirs) {
    found.push_back({"printed.policies", theirs.error().message, printed});
    return;
  }
  const auto again = cedar::policies_to_json(*theirs);
  const std::string our_text = normal(ours);
  const std::string their_text = again ? normal(*again) : again.error().message;
  if (our_text != their_text) found.push_back({"printed.policies", our_text, their_text});
}

void compare_schema_json(const Case& asked, const std::string& printed, std::vector<Difference>& found) {
  const auto ours =
      asked.schema_is_json ? cedar::parse_schema_json(asked.schema) : cedar::parse_schema_text(asked.schema);
  if (!ours) return;
  const auto theirs = cedar::parse_schema_json(printed);
  if (!theirs) {
    found.push_back({"printed.schema_json", theirs.error().front().message, printed});
    return;
  }
  const std::string our_text = normal(cedar::schema_to_json(*ours));
  const std::string their_text = normal(cedar::schema_to_json(*theirs));
  if (our_text != their_text) found.push_back({"printed.schema_json", our_text, their_text});
}

}  // namespace

std::vector<Difference> printed_differences(const Case& asked, const Json& printed) {
  std::vector<Difference> found;
  if (const std::string* policies = printed.find_string("policies"))
    compare_policies(asked, *policies, found);
  if (const std::string* schema = printed.find_string("schema_json"))
    compare_schema_json(asked, *schema, found);
  if (const std::string* schema = printed.find_string("schema_text")) {
    const auto read = cedar::schema_from_text(*schema);
    if (!read) found.push_back({"printed.schema_text", read.error().front().message, *schema});
  }
  return found;
}

}  // namespace writ::differential
