#include "token/own_keys.h"

#include <algorithm>
#include <fmt/format.h>

#include "audit/record.h"
#include "token/revocation.h"

namespace writ::token {
namespace {

// A token that was being signed at the turn is a little younger.
constexpr Duration kKeptAfterSigning = kMaxAccessLifetime + std::chrono::minutes(1);

constexpr std::pair<KeyState, std::string_view> kStates[] = {
    {KeyState::kPublished, "published"}, {KeyState::kSigning, "signing"}, {KeyState::kRetired, "retired"}};
constexpr std::pair<Urgency, std::string_view> kUrgencies[] = {
    {Urgency::kOrderly, "orderly"}, {Urgency::kAtOnce, "at_once"}, {Urgency::kStolen, "stolen"}};

Secret public_text(const jose::Jwk& key) {
  return Secret(key.to_json().dump());
}

// One where all are sealed, or the other way round, was not written by Writ: it is in one step that it seals.
Result<void> check_alike(std::span<const StoredKey> stored) {
  const auto sealed = [](const StoredKey& key) { return is_sealed(key.text); };
  if (std::ranges::none_of(stored, sealed)) return {};
  const auto plain = std::ranges::find_if_not(stored, sealed);
  if (plain == stored.end()) return {};
  return failure(
      ErrorCode::kCorrupt,
      fmt::format("signing key `{}` is not encrypted, and others are: it was put there by somebody "
                  "else; bring the database back from a backup",
                  plain->kid));
}

Result<codec::Json> read_json(const Wrapping& wrapping, const StoredKey& stored) {
  const auto text = unwrap(wrapping, stored.kid, stored.text);
  if (!text) return std::unexpected(text.error());
  auto json = codec::parse_json(text->expose());
  // Never with a word of the text.
  if (!json) return failure(ErrorCode::kCorrupt, "it is not a key");
  return json;
}

}  // namespace

std::string_view key_state_name(KeyState state) noexcept {
  return std::ranges::find(kStates, state, &std::pair<KeyState, std::string_view>::first)->second;
}

std::optional<KeyState> key_state_from_name(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kStates, name, &std::pair<KeyState, std::string_view>::second);
  return found != std::end(kStates) ? std::optional(found->first) : std::nullopt;
}

std::optional<Urgency> urgency_from_name(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kUrgencies, name, &std::pair<Urgency, std::string_view>::second);
  return found != std::end(kUrgencies) ? std::optional(found->first) : std::nullopt;
}

struct OwnKeys::Step {
  Keys keys;
  std::string_view type;
  std::string kid;
  std::string detail = {};
  bool stops = false;
};

Result<OwnKeys::Key> OwnKeys::made(KeyState state, Instant since, Instant until) const {
  auto key = TRY(jose::PrivateJwk::generate(plan_.algorithm));
  return Key{key.public_jwk(), std::move(key), state, since, until};
}

// The private half of a key that has retired is not looked at: an earlier Writ kept it.
Result<OwnKeys::Key> OwnKeys::read(const StoredKey& stored) const {
  const auto json = TRY(read_json(wrapping_, stored));
  std::optional<jose::PrivateJwk> key;
  std::optional<jose::Jwk> public_key;
  if (stored.state != KeyState::kRetired || json.find("d") != nullptr) {
    if (auto whole = jose::PrivateJwk::parse(json)) {
      public_key = whole->public_jwk();
      if (stored.state != KeyState::kRetired) key = *std::move(whole);
    }
  } else if (auto half = jose::Jwk::parse(json)) {
    public_key = *std::move(half);
  }
  if (!public_key || public_key->kid() != stored.kid) return failure(ErrorCode::kCorrupt, "it is not a key");
  return Key{*std::move(public_key), std::move(key), stored.state, stored.since, stored.until};
}

Result<std::unique_ptr<OwnKeys>> OwnKeys::open(KeyStore& store, Wrapping wrapping, KeyPlan plan,
                                               Instant now) {
  std::unique_ptr<OwnKeys> own(new OwnKeys(store, std::move(wrapping), plan));
  const auto stored = TRY(store.load_keys());
  TRY(check_alike(stored));
  Keys keys;
  for (const auto& each : stored) {
    auto key = own->read(each);
    if (!key) return std::unexpected(std::move(key.error()).in(fmt::format("signing key `{}`", each.kid)));
    keys.push_back(*std::move(key));
  }
  const auto count = [&](KeyState state) { return std::ranges::count(keys, state, &Key::state); };
  if (!keys.empty() && (count(KeyState::kSigning) != 1 || count(KeyState::kPublished) > 1))
    return failure(ErrorCode::kCorrupt,
                   "of the signing keys not exactly one signs; bring the database back from a backup");
  // With another algorithm than is configured a new one signs, and the old ones go on to verify.
  const auto of_another = [&](const Key& key) { return key.public_key.algorithm() != plan.algorithm; };
  bool changed = std::erase_if(keys, [&](const Key& key) {
                   return key.state == KeyState::kPublished && of_another(key);
                 }) > 0;
  const auto signing = std::ranges::find(keys, KeyState::kSigning, &Key::state);
  if (signing == keys.end() || of_another(*signing)) {
    changed = true;
    keys.insert(keys.begin(), TRY(own->made(KeyState::kPublished, now, now)));
    promote(keys, now);
  }
  const auto know = [&](Instant& time, Instant otherwise) {
    if (time == Instant()) changed = true, time = otherwise;
  };
  for (auto& key : keys) {
    know(key.since, now);
    if (key.state == KeyState::kRetired) know(key.until, now + kKeptAfterSigning);
  }
  const auto outdated = [&](const StoredKey& each) { return is_outdated(own->wrapping_, each.text); };
  changed = changed || std::ranges::any_of(stored, outdated);
  if (changed) TRY(own->save(keys));
  TRY(own->put_in_force(std::move(keys)));
  return own;
}

// In place of the one that signed.
void OwnKeys::promote(Keys& keys, Instant now) {
  for (auto& key : keys) {
    if (key.state == KeyState::kSigning) {
      key.state = KeyState::kRetired;
      key.since = now;
      key.until = now + kKeptAfterSigning;
      key.key.reset();
    } else if (key.state == KeyState::kPublished) {
      key.state = KeyState::kSigning;
      key.since = now;
      key.until = Instant();
    }
  }
}

void OwnKeys::follow(std::function<void(const jose::JwkSet&)> told) {
  const std::lock_guard turn(turn_);
  told_ = std::move(told);
}

Result<std::optional<OwnKeys::Step>> OwnKeys::due(Instant now) const {
  const auto of = [](Keys& keys, KeyState state) { return std::ranges::find(keys, state, &Key::state); };
  Keys keys = keys_;
  const auto dead = std::ranges::find_if(
      keys, [&](const Key& key) { return key.state == KeyState::kRetired && key.until <= now; });
  if (dead != keys.end()) {
    auto kid = *dead->public_key.kid();
    keys.erase(dead);
    return Step{std::move(keys), "signing_key.removed", std::move(kid)};
  }
  const auto published = of(keys, KeyState::kPublished);
  if (published != keys.end()) {
    if (published->until > now) return std::nullopt;
    auto kid = *published->public_key.kid();
    promote(keys, now);
    return Step{std::move(keys), "signing_key.signs", std::move(kid)};
  }
  const auto end = of(keys, KeyState::kSigning)->since + plan_.rotate_after;
  if (plan_.rotate_after == Duration(0) || end - plan_.publish_ahead > now) return std::nullopt;
  const auto from = std::max(end, now + plan_.publish_ahead);
  auto next = TRY(made(KeyState::kPublished, now, from));
  auto kid = *next.public_key.kid();
  keys.insert(keys.begin(), std::move(next));
  return Step{std::move(keys), "signing_key.published", std::move(kid),
              "it signs from " + audit::format_time(from)};
}

Result<std::size_t> OwnKeys::tend(Instant now, const KeyRecorder& record) {
  const std::lock_guard turn(turn_);
  std::size_t steps = 0;
  for (auto step = TRY(due(now)); step; step = TRY(due(now)), ++steps) TRY(take(*std::move(step), record));
  return steps;
}

Result<void> OwnKeys::rotate(Urgency urgency, Instant now, const KeyRecorder& record) {
  const std::lock_guard turn(turn_);
  if (urgency == Urgency::kStolen) {
    Keys keys;
    keys.push_back(TRY(made(KeyState::kSigning, now, Instant())));
    auto kid = *keys.front().public_key.kid();
    return take({std::move(keys), "signing_key.stolen", std::move(kid),
                 "all keys before it are gone, and what they signed is refused", true},
                record);
  }
  Keys keys = keys_;
  auto published = std::ranges::find(keys, KeyState::kPublished, &Key::state);
  if (published == keys.end()) {
    if (keys.size() >= kMaxOwnKeys)
      return failure(ErrorCode::kLimit,
                     fmt::format("{} keys are published already; the first of them goes at {}", keys.size(),
                                 audit::format_time(keys.back().until)));
    keys.insert(keys.begin(), TRY(made(KeyState::kPublished, now, now + plan_.publish_ahead)));
    published = keys.begin();
  }
  const auto kid = *published->public_key.kid();
  if (urgency == Urgency::kAtOnce) {
    promote(keys, now);
    return take({std::move(keys), "signing_key.signs", kid, "at once"}, record);
  }
  // What was planned for later comes as early as it was published for long enough.
  published->until = std::min(published->until, std::max(published->since + plan_.publish_ahead, now));
  auto detail = "it signs from " + audit::format_time(published->until);
  return take({std::move(keys), "signing_key.published", kid, std::move(detail)}, record);
}

Result<void> OwnKeys::take(Step step, const KeyRecorder& record) {
  TRY(record({step.type, step.kid, step.detail, step.stops}));
  TRY(save(step.keys));
  return put_in_force(std::move(step.keys));
}

Result<void> OwnKeys::save(const Keys& keys) {
  std::vector<StoredKey> rows;
  for (const auto& each : keys) {
    const auto& kid = *each.public_key.kid();
    auto text = TRY(wrap(wrapping_, kid, each.key ? each.key->serialise() : public_text(each.public_key)));
    rows.push_back({kid, std::move(text), each.state, each.since, each.until});
  }
  return store_.save_keys(rows);
}

Result<void> OwnKeys::put_in_force(Keys keys) {
  std::vector<jose::Jwk> all;
  for (const auto& each : keys) all.push_back(each.public_key);
  auto set = TRY(jose::JwkSet::of(std::move(all)));
  const auto signing = std::ranges::find(keys, KeyState::kSigning, &Key::state);
  if (told_) told_(set);
  SigningKeys now{*signing->key, std::move(set)};
  if (ring_ == nullptr) {
    ring_ = std::make_unique<KeyRing>(std::move(now));
  } else {
    ring_->replace(std::move(now));
  }
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  return {};
}

std::vector<OwnKeyStatus> OwnKeys::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<OwnKeyStatus> all;
  for (const auto& each : keys_) {
    std::optional<Instant> until = each.until;
    if (each.state == KeyState::kSigning)
      until =
          plan_.rotate_after != Duration(0) ? std::optional(each.since + plan_.rotate_after) : std::nullopt;
    all.push_back({*each.public_key.kid(), each.public_key.algorithm(), each.state, each.since, until});
  }
  return all;
}

Result<jose::PrivateJwk> read_signing_key(KeyStore& store, const Wrapping& wrapping) {
  const auto stored = TRY(store.load_keys());
  for (const auto& each : stored) {
    if (each.state != KeyState::kSigning) continue;
    const auto json = read_json(wrapping, each);
    auto key =
        json ? jose::PrivateJwk::parse(*json) : Result<jose::PrivateJwk>(std::unexpected(json.error()));
    if (!key) return std::unexpected(std::move(key.error()).in(fmt::format("signing key `{}`", each.kid)));
    return *std::move(key);
  }
  return failure(ErrorCode::kNotFound, "there is no signing key");
}

}  // namespace writ::token
