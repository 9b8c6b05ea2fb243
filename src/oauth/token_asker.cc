#include "oauth/token_asker.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "codec/ascii.h"
#include "codec/base64url.h"
#include "crypto/random.h"
#include "files/files.h"
#include "http/headers.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "oauth/form.h"

namespace writ::oauth {
namespace {

using codec::Json;

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::size_t kMaxCredentialBytes = 16 * 1024;
constexpr std::int64_t kAssertionSeconds = 60;

// The circuit counts it.
std::unexpected<Error> is_down(std::string message) {
  return failure(ErrorCode::kUnavailable, std::move(message));
}

// It is up, and does not say what it was asked. That may be due to the token, and a stranger's token must not
// keep the others from being asked about.
std::unexpected<Error> says_nothing(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

Result<std::string> read_credential(const std::filesystem::path& file) {
  auto text = files::read_regular_file(file, kMaxCredentialBytes);
  if (!text) return is_down(fmt::format("its credential cannot be read: {}", text.error().message));
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty()) return is_down(fmt::format("its credential, the file `{}`, is empty", file.string()));
  return *std::move(text);
}

// RFC 6749 §2.3.1: both are encoded as in a form first.
Result<std::string> basic(const AskingRules& rules) {
  const auto secret = TRY(read_credential(rules.secret_file));
  return "Basic " + codec::base64_encode(form_encode(rules.client_id) + ":" + form_encode(secret));
}

// RFC 7523 §3. The issuer is who it is for, as later advice has it: an assertion that another server asked
// for cannot be carried to this one.
Result<std::string> assertion(const AskingRules& rules, std::string_view issuer, Instant now) {
  const auto text = TRY(read_credential(rules.key_file));
  const auto json = codec::parse_json(text);
  auto key = json ? jose::PrivateJwk::parse(*json) : std::unexpected(json.error());
  if (!key)
    return is_down(fmt::format("its key, the file `{}`, cannot be used: {}", rules.key_file.string(),
                               key.error().message));
  const auto claims = Json::object({{"iss", rules.client_id},
                                    {"sub", rules.client_id},
                                    {"aud", issuer},
                                    {"jti", crypto::random_id()},
                                    {"iat", unix_seconds(now)},
                                    {"exp", unix_seconds(now) + kAssertionSeconds}});
  return jose::sign_jws(*key, claims.dump(), std::nullopt);
}

bool is_json(const http::Headers& headers) {
  const auto type = headers.find("Content-Type");
  if (!type) return false;
  return http::equal_ignoring_case(codec::trimmed(type->substr(0, type->find(';'))), "application/json");
}

}  // namespace

TokenAsker::TokenAsker(std::string issuer, AskingRules rules, TokenAskerParts parts)
    : issuer_(std::move(issuer)),
      rules_(std::move(rules)),
      parts_(std::move(parts)),
      hash_key_(crypto::random_bytes(32)),
      workers_(std::make_shared<http::Workers>(
          http::WorkerOptions{.threads = rules_.threads,
                              .max_queued = rules_.max_waiting,
                              .max_queued_per_source = std::max<std::size_t>(rules_.max_waiting / 4, 1)})) {}

TokenAsker::Key TokenAsker::key_of(std::string_view token) const {
  const auto digest = crypto::hmac_sha256(hash_key_, token);
  return Key(crypto::as_bytes(digest));
}

TokenAsker::ToldPtr TokenAsker::Half::find(const Key& key) const {
  if (const auto found = young.find(key); found != young.end()) return found->second;
  const auto found = old.find(key);
  return found != old.end() ? found->second : nullptr;
}

void TokenAsker::Half::put(const Key& key, ToldPtr told, std::size_t max) {
  if (young.size() >= max) {
    old = std::move(young);
    young.clear();
  }
  old.erase(key);
  young.insert_or_assign(key, std::move(told));
}

void TokenAsker::Half::erase(const Key& key) {
  young.erase(key);
  old.erase(key);
}

std::optional<TokenAsker::Answer> TokenAsker::known(std::string_view token) {
  const auto key = key_of(token);
  const auto now = parts_.clock.running();
  auto& shard = shard_of(key);
  std::optional<Answer> answer;
  bool renew = false;
  ToldPtr told;
  {
    const std::lock_guard lock(shard.turn);
    told = shard.good.find(key);
    if (told == nullptr) told = shard.bad.find(key);
    if (told == nullptr || now >= told->asked_at + rules_.max_age) return std::nullopt;
    answer = told->answer;
    renew = told->answer.has_value() && !told->renewing && now >= told->asked_at + rules_.max_age / 2;
    if (renew) told->renewing = true;
  }
  if (renew && !begin(token, key, 0, nullptr)) {
    const std::lock_guard lock(shard.turn);
    told->renewing = false;  // the next request tries again
  }
  return answer;
}

bool TokenAsker::ask(std::string_view token, std::string_view peer_ip, Then& then) {
  return begin(token, key_of(token), sources_.guesser(peer_ip, {}).source, &then);
}

bool TokenAsker::begin(std::string_view token, const Key& key, std::uint64_t party, Then* then) {
  FlightPtr flight;
  std::shared_ptr<http::Workers> workers;
  {
    const std::lock_guard lock(turn_);
    const bool open = open_until_ && (trying_ || parts_.clock.running() < *open_until_);
    const auto place = flights_.find(key);
    const bool joins = place != flights_.end();
    if (stopping_ || open || (then != nullptr && waiting_ >= rules_.max_waiting) ||
        (!joins && flights_.size() >= rules_.max_waiting)) {
      if (then != nullptr) refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    flight = joins
                 ? place->second
                 : std::make_shared<Flight>(Flight{key, Secret(std::string(token)), parts_.clock.running()});
    if (!joins) flights_.emplace(key, flight);
    if (then != nullptr) {
      flight->waiting.push_back(std::move(*then));
      ++waiting_;
    }
    if (joins) return true;
    workers = workers_;
  }
  // Whoever joins waits for this: it lands, whatever breaks.
  try {
    http::Task task = [this, flight] {
      try {
        fly(*flight);
      } catch (const std::exception&) {
        note(Turn::kFailed);
      }
      land(flight);
    };
    http::Task lost = [this, flight] { land(flight); };
    if (!workers->post(party, false, task, lost)) lost();
  } catch (const std::exception&) {
    land(flight);
  }
  return true;
}

bool TokenAsker::may_try(Duration now) {
  if (!open_until_) return true;
  if (trying_ || now < *open_until_) return false;
  return trying_ = true;
}

void TokenAsker::fly(Flight& flight) {
  // Its age counts from before it was asked.
  const auto began = parts_.clock.running();
  {
    const std::lock_guard lock(turn_);
    if (stopping_ || began - flight.began > rules_.max_wait || !may_try(began)) return;
  }
  std::string text;
  const auto told = put_question(flight.token.expose(), text);
  note(told                                           ? Turn::kAnswered
       : told.error().code == ErrorCode::kUnavailable ? Turn::kFailed
                                                      : Turn::kUnclear);
  if (!told) {
    failed_.fetch_add(1, std::memory_order_relaxed);
    return tell_operator(told.error().message);
  }
  remember(flight, *told, text, began);
}

// RFC 7662 §2.1 and §2.2. Whatever is no answer leaves the question open.
Result<Json> TokenAsker::put_question(std::string_view token, std::string& text) const {
  http::Fetcher::Post post{"application/x-www-form-urlencoded",
                           "token=" + form_encode(token) + "&token_type_hint=access_token"};
  std::string authorization;
  if (!rules_.secret_file.empty()) {
    authorization = TRY(basic(rules_));
  } else {
    post.body +=
        "&client_assertion_type=" + form_encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
        "&client_assertion=" + TRY(assertion(rules_, issuer_, parts_.clock.earliest()));
  }
  auto answer = TRY(
      parts_.fetcher.post(rules_.url, std::move(post), "application/json", kMaxAnswerBytes, authorization));
  if (answer.status == 401 || answer.status == 400 || answer.status == 403)
    return says_nothing(fmt::format("`{}` answers with the status {}: look at `client_id` and the credential",
                                    rules_.url, answer.status));
  if (answer.status / 100 == 5 || answer.status == 429)
    return is_down(fmt::format("`{}` answers with the status {}", rules_.url, answer.status));
  if (answer.status != 200)
    return says_nothing(fmt::format("`{}` answers with the status {}{}", rules_.url, answer.status,
                                    answer.status / 100 == 3 ? ", and redirects are not followed" : ""));
  if (!is_json(answer.headers))
    return says_nothing(fmt::format("`{}` does not answer with `application/json`", rules_.url));
  text = std::move(answer.body);
  auto json = codec::parse_json(text, {.max_bytes = kMaxAnswerBytes, .max_depth = jose::kMaxJoseDepth});
  if (!json) return says_nothing(fmt::format("`{}`: {}", rules_.url, json.error().message));
  const auto* active = json->find("active");
  if (active == nullptr || active->if_bool() == nullptr)
    return says_nothing(fmt::format("`{}` does not say in `active` whether the token is", rules_.url));
  return json;
}

void TokenAsker::remember(const Flight& flight, const Json& told, std::string_view text, Duration asked_at) {
  const bool active = *told.find("active")->if_bool();
  const auto digest = crypto::sha256(text);
  const auto end = (asked_at + rules_.max_age).count();
  auto& shard = shard_of(flight.key);
  ToldPtr before;
  {
    const std::lock_guard lock(shard.turn);
    before = shard.good.find(flight.key);
  }
  // The same words: what was made of them counts on, for those too that hold it.
  const bool same = active && before != nullptr && before->text == digest;
  auto until = same ? before->until : std::make_shared<std::atomic<Duration::rep>>(end);
  auto answer = active ? reader_(told, flight.token.expose(), until)
                       : std::unexpected(Denial{Reason::kTokenRevoked,
                                                "the token is not active, says its issuer `" + issuer_ +
                                                    "`: it ended, was revoked, or never was one"});
  if (before != nullptr && (!same || !answer)) *before->until = 0;
  if (same && answer) *until = end;
  const auto max = std::max<std::size_t>(rules_.max_kept / (4 * kShards), 1);
  auto made = std::make_shared<Told>(Told{std::move(answer), std::move(until), asked_at, digest});
  {
    const std::lock_guard lock(shard.turn);
    const bool good = made->answer.has_value();
    (good ? shard.bad : shard.good).erase(flight.key);
    (good ? shard.good : shard.bad).put(flight.key, std::move(made), max);
  }
  (active ? active_ : inactive_).fetch_add(1, std::memory_order_relaxed);
}

void TokenAsker::note(Turn turn) {
  std::string line;
  {
    const std::lock_guard lock(turn_);
    const bool tried = std::exchange(trying_, false);
    if (turn == Turn::kUnclear) return;
    if (turn == Turn::kFailed) {
      ++failures_;
      if (tried || failures_ >= rules_.failures) open_until_ = parts_.clock.running() + rules_.pause;
      return;
    }
    failures_ = 0;
    open_until_.reset();
    if (!std::exchange(last_failure_, {}).empty())
      line = fmt::format("issuer `{}` says again which tokens are good", issuer_);
  }
  if (!line.empty()) parts_.tell(line);
}

// When it begins to fail, and when it fails in another way.
void TokenAsker::tell_operator(const std::string& why) {
  {
    const std::lock_guard lock(turn_);
    if (stopping_ || last_failure_ == why) return;
    last_failure_ = why;
  }
  auto line = fmt::format(
      "issuer `{}` cannot be asked about tokens: {}; those that it was not asked about within the last {} ms "
      "are refused",
      issuer_, why, rules_.max_age.count());
  // What it wrote does not steer the operator's terminal.
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  parts_.tell(line);
}

void TokenAsker::land(const FlightPtr& flight) {
  std::vector<Then> waiting;
  {
    auto& shard = shard_of(flight->key);
    const std::lock_guard lock(shard.turn);
    if (const auto told = shard.good.find(flight->key)) told->renewing = false;
  }
  {
    const std::lock_guard lock(turn_);
    const auto place = flights_.find(flight->key);
    if (place != flights_.end() && place->second == flight) flights_.erase(place);
    waiting = std::exchange(flight->waiting, {});
    waiting_ -= waiting.size();
  }
  for (auto& then : waiting) {
    try {
      then();
    } catch (const std::exception& error) {
      parts_.tell(fmt::format("a request that waited for issuer `{}` broke: {}", issuer_, error.what()));
    }
  }
}

void TokenAsker::begin_stop() {
  const std::lock_guard lock(turn_);
  stopping_ = true;
}

void TokenAsker::stop() {
  std::shared_ptr<http::Workers> workers;
  {
    const std::lock_guard lock(turn_);
    stopping_ = true;
    workers = std::exchange(workers_, nullptr);
  }
  // Its end waits for the threads.
}

TokenAskerStats TokenAsker::stats() const {
  std::size_t kept = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.turn);
    for (const auto* half : {&shard.good, &shard.bad}) kept += half->young.size() + half->old.size();
  }
  const auto of = [](const std::atomic<std::uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
  };
  const std::lock_guard lock(turn_);
  return {of(active_), of(inactive_),          of(failed_), of(refused_), flights_.size(),
          kept,        open_until_.has_value()};
}

}  // namespace writ::oauth
