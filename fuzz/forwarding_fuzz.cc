// What decides which parts of a request reach an API: names in the query, header fields, amounts, and names
// that are another's twin.
//
// Input: a query, a name, and a JSON body, a line each (the body is the rest).
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/twin.h"
#include "gateway/amounts.h"
#include "gateway/forwarded_headers.h"
#include "gateway/query_names.h"
#include "http/target.h"

namespace {

using namespace writ;
using gateway::AmountSource;
using gateway::ForwardedHeaders;
using gateway::QueryNames;

std::string_view take_line(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  return line;
}

// A list lets nothing pass that no list would let pass, but for the names on it.
void fuzz_query(std::string_view query, std::string_view name) {
  const QueryNames standard;
  const bool passes = !standard.refusal(query);
  if (const auto only = QueryNames::only({std::string(name)}); only && !only->refusal(query)) {
    http::for_each_parameter(query, [&](std::string_view each) {
      WRIT_CHECK(each == name);
      return true;
    });
  }
  if (passes) WRIT_CHECK(http::query_parameter(query, "access_token").state == http::QueryState::kAbsent);
}

void fuzz_name(std::string_view name) {
  WRIT_CHECK(codec::may_read_as(name, name) || !codec::is_ascii_name(name));
  const auto own = ForwardedHeaders::with({std::string(name)});
  const auto fate = ForwardedHeaders::standard()->fate(name);
  if (fate == ForwardedHeaders::Fate::kForwarded) WRIT_CHECK(name.find('_') == name.npos);
  if (own) WRIT_CHECK(own->fate(name) == ForwardedHeaders::Fate::kForwarded);
  std::string once, twice;
  if (http::append_normal_escapes(once, name))
    WRIT_CHECK(http::append_normal_escapes(twice, once) && once == twice);
}

// An amount is told only where each name on the way to it stands alone.
void fuzz_amount(std::string_view query, std::string_view body) {
  http::Request request;
  request.query = query;
  request.headers.add("Content-Type", "application/json");
  const auto in_body = AmountSource::parse("body /amount", {}).value();
  if (in_body.find(request, {}, body)) {
    const auto json = codec::parse_json(body).value();
    std::size_t twins = 0;
    for (const auto& [name, value] : *json.if_object()) twins += codec::may_read_as(name, "amount") ? 1 : 0;
    WRIT_CHECK(twins == 1);
  }
  const auto in_query = AmountSource::parse("query amount", {}).value();
  if (in_query.find(request, {}, body)) {
    std::size_t twins = 0;
    http::for_each_parameter(query, [&](std::string_view name) {
      twins += codec::may_read_as(name, "amount") ? 1 : 0;
      return true;
    });
    WRIT_CHECK(twins == 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto query = take_line(rest);
  const auto name = take_line(rest);
  fuzz_query(query, name);
  fuzz_name(name);
  fuzz_amount(query, rest);
  return 0;
}
