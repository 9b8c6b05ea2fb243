// When and where it is asked, and in what task.
#include <algorithm>
#include <fmt/format.h>

#include "cedar/ext_datetime.h"
#include "policytest/abnormal_derive.h"

namespace writ::policytest {

using context::Calendar;

namespace {

constexpr Duration kFarAway = std::chrono::hours(1);
constexpr Duration kMoment = std::chrono::seconds(1);
constexpr Duration kWeek = std::chrono::days(7);

// The instant nearest to `time` at which the calendar is what it is not then.
std::optional<Instant> turn_of(const Calendar& calendar, Instant time) {
  std::vector<Instant> candidates;
  for (const auto& span : calendar.spans)
    candidates.insert(candidates.end(), {span.from, span.from - kMoment, span.until});
  for (const auto& hours : calendar.hours) {
    // 1970-01-05 was the first Monday.
    const auto monday =
        Instant(std::chrono::days(4)) + (time - Instant(std::chrono::days(4))) / kWeek * kWeek;
    for (const auto of_week : {hours.from, hours.from - kMoment, hours.until})
      candidates.insert(candidates.end(), {monday + of_week, monday + of_week + kWeek});
  }
  std::erase_if(candidates, [&](Instant at) {
    return at < Instant() || calendar.in_force(at) == calendar.in_force(time);
  });
  const auto distance = [&](Instant at) { return std::chrono::abs(at - time); };
  const auto nearest = std::ranges::min_element(candidates, {}, distance);
  return nearest != candidates.end() ? std::optional(*nearest) : std::nullopt;
}

}  // namespace

// At another instant, with a token that is issued there.
void Deriver::at(Dimension dimension, std::string what, Instant time) {
  RequestSpec& request = add(dimension, std::move(what));
  request.time = time;
  request.token.issued_at = request.token.not_before = request.token.expires_at = std::nullopt;
}

void Deriver::window() {
  if (!original_.target.issue) {
    add(Dimension::kBeforeWindow, "before the token's time").token.not_before = original_.time + kFarAway;
    RequestSpec& late = add(Dimension::kAfterWindow, "after the token's time");
    late.token.issued_at = late.token.not_before = original_.time - 2 * kFarAway;
    late.token.expires_at = original_.time - kFarAway;
  }
  if (task_ == nullptr) return;
  at(Dimension::kBeforeWindow, "before the task's window", task_->not_before - kMoment);
  at(Dimension::kAfterWindow, "after the task's window", task_->expires_at + kMoment);
  add(Dimension::kAfterEnd, "after the task's end", Before::kEndTask);
  // A token that is issued uses nothing up.
  if (!original_.target.issue && !task_->budget.unlimited())
    add(Dimension::kAfterBudget, "after the task's budget", Before::kUseUpBudget);
}

// With the token, the sign-in and the tasks as far back as they were.
void Deriver::moved_to(std::string what, Instant time) {
  const Duration by = time - original_.time;
  auto world = with_tasks_moved(suite_, by);
  if (world == nullptr || by == Duration(0)) return;
  RequestSpec& request = add(Dimension::kOtherTime, std::move(what));
  request.time = time;
  request.token.move(by);
  if (!suite_.tasks.empty()) variants_.back().world = std::move(world);
}

void Deriver::other_times() {
  const Instant now = original_.time;
  for (const Calendar& calendar : surroundings_.loaded.config.calendars) {
    // One that policies name counts for the APIs of these policies; of any other, nobody knows for which.
    if (surroundings_.facts.texts_of("calendars").contains(calendar.name) &&
        !facts_->texts_of("calendars").contains(calendar.name))
      continue;
    if (const auto turn = turn_of(calendar, now))
      moved_to(fmt::format("while `{}` is {}in force", calendar.name, calendar.in_force(now) ? "not " : ""),
               *turn);
  }
  for (const Instant named : facts_->instants)
    moved_to(fmt::format("{} {}", now < named ? "after" : "before", cedar::Datetime::from(named).to_string()),
             now < named ? named + kMoment : named - kMoment);
  if (facts_->time_of_day) moved_to("twelve hours later", now + std::chrono::hours(12));
}

void Deriver::addresses() {
  if (original_.ip.empty()) return;
  // Of documentation (RFC 5737, RFC 3849) and of private use (RFC 1918).
  for (const std::string_view other : {"203.0.113.77", "2001:db8::77", "10.77.77.77"})
    if (other != original_.ip)
      add(Dimension::kOtherAddress, fmt::format("from {} in place of {}", other, original_.ip)).ip = other;
  add(Dimension::kOtherAddress, "from an address that nobody knows").ip.clear();
}

// A sub-task is within its parent: neither can be changed alone.
bool Deriver::may_change_task() const {
  return task_ != nullptr && !task_->parent &&
         std::ranges::none_of(suite_.tasks, [&](const auto& each) { return each.task.parent == task_->id; });
}

void Deriver::task() {
  if (!may_change_task()) return;
  std::set<std::string> labels = surroundings_.facts.texts_of("labels");
  for (const auto& route : ways_.routes()) labels.insert(route.labels.begin(), route.labels.end());
  for (const TaskFixture& fixture : suite_.tasks)
    labels.insert(fixture.task.labels.begin(), fixture.task.labels.end());
  for (const std::string& own : task_->labels) labels.erase(own);
  while (labels.size() > kMaxLabels) labels.erase(std::prev(labels.end()));
  task::Task all = *task_;
  for (const std::string& label : labels) {
    task::Task labelled = *task_;
    labelled.labels.push_back(label);
    all.labels.push_back(label);
    add_in(Dimension::kLabelledTask, fmt::format("in a task that bears `{}`", label),
           with_task(suite_, labelled));
  }
  if (labels.size() > 1)
    add_in(Dimension::kLabelledTask, "in a task that bears all labels", with_task(suite_, all));
  if (task_->approvals.needed > 0) {
    task::Task unapproved = *task_;
    unapproved.approvals = {};
    add_in(Dimension::kUnapprovedTask, "in a task that nobody approved", with_task(suite_, unapproved));
  }
}

task::Task Deriver::made_out_for(const Variant& variant) const {
  const TokenSpec& token = variant.request.token;
  task::Task task = *task_;
  task.subject = token.subject != token.client ? std::optional(token.subject) : std::optional<std::string>();
  task.purpose = token.purpose.value_or(task.purpose);
  if (task.tenant) {
    const auto* subject = identity(token.subject);
    task.tenant = token.tenant || subject == nullptr ? token.tenant : subject->tenant;
  }
  if (task.environment) task.environment = token.environment;
  std::vector<std::string> parties{token.client};
  for (const auto& actor : token.actors) parties.push_back(actor.subject);
  for (const std::string& id : parties) {
    const auto* party = identity(id);
    if (party == nullptr || party->kind == inventory::Kind::kUser) continue;
    const bool is_agent = party->kind == inventory::Kind::kAgent;
    if (is_agent && std::ranges::find(task.agents, id) == task.agents.end()) task.agents.push_back(id);
    if (!is_agent && task.client && *task.client != id) task.client = std::nullopt;
  }
  return task;
}

// A guard holds a request to its task, whatever the policies say. So those who are wrong come once more, in a
// task that was opened for them: only the policies stand against it.
void Deriver::tasks_made_out() {
  if (!may_change_task()) return;
  constexpr Dimension kHeldToTask[] = {
      Dimension::kOtherApplication, Dimension::kOtherUser,        Dimension::kNoUser,
      Dimension::kOtherTenant,      Dimension::kOtherEnvironment, Dimension::kOtherPurpose,
      Dimension::kLongerChain,      Dimension::kShorterChain,     Dimension::kOtherActor};
  const std::size_t count = variants_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (std::ranges::find(kHeldToTask, variants_[i].dimension) == std::end(kHeldToTask)) continue;
    const auto task = made_out_for(variants_[i]);
    const bool same = task.subject == task_->subject && task.client == task_->client &&
                      task.agents == task_->agents && task.purpose == task_->purpose &&
                      task.tenant == task_->tenant && task.environment == task_->environment;
    auto world = same ? nullptr : with_task(suite_, task);
    if (world == nullptr) continue;
    Variant again = variants_[i];
    again.what += ", in a task made out so";
    again.world = std::move(world);
    variants_.push_back(std::move(again));
  }
}

}  // namespace writ::policytest
