#include "access/report.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

namespace writ::access {
namespace {

using codec::Json;

std::string_view state_of(const Reached& reached, const Heading& heading) {
  if (reached.verdict != Verdict::kWhen) return {};
  if (reached.witness) return "witnessed";
  return heading.searched ? "open" : "not searched";
}

Json json_of(const Remainder& remainder) {
  Json json = Json::object();
  if (!remainder.party.empty()) json.set("party", remainder.party);
  if (!remainder.policy.empty()) {
    json.set("policy", remainder.policy);
    json.set("effect", remainder.forbids ? "forbid" : "permit");
  }
  if (!remainder.cedar.empty()) json.set("cedar", remainder.cedar);
  json.set("words", remainder.words);
  return json;
}

// Each place of the chain with all that stand there: "{nora, niklas} → support-portal".
std::string chains_text(const Row& row, const ReportLimits& limits) {
  const std::size_t length = row.groups.front()->first().size();
  std::vector<std::vector<std::string>> ids(length);
  std::vector<std::set<std::string>> seen(length);
  row.each_chain([&](const Chain& chain) {
    for (std::size_t i = 0; i < length; ++i)
      if (seen[i].insert(chain[i].id).second) ids[i].push_back(chain[i].id);
  });
  std::size_t product = 1;
  for (const auto& each : ids) product *= each.size();
  const bool whole = product == row.chains();
  std::string text;
  if (!whole) {
    // Not every combination: chain by chain.
    std::size_t shown = 0;
    row.each_chain([&](const Chain& chain) {
      if (shown++ >= limits.chains) return;
      if (!text.empty()) text += "\n  ";
      text += text_of(chain);
    });
    if (shown > limits.chains) text += fmt::format("\n  and {} more", shown - limits.chains);
    return text;
  }
  for (auto& each : ids) {
    if (!text.empty()) text += " → ";
    const std::size_t more = each.size() > limits.chains ? each.size() - limits.chains : 0;
    each.resize(each.size() - more);
    std::string names = fmt::format("{}", fmt::join(each, ", "));
    if (more > 0) names += fmt::format(" and {} more", more);
    text += each.size() > 1 ? "{" + names + "}" : names;
  }
  return text;
}

// A party by its name, or of several chains by its place.
std::string party_text(const Row& row, const std::string& party) {
  const Chain& chain = row.groups.front()->first();
  if (row.chains() == 1) return party;
  for (const ChainLink& each : chain) {
    std::string uid;
    cedar::append_entity(uid, each.uid().type, each.id);
    if (uid == party) return fmt::format("the {}", role_in(chain, each.id));
  }
  return party;
}

// "the subject: `users-are-served` permits it", once for each policy and party.
std::vector<std::string> condition_lines(const Row& row) {
  std::vector<std::string> lines;
  for (const Remainder& each : row.reached.conditions) {
    std::string line;
    const std::string party = each.party.empty() ? std::string() : party_text(row, each.party);
    if (each.policy.empty()) {
      line = each.words;
    } else if (each.forbids) {
      line = fmt::format("{}: `{}` forbids it when {}", party, each.policy, each.words);
    } else {
      line = fmt::format("{}: `{}` permits it {}{}", party, each.policy,
                         each.words == "in any case" ? "" : "when ", each.words);
    }
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  return lines;
}

std::string verdict_text(const Row& row, const Heading& heading) {
  const Reached& reached = row.reached;
  if (reached.verdict == Verdict::kNever)
    return fmt::format("never ({}: {})", reached.reason, reached.message);
  if (reached.verdict == Verdict::kAlways)
    return fmt::format("always, by {}", fmt::join(reached.policies, ", "));
  return fmt::format("when ({})", state_of(reached, heading));
}

}  // namespace

codec::Json ids_of(const Chain& chain) {
  Json ids = Json::array();
  for (const ChainLink& each : chain) ids.push(each.id);
  return ids;
}

std::string text_of(const Target& target) {
  if (target.point == Point::kIssue) return "token for " + target.api->id;
  std::string text = target.api->id + " " + target.action.id;
  if (target.resource) {
    text += ' ';
    cedar::append_entity(text, target.resource_type, *target.resource);
  } else if (!target.resource_type.empty()) {
    text += " " + target.resource_type;
  }
  return text;
}

std::string_view role_in(const Chain& chain, std::string_view id) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (chain[i].id != id) continue;
    return i + 1 == chain.size() ? "client" : i == 0 ? "subject" : "actor";
  }
  return {};
}

Json to_json(const std::vector<Row>& rows, const Heading& heading, const ReportLimits& limits) {
  Json list = Json::array();
  for (const Row& row : rows) {
    const Reached& reached = row.reached;
    Json json = Json::object({{"api", row.target.api->id}});
    json.set("point", row.target.point == Point::kUse ? "use" : "issue");
    if (row.target.point == Point::kUse) {
      json.set("action", row.target.action.id);
      if (!row.target.resource_type.empty()) json.set("resource_type", row.target.resource_type);
      if (row.target.resource) json.set("resource", *row.target.resource);
    }
    json.set("verdict", verdict_name(reached.verdict));
    if (const auto state = state_of(reached, heading); !state.empty()) json.set("state", state);
    if (!reached.reason.empty()) json.set("reason", reached.reason);
    if (!reached.message.empty()) json.set("message", reached.message);
    if (!reached.policies.empty()) json.set("policies", codec::json_texts(reached.policies));
    Json chains = Json::array();
    std::size_t count = 0;
    row.each_chain([&](const Chain& chain) {
      if (count++ >= limits.chains) return;
      Json one = Json::object({{"chain", ids_of(chain)}});
      if (!heading.of.empty()) one.set("role", role_in(chain, heading.of));
      chains.push(std::move(one));
    });
    json.set("chain_count", static_cast<std::int64_t>(count));
    json.set("chains", std::move(chains));
    if (!reached.conditions.empty()) {
      Json conditions = Json::array();
      for (const Remainder& each : reached.conditions) conditions.push(json_of(each));
      json.set("conditions", std::move(conditions));
    }
    if (reached.witness) json.set("witness", to_json(*reached.witness));
    list.push(std::move(json));
  }
  const VerdictCounts shares = verdict_counts(rows);
  const auto number = [](std::size_t count) { return Json(static_cast<std::int64_t>(count)); };
  Json json = Json::object({{"policy_revision", heading.revision},
                            {"at", cedar::Datetime::from(heading.at).to_string()},
                            {"links", number(heading.links)},
                            {"chains_cut", heading.cut}});
  json.set("shares", Json::object({{"never", number(shares.never)},
                                   {"always", number(shares.always)},
                                   {"witnessed", number(shares.witnessed)},
                                   {"open", number(shares.open)}}));
  json.set("answers", std::move(list));
  Json routes = Json::array();
  for (const PublicRoute& each : heading.public_routes)
    routes.push(Json::object({{"api", each.api}, {"method", each.method}, {"path", each.path}}));
  if (!heading.public_routes.empty()) json.set("public_routes", std::move(routes));
  if (!heading.observed.empty()) json.set("observed", codec::json_texts(heading.observed));
  return json;
}

std::string csv_field(std::string_view text) {
  std::string field(text);
  if (!field.empty() && std::string_view("=+-@\t\r").find(field.front()) != std::string_view::npos)
    field.insert(field.begin(), '\'');
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char each : field) {
    if (each == '"') quoted += '"';
    quoted += each;
  }
  return quoted + "\"";
}

std::string to_csv(const std::vector<Row>& rows, const Heading& heading) {
  std::string out = "api,point,action,resource_type,resource,chain,role,verdict,state,reason,policies\r\n";
  for (const Row& row : rows) {
    row.each_chain([&](const Chain& chain) {
      const Target& target = row.target;
      const std::string_view fields[] = {target.api->id,
                                         target.point == Point::kUse ? "use" : "issue",
                                         target.action.id,
                                         target.resource_type,
                                         target.resource ? std::string_view(*target.resource) : "",
                                         {},
                                         heading.of.empty() ? "" : role_in(chain, heading.of),
                                         verdict_name(row.reached.verdict),
                                         state_of(row.reached, heading),
                                         row.reached.reason};
      for (std::size_t i = 0; i < std::size(fields); ++i)
        out += (i == 5 ? csv_field(text_of(chain)) : csv_field(fields[i])) + ",";
      out += csv_field(fmt::format("{}", fmt::join(row.reached.policies, " "))) + "\r\n";
    });
  }
  // Whoever asks, and whatever the policies say.
  for (const PublicRoute& each : heading.public_routes)
    out += fmt::format("{},public route,{},,{},anybody,,always,,,\r\n", csv_field(each.api),
                       csv_field(each.method), csv_field(each.path));
  for (const std::string& api : heading.observed)
    out += fmt::format("{},observed,,,,anybody,,always,,,\r\n", csv_field(api));
  return out;
}

std::vector<std::string> open_to_all(const Heading& heading) {
  std::vector<std::string> lines;
  for (const PublicRoute& each : heading.public_routes)
    lines.push_back(fmt::format("anybody, without a token: {} {} of `{}`, a public route", each.method,
                                each.path, each.api));
  for (const std::string& api : heading.observed)
    lines.push_back(fmt::format("`{}` is only observed: what would be refused passes all the same", api));
  return lines;
}

std::string to_text(const std::vector<Row>& rows, const Heading& heading, const ReportLimits& limits) {
  std::string out;
  std::string last;
  for (const Row& row : rows) {
    if (std::string target = text_of(row.target); target != last) {
      out += (out.empty() ? "" : "\n") + target + "\n";
      last = std::move(target);
    }
    out += fmt::format("  {}\n    {}\n", chains_text(row, limits), verdict_text(row, heading));
    for (const std::string& line : condition_lines(row)) out += "      " + line + "\n";
    if (row.reached.witness) out += fmt::format("      for example: {}\n", text_of(*row.reached.witness));
  }
  const VerdictCounts shares = verdict_counts(rows);
  out += fmt::format("\n{} never, {} always, {} when ({} of them {})\n", shares.never, shares.always,
                     shares.witnessed + shares.open, heading.searched ? shares.witnessed : shares.open,
                     heading.searched ? "witnessed" : "not searched");
  for (const std::string& line : open_to_all(heading)) out += line + "\n";
  if (heading.cut) out += "there are more chains than were looked at: follow fewer with --links\n";
  return out;
}

}  // namespace writ::access
