#include "http/net/places.h"

namespace writ::http {

Places::Answer Places::take(Holder holder) {
  const std::scoped_lock lock(mutex_);
  return take_locked(holder);
}

Places::Answer Places::pass_on(Holder from, Holder to) {
  const std::scoped_lock lock(mutex_);
  // Between the two it is nobody's: the number of all stays as it is.
  --taken_;
  Answer answer = Answer::kFull;
  try {
    answer = take_locked(to);
  } catch (...) {
    ++taken_;
    throw;
  }
  ++taken_;
  if (answer == Answer::kTaken) give_back_locked(from);
  return answer;
}

Places::Answer Places::take_locked(Holder holder) {
  if (holder.proxy) {
    if (taken_ >= total_) return Answer::kFull;
    ++taken_;
    return Answer::kTaken;
  }
  const auto found = held_.find(holder.source);
  const std::size_t before = found == held_.end() ? 0 : found->second;
  if (before >= per_source_) return Answer::kSourceFull;
  if (taken_ >= total_) return Answer::kFull;
  // What can fail comes first: then nothing was taken.
  auto entry = by_number_.insert({before + 1, holder.source}).first;
  try {
    held_[holder.source] = before + 1;
  } catch (...) {
    by_number_.erase(entry);
    throw;
  }
  if (before > 0) by_number_.erase({before, holder.source});
  ++taken_;
  return Answer::kTaken;
}

void Places::give_back(Holder holder) noexcept {
  const std::scoped_lock lock(mutex_);
  give_back_locked(holder);
}

void Places::give_back_locked(Holder holder) noexcept {
  --taken_;
  if (holder.proxy) return;
  const auto found = held_.find(holder.source);
  // The node moves to its new place, so that nothing is allocated where nothing may fail.
  auto node = by_number_.extract({found->second, holder.source});
  if (--found->second == 0) {
    held_.erase(found);
    return;
  }
  --node.value().first;
  by_number_.insert(std::move(node));
}

bool Places::has_none(Holder newcomer) const {
  const std::scoped_lock lock(mutex_);
  return newcomer.proxy || !held_.contains(newcomer.source);
}

std::optional<Source> Places::holder_of_most(Holder newcomer) const {
  const std::scoped_lock lock(mutex_);
  if (by_number_.empty()) return std::nullopt;
  const auto& [most, source] = *by_number_.rbegin();
  const auto found = held_.find(newcomer.source);
  const std::size_t own = newcomer.proxy || found == held_.end() ? 0 : found->second;
  if (most <= own + 1) return std::nullopt;
  return source;
}

}  // namespace writ::http
