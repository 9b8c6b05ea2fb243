#include "policytest/recorded.h"

#include <fmt/format.h>
#include <set>

#include "audit/verify.h"
#include "cedar/ext_datetime.h"
#include "cedar/parse.h"
#include "http/target.h"
#include "policytest/abnormal.h"
#include "policytest/fixtures.h"
#include "policytest/reader.h"
#include "policytest/record.h"

namespace writ::policytest {

using codec::Json;
using record::instant;
using record::text;

namespace {

class RecordReader {
 public:
  RecordReader(Suite& suite, std::string file, const gateway::Routes& routes)
      : suite_(suite), file_(std::move(file)), routes_(routes) {}

  Json fixtures() && { return Json::object({{"tasks", std::move(tasks_)}}); }

  Result<void> read(std::string_view line) {
    ++line_;
    const Json record = TRY(codec::parse_json(line));
    const auto at = instant(record, "time");
    if (!at) return failure(ErrorCode::kInvalid, "the record has no time");
    if (suite_.tests.empty()) suite_.now = *at;
    const auto type = text(record, "type");
    if (type == "task.opened" || type == "task.requested") add_task(record);
    if (type == "decision" && text(record, "effect") == "permit") return add_request(record, *at);
    return {};
  }

 private:
  // A detail that was too long for a record is none of a task. Its requests will be left out.
  void add_task(const Json& record) {
    auto task = task::task_from_record(text(record, "detail"));
    if (!task || task->approvals.needed > 0) return;
    Json json = task_json(*task);
    json.set("opened", cedar::Datetime::from(task->opened_at).to_string());
    json.set("not_before", cedar::Datetime::from(task->not_before).to_string());
    json.set("expires_in_seconds",
             std::chrono::ceil<std::chrono::seconds>(task->expires_at - task->not_before).count());
    if (task->parent) json.set("parent", *task->parent);
    tasks_.set(task->id, std::move(json));
    suite_.tasks.push_back({.task = *std::move(task)});
  }

  // What an API answered, a test does not know.
  bool is_decided_before(std::string_view method, std::string_view path) const {
    std::vector<std::string_view> values;
    const auto* route = routes_.match(method, path, values).route;
    return route == nullptr || route->answer() == nullptr;
  }

  std::optional<Target> target(const Json& record) const {
    const auto point = text(record, "point");
    if (point == "gateway" && !is_decided_before(text(record, "method"), text(record, "path")))
      return std::nullopt;
    if (point == "gateway")
      return Target{.method = text(record, "method"), .path = http::encode_path(text(record, "path"))};
    if (point != "oauth" && point != "api") return std::nullopt;
    const auto action = cedar::parse_entity(text(record, "action"));
    const auto resource = cedar::parse_entity(text(record, "resource"));
    // That work is handed on is decided while a token is asked for, and is no request of its own.
    if (!action || !resource || (point == "oauth" && action->id != "issue")) return std::nullopt;
    const Json* attributes = record.find("attributes");
    return Target{.method = text(record, "method"),
                  .path = text(record, "path"),
                  .api = text(record, "api"),
                  .action = *action,
                  .resource = *resource,
                  .attributes = attributes != nullptr ? *attributes : Json(),
                  .issue = point == "oauth"};
  }

  Result<void> add_request(const Json& record, Instant at) {
    auto about = target(record);
    if (!about) return {};
    RequestSpec request{.target = *std::move(about),
                        .token = {},
                        .approved = record.find("approval") != nullptr,
                        .time = at,
                        .ip = text(record, "peer")};
    static_cast<simulate::StatedToken&>(request.token) = record::token_in(record);
    // When the user signed in counts by how long ago it was.
    RequestSpec asked = request;
    if (asked.token.auth_time) asked.token.auth_time = Instant(at - *asked.token.auth_time);
    // Each task that is opened is another one.
    if (asked.target.resource.type == "Writ::Task") asked.target.resource.id.clear();
    asked.time = {};
    asked.ip.clear();
    if (!known_.insert(request_to_json(asked).dump()).second) return {};
    if (suite_.tests.size() == kMaxTests)
      return failure(ErrorCode::kLimit, fmt::format("more than {} different requests", kMaxTests));
    const files::Place place{file_, line_, 1};
    suite_.tests.push_back(
        {.name = fmt::format("record {}", line_),
         .place = place,
         .steps = {Ask{place, std::move(request), 1, {.place = place, .code = "permit"}}}});
    return {};
  }

  Suite& suite_;
  const std::string file_;
  const gateway::Routes& routes_;
  Json tasks_ = Json::object();
  std::set<std::string> known_;
  int line_ = 0;
};

Suite empty_suite(std::string file, const policy::Loaded& loaded) {
  return {.file = std::move(file),
          .about = {},
          .now = {},
          .world = loaded.world.declared,
          .entities = loaded.policies.snapshot->entities,
          .tasks = {},
          .fixtures = {},
          .tests = {},
          .recorded = true};
}

}  // namespace

Result<Suite> recorded_suite(std::span<const std::string> records, const policy::Loaded& loaded) {
  Suite suite = empty_suite("recorded", loaded);
  RecordReader reader(suite, suite.file, *loaded.routes);
  for (const auto& record : records) TRY(reader.read(record));
  suite.fixtures = std::move(reader).fixtures();
  return suite;
}

Result<Suite> recorded_suite(const std::filesystem::path& log, const policy::Loaded& loaded) {
  const auto verified = TRY(audit::verify(log));
  if (verified.first_break)
    return failure(ErrorCode::kInvalid,
                   fmt::format("{}:{}: the record {}; `writ audit verify` says more", log.string(),
                               verified.first_break->line, verified.first_break->problem));
  Suite suite = empty_suite(log.string(), loaded);
  RecordReader reader(suite, log.string(), *loaded.routes);
  Result<void> read;
  std::uint64_t line = 0;
  TRY(audit::read_lines(log, [&](std::string_view text) {
    ++line;
    // What was appended since it was verified is for the next run.
    if (line > verified.records) return false;
    read = reader.read(text);
    return read.has_value();
  }));
  if (!read) return std::unexpected(std::move(read.error()).in(fmt::format("{}:{}", log.string(), line)));
  suite.fixtures = std::move(reader).fixtures();
  return suite;
}

}  // namespace writ::policytest
