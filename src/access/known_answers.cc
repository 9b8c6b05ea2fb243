#include "access/known_answers.h"

namespace writ::access {
namespace {

// Of the texts as they are; what holds them is guessed.
std::size_t bytes_of(const Reached& answer) {
  constexpr std::size_t kEach = 256, kWitness = 1536;
  std::size_t bytes = kEach + answer.reason.size() + answer.message.size();
  for (const std::string& policy : answer.policies) bytes += sizeof policy + policy.size();
  for (const Remainder& each : answer.conditions)
    bytes += sizeof each + each.party.size() + each.policy.size() + each.cedar.size() + each.words.size();
  if (answer.witness) bytes += kWitness + answer.witness->attributes.dump().size();
  return bytes;
}

void move_by(Trial& trial, Duration by) {
  trial.time += by;
  trial.claims.issued_at += by;
  trial.claims.not_before += by;
  trial.claims.expires_at += by;
  if (!trial.task) return;
  trial.task->not_before += by;
  trial.task->expires_at += by;
  trial.task->opened_at += by;
}

}  // namespace

void KnownAnswers::put(const crypto::Digest& basis, Kept kept) {
  const std::size_t bytes = bytes_of(kept.answer);
  if (young_bytes_ + bytes > most_bytes_ / 2) {
    old_ = std::move(young_);
    young_.clear();
    young_bytes_ = 0;
  }
  if (bytes > most_bytes_ / 2) return;
  if (young_.insert_or_assign(basis, std::move(kept)).second) young_bytes_ += bytes;
}

std::optional<Reached> KnownAnswers::find(const crypto::Digest& basis, const Target& target, Instant at) {
  const std::lock_guard lock(mutex_);
  auto found = young_.find(basis);
  if (found == young_.end()) {
    auto before = old_.extract(basis);
    if (before.empty()) return std::nullopt;
    put(basis, std::move(before.mapped()));
    found = young_.find(basis);
    if (found == young_.end()) return std::nullopt;
  }
  ++counts_.known;
  Reached answer = found->second.answer;
  if (answer.witness) {
    // The API it was asked about is another object with the same in it.
    answer.witness->target = target;
    move_by(*answer.witness, at - found->second.at);
  }
  return answer;
}

void KnownAnswers::keep(const crypto::Digest& basis, const Reached& answer, Instant at) {
  const std::lock_guard lock(mutex_);
  ++counts_.asked;
  put(basis, {answer, at});
  // What it pointed to may go before it does.
  if (const auto kept = young_.find(basis); kept != young_.end() && kept->second.answer.witness)
    kept->second.answer.witness->target.api = nullptr;
}

KnownAnswers::Counts KnownAnswers::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.kept = young_.size() + old_.size();
  return counts;
}

}  // namespace writ::access
