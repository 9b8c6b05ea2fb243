// Denial: why a request is refused. The stable code is for programs, the message for people.
//
// The codes are the product's vocabulary (docs/reasons.md lists each with what to do about it). Adding one is
// an API change; renaming one breaks users' alerts.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace writ {

enum class Reason {
  kTokenMissing,
  kTokenMalformed,
  kTokenSignature,
  kTokenType,
  kTokenIssuer,
  kTokenExpired,
  kTokenNotYetValid,
  kTokenRevoked,
  kTokenReplayed,
  kAudienceMismatch,
  kSenderBindingMissing,
  kSenderBindingMismatch,
  kCallerUnknown,
  kCallerRequested,
  kCallerLapsed,
  kCallerSuspended,
  kCallerExpired,
  kCallerRetired,
  kCallerOwnerGone,
  kCredentialExpired,
  kSubjectRequested,
  kSubjectLapsed,
  kSubjectSuspended,
  kSubjectExpired,
  kCallerMismatch,
  kDelegationNotAuthorised,
  kChainTooDeep,
  kTenantMismatch,
  kEnvironmentMismatch,
  kTaskMissing,
  kTaskNotStarted,
  kTaskExpired,
  kTaskEnded,
  kTaskRevoked,
  kTaskSuspended,
  kActionNotInTask,
  kResourceNotInTask,
  kPurposeMismatch,
  kBudgetExceeded,
  kAmountUnknown,
  kPolicyForbid,
  kPolicyNoPermit,
  kContextMissing,
  kFactsUnavailable,
  kObligationUnmet,
  kStepUpRequired,
  kApprovalRequired,
  kApprovalUnknown,
  kApprovalMismatch,
  kApprovalPending,
  kApprovalDenied,
  kApprovalExpired,
  kApprovalUsed,
  kIndeterminate,
};

// "task_ended" for kTaskEnded.
std::string_view reason_code(Reason reason) noexcept;
std::optional<Reason> reason_from_code(std::string_view code) noexcept;

struct Denial {
  Reason reason;
  std::string message;
};

inline std::unexpected<Denial> denied(Reason reason, std::string message) {
  return std::unexpected(Denial{reason, std::move(message)});
}

}  // namespace writ
