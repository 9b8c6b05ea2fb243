#include "oauth/issuer_keys.h"

#include <algorithm>
#include <fmt/format.h>

#include "audit/record.h"
#include "codec/json.h"
#include "oauth/discovery.h"

namespace writ::oauth {
namespace {

constexpr std::size_t kMaxDocumentBytes = 256 * 1024;
constexpr std::size_t kMaxWaiting = 64;
constexpr std::string_view kAccept = "application/json";
constexpr std::string_view kAcceptKeys = "application/jwk-set+json, application/json";

// What is not 200 is no document, and a redirect leads where nobody has looked.
Result<std::string> body_of(const std::string& url, http::Response answer) {
  if (answer.status == 200) return std::move(answer.body);
  const bool redirect = answer.status >= 300 && answer.status < 400;
  return failure(
      ErrorCode::kUnavailable,
      fmt::format("`{}`: the answer is {}{}", url, answer.status,
                  redirect ? ", and redirects are not followed: name the place that it leads to" : ""));
}

}  // namespace

IssuerKeys::IssuerKeys(std::string issuer, KeyLocation location, jose::KeyRules rules, IssuerKeysParts parts)
    : issuer_(std::move(issuer)),
      location_(std::move(location)),
      rules_(rules),
      parts_(std::move(parts)),
      jwks_uri_(location_.jwks_uri) {}

void IssuerKeys::start() {
  take_up();
  const std::lock_guard lock(mutex_);
  if (started_ || stopping_) return;
  started_ = fetching_ = true;
  due_ = Steady::now();
  thread_ = std::thread([this] { run(); });
}

void IssuerKeys::begin_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void IssuerKeys::stop() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
}

// Of another place than is configured now, nobody said that it is to be believed.
void IssuerKeys::take_up() {
  auto kept = parts_.kept.get(issuer_, rules_);
  if (!kept)
    return tell(fmt::format("the kept keys of issuer `{}` are not used: {}", issuer_, kept.error().message));
  if (!*kept || (!location_.jwks_uri.empty() && (*kept)->jwks_uri != location_.jwks_uri)) return;
  // A clock that was ahead then makes nothing live longer.
  (*kept)->fetched_at = std::min((*kept)->fetched_at, parts_.clock.earliest());
  auto set = std::make_shared<const FetchedKeys>(**std::move(kept));
  {
    const std::lock_guard lock(mutex_);
    jwks_uri_ = set->jwks_uri;
  }
  set_.replace(std::move(set));
  edition_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const FetchedKeys> IssuerKeys::in_force(Times now) const {
  auto set = set_.get();
  if (set != nullptr && now.ended(set->fetched_at + location_.refresh.keep)) set.reset();
  return set;
}

bool IssuerKeys::stands(std::uint64_t edition, Times now) const {
  const auto& set = set_.read();
  return set != nullptr && edition == this->edition() && !now.ended(set->fetched_at + location_.refresh.keep);
}

bool IssuerKeys::wait_for(std::optional<std::string_view> kid, Then& then) {
  if (const auto set = in_force(times_of(parts_.clock))) {
    // Without a name, nobody knows that it is another one.
    if (!kid || set->keys.find(kid) != nullptr) return false;
  }
  const std::lock_guard lock(mutex_);
  ++unknown_;
  if (!started_ || stopping_) return false;
  if (!fetching_) {
    const auto now = Steady::now();
    if (now < next_for_unknown_) {
      // Too soon, but not forgotten.
      postponed_ = true;
      due_ = std::min(due_, next_for_unknown_);
      changed_.notify_all();
      return false;
    }
    next_for_unknown_ = now + location_.refresh.apart;
    due_ = now;
    fetching_ = true;
    changed_.notify_all();
  }
  if (waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back(std::move(then));
  return true;
}

void IssuerKeys::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (const auto due = due_; Steady::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    fetching_ = true;
    if (std::exchange(postponed_, false)) next_for_unknown_ = Steady::now() + location_.refresh.apart;
    lock.unlock();
    const auto fresh_for = refresh();
    note(fresh_for);
    lock.lock();
    due_ = Steady::now() + (fresh_for ? location_.refresh.pause(*fresh_for)
                                      : location_.refresh.pause_after(failures_in_a_row_));
    fetching_ = false;
    auto waiting = std::exchange(waiting_, {});
    lock.unlock();
    call(waiting);
    lock.lock();
  }
  fetching_ = false;
  auto waiting = std::exchange(waiting_, {});
  lock.unlock();
  call(waiting);
}

// Want of memory ends this one attempt.
Result<IssuerKeys::Freshness> IssuerKeys::refresh() {
  try {
    auto answer = TRY(fetch());
    TRY(bring_in_force(std::move(answer.keys)));
    return answer.fresh_for;
  } catch (const std::exception& error) {
    return failure(ErrorCode::kInternal, error.what());
  }
}

void IssuerKeys::call(std::vector<Then>& waiting) {
  for (auto& then : waiting) {
    try {
      then();
    } catch (const std::exception& error) {
      tell(fmt::format("a request that waited for the keys of issuer `{}` broke: {}", issuer_, error.what()));
    }
  }
}

// What a provider wrote does not steer the operator's terminal.
void IssuerKeys::tell(std::string line) const {
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  parts_.tell(line);
}

Result<std::string> IssuerKeys::discover() const {
  std::string tried;
  for (const auto& url : discovery_urls(issuer_)) {
    auto answer = TRY(parts_.fetcher.get(url, kAccept, kMaxDocumentBytes));
    auto document = body_of(url, std::move(answer));
    if (document) {
      auto found = read_discovery(*document, issuer_);
      if (!found) return std::unexpected(std::move(found).error().in(fmt::format("`{}`", url)));
      return found;
    }
    tried += (tried.empty() ? "" : "; ") + document.error().message;
  }
  return failure(ErrorCode::kUnavailable, "no discovery document: " + tried);
}

Result<IssuerKeys::Answer> IssuerKeys::fetch() const {
  const auto url = location_.jwks_uri.empty() ? TRY(discover()) : location_.jwks_uri;
  const auto asked_at = parts_.clock.earliest();
  auto answer = TRY(parts_.fetcher.get(url, kAcceptKeys, kMaxDocumentBytes));
  const auto fresh = fresh_for(answer.headers);
  const auto text = TRY(body_of(url, std::move(answer)));
  const auto json = codec::parse_json(text);
  if (!json) return std::unexpected(Error(json.error()).in(fmt::format("`{}`", url)));
  auto read = jose::read_provider_keys(*json, rules_);
  if (!read) return std::unexpected(std::move(read).error().in(fmt::format("`{}`", url)));
  return Answer{{std::move(read->keys), std::move(read->skipped), url, asked_at}, fresh};
}

// Recorded before it is in force. A set that cannot be kept is in force all the same: only a restart without
// the provider would miss it.
Result<void> IssuerKeys::bring_in_force(FetchedKeys keys) {
  const auto before = set_.get();
  const auto changed = difference(before != nullptr ? &before->keys : nullptr, keys.keys);
  if (!changed.empty()) {
    if (auto recorded = parts_.record(issuer_, changed); !recorded)
      return std::unexpected(std::move(recorded).error().in("the change could not be recorded"));
    for (const auto& key : keys.skipped)
      tell(fmt::format("issuer `{}`: {} of `{}` is not used: {}", issuer_, key.name, keys.jwks_uri, key.why));
  }
  if (const auto kept = parts_.kept.put(issuer_, keys); !kept)
    tell(fmt::format("the keys of issuer `{}` could not be kept for the next start: {}", issuer_,
                     kept.error().message));
  {
    const std::lock_guard lock(mutex_);
    jwks_uri_ = keys.jwks_uri;
  }
  set_.replace(std::make_shared<const FetchedKeys>(std::move(keys)));
  if (!changed.empty()) edition_.fetch_add(1, std::memory_order_release);
  return {};
}

// The operator is told when it begins to fail, when it fails in another way, and when it is over.
void IssuerKeys::note(const Result<Freshness>& answer) {
  const auto now = times_of(parts_.clock);
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (answer) {
      ++fetched_;
      failures_in_a_row_ = 0;
      if (failure_) line = fmt::format("the keys of issuer `{}` are fetched again", issuer_);
      failure_.reset();
    } else {
      ++failed_;
      ++failures_in_a_row_;
      if (!failure_ || failure_->second != answer.error().message)
        line =
            fmt::format("the keys of issuer `{}` could not be fetched: {}", issuer_, answer.error().message);
      failure_ = {now.latest, answer.error().message};
    }
  }
  if (line.empty()) return;
  if (!answer) {
    const auto set = in_force(now);
    line += set == nullptr
                ? "; its tokens are refused until they can be"
                : fmt::format("; those of {} stay in force until {}", audit::format_time(set->fetched_at),
                              audit::format_time(set->fetched_at + location_.refresh.keep));
  }
  tell(line);
}

IssuerKeysStatus IssuerKeys::status() const {
  IssuerKeysStatus status{.issuer = issuer_, .set = set_.get()};
  if (status.set != nullptr) status.good_until = status.set->fetched_at + location_.refresh.keep;
  status.in_force = in_force(times_of(parts_.clock)) != nullptr;
  const std::lock_guard lock(mutex_);
  status.jwks_uri = jwks_uri_;
  status.failure = failure_;
  status.fetched = fetched_;
  status.failed = failed_;
  status.unknown = unknown_;
  return status;
}

}  // namespace writ::oauth
