#include "decision/obligations.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/ascii.h"

namespace writ::decision {
namespace {

Result<std::vector<codec::JsonPattern>> read(const cedar::Policy& policy, std::string_view name) {
  const auto* annotation = policy.annotation(name);
  if (annotation == nullptr) return std::vector<codec::JsonPattern>();
  auto patterns = parse_obligation(annotation->value.value_or(""));
  if (!patterns)
    return failure(ErrorCode::kInvalid, fmt::format("`@{}`: {}", name, patterns.error().message));
  // Where a request is refused there is nothing to leave out.
  if (policy.effect == cedar::Effect::kForbid)
    return failure(ErrorCode::kInvalid, fmt::format("`@{}` stands at a forbid; only a permit obliges", name));
  return patterns;
}

}  // namespace

Result<std::vector<codec::JsonPattern>> parse_obligation(std::string_view text) {
  if (codec::trimmed(text).empty())
    return failure(ErrorCode::kInvalid, "it names nothing, expected for example \"/card/number, /notes\"");
  std::vector<codec::JsonPattern> patterns;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    more = comma != text.npos;
    patterns.push_back(TRY(codec::parse_json_pattern(codec::trimmed(text.substr(0, comma)))));
    if (patterns.size() > kMaxObligationPatterns)
      return failure(ErrorCode::kInvalid, fmt::format("it names more than {}", kMaxObligationPatterns));
    if (more) text.remove_prefix(comma + 1);
  }
  return patterns;
}

Result<std::optional<Obligation>> obligation_of(const cedar::Policy& policy) {
  Obligation obligation{TRY(read(policy, kRedactAnnotation)), TRY(read(policy, kKeepAnnotation))};
  if (obligation == Obligation()) return std::nullopt;
  return obligation;
}

const Obligation* Obligations::find(std::string_view policy) const {
  const auto found = by_policy_.find(std::string(policy));
  return found != by_policy_.end() ? &found->second : nullptr;
}

std::shared_ptr<const codec::JsonCut> obliged_by(const Obligations* obligations,
                                                 std::span<const std::string_view> policies) {
  if (obligations == nullptr) return nullptr;
  codec::JsonCut cut;
  for (const auto policy : policies) {
    const auto* obligation = obligations->find(policy);
    if (obligation == nullptr) continue;
    for (const auto& pattern : obligation->redact) cut.add_redaction(pattern);
    if (!obligation->keep.empty()) cut.add_kept(obligation->keep);
  }
  return cut.empty() ? nullptr : std::make_shared<const codec::JsonCut>(std::move(cut));
}

Denial obligation_unmet() {
  return {Reason::kObligationUnmet,
          "policies permit this only with parts of the answer left out, which cannot be done here"};
}

}  // namespace writ::decision
