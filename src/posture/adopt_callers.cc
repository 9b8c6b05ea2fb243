#include "posture/adopt_callers.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <optional>

#include "audit/record.h"
#include "audit/verify.h"
#include "codec/json.h"
#include "codec/name.h"
#include "digest/reading.h"
#include "files/fields.h"
#include "inventory/identity.h"
#include "oauth/workload_profiles.h"
#include "posture/adopt_words.h"
#include "posture/fixes.h"

namespace writ::posture {
namespace {

using By = SeenCaller::By;
using codec::Json;
using files::YamlNode;

constexpr std::size_t kClaimedShown = 4;
constexpr std::string_view kToken = "token ", kCertificate = "certificate ";
constexpr std::string_view kUri = "URI:", kDns = "DNS:", kThumbprint = "sha256:";

// Of a refusal by oauth/client_authentication.cc: "token {…}: client `ID`: …". The rest of it may be cut.
std::optional<Json> shown_in(std::string_view message, std::string_view what) {
  if (!message.starts_with(what)) return std::nullopt;
  message.remove_prefix(what.size());
  // Where the JSON ends; a text in it may look like an end.
  constexpr std::string_view kEnd = "}: client `";
  for (auto at = message.find(kEnd); at != message.npos; at = message.find(kEnd, at + 1)) {
    auto json = codec::parse_json(message.substr(0, at + 1), kRecordLimits);
    if (json && json->is_object()) return *std::move(json);
  }
  return std::nullopt;
}

std::optional<SeenCaller> workload_in(std::string_view message) {
  const auto token = shown_in(message, kToken);
  if (!token) return std::nullopt;
  SeenCaller caller{.by = By::kWorkload, .name = std::string(text_of(*token, "sub"))};
  caller.issuer = text_of(*token, "issuer");
  if (caller.name.empty() || caller.issuer.empty()) return std::nullopt;
  return caller;
}

std::optional<SeenCaller> certificate_in(std::string_view message) {
  const auto shown = shown_in(message, kCertificate);
  if (!shown) return std::nullopt;
  for (const auto& [member, prefix] : {std::pair("uri", kUri), {"dns", kDns}, {"sha256", kThumbprint}}) {
    if (const auto text = text_of(*shown, member); !text.empty())
      return SeenCaller{.by = By::kCertificate, .name = fmt::format("{}{}", prefix, text)};
  }
  return std::nullopt;
}

// Whether an identity of the configuration has a rule that is about the caller.
bool is_known(const config::Config& config, const SeenCaller& caller) {
  const auto says = [&](const YamlNode& node, std::string_view list, auto&& rule_says) {
    const auto* rules = node.find(list);
    return rules != nullptr && std::ranges::any_of(rules->items, rule_says);
  };
  const auto is = [](const YamlNode& rule, std::string_view key, std::string_view text) {
    const auto* value = rule.find(key);
    return value != nullptr && value->text == text;
  };
  return std::ranges::any_of(config.identities, [&](const YamlNode& node) {
    if (caller.by == By::kUser) return is(node, "id", caller.name);
    if (caller.by == By::kWorkload)
      return says(node, "workload", [&](const YamlNode& rule) {
        const auto* claims = rule.find("claims");
        return is(rule, "issuer", caller.issuer) && claims != nullptr && is(*claims, "sub", caller.name);
      });
    return says(node, "certificates", [&](const YamlNode& rule) {
      return (caller.name.starts_with(kUri) && is(rule, "uri", caller.name.substr(kUri.size()))) ||
             (caller.name.starts_with(kDns) && is(rule, "dns", caller.name.substr(kDns.size()))) ||
             (caller.name.starts_with(kThumbprint) &&
              is(rule, "sha256", caller.name.substr(kThumbprint.size())));
    });
  });
}

class Finder {
 public:
  Finder(const config::Config& config, std::size_t most) : config_(config), most_(most) {}

  // Once more, or for the first time.
  void add(SeenCaller caller) {
    const auto key = std::tuple(caller.by, caller.issuer, caller.name);
    const auto found = seen_.find(key);
    if (found == seen_.end()) {
      if (seen_.size() == most_) {
        ++left_out_;
      } else {
        seen_.emplace(key, std::move(caller));
      }
      return;
    }
    SeenCaller& entry = found->second;
    entry.requests += caller.requests;
    entry.first = std::min(entry.first, caller.first);
    entry.last = std::max(entry.last, caller.last);
    if (entry.claimed.size() < kClaimedShown) entry.claimed.merge(caller.claimed);
  }

  SeenCallers take() && {
    SeenCallers all{.callers = {}, .left_out = left_out_};
    for (auto& [key, caller] : seen_)
      if (!is_known(config_, caller)) all.callers.push_back(std::move(caller));
    return all;
  }

 private:
  const config::Config& config_;
  const std::size_t most_;
  std::map<std::tuple<By, std::string, std::string>, SeenCaller> seen_;
  std::uint64_t left_out_ = 0;
};

Result<void> find_refused(const std::vector<audit::Part>& log, Instant since, Instant until, Finder& finder) {
  for (const auto& part : log) {
    TRY(audit::read_after({part}, 0, [&](std::string_view line) {
      // Most lines are not these.
      if (line.find("\"caller_unknown\"") == line.npos) return true;
      const auto record = codec::parse_json(line, kRecordLimits);
      if (!record || text_of(*record, "reason") != "caller_unknown" || text_of(*record, "point") != "oauth")
        return true;
      const auto at = audit::parse_time(text_of(*record, "time"));
      if (!at || *at < since || *at > until) return true;
      const auto message = text_of(*record, "message");
      auto caller = workload_in(message);
      if (!caller) caller = certificate_in(message);
      if (!caller) return true;
      caller->requests = 1;
      caller->first = caller->last = *at;
      if (const auto claimed = text_of(*record, "client"); !claimed.empty()) caller->claimed.emplace(claimed);
      finder.add(*std::move(caller));
      return true;
    }));
  }
  return {};
}

// Users who were permitted: subjects that never were a client or an actor, and that nobody made over the API.
Result<void> find_users(const std::vector<audit::Part>& log, Instant since, Instant until, Finder& finder) {
  using What = digest::RecordKind::What;
  struct Use {
    std::uint64_t permits = 0;
    Instant first, last;
  };
  std::map<std::uint32_t, Use> uses;  // by the number of the name
  std::set<std::string, std::less<>> others;
  std::vector<bool> looked_at;
  digest::LogReading reading(log, {.keep = false});
  TRY(reading.each([&](const digest::Entry& entry) -> Result<void> {
    const auto& kind = reading.kind(entry.kind);
    if (kind.what == What::kEvent && kind.type == "identity.created") others.insert(reading.name(entry.name));
    if (kind.what != What::kPermitted) return {};
    if (looked_at.size() <= entry.kind) looked_at.resize(std::size_t{entry.kind} + 1);
    if (!looked_at[entry.kind]) {
      others.insert(kind.client);
      others.insert(kind.actors.begin(), kind.actors.end());
    }
    looked_at[entry.kind] = true;
    if (entry.time < since || entry.time > until) return {};
    const auto [found, is_new] = uses.try_emplace(entry.name, Use{0, entry.time, entry.time});
    ++found->second.permits;
    found->second.first = std::min(found->second.first, entry.time);
    found->second.last = std::max(found->second.last, entry.time);
    return {};
  }));
  for (const auto& [number, use] : uses) {
    const auto& name = reading.name(number);
    if (name.empty() || others.contains(name)) continue;
    finder.add(
        {.by = By::kUser, .name = name, .requests = use.permits, .first = use.first, .last = use.last});
  }
  return {};
}

// What a comment may hold: one line.
std::string words_of(const auto& texts) {
  std::vector<std::string> words;
  for (const auto& text : texts) words.push_back(yaml_word(text));
  return fmt::format("{}", fmt::join(words, ", "));
}

// Reads one entry of the file, field by field; what is wrong is reported.
class CallerReader {
 public:
  CallerReader(const config::Config& config, files::Source& source) : config_(config), source_(source) {}

  std::optional<AdoptedCaller> read(const YamlNode& node, const files::Fields& fields,
                                    const std::string& as) const {
    constexpr By kAll[] = {By::kWorkload, By::kCertificate, By::kUser};
    const auto name = fields.required_text("caller", inventory::kMaxUserIdBytes);
    const auto by = fields.require("seen") != nullptr
                        ? fields.choice("seen", {"workload", "certificate", "user"})
                        : std::nullopt;
    if (!name || !by) return std::nullopt;
    AdoptedCaller adopted{.place = source_.place(node), .as = as, .kind = {}, .list = {}, .rule = {}};
    const bool fits = kAll[*by] == By::kUser          ? read_user(fields, *name, adopted)
                      : kAll[*by] == By::kCertificate ? read_certificate(fields, *name, adopted)
                                                      : read_workload(fields, *name, adopted);
    if (!fits || (kAll[*by] != By::kUser && !read_identity(fields, adopted))) return std::nullopt;
    return adopted;
  }

 private:
  bool wrong(const files::Fields& fields, std::string_view field, std::string message,
             std::string help = {}) const {
    source_.error(*fields.find(field), std::move(message), std::move(help));
    return false;
  }

  bool read_user(const files::Fields& fields, const std::string& name, AdoptedCaller& adopted) const {
    if (adopted.as != name)
      return wrong(fields, "as",
                   fmt::format("`{}` is not what its provider calls the user `{}`", adopted.as, name),
                   "a user is listed by that name: write it, or `nobody`");
    const auto kind = fields.text("kind", inventory::kMaxIdBytes);
    if (kind && *kind != "user")
      return wrong(fields, "kind", fmt::format("`{}` was seen as a user, and not as a client", name));
    if (identity_node(config_, name) != nullptr)
      return wrong(fields, "caller", fmt::format("`{}` is listed already", name));
    adopted.kind = "user";
    return true;
  }

  bool read_workload(const files::Fields& fields, const std::string& subject, AdoptedCaller& adopted) const {
    const auto issuer = fields.required_text("issuer");
    if (!issuer) return false;
    const auto trusted = std::ranges::find(config_.trusted_issuers, *issuer, &oauth::TrustedIssuer::issuer);
    if (trusted == config_.trusted_issuers.end() || trusted->workloads == nullptr)
      return wrong(fields, "issuer",
                   fmt::format("the configuration has no issuer of workloads `{}`", *issuer),
                   "add it to `trusted_issuers`, with `workloads`");
    const inventory::WorkloadRule rule{.issuer = *issuer, .claims = {{{"sub"}, {subject}}}};
    // The audit has the subject alone, which does not pin a job of every platform.
    if (const auto problems = oauth::problems_of(*trusted->workloads, rule); !problems.empty())
      return wrong(fields, "caller",
                   fmt::format("a rule with the subject alone lacks {}", problems.front().what),
                   problems.front().help + "; write the rule by hand, and leave this one blank");
    adopted.list = "workload";
    adopted.rule = fmt::format("{{issuer: {}, claims: {{sub: {}}}}}", yaml_word(*issuer), yaml_word(subject));
    return true;
  }

  bool read_certificate(const files::Fields& fields, const std::string& name, AdoptedCaller& adopted) const {
    const auto rule = [&](std::string_view begins, std::string_view key) {
      if (!name.starts_with(begins) || name.size() == begins.size()) return false;
      adopted.rule = fmt::format("{{{}: {}}}", key, yaml_word(name.substr(begins.size())));
      return true;
    };
    if (!rule(kUri, "uri") && !rule(kDns, "dns") && !rule(kThumbprint, "sha256"))
      return wrong(fields, "caller",
                   fmt::format("`{}` is not a name of a certificate: it begins with {}, {} or {}", name, kUri,
                               kDns, kThumbprint));
    adopted.list = "certificates";
    return true;
  }

  // Whose it is: one that is listed, or a new one.
  bool read_identity(const files::Fields& fields, AdoptedCaller& adopted) const {
    const auto kind = fields.choice("kind", {"application", "service", "agent"});
    const YamlNode* listed = identity_node(config_, adopted.as);
    if (listed != nullptr) {
      const auto* listed_kind = listed->find("kind");
      return listed_kind == nullptr || listed_kind->text != "user" ||
             wrong(fields, "as",
                   fmt::format("`{}` is a user, and a client is an application, a service or an agent",
                               adopted.as));
    }
    if (!kind)
      return wrong(fields, "as", fmt::format("there is no identity `{}`", adopted.as),
                   "name one of `inventory.identities`, or say the `kind` of a new one");
    if (!inventory::valid_id(adopted.as))
      return wrong(
          fields, "as",
          fmt::format("`{}` is not an id: it has printable ASCII, without quotes, backslash and space",
                      adopted.as));
    constexpr std::string_view kKinds[] = {"application", "service", "agent"};
    adopted.kind = kKinds[*kind];
    return true;
  }

  const config::Config& config_;
  files::Source& source_;
};

}  // namespace

std::string_view caller_word(By by) noexcept {
  return by == By::kWorkload ? "workload" : by == By::kCertificate ? "certificate" : "user";
}

Result<SeenCallers> find_callers(const std::vector<audit::Part>& log, const config::Config& config,
                                 Instant since, Instant until, bool users, std::size_t most) {
  Finder finder(config, most);
  TRY(find_refused(log, since, until, finder));
  if (users) TRY(find_users(log, since, until, finder));
  return std::move(finder).take();
}

std::string callers_review(const SeenCallers& seen) {
  if (seen.callers.empty()) return {};
  std::string out =
      "# Callers that the inventory does not have. Workloads and certificates were refused; their platform, "
      "or\n"
      "# the CA, vouches for the name that stands here, and not for what they called themselves.\n"
      "#   as     the id of an identity, listed or new, or `nobody`; of a user: the same name, to list it\n"
      "callers:\n";
  for (const SeenCaller& each : seen.callers) {
    out += fmt::format("  - caller: {}\n    seen: {}\n", yaml_word(each.name), caller_word(each.by));
    if (!each.issuer.empty()) out += fmt::format("    issuer: {}\n", yaml_word(each.issuer));
    if (!each.claimed.empty()) out += fmt::format("    # called itself {}\n", words_of(each.claimed));
    out += fmt::format("    # {} requests{}, {} to {}\n    as:\n    kind:\n", each.requests,
                       each.by == By::kUser ? " were permitted" : "", day(each.first), day(each.last));
  }
  if (seen.left_out > 0)
    out += fmt::format("# there was no room for others, with {} requests\n", seen.left_out);
  return out;
}

ReviewedCallers read_callers(const std::vector<YamlNode>& callers, const config::Config& config,
                             files::Source& source) {
  ReviewedCallers reviewed;
  const CallerReader reader(config, source);
  for (const YamlNode& node : callers) {
    const files::Fields fields(&node, source, "a caller", {"caller", "seen", "issuer", "as", "kind"});
    const auto as = fields.text("as", inventory::kMaxUserIdBytes);
    if (!as) {
      ++reviewed.undecided;
    } else if (*as == kNobody) {
      ++reviewed.left;
    } else if (auto adopted = reader.read(node, fields, *as)) {
      reviewed.adopted.push_back(*std::move(adopted));
    }
  }
  return reviewed;
}

}  // namespace writ::posture
