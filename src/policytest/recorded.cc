#include "policytest/recorded.h"

#include <fmt/format.h>
#include <set>

#include "audit/verify.h"
#include "cedar/ext_datetime.h"
#include "cedar/parse.h"
#include "http/target.h"
#include "policytest/abnormal.h"
#include "policytest/reader.h"

namespace writ::policytest {

using codec::Json;

namespace {

class RecordReader {
 public:
  RecordReader(Suite& suite, std::string file) : suite_(suite), file_(std::move(file)) {}

  Result<void> read(std::string_view line) {
    ++line_;
    const Json record = TRY(codec::parse_json(line));
    const auto time = cedar::Datetime::parse(text(record, "time"));
    if (!time) return failure(ErrorCode::kInvalid, "the record has no time");
    const Instant at{Duration(time->epoch_ms)};
    if (suite_.tests.empty()) suite_.now = at;
    const auto type = text(record, "type");
    if (type == "task.opened" || type == "task.requested") add_task(record);
    if (type == "decision" && text(record, "effect") == "permit") return add_request(record, at);
    return {};
  }

 private:
  static std::string text(const Json& record, std::string_view name) {
    const auto* found = record.find_string(name);
    return found != nullptr ? *found : std::string();
  }
  static std::optional<std::string> maybe(const Json& record, std::string_view name) {
    const auto* found = record.find_string(name);
    return found != nullptr ? std::optional(*found) : std::nullopt;
  }

  // A detail that was too long for a record is none of a task. Its requests will be left out.
  void add_task(const Json& record) {
    auto task = task::task_from_record(text(record, "detail"));
    if (!task || task->approvals.needed > 0) return;
    suite_.tasks.push_back({.task = *std::move(task)});
  }

  static std::optional<Target> target(const Json& record) {
    const auto point = text(record, "point");
    if (point == "gateway")
      return Target{.method = text(record, "method"), .path = http::encode_path(text(record, "path"))};
    if (point != "oauth") return std::nullopt;
    const auto action = cedar::parse_entity(text(record, "action"));
    const auto resource = cedar::parse_entity(text(record, "resource"));
    // Who asks for a token again asks for its delegation again.
    if (!action || !resource || action->id != "issue") return std::nullopt;
    return Target{.method = text(record, "method"),
                  .path = text(record, "path"),
                  .api = text(record, "api"),
                  .action = *action,
                  .resource = *resource,
                  .attributes = {},
                  .issue = true};
  }

  Result<void> add_request(const Json& record, Instant at) {
    auto about = target(record);
    if (!about) return {};
    RequestSpec request{.target = *std::move(about),
                        .token = {},
                        .approved = record.find("approval") != nullptr,
                        .time = at,
                        .ip = text(record, "peer")};
    TokenSpec& token = request.token;
    token.subject = text(record, "subject");
    token.client = text(record, "client");
    if (const auto* actors = record.find("actors"); actors != nullptr && actors->if_array() != nullptr) {
      for (const Json& actor : *actors->if_array())
        if (actor.if_string() != nullptr) token.actors.push_back({*actor.if_string(), std::nullopt});
    }
    token.task = maybe(record, "task");
    token.purpose = maybe(record, "purpose");
    token.tenant = maybe(record, "tenant");
    RequestSpec asked = request;
    asked.time = {};
    asked.ip.clear();
    if (!known_.insert(request_to_json(asked).dump()).second) return {};
    if (suite_.tests.size() == kMaxTests)
      return failure(ErrorCode::kLimit, fmt::format("more than {} different requests", kMaxTests));
    const server::Place place{file_, line_, 1};
    suite_.tests.push_back(
        {.name = fmt::format("record {}", line_),
         .place = place,
         .steps = {Ask{place, std::move(request), 1, {.place = place, .code = "permit"}}}});
    return {};
  }

  Suite& suite_;
  const std::string file_;
  std::set<std::string> known_;
  int line_ = 0;
};

}  // namespace

Result<Suite> recorded_suite(const std::filesystem::path& log, const server::Loaded& loaded) {
  const auto verified = TRY(audit::verify(log));
  if (verified.first_break)
    return failure(ErrorCode::kInvalid,
                   fmt::format("{}:{}: the record {}; `writ audit verify` says more", log.string(),
                               verified.first_break->line, verified.first_break->problem));
  Suite suite{.file = log.string(),
              .about = {},
              .now = {},
              .world = loaded.world.declared,
              .entities = loaded.policies.snapshot->entities,
              .tasks = {},
              .tests = {},
              .recorded = true};
  RecordReader reader(suite, log.string());
  Result<void> read;
  std::uint64_t line = 0;
  TRY(audit::read_lines(log, [&](std::string_view text) {
    ++line;
    // What was appended since it was verified is for the next run.
    if (line > verified.head.seq) return false;
    read = reader.read(text);
    return read.has_value();
  }));
  if (!read) return std::unexpected(std::move(read.error()).in(fmt::format("{}:{}", log.string(), line)));
  return suite;
}

}  // namespace writ::policytest
