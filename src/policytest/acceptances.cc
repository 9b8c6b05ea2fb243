#include "policytest/acceptances.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/issue.h"
#include "codec/ascii.h"
#include "policytest/report.h"

namespace writ::policytest {

namespace {

constexpr std::string_view kBlanks = " \t\n";

files::Place place_of(const policy::LoadedPolicies& policies, std::size_t policy,
                      const cedar::Annotation& annotation) {
  return policies.sources[policy].place_of(annotation.span);
}

std::string annotated(const files::Place& place, std::string_view annotation, std::string_view policy) {
  return fmt::format("{}:{}: @{} of policy `{}`", place.file, place.line, annotation, policy);
}

// One annotation, entry by entry.
class Reader {
 public:
  Reader(const Acceptable& acceptable, std::size_t index, files::Place place, std::string_view policy)
      : acceptable_(acceptable), index_(index), place_(std::move(place)), policy_(policy) {}

  Result<void> read(std::string_view text, std::vector<Acceptance>& into) {
    text = codec::trimmed(text, kBlanks);
    if (text.empty()) return wrong("it is empty");
    while (!text.empty()) {
      const auto shown = codec::trimmed(text.substr(0, std::min(text.find(": "), text.find(';'))), kBlanks);
      const auto length = acceptable_.length(index_, text);
      if (!length) return wrong(fmt::format("there is no {} `{}`", acceptable_.what, shown));
      const auto subject = text.substr(0, *length);
      text = codec::trimmed(text.substr(*length), kBlanks);
      const auto end = text.find(';');
      const auto rest = codec::trimmed(text.substr(0, end), kBlanks);
      text = end == text.npos ? std::string_view() : codec::trimmed(text.substr(end + 1), kBlanks);
      if (!rest.empty() && rest.front() != ':')
        return wrong(fmt::format("there is no {} `{}`", acceptable_.what, shown));
      const auto reason = rest.empty() ? rest : codec::trimmed(rest.substr(1), kBlanks);
      if (reason.empty()) return wrong(fmt::format("`{}` is accepted without a reason", subject));
      const bool twice = std::ranges::any_of(
          into, [&](const Acceptance& each) { return each.policy == policy_ && each.subject == subject; });
      if (twice) return wrong(fmt::format("`{}` is accepted twice", subject));
      into.push_back({place_, std::string(policy_), std::string(subject), std::string(reason)});
    }
    return {};
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return failure(ErrorCode::kInvalid,
                   fmt::format("{}: {}; expected \"{}: reason\", several separated by `;`",
                               annotated(place_, acceptable_.annotation, policy_), what, acceptable_.what));
  }

  const Acceptable& acceptable_;
  const std::size_t index_;
  const files::Place place_;
  const std::string_view policy_;
};

}  // namespace

Result<std::vector<Acceptance>> read_acceptances(const policy::LoadedPolicies& policies,
                                                 const Acceptable& acceptable) {
  std::vector<Acceptance> all;
  for (std::size_t i = 0; i < policies.policies.policies.size(); ++i) {
    const cedar::Policy& policy = policies.policies.policies[i];
    const auto* annotation = policy.annotation(acceptable.annotation);
    if (annotation == nullptr) continue;
    Reader reader(acceptable, i, place_of(policies, i, *annotation), policy.id);
    TRY(reader.read(annotation->value.value_or(""), all));
  }
  return all;
}

Result<void> check_annotations(const policy::LoadedPolicies& policies,
                               std::initializer_list<std::string_view> known) {
  for (std::size_t i = 0; i < policies.policies.policies.size(); ++i) {
    const cedar::Policy& policy = policies.policies.policies[i];
    for (const cedar::Annotation& annotation : policy.annotations) {
      if (!annotation.name.starts_with("accept_") || std::ranges::find(known, annotation.name) != known.end())
        continue;
      return failure(ErrorCode::kInvalid,
                     fmt::format("{}: unknown annotation; expected @{}",
                                 annotated(place_of(policies, i, annotation), annotation.name, policy.id),
                                 fmt::join(known, " or @")));
    }
  }
  return {};
}

std::string unused_text(const Acceptance& acceptance, std::string_view annotation) {
  return fmt::format("{}: nothing needs to accept `{}`",
                     annotated(acceptance.place, annotation, acceptance.policy), acceptance.subject);
}

std::string junit_case(const Acceptance& acceptance, std::string_view annotation) {
  return fmt::format(
      "    <testcase classname=\"{}\" name=\"@{}\" file=\"{}\" "
      "line=\"{}\"><failure>{}</failure></testcase>\n",
      xml_text(acceptance.policy), annotation, xml_text(acceptance.place.file), acceptance.place.line,
      xml_text(unused_text(acceptance, annotation)));
}

codec::Json to_json(const Acceptance& acceptance) {
  return codec::Json::object({{"file", acceptance.place.file},
                              {"line", acceptance.place.line},
                              {"policy", acceptance.policy},
                              {"accepts", acceptance.subject},
                              {"reason", acceptance.reason}});
}

}  // namespace writ::policytest
