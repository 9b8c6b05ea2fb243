#include "rightsize/edit.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unordered_map>
#include <vector>

#include "cedar/parse.h"

namespace writ::rightsize {
namespace {

struct Insertion {
  std::size_t at;
  std::string text;
};

// The white space that its line begins with.
std::string_view indent_at(std::string_view text, std::size_t at) {
  const auto line = text.substr(0, at).rfind('\n');
  const auto begin = line == text.npos ? 0 : line + 1;
  std::size_t end = begin;
  while (end < at && (text[end] == ' ' || text[end] == '\t')) ++end;
  return text.substr(begin, end - begin);
}

// A text that ends its lines with both goes on with both.
std::string_view line_break(std::string_view text) {
  const auto first = text.find('\n');
  return first != text.npos && first > 0 && text[first - 1] == '\r' ? "\r\n" : "\n";
}

// Nothing but conditions of permits was added.
Result<void> check_narrower(std::string_view before, std::string_view after, std::span<const Edit> edits) {
  const auto old = cedar::parse_policies(before), proposed = cedar::parse_policies(after);
  const auto more = [](std::string_view id) {
    return failure(ErrorCode::kInternal,
                   fmt::format("the proposal for policy `{}` would do more than add conditions to it", id));
  };
  if (!old || !proposed || old->policies.size() != proposed->policies.size())
    return more(edits.empty() ? std::string_view() : edits.front().use->id);
  std::unordered_map<std::size_t, std::size_t> added_at;  // conditions, by where a policy begins
  for (const Edit& edit : edits)
    if (edit.use->changes()) added_at[edit.span.begin] = edit.use->conditions.size();
  for (std::size_t i = 0; i < old->policies.size(); ++i) {
    const auto& policy = old->policies[i];
    const auto found = added_at.find(policy.span.begin);
    const auto added = found != added_at.end() ? found->second : 0;
    auto narrowed = proposed->policies[i];
    const bool fits = narrowed.conditions.size() == policy.conditions.size() + added &&
                      (added == 0 || policy.effect == cedar::Effect::kPermit) &&
                      std::none_of(narrowed.conditions.end() - static_cast<std::ptrdiff_t>(added),
                                   narrowed.conditions.end(), [](const auto& each) { return each.unless; });
    if (!fits) return more(policy.id);
    narrowed.conditions.resize(policy.conditions.size());
    if (!narrowed.same_as(policy)) return more(policy.id);
  }
  return {};
}

}  // namespace

Result<std::string> edited(std::string_view text, std::span<const Edit> edits) {
  const auto newline = line_break(text);
  std::vector<Insertion> insertions;
  for (const Edit& edit : edits) {
    const PolicyUse& use = *edit.use;
    if (edit.span.begin >= edit.span.end || edit.span.end > text.size() || text[edit.span.end - 1] != ';')
      return failure(ErrorCode::kInternal, fmt::format("policy `{}` is not where it was read", use.id));
    const auto indent = indent_at(text, edit.span.begin);
    if (use.changes()) {
      std::string added = fmt::format("{}{}// writ rightsize: {}", newline, indent, use.evidence);
      for (const auto& condition : use.conditions)
        added += fmt::format("{}{}when {{ {} }}", newline, indent, condition);
      insertions.push_back({edit.span.end - 1, std::move(added)});
    } else if (use.verdict == Fate::kKept) {
      insertions.push_back(
          {edit.span.begin, fmt::format("// writ rightsize: kept, as {}; {}{}{}",
                                        fmt::join(use.why, ", and "), use.evidence, newline, indent)});
    }
  }
  std::ranges::sort(insertions, {}, &Insertion::at);
  std::string out;
  std::size_t from = 0;
  for (const Insertion& each : insertions) {
    out += text.substr(from, each.at - from);
    out += each.text;
    from = each.at;
  }
  out += text.substr(from);
  TRY(check_narrower(text, out, edits));
  return out;
}

}  // namespace writ::rightsize
