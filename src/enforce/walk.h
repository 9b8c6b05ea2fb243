// One request on its way through the enforcer. For enforce/enforcer.cc and enforce/walk.cc alone.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "enforce/enforcer.h"
#include "enforce/list_ruling.h"
#include "sources/sources.h"

namespace writ::enforce {

inline std::unexpected<decision::Refusal> refuse(Denial denial) {
  return std::unexpected(decision::Refusal{denial.reason, std::move(denial.message), {}, {}, {}});
}

inline std::unexpected<decision::Refusal> broken(std::string message) {
  return refuse({Reason::kIndeterminate, std::move(message)});
}

// One request on its way, and what is known of it when its record is written.
class Enforcer::Walk {
 public:
  enum class Proof { kChecked, kLeftAlone };
  // All in one step, or before and after the API has told what is awaited.
  enum class Step { kOnly, kBefore, kAfter };

  Walk(const EnforcerParts& parts, const Question& question, Memory& memory,
       RequestId request_id = RequestId::next(), Step step = Step::kOnly)
      : parts_(&parts),
        question_(&question),
        memory_(&memory),
        step_(step),
        now_(times_of(parts.clock)),
        request_id_(request_id) {}
  // It goes on elsewhere, with what it asked and its memory.
  void move_to(const Question& question) noexcept { question_ = &question; }
  const Question& question() const noexcept { return *question_; }
  Step step() const noexcept { return step_; }
  // It goes on without its memory, until it is given another.
  void let_go_of_memory();
  // What its task has earned counts when the API has answered. It keeps its memory.
  void keep_labels() { kept_labels_.assign(labels_.begin(), labels_.end()); }

  const RequestId& request_id() const noexcept { return request_id_; }
  bool bound() const noexcept { return bound_; }
  // More than nothing: the token was not looked at, because of others from the same source.
  Duration retry_after() const noexcept { return brought_.wait(); }
  // The token's issuer has to be asked for its key.
  bool awaits_key() const noexcept { return brought_.awaits_key(); }
  void key_did_not_come() { brought_.in_vain(now_.earliest); }

  // verify → context → decide. What shadow policies would say is for the record only.
  std::expected<void, decision::Refusal> decide() { return ask(Proof::kChecked, Shadows::kAsked); }

  // Nothing refuses it so far, and the facts about its resource have to be asked for: of whom, and what. It
  // is not permitted.
  bool needs_facts() const noexcept { return needs_facts_; }
  sources::AskedSource& source() const noexcept { return *source_; }
  sources::SourceQuery asked() const;
  const cedar::SchemaPtr& schema() const noexcept { return policies().schema; }
  // The same request for the source's turns.
  std::uint64_t party() const noexcept;
  // Everything anew, with what the source told. What was stopped or changed meanwhile counts.
  std::expected<void, decision::Refusal> decide_on_told(const sources::AskedSource::Answer& answer,
                                                        Memory& memory);
  // The caller is told of this refusal what it could know without what the source told.
  decision::Refusal told_of(const decision::Refusal& refusal) const;

  // What is to be written before it can go on; null: the budget is taken and the approval used. The approval
  // comes last, so that whatever else refuses leaves it unused.
  std::expected<std::unique_ptr<task::Write>, decision::Refusal> consume();

  // After it was put aside: the same as if it had come now?
  std::expected<void, decision::Refusal> check_again();

  // verify → context → decide. A proof is good for one request, and this one's may be used up already: a
  // question that lets nothing pass leaves it alone.
  std::expected<void, decision::Refusal> ask(Proof proof, Shadows shadows = Shadows::kLeftAlone);

  // The second step: it is decided again, with what the API told. What was stopped or changed meanwhile
  // counts.
  std::expected<void, decision::Refusal> decide_on(ApiAnswer& answer);

  // What people would approve; null where no approval helps, or none is taken.
  std::shared_ptr<const Offer> offer(const decision::Refusal& refusal) const;

  Permit permit() const { return Permit(parties(), obligations_); }
  Parties parties() const;

  // The token is Writ's own, and names somebody who is not listed any more.
  void note_unknown(Unlisted& unlisted) const noexcept;

  bool record_permit() const noexcept { return question_->record_permit; }

  audit::Record record(const decision::Refusal* refusal) const;

  // That the API is asked, before anybody knows whether its answer may be had.
  audit::Record asked_record() const;

 private:
  Facts facts_of(EntityName action, EntityName resource, const Attributes& attributes) const;
  Deciding deciding() const;

  std::expected<void, decision::Refusal> rule(const Attributes& attributes, Shadows shadows);
  std::expected<void, decision::Refusal> rule(const Attributes& attributes, Shadows shadows,
                                              std::span<const std::string> awaited);

  // The same again, of what decided in the first step.
  std::expected<void, decision::Refusal> rule_again(const Attributes& attributes, Shadows shadows);
  std::expected<void, decision::Refusal> take(Result<Ruling> ruling);
  std::expected<void, decision::Refusal> take_ruling();

  std::expected<void, decision::Refusal> rule_by_source(const Attributes& attributes, Shadows shadows);
  std::expected<void, decision::Refusal> rule_on_told(const Attributes& attributes, Shadows shadows);

  // What carried the permit may oblige.
  std::expected<void, decision::Refusal> find_obligations();

  // What the task has earned is on disk; it cannot earn more than was known before the API was asked.
  std::expected<void, decision::Refusal> check_labels();

  std::expected<void, decision::Refusal> verify(Proof proof);

  // The task that the request names. A token of Writ's says itself in which it is; of another issuer's, only
  // the request does, and whether it may is for the guards.
  std::expected<void, decision::Refusal> place_in_task();

  std::expected<token::Verified, Denial> verify_with_proof(const token::Presented& presented);

  std::expected<void, decision::Refusal> find_what_decides();
  std::expected<void, decision::Refusal> find_api();
  const decision::PolicySnapshot& policies() const noexcept { return *in_force_->policies; }

  // Everything of the call but its arguments.
  task::Call call() const;

  task::Call call_with_arguments() const;

  // The approval that the request brings along has to be of this very call, whether or not it needs one.
  std::expected<void, decision::Refusal> find_approval();

  std::expected<std::unique_ptr<task::Write>, decision::Refusal> consume_budget();

  // Whether what was read of the pushed entities still stands.
  bool same_facts(const InForce& now) const;

  // What the task earns: what the route says, and what the resource brings with it.
  bool find_labels();

  const EnforcerParts* parts_;
  const Question* question_;
  Memory* memory_;
  Step step_;
  Times now_;
  RequestId request_id_;
  bool bound_ = false;
  token::Brought brought_;
  bool resumed_ = false;  // after it was put aside
  bool taken_ = false;    // from the task's budget
  bool used_ = false;     // the approval
  std::optional<token::Verified> token_;
  std::shared_ptr<const InForce> in_force_;
  const inventory::Api* api_ = nullptr;
  std::shared_ptr<task::LiveTask> task_;
  std::vector<std::string_view> labels_;
  std::vector<std::string> kept_labels_;  // of the first step
  ListRuling list_;
  std::optional<std::string> approval_;  // of this call, to be used up
  std::optional<Ruling> ruling_;
  std::shared_ptr<const codec::JsonCut> obligations_;  // null: nothing is left out
  sources::SourcePtr source_;                          // of facts about the resource
  std::shared_ptr<const sources::ToldFacts> told_;
  std::vector<context::FactNote> notes_;  // the question's, and of what was told
  bool needs_facts_ = false;
  bool by_told_ = false;  // refused because of it
  bool down_ = false;     // the source, whoever asks
};

}  // namespace writ::enforce
