#include "audit/log_writer.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <pthread.h>
#include <sched.h>

#include "base/blocking.h"
#include "base/notice.h"
#include "codec/json.h"

namespace writ::audit {
namespace {

// The head is noted every second, so a database that lacks more is not the one that was written last.
constexpr std::chrono::minutes kNotedWithin{1};
// Stops have some room behind a queue that is full.
constexpr std::size_t kMoreForStops = 1024;
// Of a batch, for the next one; after a burst it is given back.
constexpr std::size_t kMaxKeptBytes = 1 << 20;

std::vector<std::filesystem::path> reserves_of(const std::filesystem::path& path, const LogOptions& options) {
  auto files = options.reserves;
  if (files.empty()) files.push_back(path.string() + ".reserve");
  return files;
}

// A file that was rotated away before its last record was whole: nobody acknowledged that one, and it would
// look like a break. How many bytes it had.
Result<std::uint64_t> finish(const std::filesystem::path& file, Writers writers) {
  const auto lines = TRY(Lines::open(file));
  const auto whole = TRY(lines.before_zeros());
  const auto tail = TRY(read_tail(whole ? *whole : lines));
  const auto dropped = TRY(lines.size()) - tail.size;
  if (dropped > 0) {
    auto writing = TRY(WritingFile::open(file, writers));
    TRY(writing.cut_to(tail.size));
  }
  TRY(sync_file(file));
  return dropped;
}

// Writ has said its last word, behind which the head is noted once more.
bool ended_in_order(const Lines& lines) {
  const auto last = lines.last();
  if (!last || !*last) return false;
  const auto record = codec::parse_json((*last)->text);
  const auto* type = record ? record->find_string("type") : nullptr;
  return type != nullptr && *type == "server.stopped";
}

// A writer that takes the core from the loop as soon as the first record is there writes each alone. As a
// batch thread (sched(7)) it begins when the loop has handed over all it had, or at once on a core that is
// free.
void work_in_batches() noexcept {
  const sched_param none{};
  static_cast<void>(pthread_setschedparam(pthread_self(), SCHED_BATCH, &none));
}

}  // namespace

Result<std::unique_ptr<LogWriter>> LogWriter::open(const std::filesystem::path& path, LogOptions options,
                                                   Instant now) {
  auto existing = WritingFile::open(path, options.writers);
  if (!existing && existing.error().code != ErrorCode::kNotFound)
    return std::unexpected(std::move(existing.error()));
  const auto noted = options.heads != nullptr ? TRY(options.heads->load_head()) : std::nullopt;
  auto lines = existing ? std::optional(existing->lines()) : std::nullopt;
  auto end = TRY(find_end(path, lines ? &*lines : nullptr, noted));
  const bool lacks_the_end =
      noted && lines && end.continues.empty() && noted->seq < end.tail.head.seq && ended_in_order(*lines);
  if (!end.lost.empty()) {
    const bool accepted = options.accept_lost == noted->seq;
    if (accepted && existing && existing->size() > 0)
      TRY(existing->rename(fmt::format("{}.lost-{}", path.string(), noted->seq)));
    // Its lock ends with it.
    existing = failure(ErrorCode::kNotFound, {});
    return open_lost(path, *noted, end.lost, std::move(options), now);
  }

  auto file = existing ? *std::move(existing) : TRY(WritingFile::create(path, options.writers));
  TRY(file.cut_to(end.tail.size));
  // What is seen from here on stays, also when the machine ends.
  TRY(file.sync_all());
  if (!end.continues.empty())
    end.tail.dropped += TRY(finish(path.parent_path() / end.continues, options.writers));
  std::unique_ptr<LogWriter> log(new LogWriter(std::move(file), end.tail, std::move(options), now));
  if (!end.continues.empty())
    log->beginning_ = {std::string(kContinued), end.continues, "it was rotated while Writ was down"};
  if (end.tail.dropped > 0) {
    const auto detail = fmt::format("{} bytes of an unfinished record were cut off", end.tail.dropped);
    TRY(log->write_own({.type = "audit.recovered", .detail = detail}));
  } else if (log->beginning_) {
    TRY(log->write({}));
  }
  const bool heads = log->options_.heads != nullptr;
  // One that was made just now never knew of what the log holds.
  const bool made_now = !noted;
  if (heads && end.noted_at && end.tail.time &&
      (made_now || lacks_the_end || *end.tail.time - *end.noted_at > kNotedWithin))
    TRY(log->tell_older(noted.value_or(Head{}), *end.noted_at, end.tail));
  log->begin();
  return log;
}

Result<std::unique_ptr<LogWriter>> LogWriter::open_lost(const std::filesystem::path& path, const Head& noted,
                                                        const std::string& lost, LogOptions options,
                                                        Instant now) {
  if (options.accept_lost != noted.seq) {
    return failure(
        ErrorCode::kCorrupt,
        fmt::format(
            "the audit log `{0}` is not the one that Writ wrote: the database knows of {1} records, "
            "the last with hash {2}, but {3}; put the log back where it was, with the files it was "
            "rotated to beside it; if it is lost for good, start with `--accept-lost-audit {1}`, which "
            "goes on with a record of the loss and keeps what is there as `{0}.lost-{1}`",
            path.string(), noted.seq, noted.hash, lost));
  }
  auto file = TRY(WritingFile::create(path, options.writers));
  std::unique_ptr<LogWriter> log(new LogWriter(std::move(file), {.head = noted}, std::move(options), now));
  log->beginning_ = {
      std::string(kLost),
      {},
      fmt::format("{} records were known, the last with hash {}, but {}; accepted at the start", noted.seq,
                  noted.hash, lost)};
  TRY(log->write({}));
  // At once: until then the next start would find the log lost again.
  TRY(log->file_.sync());
  TRY(log->options_.heads->save_head(log->head()));
  log->begin();
  return log;
}

LogWriter::LogWriter(WritingFile file, const Tail& tail, LogOptions options, Instant now)
    : path_(file.path()),
      options_(std::move(options)),
      not_before_(unix_millis(now)),
      written_until_(tail.time),
      file_(std::move(file)),
      file_begins_((tail.size > 0 ? tail.begins_after : tail.head.seq) + 1),
      left_out_since_(now),
      head_(tail.head),
      strangers_(options_.strangers) {
  for (auto& reserve : reserves_of(path_, options_))
    reserves_.emplace_back(std::move(reserve), options_.reserve_bytes);
}

// It may be right to go on: whoever restores a copy knows. But nobody shall find out by what is active again.
Result<void> LogWriter::tell_older(const Head& noted, Instant noted_at, const Tail& tail) {
  const auto known = noted.seq > 0
                         ? fmt::format("it knows of record {} of {}", noted.seq, format_time(noted_at))
                         : std::string("it knows of no record");
  const auto text = fmt::format(
      "the database is older than the audit log: {}, and the log goes on to record {} of {}; what was "
      "stopped "
      "in between may be active again, if a copy was restored, or the database or its write-ahead log "
      "removed: read those records, and stop it again",
      known, tail.head.seq, format_time(*tail.time));
  tell(text);
  return write_own({.type = "audit.database_older", .detail = text});
}

// What it wrote until now could fail the start.
void LogWriter::begin() {
  if (options_.heads != nullptr) {
    const auto before = [this]() -> Result<void> {
      // What the system still holds back may not be noted as written.
      if (options_.durable) return {};
      const std::lock_guard lock(file_mutex_);
      return file_.sync();
    };
    keeper_ = std::make_unique<HeadKeeper>(*options_.heads, options_.tick, before,
                                           [this](const std::string& text) { tell(text); });
    keeper_->moved(head());
  }
  const auto filled = refill();
  // The start itself stores something.
  for (auto& reserve : reserves_) static_cast<void>(filled || reserve.make_room(options_.reserve_bytes / 2));
  note_outcome(filled);
  writer_ = std::thread([this] {
    work_in_batches();
    run();
  });
}

LogWriter::~LogWriter() {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard lock(queueing_);
    stopping_ = true;
  }
  arrived_.notify_one();
  writer_.join();
}

void LogWriter::append(Record record, Done done) {
  if (record.members.size() > kMaxRecordBytes) {
    ++failures_;
    return done(
        failure(ErrorCode::kLimit, fmt::format("its audit record would have {} bytes, at most {} are kept",
                                               record.members.size(), kMaxRecordBytes)));
  }
  if (record.standing == Standing::kStranger && !strangers_.admit(record, std::chrono::steady_clock::now()))
    return done({});
  const bool stops = record.standing == Standing::kStop;
  bool queued = false, first = false;
  {
    const std::lock_guard lock(queueing_);
    const auto bytes = record.members.size();
    if (queue_.size() < options_.max_queued + (stops ? kMoreForStops : 0) &&
        (stops || queue_texts_.size() + bytes <= options_.max_queued_bytes)) {
      // Nothing is half in the queue, also when memory ends.
      if (queue_.size() == queue_.capacity()) queue_.reserve(std::max<std::size_t>(64, 2 * queue_.size()));
      queue_texts_ += record.members;
      queue_.push_back({bytes, record.standing, std::move(done)});
      queued = true;
      first = queue_.size() == 1;
    }
  }
  // Without the lock, which the writer takes first.
  if (first) arrived_.notify_one();
  if (queued) return;
  ++failures_;
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format("{} records wait to be written to the audit, requests get 503 ({} times)",
                          options_.max_queued, *times));
  done(failure(ErrorCode::kUnavailable,
               "the audit log cannot keep up: too many records are waiting to be written"));
}

Result<void> LogWriter::reopen() {
  may_block("the audit log");
  std::future<Result<void>> done;
  {
    const std::lock_guard lock(queueing_);
    if (reopening_ || stopping_) return failure(ErrorCode::kConflict, "the audit log is being reopened");
    done = reopening_.emplace().get_future();
  }
  arrived_.notify_one();
  return done.get();
}

void LogWriter::run() {
  while (work()) {
  }
  static_cast<void>(guarded([this] { return tell_left_out(true); }));
}

bool LogWriter::work() {
  batch_.clear();
  batch_texts_.clear();
  if (batch_texts_.capacity() > kMaxKeptBytes) batch_texts_ = std::string();
  std::optional<std::promise<Result<void>>> reopening;
  {
    std::unique_lock lock(queueing_);
    arrived_.wait_until(lock, next_tick_, [&] { return stopping_ || reopening_ || !queue_.empty(); });
    if (stopping_ && queue_.empty() && !reopening_) return false;
    batch_.swap(queue_);
    batch_texts_.swap(queue_texts_);
    reopening.swap(reopening_);
  }
  std::string_view texts = batch_texts_;
  for (Waiting& waiting : batch_) {
    waiting.members = texts.substr(0, waiting.bytes);
    texts.remove_prefix(waiting.bytes);
  }
  if (reopening) {
    auto reopened = guarded([&] { return reopen_file(); });
    note_outcome(reopened);
    reopening->set_value(std::move(reopened));
  }
  // What it could not even sort is refused too.
  if (auto sorted = guarded([this] { return write_batch(batch_); }); !sorted) answer(batch_, sorted);
  if (std::chrono::steady_clock::now() >= next_tick_) static_cast<void>(guarded([this] { return tick(); }));
  return true;
}

// One defect, or one allocation that fails, refuses what is being written and nothing else.
Result<void> LogWriter::guarded(const std::function<Result<void>()>& write) noexcept {
  try {
    return write();
  } catch (const std::exception&) {
    return failure(ErrorCode::kUnavailable, "out of memory");  // short enough to need none
  }
}

// Answers all of it.
Result<void> LogWriter::write_batch(std::vector<Waiting>& batch) {
  if (batch.empty()) return {};
  // While stops live on the reserve, what everybody may write would use it up. And a stop is stored once it
  // is recorded: where its record would be the last thing to find room, the reserve makes some first.
  const auto stops_it = [](const Waiting& waiting) { return waiting.standing == Standing::kStop; };
  const bool stops_need_room = std::ranges::any_of(batch, stops_it) && short_of_room();
  if (reserves_whole() && !stops_need_room) {
    auto outcome = guarded([&] { return write(batch); });
    note_outcome(outcome);
    if (outcome || !file_.full()) {
      answer(batch, outcome);
      return {};
    }
  }
  const Result<void> full =
      failure(ErrorCode::kUnavailable, "the disk is full; what room is left is kept for stops");
  const auto ordinary = std::ranges::partition(batch, [](const Waiting& waiting) {
    return waiting.standing != Standing::kOrdinary && waiting.standing != Standing::kStranger;
  });
  std::vector<Waiting> refused(std::move_iterator(ordinary.begin()), std::move_iterator(ordinary.end()));
  batch.erase(ordinary.begin(), ordinary.end());
  answer(refused, full);
  for (const auto standing : {Standing::kStop, Standing::kOperator}) {
    const auto others =
        std::ranges::partition(batch, [&](const Waiting& waiting) { return waiting.standing == standing; });
    std::vector<Waiting> stops(std::move_iterator(batch.begin()), std::move_iterator(others.begin()));
    batch.erase(batch.begin(), others.begin());
    if (stops.empty()) continue;
    answer(stops, guarded([&] { return write_from_reserve(stops, standing); }));
  }
  return {};
}

// Tells each, and leaves none.
void LogWriter::answer(std::vector<Waiting>& batch, const Result<void>& outcome) noexcept {
  (outcome ? records_ : failures_) += batch.size();
  if (!outcome) refused_ += batch.size();
  for (Waiting& waiting : batch) {
    auto told = guarded([&] { return outcome; });
    try {
      waiting.done(std::move(told));
    } catch (const std::exception& exception) {
      // Its request ends without an answer; the others go on.
      std::fprintf(stderr, "writ: defect: exception in a callback for a record's outcome: %s\n",
                   exception.what());
    }
  }
  batch.clear();
}

Result<void> LogWriter::write_from_reserve(std::vector<Waiting>& stops, Standing standing) {
  const auto keep = standing == Standing::kStop ? 0 : options_.reserve_bytes / 2;
  for (;;) {
    bool room = true;
    for (auto& reserve : reserves_) room = reserve.make_room(keep) && room;
    if (!room && keep > 0)
      return failure(ErrorCode::kUnavailable, "the disk is full; what room is left is kept for stops");
    auto outcome = write(stops);
    if (outcome || !file_.full()) return outcome;
    bool gave = false;
    for (auto& reserve : reserves_) gave = reserve.give_back(keep) || gave;
    if (!gave) return outcome;
  }
}

Result<void> LogWriter::write(const std::vector<Waiting>& batch) {
  if (options_.before_write) options_.before_write();
  TRY(settle());
  return write_lines(batch);
}

Result<void> LogWriter::write_lines(const std::vector<Waiting>& batch) {
  buffer_.clear();
  Head& head = next_head_;
  head = head_;  // only this thread changes it
  if (beginning_) {
    const Event event{.type = beginning_->type, .object = beginning_->object, .detail = beginning_->detail};
    append_line(buffer_, head, make_record(now(), event).members);
  }
  for (const Waiting& waiting : batch) append_line(buffer_, head, waiting.members);
  if (options_.durable) ++syncs_;
  TRY(file_.append(buffer_, options_.durable));
  // It is written: nothing that can fail comes before the head moves on.
  beginning_.reset();
  {
    const std::lock_guard lock(head_mutex_);
    std::swap(head_, head);
  }
  if (keeper_) keeper_->moved(head_);
  return {};
}

Result<void> LogWriter::write_own(const Event& event) {
  const auto record = make_record(now(), event);
  std::vector<Waiting> one;
  one.push_back(own(record));
  TRY(write(one));
  ++records_;
  return {};
}

Result<void> LogWriter::tick() {
  const auto time = std::chrono::steady_clock::now();
  next_tick_ = time + options_.tick;
  if (available()) {
    // Without traffic, too: who asks whether it is ready is told.
    auto settled = guarded([&] { return settle(); });
    if (settled && beginning_) settled = guarded([&] { return write_lines({}); });
    if (!settled) note_outcome(settled);
  } else {
    try_again();
  }
  if (time < next_left_out_) return {};
  next_left_out_ = time + options_.left_out_every;
  return tell_left_out(false);
}

// With a real record, which says in the chain that there was a time without.
void LogWriter::try_again() {
  auto outcome = guarded([&]() -> Result<void> {
    TRY(refill());
    const auto detail = fmt::format("{} records were refused", refused_);
    return write_own({.type = "audit.resumed", .detail = detail});
  });
  if (outcome) refused_ = 0;
  note_outcome(outcome);
}

Result<void> LogWriter::tell_left_out(bool at_the_end) {
  const auto counts = strangers_.take();
  const bool before = std::exchange(leaving_out_, counts.has_value());
  const auto since = std::exchange(left_out_since_, now());
  if (!counts) return {};
  if (!before)
    tell(fmt::format(
        "more refusals to strangers than {} a second or {} bytes a second: those beyond are counted "
        "in the audit log, not recorded one by one",
        options_.strangers.records_per_second, options_.strangers.bytes_per_second));
  auto written = guarded([&]() -> Result<void> {
    const auto record = make_record(now(), LeftOut{since, *counts});
    std::vector<Waiting> one;
    one.push_back(own(record));
    // There is no later.
    if (at_the_end) return write_from_reserve(one, Standing::kStop);
    if (!reserves_whole()) return failure(ErrorCode::kUnavailable, "the disk is full");
    return write(one);
  });
  if (written) {
    ++records_;
    return {};
  }
  strangers_.put_back(*counts);
  left_out_since_ = since;
  return written;
}

Result<void> LogWriter::refill() {
  Result<void> outcome;
  std::uint64_t bytes = 0;
  for (auto& reserve : reserves_) {
    if (auto filled = reserve.refill(); !filled) outcome = std::move(filled);
    bytes += reserve.have();
  }
  reserved_ = bytes;
  return outcome;
}

bool LogWriter::short_of_room() const {
  return std::ranges::any_of(reserves_, [](const Reserve& reserve) { return reserve.short_of_room(); });
}

bool LogWriter::reserves_whole() const {
  return std::ranges::all_of(reserves_, [](const Reserve& reserve) { return reserve.whole(); });
}

void LogWriter::note_outcome(const Result<void>& outcome) {
  const bool good = outcome && reserves_whole();
  if (available_.exchange(good, std::memory_order_relaxed) == good) return;
  tell(good ? std::string("the audit log can be written again")
            : fmt::format("the audit log cannot be written, so requests are refused: {}",
                          outcome ? "the space kept for stops is in use" : outcome.error().message));
}

void LogWriter::tell(const std::string& text) const {
  if (options_.tell) options_.tell(text);
}

void LogWriter::not_before(Instant time) noexcept {
  not_before_ = unix_millis(time);
}

Instant LogWriter::now() const {
  return std::max(Instant(Duration(not_before_.load())), clock_.earliest());
}

Head LogWriter::head() const {
  const std::lock_guard lock(head_mutex_);
  return head_;
}

LogStats LogWriter::stats() const {
  return {
      records_,   failures_, syncs_, files_, strangers_.left_out(), reserved_, keeper_ ? keeper_->noted() : 0,
      available()};
}

}  // namespace writ::audit
