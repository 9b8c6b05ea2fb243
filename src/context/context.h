// Context: a request with its token, its task and the inventory, put together as the questions that Cedar is
// asked: one for each party, with one action, one resource and one context record (docs/policy-context.md).
//
// The fourth type in the way of a request (ARCHITECTURE.md). Pure: no I/O, no clock. A Context is a view: it
// borrows from its Workspace and from what it was built of, and is valid until the workspace is used again.
// With a warm workspace, building one allocates nothing.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/times.h"
#include "cedar/entities.h"
#include "cedar/symbols.h"
#include "cedar/value.h"
#include "context/calendars.h"
#include "inventory/snapshot.h"
#include "task/live_task.h"
#include "token/verified.h"

namespace writ::context {

// What the request itself says, as far as Writ saw it with its own eyes.
struct RequestFacts {
  Times time;
  std::string_view method;
  std::string_view path;
  std::string_view peer_ip;
  // The identity that the connection itself proved (mTLS), by its id; empty when it proved none.
  std::string_view presenter = {};
};

enum class Role : std::uint8_t { kSubject, kClient, kActor };

struct Party {
  Role role;
  inventory::Kind kind;
  std::string_view id;
  cedar::EntityRef uid;
  const inventory::Member* member;  // null: the inventory does not know it
  inventory::Status status;         // in force; who is not in the inventory can be stopped too

  bool is_agent() const noexcept { return kind == inventory::Kind::kAgent; }
};

// Which part of the request tells a fact, or why none does. Views.
struct FactNote {
  std::string_view path;    // "resource.amount", "context.input.reason"
  std::string_view source;  // "body /amount"
  std::string_view gap;     // why it is absent; empty: it is told
};

// Is the token used, or asked for?
enum class Point : std::uint8_t { kUse, kIssue };

struct Inputs {
  RequestFacts request;
  const inventory::Api& api;
  cedar::EntityRef action;
  cedar::EntityRef resource;
  const inventory::Snapshot& inventory;
  const task::LiveTask* task;       // the token's; null: it has none, or nobody knows it
  const cedar::Entities& entities;  // resources and groups
  const Calendars& calendars;
  // What the route knows of the resource, a record. It fills in where `entities` says nothing.
  std::optional<cedar::Value> resource_attributes = {};
  // What the route knows that the request spends. Policies read it as budgets do: `context.amounts`.
  std::span<const task::NamedAmount> amounts = {};
  // What else the route finds in the request, a record: `context.input`.
  std::optional<cedar::Value> input = {};
  std::span<const FactNote> notes = {};
  // Entities beside `entities`; null: there are none.
  const cedar::EntitySource* pushed = nullptr;
  // People have approved this very call, and the caller uses that approval up.
  bool approved = false;
  // Some policy may read when a party was last used.
  bool last_used = false;
  // The task's budget was taken for this very request already: that it is used up now says nothing.
  bool budget_taken = false;
};

// Memory that is used again. One per thread.
class Workspace {
 public:
  cedar::Arena& arena() noexcept { return arena_; }
  // Forgets the context built before.
  void reset() noexcept;

 private:
  friend class Context;
  cedar::Arena arena_;
  std::optional<cedar::Overlay> overlay_;
  std::vector<Party> parties_;
  std::vector<std::uint32_t> chain_;
};

class Context {
 public:
  // Action and resource of the inputs may live in the workspace's arena. Fails only when a party, the task
  // and a resource cannot be laid over each other: then there is no question to ask.
  static Result<Context> of_use(const token::Verified& token, const Inputs& inputs, Workspace& workspace);
  static Result<Context> of_use(token::Verified&&, const Inputs&, Workspace&) = delete;  // it would dangle
  // For a token that is about to be issued. The client has authenticated, and the caller has checked what it
  // presented.
  static Result<Context> of_issue(const token::AccessClaims& claims, const Inputs& inputs,
                                  Workspace& workspace);
  static Result<Context> of_issue(token::AccessClaims&&, const Inputs&, Workspace&) = delete;
  // It becomes the same request a while later, with what is known of its resource by then: what of_use()
  // would build with these inputs, where nothing else of them has changed. Fails as that does; then it is of
  // no use any more.
  // `time_is_read`: some policy may read the time or the calendars in record(). Else it keeps those it had.
  Result<void> go_on(Times time, std::optional<cedar::Value> resource_attributes, bool budget_taken,
                     bool time_is_read);

  Point point() const noexcept { return point_; }
  const token::AccessClaims& claims() const noexcept { return *claims_; }
  const RequestFacts& request() const noexcept { return inputs_.request; }
  const inventory::Api& api() const noexcept { return inputs_.api; }
  const task::LiveTask* task() const noexcept { return inputs_.task; }
  const inventory::Snapshot& inventory() const noexcept { return inputs_.inventory; }

  // The subject first (when it is another than the client), then the client, then the other actors from the
  // nearest on. Each identity once.
  const std::vector<Party>& parties() const noexcept { return workspace_->parties_; }
  const Party* subject() const noexcept;
  const Party& client() const noexcept;
  // How the request came about: indices into parties(), from the subject over each actor to the client.
  const std::vector<std::uint32_t>& chain() const noexcept { return workspace_->chain_; }

  cedar::EntityRef action() const noexcept { return inputs_.action; }
  cedar::EntityRef resource() const noexcept { return inputs_.resource; }
  // As the task's budgets see it.
  task::LiveTask::Use use() const noexcept {
    return {inputs_.action, inputs_.resource, inputs_.request.time, inputs_.amounts};
  }
  // What the caller knew of it, before what the catalogue says.
  const std::optional<cedar::Value>& told_of_resource() const noexcept { return inputs_.resource_attributes; }
  const std::optional<cedar::Value>& input() const noexcept { return inputs_.input; }
  std::span<const FactNote> notes() const noexcept { return inputs_.notes; }
  // Of those that were pushed, what was read so far. As long as the workspace.
  std::span<const cedar::Entity* const> pushed_read() const noexcept {
    return workspace_->overlay_->fetched();
  }
  cedar::Value record() const noexcept { return record_; }
  bool approved() const noexcept { return inputs_.approved; }
  bool budget_taken() const noexcept { return inputs_.budget_taken; }
  // The record as it would be if the call were approved. Lives as long as the workspace's arena.
  cedar::Value approved_record() const;
  // The same, if the user had logged in with this `acr` (empty: as it was), and, `anew`, at the time of the
  // request. Borrows `acr`.
  cedar::Value record_after_login(std::string_view acr, bool anew) const;
  cedar::EntityView entities() const noexcept { return *workspace_->overlay_; }
  // The facts of the whole request, as policies see them and guards compare them. The token's claim, else
  // (so that leaving a claim out of a token takes no fact away) what the inventory and the task say.
  std::optional<std::string_view> tenant() const noexcept;
  std::optional<std::string_view> environment() const noexcept;
  std::optional<std::string_view> purpose() const noexcept;
  // Whose tenant is the request's: the subject, or the client that acts for itself.
  const Party& owner() const noexcept { return parties().front(); }
  // The attribute of the resource; null: it has none of that name.
  const cedar::Value* resource_attribute(std::string_view attribute) const noexcept;
  // The same, when it is a string.
  std::optional<std::string_view> resource_text(std::string_view attribute) const noexcept;

 private:
  Context(Point point, const token::AccessClaims& claims, bool sender_bound, const Inputs& inputs,
          Workspace& workspace)
      : point_(point),
        claims_(&claims),
        sender_bound_(sender_bound),
        inputs_(inputs),
        workspace_(&workspace),
        record_(cedar::Value::boolean(false)) {}
  static Result<Context> build(Context context);
  // Record and parties are there; `lay` lays the entities.
  Result<void> lay_by(Result<void> (Context::*lay)());
  std::uint32_t add_party(Role role, std::string_view id);
  void find_parties();
  Result<void> lay_entities();
  Result<void> lay_resource();
  Result<void> lay_resource_again();
  cedar::Value attributes_of(const Party& party);
  cedar::Value workload_record();
  cedar::Value make_context_record() const { return make_context_record(token_record()); }
  cedar::Value make_context_record(const cedar::Value& token) const;
  cedar::Value chain_record() const;
  cedar::Value token_record() const;
  cedar::Value credential_record() const;
  cedar::Value token_record(std::optional<std::string_view> acr, std::optional<Instant> auth_time) const;
  cedar::Value request_record() const;
  cedar::Value record_at_another_time() const;
  cedar::Value amounts_record() const;

  Point point_;
  const token::AccessClaims* claims_;
  bool sender_bound_;
  Inputs inputs_;
  Workspace* workspace_;
  cedar::Value record_;
  const cedar::Entity* resource_entity_ = nullptr;  // null: nothing is known of it
};

// Lays an identity over the catalogue. What the inventory says of it counts; groups, tags and further
// attributes come from the catalogue, but not what guards compare (tenant and environment), nor
// whose word a user is.
Result<void> lay_identity(cedar::Overlay& overlay, cedar::Arena& arena, cedar::EntityRef uid,
                          cedar::Value attributes);
// Lays what a caller says of an entity, a record, over the catalogue: it fills in where the catalogue says
// nothing, and takes nothing away.
Result<void> lay_facts(cedar::Overlay& overlay, cedar::Arena& arena, cedar::EntityRef uid,
                       cedar::Value attributes);

// What policies see of a request that nobody is asked to answer for: its time, address, method and path, and
// the calendars. There is no token, no party and no task in it.
cedar::Value anonymous_record(cedar::Arena& arena, const RequestFacts& request, const Calendars& calendars);

// The attributes of a task's entity: `Writ::Task` in the base schema.
cedar::Value task_attributes(cedar::Arena& arena, const task::Task& task);
// The same, with the labels of its ancestors too.
cedar::Value task_attributes(cedar::Arena& arena, const task::LiveTask& task);

}  // namespace writ::context
