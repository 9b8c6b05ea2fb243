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

namespace writ::task {

inline constexpr std::size_t kMaxActions = 256;
inline constexpr std::size_t kMaxResources = 1024;
inline constexpr std::size_t kMaxAgents = 16;
inline constexpr std::int64_t kMaxCalls = 1'000'000'000'000;
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

struct ActionBudget {
  cedar::EntityUid action;
  std::int64_t calls;
};

struct Task {
  std::string id;
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
  std::optional<std::int64_t> max_calls;
  std::vector<ActionBudget> action_budgets;
  std::vector<std::string> labels;
  std::string opened_by;
  Instant opened_at;
};

// active ⇄ suspended → ended | revoked. Nothing leads out of the last two.
enum class State : std::uint8_t { kActive, kSuspended, kEnded, kRevoked };
std::string_view state_name(State state) noexcept;  // "active", "suspended", "ended", "revoked"
std::optional<State> state_from_name(std::string_view name) noexcept;
// Whether it is over for good.
bool is_final(State state) noexcept;

// What somebody asks for; `now` and the lifetime make the window. The id and opened_by are the caller's to
// set. Members: purpose, subject, client, agents, actions, resources, tenant, environment, labels, not_before
// (seconds), expires_in_seconds (default 600), budget {calls, actions: {action: calls}}.
Result<Task> task_from_request(const codec::Json& json, Instant now);

// `used_calls` and the state complete what people see; an active task past its window shows as "expired".
codec::Json task_to_json(const Task& task, State state, std::int64_t used_calls, Instant now);

// For the store: everything.
std::string task_record(const Task& task);
Result<Task> task_from_record(std::string_view text);

// An action as text: `Billing::Action::"read"`.
std::string uid_text(const cedar::EntityUid& uid);

}  // namespace writ::task
