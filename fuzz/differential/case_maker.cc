#include "case_maker.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fstream>
#include <iterator>

#include "cedar/link.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/schema.h"
#include "cedar/schema_syntax.h"
#include "codec/utf8.h"

#include "data_maker.h"
#include "deep_maker.h"
#include "mutate.h"
#include "policy_maker.h"
#include "schema_maker.h"
#include "wild_maker.h"
#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;
namespace fs = std::filesystem;

constexpr std::array kNames{
    "User"sv,   "A::B"sv,  "A::B::C"sv, ""sv,     "::A"sv,    "A::"sv,         "A:B"sv,
    "A ::B"sv,  " A"sv,    "A "sv,      "in"sv,   "A::in"sv,  "__cedar"sv,     "__cedar::A"sv,
    "_"sv,      "1A"sv,    "A1"sv,      "é"sv,    "Action"sv, "A::Action"sv,   "principal"sv,
    "A::::B"sv, "A\n"sv,   "A// x"sv,   "if"sv,   "Set"sv,    "\"A\""sv,       "A.B"sv,
    "ip"sv,     "ip::x"sv, "permit"sv,  "true"sv, "a-b"sv,    "User::\"a\""sv, "__cedar__"sv,
    "_A::_1"sv};
constexpr std::size_t kMaxCorpusBytes = 20'000;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

void Corpus::add(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.file_size() <= kMaxCorpusBytes) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const bool is_entities = file.string().ends_with("entities.json");
    if (!is_entities && file.extension() != ".cedar" && file.extension() != ".cedarschema") continue;
    std::string text = read_file(file);
    if (!codec::valid_utf8(text)) continue;
    (is_entities ? entities : file.extension() == ".cedar" ? policies : schemas).push_back(std::move(text));
  }
}

std::string CaseMaker::some_schema(Random& random) const {
  return !corpus_.schemas.empty() && random.one_in(8) ? random.pick(corpus_.schemas) : make_schema(random);
}

Case CaseMaker::world(Random& random, std::size_t requests) const {
  Case made{.schema = some_schema(random), .policies = "permit(principal, action, resource);"};
  const auto schema = cedar::schema_from_text(made.schema);
  if (schema) {
    const Population population = make_population(random, **schema);
    PolicyMaker policies(random, **schema, population);
    const std::size_t count = random.one_in(80) ? random.between(20, 60) : random.between(1, 5);
    made.policies = policies.policies(count, made.links);
    DataMaker data(random, **schema, population);
    made.entities = data.entities();
    for (std::size_t i = 0; i < requests; ++i) {
      made.requests.push_back(policies.has_environments()
                                  ? data.request(policies.environment())
                                  : AskedRequest{{"User", "a"}, {"Action", "a"}, {"User", "b"}, "{}"});
    }
    for (std::size_t i = random.between(2, 6); i > 0; --i) made.expressions.push_back(policies.expression());
  }
  if (random.one_in(4)) {
    if (const auto fragment = cedar::parse_schema_text(made.schema)) {
      made.schema = cedar::schema_to_json(*fragment).dump();
      made.schema_is_json = true;
    }
  }
  return made;
}

void CaseMaker::spoil(Random& random, Case& made) const {
  const std::string other = corpus_.policies.empty() ? "" : random.pick(corpus_.policies);
  switch (random.below(14)) {
    case 12:
    case 13:
      // Once more the schema as JSON, which has more ways to be wrong.
      if (const auto fragment = cedar::parse_schema_text(made.schema); fragment && !made.schema_is_json) {
        made.schema = cedar::schema_to_json(*fragment).dump();
        made.schema_is_json = true;
      }
      made.schema = rearrange_json(random, made.schema);
      break;
    case 0:
    case 1:
    case 2:
      if (!corpus_.policies.empty() && random.one_in(3)) made.policies = random.pick(corpus_.policies);
      made.policies = mutate(random, made.policies, other);
      break;
    case 3:
      made.policies = respace(random, made.policies);
      if (!made.schema_is_json) made.schema = respace(random, made.schema);
      for (std::string& expression : made.expressions) expression = respace(random, expression);
      break;
    case 4:
    case 5:
    case 6:
      if (made.schema_is_json) {
        made.schema =
            random.one_in(2) ? mutate_json(random, made.schema) : rearrange_json(random, made.schema);
      } else {
        made.schema =
            mutate(random, made.schema, corpus_.schemas.empty() ? "" : random.pick(corpus_.schemas));
      }
      break;
    case 7:
      if (!corpus_.entities.empty() && random.one_in(4)) made.entities = random.pick(corpus_.entities);
      made.entities =
          random.one_in(2) ? mutate_json(random, made.entities) : rearrange_json(random, made.entities);
      break;
    case 8:
      for (AskedRequest& request : made.requests) {
        request.context =
            random.one_in(2) ? mutate_json(random, request.context) : rearrange_json(random, request.context);
      }
      break;
    default:
      for (std::string& expression : made.expressions) expression = mutate(random, expression, other);
      break;
  }
}

// The policies with their links as JSON, in Writ's words; spoilt, if so wished.
void CaseMaker::policies_as_json(Random& random, Case& made, bool spoil) const {
  auto policies = cedar::parse_policies(made.policies);
  if (!policies) return;
  for (const cedar::TemplateLink& link : made.links) static_cast<void>(cedar::add_link(*policies, link));
  const auto json = cedar::policies_to_json(*policies);
  if (!json) return;
  made.policies_are_json = true;
  made.links.clear();
  made.policies = json->dump();
  if (spoil)
    made.policies =
        random.one_in(3) ? mutate_json(random, made.policies) : rearrange_json(random, made.policies);
}

Case CaseMaker::wilderness(Random& random) const {
  WildMaker wild(random);
  Case made{.schema = wild.schema(), .policies = {}};
  for (std::size_t i = random.between(1, 2); i > 0; --i) made.policies += wild.policy() + "\n";
  for (std::size_t i = random.between(2, 6); i > 0; --i) made.expressions.push_back(wild.expression());
  if (random.one_in(2))
    made.requests.push_back({{"User", "a"}, {"Action", "a"}, {"a", "a"}, R"({"a": 1, "b": {"a": "a"}})"});
  made.entities = R"([{"uid": {"type": "User", "id": "a"}, "attrs": {"a": true, "b": [1]}, "parents": []}])";
  return made;
}

Case CaseMaker::make(std::uint64_t number) const {
  // Streams of neighbouring seeds and numbers have nothing in common.
  Random random(Random(seed_).bits() ^ Random(~number).bits());
  if (random.one_in(8)) {
    Case made = random.one_in(60) ? make_deep_case(random) : wilderness(random);
    made.origin = fmt::format("seed {} number {}", seed_, number);
    return made;
  }
  const bool spoilt = random.percent(35);
  Case made = world(random, spoilt ? random.between(1, 3) : random.between(8, 14));
  if (spoilt) {
    spoil(random, made);
    for (std::size_t i = random.below(4); i > 0; --i) {
      std::string name(random.pick(kNames));
      made.names.push_back(random.one_in(3) ? mutate(random, name, {}) : std::move(name));
    }
  }
  if (random.one_in(8)) policies_as_json(random, made, spoilt && random.one_in(3));
  made.print = random.one_in(6);
  made.origin = fmt::format("seed {} number {}", seed_, number);
  return made;
}

}  // namespace writ::differential
