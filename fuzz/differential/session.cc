#include "session.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <set>

#include "crash.h"
#include "deviation.h"
#include "engine.h"
#include "printed.h"
#include "shrink.h"

namespace writ::differential {
namespace {

using codec::Json;

// Answers quote the case's texts, nested by a level or two.
constexpr codec::JsonLimits kAnswerLimits{.max_bytes = std::size_t{256} << 20, .max_depth = 1024};

Result<Json> ask(Reference& reference, const Case& asked) {
  reference.send(to_json(asked).dump());
  const std::string line = TRY(reference.receive());
  return codec::parse_json(line, kAnswerLimits);
}

std::vector<Difference> all_differences(const Case& asked, const Json& writ, const Json& reference) {
  auto found = differences(writ, reference);
  if (const Json* printed = reference.find("printed"))
    std::ranges::move(printed_differences(asked, *printed), std::back_inserter(found));
  return found;
}

bool failed(const Json& answer) {
  return answer.find("panic") != nullptr || answer.find("malformed") != nullptr;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::start(std::string program, std::filesystem::path folder) {
  std::unique_ptr<Session> session(new Session(std::move(program), std::move(folder)));
  std::error_code problem;
  std::filesystem::create_directories(session->folder_, problem);
  if (problem)
    return failure(ErrorCode::kIo,
                   fmt::format("cannot make `{}`: {}", session->folder_.string(), problem.message()));
  session->reference_ = TRY(Reference::start(session->program_));
  return session;
}

Result<void> Session::put(Case asked) {
  Pending pending{std::move(asked), {}, {}};
  pending.line = to_json(pending.asked).dump();
  reference_->send(pending.line);
  const CrashNote note(pending.line);
  pending.writ = answer_of_writ(pending.asked);
  pending_.push_back(std::move(pending));
  return pending_.size() < kInFlight ? Result<void>() : settle_one();
}

Result<void> Session::finish() {
  while (!pending_.empty()) TRY(settle_one());
  return {};
}

Result<void> Session::settle_one() {
  const auto line = reference_->receive();
  if (!line) {
    // Whatever was asked first has ended it.
    ++account_.reference_failures;
    const auto file =
        save(pending_.front().asked, fmt::format("reference-ended-{}", account_.reference_failures));
    fmt::print("{}: {} on {}\n", pending_.front().asked.origin, line.error().message, file.string());
    pending_.pop_front();
    return restart();
  }
  const Json answer = TRY(codec::parse_json(*line, kAnswerLimits));
  const Pending pending = std::move(pending_.front());
  pending_.pop_front();
  if (failed(answer)) {
    ++account_.reference_failures;
    const auto file = save(pending.asked, fmt::format("reference-failed-{}", account_.reference_failures));
    fmt::print("{}: the reference failed, {}: {}\n", pending.asked.origin, file.string(), answer.dump());
    return {};
  }
  compare(pending, answer);
  return {};
}

Result<void> Session::restart() {
  reference_ = TRY(Reference::start(program_));
  for (const Pending& pending : pending_) reference_->send(pending.line);
  return {};
}

void Session::compare(const Pending& pending, const Json& reference) {
  ++account_.sets;
  count(pending.writ);
  if (const Json* printed = reference.find("printed")) {
    for (const auto& [what, text] : *printed->if_object()) ++account_.outcomes["printed " + what];
  }
  std::set<std::string> kinds;
  for (const Difference& difference : all_differences(pending.asked, pending.writ, reference)) {
    if (const auto name = deviation(pending.asked, difference, pending.writ); !name.empty()) {
      if (kinds.emplace(name).second) ++account_.deviations[std::string(name)];
    } else if (kinds.insert(difference.kind()).second) {
      report(pending, difference);
    }
  }
}

void Session::report(const Pending& pending, const Difference& difference) {
  ++account_.differences;
  const std::string kind = difference.kind();
  fmt::print("DIFFERENCE {}: {}\n", pending.asked.origin, difference.to_string());
  if (++seen_[kind] > kSavedOfAKind) return;
  const Case smaller = shrunk(pending.asked, kind);
  std::string name = kind;
  std::ranges::replace(name, '.', '-');
  const auto file = save(smaller, fmt::format("{}-{}", name, seen_[kind]));
  fmt::print("  saved as {}\n", file.string());
  if (const auto shown = replay(program_, smaller)) fmt::print("{}", *shown);
  std::fflush(stdout);
}

Case Session::shrunk(const Case& asked, const std::string& kind) {
  const auto still_differs = [&](const Case& smaller) {
    if (for_shrinking_ == nullptr) {
      auto started = Reference::start(program_);
      if (!started) return false;
      for_shrinking_ = *std::move(started);
    }
    const auto answer = ask(*for_shrinking_, smaller);
    if (!answer) {
      for_shrinking_.reset();
      return false;
    }
    if (failed(*answer)) return false;
    const Json writ = answer_of_writ(smaller);
    const auto found = all_differences(smaller, writ, *answer);
    return std::ranges::any_of(found, [&](const Difference& each) {
      return each.kind() == kind && deviation(smaller, each, writ).empty();
    });
  };
  return shrink(asked, still_differs);
}

std::filesystem::path Session::save(const Case& asked, std::string_view name) {
  const auto path = folder_ / fmt::format("{}.json", name);
  std::ofstream(path, std::ios::binary) << to_json(asked).pretty() << '\n';
  return path;
}

// The account.

void Session::count(const Json& writ) {
  const auto add = [&](std::string_view what, bool yes) {
    ++account_.outcomes[fmt::format("{} {}", what, yes ? "accepted" : "refused")];
  };
  const auto is = [](const Json& json, std::string_view member) {
    const Json* found = json.find(member);
    return found != nullptr && found->is_bool() && *found->if_bool();
  };
  add("schema", is(writ, "schema"));
  add("policies", is(writ, "policies"));
  add("entities", is(writ, "entities"));
  if (writ.find("entities_by_schema") != nullptr) add("entities by schema", is(writ, "entities_by_schema"));
  if (const Json* validation = writ.find("validation")) {
    for (const std::string_view mode : {"strict", "permissive"})
      add(fmt::format("{} validation", mode), validation->find(mode)->if_array()->empty());
    for (std::size_t level = 0; level < 3; ++level)
      add(fmt::format("level {} validation", level),
          (*validation->find("levels")->if_array())[level].if_array()->empty());
  }
  for (const Json& parsed : *writ.find("expressions")->if_array()) add("expression", *parsed.if_bool());
  for (const Json& request : *writ.find("requests")->if_array()) {
    if (request.find("valid") != nullptr) add("request by schema", is(request, "valid"));
    const Json* plain = request.find("outcome");
    const Json* by_schema = request.find("outcome_by_schema");
    if (plain == nullptr && by_schema == nullptr) continue;
    ++account_.cases;
    count_outcome(by_schema != nullptr ? *by_schema : *plain);
  }
}

void Session::count_outcome(const Json& outcome) {
  const bool allow = *outcome.find("allow")->if_bool();
  const bool reasons = !outcome.find("reason")->if_array()->empty();
  ++account_.outcomes[allow     ? "decision allow"
                      : reasons ? "decision deny by forbid"
                                : "decision deny by default"];
  if (!outcome.find("errors")->if_object()->empty()) ++account_.outcomes["decision with errors"];
  for (const auto& [policy, code] : *outcome.find("errors")->if_object())
    ++account_.outcomes["error " + *code.if_string()];
  for (const Json& value : *outcome.find("values")->if_array()) {
    const std::string* code = value.find_string("error");
    ++account_.outcomes[value.is_null() ? "value none" : code != nullptr ? "value error " + *code : "value"];
  }
}

Result<std::string> replay(const std::string& program, const Case& asked) {
  const auto reference = TRY(Reference::start(program));
  const Json theirs = TRY(ask(*reference, asked));
  const Json ours = answer_of_writ(asked);
  std::string text = to_json(asked).pretty() + "\n";
  for (const auto& [side, answer] : {std::pair("writ", &ours), std::pair("reference", &theirs)}) {
    if (const Json* complaints = answer->find("complaints"))
      text += fmt::format("{}: {}\n", side, complaints->dump());
  }
  if (failed(theirs)) return text + theirs.dump() + "\n";
  for (const Difference& difference : all_differences(asked, ours, theirs)) {
    const auto name = deviation(asked, difference, ours);
    text += fmt::format("{}{}\n", difference.to_string(),
                        name.empty() ? "" : fmt::format(" (documented: {})", name));
  }
  return text;
}

}  // namespace writ::differential
