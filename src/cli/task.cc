// writ task: open, request, approve, deny, list, show, narrow, suspend, resume, end and revoke tasks, over
// /v1/tasks.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

struct TaskOptions : ApiOptions {
  std::string id;
  std::string purpose;
  std::string subject;
  std::string client;
  std::string parent;
  std::optional<std::int64_t> approvals;
  std::vector<std::string> agents;
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  std::optional<std::int64_t> expires_in_seconds;
  std::optional<std::int64_t> calls;
  std::vector<std::string> rates;
  std::vector<std::string> amounts;
};

// Empty when there is none.
std::string rate_problem(const std::string& text) {
  const auto slash = text.find('/');
  const auto number = [](std::string_view part) {
    return !part.empty() && part.size() < 12 && part.find_first_not_of("0123456789") == part.npos;
  };
  const bool good = slash != text.npos && number(std::string_view(text).substr(0, slash)) &&
                    number(std::string_view(text).substr(slash + 1));
  return good ? "" : fmt::format("`{}` is not a rate, expected calls/seconds such as 2/60", text);
}

std::string amount_problem(const std::string& text) {
  const auto equals = text.find('=');
  const bool good = equals != text.npos && equals > 0 && equals + 1 < text.size();
  return good ? "" : fmt::format("`{}` is not an amount, expected name=total such as credited=1000.50", text);
}

std::string task_line(const codec::Json& task) {
  return fmt::format("{}  {}  {}  until {}", show(task, "id"), show(task, "state"), show(task, "purpose"),
                     show(task, "expires_at"));
}

std::string task_text(const codec::Json& task) {
  return members_text(task, 12);
}

std::string tasks_text(const codec::Json& answer) {
  return list_text(answer, "tasks", task_line, "no tasks");
}

codec::Json texts(const std::vector<std::string>& values) {
  auto array = codec::Json::array();
  for (const auto& value : values) array.push(value);
  return array;
}

void add_limits(const TaskOptions& options, codec::Json& body) {
  if (options.expires_in_seconds) body.set("expires_in_seconds", *options.expires_in_seconds);
  auto budget = codec::Json::object();
  if (options.calls) budget.set("calls", *options.calls);
  auto rates = codec::Json::array();
  for (const auto& rate : options.rates) {
    const auto slash = rate.find('/');
    rates.push(codec::Json::object({{"calls", std::int64_t{std::stoll(rate.substr(0, slash))}},
                                    {"seconds", std::int64_t{std::stoll(rate.substr(slash + 1))}}}));
  }
  if (!options.rates.empty()) budget.set("rates", std::move(rates));
  auto amounts = codec::Json::object();
  for (const auto& amount : options.amounts) {
    const auto equals = amount.find('=');
    // Not set(): a name that is given twice is for the server to refuse, not for the last one to win.
    amounts.if_object()->emplace_back(amount.substr(0, equals), amount.substr(equals + 1));
  }
  if (!options.amounts.empty()) budget.set("amounts", std::move(amounts));
  if (!budget.if_object()->empty()) body.set("budget", std::move(budget));
}

codec::Json request_of(const TaskOptions& options) {
  auto body = codec::Json::object({{"purpose", options.purpose},
                                   {"agents", texts(options.agents)},
                                   {"actions", texts(options.actions)},
                                   {"resources", texts(options.resources)}});
  if (!options.subject.empty()) body.set("subject", options.subject);
  if (!options.client.empty()) body.set("client", options.client);
  if (!options.parent.empty()) body.set("parent", options.parent);
  if (options.approvals) body.set("approvals", codec::Json::object({{"needed", *options.approvals}}));
  add_limits(options, body);
  return body;
}

// Only what is given: the rest stays as it is.
codec::Json narrowing_of(const TaskOptions& options) {
  auto body = codec::Json::object();
  if (!options.agents.empty()) body.set("agents", texts(options.agents));
  if (!options.actions.empty()) body.set("actions", texts(options.actions));
  if (!options.resources.empty()) body.set("resources", texts(options.resources));
  add_limits(options, body);
  return body;
}

void add_bounds(Command& command, TaskOptions& options, bool new_one) {
  command.option("--agent", options.agents, "an agent that takes part; repeat for more");
  auto& actions = command.option("--action", options.actions,
                                 "a Cedar action, e.g. Billing::Action::\"read\"; repeat for more");
  if (new_one) actions.required();
  command.option("--resource", options.resources,
                 "a resource pattern, e.g. Billing::Invoice::\"inv-1001\"; repeat for more");
  command.option("--expires-in", options.expires_in_seconds, "seconds; a new task has 600");
  command.option("--calls", options.calls, "how many calls in all");
  command.option("--rate", options.rates, "calls in any so many seconds, e.g. 2/60; repeat for more")
      .checked(rate_problem, "CALLS/SECONDS");
  command
      .option("--amount", options.amounts,
              "a sum of what requests spend, e.g. credited=1000.50; repeat for more")
      .checked(amount_problem, "NAME=TOTAL");
}

Command& add_new(Command& task, const char* name, const char* help,
                 const std::shared_ptr<TaskOptions>& options) {
  auto& open = add_api_command(task, name, help, *options);
  open.option("--purpose", options->purpose, "what the work is for").required();
  open.option("--subject", options->subject, "the user that the work is for");
  open.option("--task-client", options->client, "the only client that may use it");
  open.option("--parent", options->parent, "the parent of the new sub-task");
  add_bounds(open, *options, true);
  open.runs([options] { return call_api(*options, "POST", "/v1/tasks", task_text, request_of(*options)); });
  return open;
}

}  // namespace

void add_task(Command& program) {
  auto options = std::make_shared<TaskOptions>();
  auto& task = program.add("task", "open, show, suspend and end tasks");
  add_new(task, "open", "open a task; it is active at once, unless policy wants it approved", options);
  auto requested = std::make_shared<TaskOptions>();
  requested->approvals = 1;
  add_new(task, "request", "ask for a task, which people approve", requested)
      .option("--approvals", requested->approvals, "how many people have to approve; 1 unless said");

  auto& narrow = add_api_command(
      task, "narrow", "take from a task what it no longer needs; what is not named stays", *options);
  narrow.option("id", options->id, "the task's id").required();
  add_bounds(narrow, *options, false);
  narrow.runs([options] {
    return call_api(*options, "POST", "/v1/tasks/" + options->id + "/narrow", task_text,
                    narrowing_of(*options));
  });

  add_list_command(task, "list", "list the tasks", *options).runs([options] {
    return call_api(*options, "GET", "/v1/tasks", tasks_text);
  });
  struct OnOne {
    const char* name;
    const char* help;
    const char* method;
    const char* suffix;
  };
  for (const OnOne& verb :
       {OnOne{"get", "show a task", "GET", ""}, OnOne{"show", "show a task", "GET", ""},
        OnOne{"approve", "approve a task that is asked for; the last approval needed makes it active", "POST",
              "/approve"},
        OnOne{"deny", "deny a task that is asked for, for good", "POST", "/deny"},
        OnOne{"suspend", "suspend a task; its tokens do not work until it is resumed", "POST", "/suspend"},
        OnOne{"resume", "resume a suspended task", "POST", "/resume"},
        OnOne{"end", "end a task; its tokens stop working at once", "POST", "/end"},
        OnOne{"revoke", "revoke a task; its tokens stop working at once", "POST", "/revoke"}}) {
    auto& command = add_api_command(task, verb.name, verb.help, *options);
    command.option("id", options->id, "the task's id").required();
    command.runs([options, verb] {
      return call_api(*options, verb.method, "/v1/tasks/" + options->id + verb.suffix, task_text);
    });
  }
}

}  // namespace writ::cli
