#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <tuple>

#include "cedar/ext_datetime.h"
#include "policytest/abnormal.h"
#include "policytest/report.h"
#include "policytest/run.h"

namespace writ::policytest {

using codec::Json;

namespace {

Json instant_json(Instant time) {
  return cedar::Datetime::from(time).to_string();
}

Json token_json(const TokenSpec& token) {
  if (!token.present) return "none";
  Json json = Json::object({{"sub", token.subject}, {"client_id", token.client}});
  const auto text = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) json.set(name, *value);
  };
  const auto time = [&](std::string_view name, const std::optional<Instant>& value) {
    if (value) json.set(name, instant_json(*value));
  };
  text("iss", token.issuer);
  text("aud", token.audience);
  for (const auto& claim : token::claim_table()) {
    if (claim.carried_text != nullptr) text(claim.stated, token.*claim.carried_text);
    if (claim.carried_date != nullptr) time(claim.stated, token.*claim.carried_date);
  }
  time("iat", token.issued_at);
  time("nbf", token.not_before);
  time("exp", token.expires_at);
  if (!token.actors.empty()) json.set("act", token::actors_to_json(token.actors));
  if (!token.workload.empty()) json.set("workload", token::workload_to_json(token.workload));
  if (token.bound) json.set("bound", true);
  return json;
}

std::string_view proof_name(Proof proof) {
  constexpr std::string_view kNames[] = {"right", "none", "other_key", "other_request", "replayed"};
  return kNames[static_cast<std::size_t>(proof)];
}

template <typename List>
Json list_of(const List& texts) {
  Json json = Json::array();
  for (const std::string& text : texts) json.push(text);
  return json;
}

template <typename Each>
void for_each_cell(const Abnormal& abnormal, Each each) {
  for (std::size_t dimension = 0; dimension < kDimensions; ++dimension)
    for (std::size_t api = 0; api < abnormal.apis().size(); ++api)
      each(static_cast<Dimension>(dimension), abnormal.apis()[api],
           abnormal.cell(static_cast<Dimension>(dimension), api));
}

bool applies(const Cell& cell) {
  return cell.refused + cell.permitted + cell.accepted + cell.not_sent > 0;
}

std::string by(const Cell& cell) {
  std::vector<std::string> parts;
  for (const auto& [what, count] : cell.by) parts.push_back(fmt::format("{} {}", what, count));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string told(const Tried& tried) {
  return fmt::format(
      "{}: {}: {}, derived in {}:{} from `{}`; by {}", dimension_name(tried.variant.dimension),
      tried.variant.what, describe(tried.variant.request), tried.place.file, tried.place.line, tried.test,
      tried.answer.policies.empty() ? "the running gateway alone"
                                    : fmt::format("{}", fmt::join(tried.answer.policies, ", ")));
}

Json json_of(const Tried& tried) {
  Json json = Json::object({{"dimension", dimension_name(tried.variant.dimension)},
                            {"what", tried.variant.what},
                            {"api", tried.answer.api},
                            {"file", tried.place.file},
                            {"line", tried.place.line},
                            {"test", tried.test},
                            {"policies", list_of(tried.answer.policies)},
                            {"request", request_to_json(tried.variant.request)}});
  if (tried.accepted_by.empty()) return json;
  json.set("accepted_by", tried.accepted_by);
  json.set("reason", tried.reason);
  return json;
}

// One line for each acceptance; with `all`, one for each request that it accepts.
std::string accepted_text(const Abnormal& abnormal, bool all) {
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> counts;
  std::string out;
  for (const Tried& tried : abnormal.tried()) {
    if (tried.accepted_by.empty()) continue;
    ++counts[{tried.accepted_by, tried.accepted_as, tried.reason}];
    if (all) out += fmt::format("accepted {}: {}\n", told(tried), tried.reason);
  }
  if (all) return out;
  for (const auto& [by, number] : counts) {
    const auto& [policy, as, reason] = by;
    out += fmt::format("accepted {} by {}: {}: {}\n", number, policy, as, reason);
  }
  return out;
}

Json count(std::size_t number) {
  return static_cast<std::int64_t>(number);
}

}  // namespace

Json request_to_json(const RequestSpec& request) {
  const Target& target = request.target;
  Json json = Json::object();
  if (target.issue) {
    json.set("issue", target.api);
  } else {
    if (!target.method.empty()) json.set("request", fmt::format("{} {}", target.method, target.path));
    if (!target.routed()) {
      json.set("api", target.api);
      json.set("action", task::uid_text(target.action));
      json.set("resource", task::uid_text(target.resource));
      if (target.attributes.is_object()) json.set("attributes", target.attributes);
    }
  }
  json.set("token", token_json(request.token));
  if (!request.target.body.empty()) json.set("body", request.target.body);
  if (request.proof != Proof::kRight) json.set("proof", proof_name(request.proof));
  if (request.approved) json.set("approved", true);
  json.set("at", instant_json(request.time));
  if (!request.ip.empty()) json.set("ip", request.ip);
  return json;
}

Json request_file(const Tried& tried) {
  Json json = Json::object(
      {{"version", 1},
       {"name", fmt::format("{}: {}", dimension_name(tried.variant.dimension), tried.variant.what)},
       {"about", fmt::format("derived in {}:{} from `{}`", tried.place.file, tried.place.line, tried.test)},
       {"now", instant_json(tried.suite->now)}});
  const Json& fixtures = tried.variant.in(*tried.suite).fixtures;
  if (fixtures.is_object()) json.set("fixtures", fixtures);
  const Json request = request_to_json(tried.variant.request);
  for (const auto& [name, value] : *request.if_object()) json.set(name, value);
  return json;
}

std::string to_text(const Abnormal& abnormal, bool all) {
  std::size_t width = 3;
  for (const auto& api : abnormal.apis()) width = std::max(width, api.size());
  auto out = fmt::format("{} abnormal requests derived from {} permitted ones, {} permitted\n\n",
                         abnormal.tried().size(), abnormal.originals(), abnormal.findings());
  out += fmt::format("{:<20}  {:<{}}  refused  accepted  permitted  by\n", "dimension", "API", width);
  for_each_cell(abnormal, [&](Dimension dimension, const std::string& api, const Cell& cell) {
    out += fmt::format("{:<20}  {:<{}}  ", dimension_name(dimension), api, width);
    out += applies(cell) ? fmt::format("{:>7}  {:>8}  {:>9}  {}\n", cell.refused, cell.accepted,
                                       cell.permitted, by(cell))
                         : "does not apply\n";
  });
  for (const Tried& tried : abnormal.tried())
    if (tried.is_finding()) out += fmt::format("PERMITTED {}\n", told(tried));
  for (const auto& unused : abnormal.unused_acceptances())
    out += fmt::format("UNUSED {}\n", unused_text(unused, kAcceptAbnormal));
  for (const NotTried& one : abnormal.left_out())
    out += fmt::format("left out {}:{}: {}: {}\n", one.place.file, one.place.line, one.test, one.why);
  return out + accepted_text(abnormal, all);
}

Json to_json(const Abnormal& abnormal) {
  Json matrix = Json::array(), permitted = Json::array(), accepted = Json::array(), unused = Json::array(),
       left_out = Json::array();
  for_each_cell(abnormal, [&](Dimension dimension, const std::string& api, const Cell& cell) {
    Json reasons = Json::object();
    for (const auto& [what, number] : cell.by) reasons.set(what, count(number));
    matrix.push(Json::object({{"dimension", dimension_name(dimension)},
                              {"api", api},
                              {"applies", applies(cell)},
                              {"refused", count(cell.refused)},
                              {"accepted", count(cell.accepted)},
                              {"permitted", count(cell.permitted)},
                              {"not_sent", count(cell.not_sent)},
                              {"originals_without", count(cell.not_applicable)},
                              {"by", std::move(reasons)}}));
  });
  for (const Tried& tried : abnormal.tried()) {
    if (tried.is_finding()) permitted.push(json_of(tried));
    if (!tried.accepted_by.empty()) accepted.push(json_of(tried));
  }
  for (const NotTried& one : abnormal.left_out())
    left_out.push(Json::object(
        {{"file", one.place.file}, {"line", one.place.line}, {"test", one.test}, {"why", one.why}}));
  for (const auto& acceptance : abnormal.unused_acceptances()) unused.push(to_json(acceptance));
  return Json::object({{"originals", count(abnormal.originals())},
                       {"tried", count(abnormal.tried().size())},
                       {"matrix", std::move(matrix)},
                       {"permitted", std::move(permitted)},
                       {"accepted", std::move(accepted)},
                       {"left_out", std::move(left_out)},
                       {"unused_acceptances", std::move(unused)}});
}

std::string to_junit(const Abnormal& abnormal) {
  std::string cases;
  std::size_t number = 0, failures = 0, skipped = 0;
  for_each_cell(abnormal, [&](Dimension dimension, const std::string& api, const Cell& cell) {
    ++number;
    cases +=
        fmt::format("    <testcase classname=\"{}\" name=\"{}\">", xml_text(api), dimension_name(dimension));
    if (cell.refused + cell.permitted + cell.accepted == 0) {
      ++skipped;
      cases +=
          cell.not_sent > 0 ? "<skipped message=\"not sent\"/>" : "<skipped message=\"does not apply\"/>";
    }
    if (cell.permitted > 0) {
      ++failures;
      std::string text;
      for (const Tried& tried : abnormal.tried())
        if (tried.is_finding() && tried.variant.dimension == dimension && tried.answer.api == api)
          text += told(tried) + "\n";
      cases += fmt::format("<failure message=\"{} permitted\">{}</failure>", cell.permitted, xml_text(text));
    }
    cases += "</testcase>\n";
  });
  for (const NotTried& one : abnormal.left_out()) {
    ++number;
    ++skipped;
    cases += fmt::format(
        R"(    <testcase classname="{}" name="{}" file="{}" line="{}"><skipped message="left out: {}"/></testcase>)",
        xml_text(one.place.file), xml_text(one.test), xml_text(one.place.file), one.place.line,
        xml_text(one.why));
    cases += '\n';
  }
  for (const Acceptance& unused : abnormal.unused_acceptances()) {
    ++number;
    ++failures;
    cases += junit_case(unused, kAcceptAbnormal);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"abnormal paths\" "
      "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{}  </testsuite>\n</testsuites>\n",
      number, failures, skipped, cases);
}

}  // namespace writ::policytest
