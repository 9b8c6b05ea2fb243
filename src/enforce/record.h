// The one writer of decision records: what the audit says of a question and of its answer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "codec/json_cut.h"
#include "decision/decision.h"
#include "enforce/question.h"
#include "enforce/ruling.h"
#include "token/claims.h"

namespace writ::enforce {

// Why not, as the audit says it. Views.
struct Said {
  decision::Effect effect;
  std::string_view reason;  // a reason code, or the error of a protocol that has none for it
  std::string_view message;
  std::string_view party = {};
  std::span<const std::string> policies = {};
};
Said said(const decision::Refusal& refusal);

// As Cedar writes it, in a text that is used again from record to record.
std::string_view written(std::string& place, std::string_view type, std::string_view id);
inline std::string_view written(std::string& place, cedar::EntityRef entity) {
  return written(place, entity.type(), entity.id());
}

// As far as the request got; what is not known is empty or null. Views.
struct Told {
  std::string_view point;
  std::string_view request_id;
  Sent sent;
  std::string_view api;
  std::string_view action, resource;  // as Cedar writes them
  context::Point kind = context::Point::kUse;
  // Of the token that is used, or asked for.
  const token::AccessClaims* claims = nullptr;
  std::string_view subject = {}, client = {};  // as claimed, where there are no claims
  const decision::PolicySnapshot* policies = nullptr;
  const context::Context* context = nullptr;
  const decision::Decision* decision = nullptr;
  const decision::Decision* shadowed = nullptr;
  std::optional<Said> refusal = {};               // nothing: permitted
  std::span<const std::string_view> labels = {};  // of a permit: that the task earns
  // Of a permit: the policies that carried it, where they are not the decision's.
  std::span<const std::string_view> permitting = {};
  std::string_view approval = {};  // of a permit: of this call, that it used up
  std::string_view elements = {};  // of a list, as JSON
  // Of a question without a context: what was told of the resource and by whom, as JSON.
  std::string_view attributes = {}, sources = {};
  const codec::JsonCut* obligations = nullptr;  // of a permit: what is left out of the answer
  bool observed = false;                        // the API is not enforced
  bool anonymous = false;                       // the route is public
  audit::Standing standing = audit::Standing::kOrdinary;

  void set(const Ruling& ruling) {
    context = &ruling.context;
    decision = ruling.decision;
    shadowed = ruling.shadowed;
  }
};

audit::Record record_of(Instant time, const Told& told);

}  // namespace writ::enforce
