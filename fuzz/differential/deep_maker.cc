#include "deep_maker.h"

#include <array>
#include <fmt/format.h>
#include <string>
#include <string_view>

namespace writ::differential {
namespace {

using namespace std::literals;

struct Nest {
  std::string_view open;
  std::string_view close;
};

// No paths after `has`: each doubles what the reference does with what stands before it.
constexpr std::array kExpressions{Nest{"(", ")"},
                                  Nest{"!(", ")"},
                                  Nest{"-(", ")"},
                                  Nest{"[", "]"},
                                  Nest{"{a: ", "}"},
                                  Nest{"", ".a"},
                                  Nest{"", "[\"a\"]"},
                                  Nest{"1 + ", ""},
                                  Nest{"", " + 1"},
                                  Nest{"", " * 1"},
                                  Nest{"true && ", ""},
                                  Nest{"", " && true"},
                                  Nest{"false || ", ""},
                                  Nest{"(true && ", ")"},
                                  Nest{"if true then ", " else 1"},
                                  Nest{"if ", " then true else false"},
                                  Nest{"", ".isEmpty()"},
                                  Nest{"ip(", ")"},
                                  Nest{"[1].contains(", ")"},
                                  Nest{"(", " == 1)"},
                                  Nest{"(", " has a)"},
                                  Nest{"(", " like \"a\")"},
                                  Nest{"(", " is User)"},
                                  Nest{"", " has a && context"}};
constexpr std::array kInnermost{"1"sv,     "true"sv, "context"sv,    "principal"sv,
                                "\"a\""sv, "[]"sv,   "resource.a"sv, "1 +"sv};
constexpr std::array kValues{Nest{"[", "]"}, Nest{"{\"a\": ", "}"},
                             Nest{"{\"__extn\": {\"fn\": \"ip\", \"arg\": ", "}}"}};

std::string nested(Random& random, const auto& nests, std::string_view innermost, std::size_t levels) {
  const Nest& first = random.pick(nests);
  const Nest& second = random.one_in(3) ? random.pick(nests) : first;
  std::string text(innermost);
  for (std::size_t i = 0; i < levels; ++i) {
    const Nest& nest = i % 2 == 0 ? first : second;
    text.insert(0, nest.open).append(nest.close);
  }
  return text;
}

// Often near one of the limits.
std::size_t levels(Random& random) {
  constexpr std::array<std::size_t, 6> kLevels{30, 62, 99, 248, 498, 600};
  return random.pick(kLevels) + random.below(5);
}

std::string type(Random& random) {
  constexpr std::array kTypes{Nest{"Set<", ">"}, Nest{"{a: ", "}"}, Nest{"{a?: ", "}"}};
  constexpr std::array<std::size_t, 3> kLevels{20, 97, 120};
  return nested(random, kTypes, "Long", random.pick(kLevels) + random.below(5));
}

}  // namespace

Case make_deep_case(Random& random) {
  Case made{.schema =
                "entity User { a?: Long }; action a appliesTo { principal: User, resource: User, context: { "
                "a: Long } };",
            .policies = "permit(principal, action, resource);"};
  const auto expression = [&] {
    return nested(random, kExpressions, random.pick(kInnermost), levels(random));
  };
  std::string context = "{\"a\": 1}";
  switch (random.below(5)) {
    case 0:
      made.policies = fmt::format("permit(principal, action, resource) when {{ {} }};", expression());
      break;
    case 1:
      made.expressions = {expression(), expression()};
      break;
    case 2:
      made.schema = fmt::format(
          "entity User {{ a: {0} }}; action a appliesTo {{ principal: User, resource: User, context: {{ a: "
          "{0} }} }};",
          type(random));
      break;
    case 3:
      context = fmt::format("{{\"a\": {}}}", nested(random, kValues, "1", levels(random) / 2));
      break;
    default: {
      constexpr std::array<std::size_t, 4> kSizes{10, 65535, 65536, 70000};
      const std::string name = random.one_in(2) ? std::string(random.pick(kSizes), 'N') : [&] {
        std::string long_name = "N";
        for (std::size_t i = random.pick(kSizes) / 3; i > 0; --i) long_name += "::N";
        return long_name;
      }();
      made.policies = random.one_in(2)
                          ? fmt::format("permit(principal == {}::\"a\", action, resource);", name)
                          : fmt::format("permit(principal, action, resource) when {{ context has {} }};",
                                        name.substr(0, 5000));
      made.names = {name};
      break;
    }
  }
  made.requests = {{{"User", "a"}, {"Action", "a"}, {"User", "a"}, context}};
  made.entities =
      fmt::format(R"([{{"uid": {{"type": "User", "id": "a"}}, "attrs": {{"a": {}}}, "parents": []}}])",
                  random.one_in(3) ? nested(random, kValues, "1", levels(random) / 2) : "1");
  return made;
}

}  // namespace writ::differential
