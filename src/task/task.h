// Task: a bounded piece of work. It names a purpose, its parties, actions × resources, a window and budgets,
// and it ends.
//
// Plain values with strict JSON in both directions; what contradicts itself is refused with what and where.
// Instants are milliseconds since the Unix epoch; in JSON they are whole seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cedar/ast.h"
#include "cedar/symbols.h"
#include "codec/json.h"
#include "codec/members.h"
#include "task/approval.h"
#include "task/budget.h"

namespace writ::task {

inline constexpr std::size_t kMaxActions = 256;
inline constexpr std::size_t kMaxResources = 1024;
inline constexpr std::size_t kMaxAgents = 16;
inline constexpr std::size_t kMaxRequesters = 64;
inline constexpr std::size_t kMaxLabels = 64;
inline constexpr Duration kMaxWindow = std::chrono::hours(24 * 366);

// One resource, or every resource of a type: `Billing::Invoice::"inv-1001"`, `Billing::Invoice::*`.
struct ResourcePattern {
  std::string type;
  std::optional<std::string> id;

  bool matches(cedar::EntityRef resource) const noexcept {
    return resource.type() == type && (!id || resource.id() == *id);
  }
  std::string text() const;
  static Result<ResourcePattern> parse(std::string_view text);
  friend bool operator==(const ResourcePattern&, const ResourcePattern&) = default;
};

struct Task {
  std::string id;
  std::optional<std::string> parent;  // whose sub-task it is (task/attenuation.h)
  std::string purpose;
  std::optional<std::string> tenant;
  std::optional<std::string> environment;
  std::optional<std::string> subject;  // the only one it may be for; absent: a task without a user
  std::optional<std::string> client;   // the only application or service that may take part; absent: any
  std::vector<std::string> agents;     // the only agents that may take part
  std::vector<cedar::EntityUid> actions;
  std::vector<ResourcePattern> resources;
  Instant not_before;
  Instant expires_at;
  Budget budget;
  std::vector<std::string> labels;
  std::string opened_by;                  // the client
  std::vector<std::string> requested_by;  // every party to the request that opened it
  Instant opened_at;
  Approvals approvals;
  // What the token that opened it came of at a provider (token/came_from.h): it ends with that.
  std::vector<std::string> came_from = {};
};

// How much memory it takes, about.
std::size_t memory_of(const Task& task) noexcept;

// requested → active ⇄ suspended → ended | revoked; requested → denied. Nothing leads out of the last three.
enum class State : std::uint8_t { kRequested, kActive, kSuspended, kEnded, kRevoked, kDenied };
std::string_view state_name(State state) noexcept;  // "requested", "active", …
std::optional<State> state_from_name(std::string_view name) noexcept;
// Whether it is over for good.
bool is_final(State state) noexcept;

// What somebody asks for; `now` and the lifetime make the window. The id and opened_by are the caller's to
// set. Members: parent, purpose, subject, client, agents, actions, resources, tenant, environment, labels,
// not_before and expires_at (Unix seconds) or expires_in_seconds (default 600), budget (task/budget.h),
// approvals (task/approval.h).
Result<Task> task_from_request(const codec::Json& json, Instant now);

// Single members of it, for narrowing; empty lists are refused. The expiry is counted from `from`, when it is
// given in seconds; it has not passed.
Result<std::vector<cedar::EntityUid>> read_actions(const codec::Members& members);
Result<std::vector<ResourcePattern>> read_resources(const codec::Members& members);
Result<std::optional<Instant>> read_expiry(const codec::Members& members, Instant from, Instant now);

// `used_calls` and the state complete what people see; a task past its window, or
// not approved in time, shows as "expired".
codec::Json task_to_json(const Task& task, State state, std::int64_t used_calls, Instant now);

// For the store: everything.
std::string task_record(const Task& task);
Result<Task> task_from_record(std::string_view text);

}  // namespace writ::task
