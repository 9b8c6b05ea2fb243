#include "digest/reading.h"

#include <fmt/format.h>

#include "audit/chain.h"
#include "audit/part.h"
#include "digest/lines_at_once.h"

namespace writ::digest {
namespace {

// What is made of a line away from the others.
struct Worked {
  std::string kind, name;
  std::int64_t time = 0;
  std::uint64_t number = 0;  // 0: it is unreadable
  bool chained = false;      // its own hash is right, where that was asked for
};

Worked digested(std::string_view line, bool verify) {
  auto told = digest_of(line);
  Worked made{told.kind.encoded(), std::move(told.name), unix_millis(told.time), 0, false};
  // What digest_of() read may be written in another way than the log writes it.
  const auto parts = audit::take_apart(line);
  made.chained = verify && parts && audit::hash_matches(*parts);
  if (told.kind.what == RecordKind::What::kUnreadable) return made;
  made.number = told.number;
  return made;
}

}  // namespace

Result<bool> reaches(const audit::Part& log, const audit::Head& head, std::uint64_t offset,
                     const std::function<bool()>& stop) {
  const auto lines = TRY(audit::open_part(log));
  if (TRY(lines.size()) < offset) return false;
  audit::Head at = log.before;
  bool whole = true, there = head == log.before && offset == 0;
  TRY(lines_at_once<char>(
      lines, 0, stop,
      [](std::string_view line) {
        const auto parts = audit::take_apart(line);
        return static_cast<char>(parts && audit::hash_matches(*parts));
      },
      [&](std::string_view line, std::uint64_t begin, char matches) {
        if (there) return false;
        const auto parts = audit::take_apart(line);
        whole = matches != 0 && parts->seq == at.seq + 1 && parts->prev == at.hash;
        if (!whole) return false;
        at.seq = parts->seq;
        at.hash = parts->hash;
        there = begin + line.size() + 1 == offset;
        return begin + line.size() + 1 < offset;
      }));
  return whole && there && at == head;
}

std::uint32_t LogReading::kind_number(const std::string& encoded) {
  const auto number = encoded_.add(encoded);
  if (number == kinds_.size()) {
    auto kind = RecordKind::decoded(encoded);
    kinds_.push_back(std::make_unique<const RecordKind>(kind ? *std::move(kind) : RecordKind()));
  }
  return number;
}

void LogReading::note(const audit::Part& part, std::string_view why) {
  notes_.push_back(fmt::format("{}: {}", part.path.string(), why));
}

Result<std::string> LogReading::line(const Entry& entry) const {
  open_.resize(log_.size());
  auto& lines = open_[entry.part];
  if (lines == nullptr) lines = std::make_unique<audit::Lines>(TRY(audit::open_part(log_[entry.part])));
  auto text = TRY(lines->at(entry.offset));
  if (!text || text->size() + 1 != entry.length)
    return failure(ErrorCode::kCorrupt,
                   fmt::format("`{}` was changed while it was read", log_[entry.part].path.string()));
  return *std::move(text);
}

Result<void> LogReading::each(const Visit& visit) {
  for (std::uint32_t part = 0; part < log_.size(); ++part) TRY(each_of(part, visit));
  return {};
}

// False: it holds what cannot be, and nothing of it was visited.
Result<bool> LogReading::visit_block(std::uint32_t part, const Block& block, std::uint64_t& offset,
                                     std::uint64_t& number, std::vector<std::uint32_t>& kinds,
                                     std::vector<std::uint32_t>& names, const Visit& visit) {
  for (const IndexRow& row : block.rows)
    if (row.kind >= kinds.size() + block.kinds.size() || row.name >= names.size() + block.names.size())
      return false;
  for (const auto& kind : block.kinds) kinds.push_back(kind_number(kind));
  for (const auto& name : block.names) names.push_back(names_.add(name));
  Entry entry{.part = part};
  for (const IndexRow& row : block.rows) {
    entry.number = number++;
    entry.time = Instant(Duration(row.time));
    entry.kind = kinds[row.kind];
    entry.name = names[row.name];
    entry.length = row.length;
    entry.offset = offset;
    offset += row.length;
    TRY(visit(entry));
    ++indexed_;
  }
  return true;
}

Result<void> LogReading::each_of(std::uint32_t part, const Visit& visit) {
  const audit::Part& log = log_[part];
  const auto lines = TRY(audit::open_part(log));
  const bool large = TRY(lines.size()) >= use_.least_bytes;
  // What the file is while it is held against the index. It may grow meanwhile, and then it has no stamp.
  const Instant now = use_.now.value_or(SystemClock().now());
  const auto before = stamp_of(log.path, now);
  std::optional<Index> index;
  const auto path = use_.use && large ? Index::path_for(log) : std::nullopt;
  if (path) {
    if (auto opened = Index::open(*path, log)) index.emplace(*std::move(opened));
  }
  if (index && index->head().seq > log.before.seq && !(before && index->stamp() == before)) {
    verified_ += index->head().seq - log.before.seq;
    if (!TRY(reaches(log, index->head(), index->offset(), use_.stop))) {
      note(log, "the log is not the one that the index was made of; it is made anew");
      index.reset();
    } else if (before && use_.keep && before->size == index->offset() && index->lock()) {
      // A stamp that is not written costs the next reader some time.
      if (const auto added = index->add(*before); !added) note(log, added.error().message);
    }
  }
  const bool fits = index.has_value();
  std::uint64_t offset = 0, number = log.before.seq + 1;
  audit::Head head = log.before;
  // Numbers of the index, as numbers here.
  std::vector<std::uint32_t> kinds, names;
  while (fits) {
    if (use_.stop && use_.stop()) return stopped_reading();
    const auto block = index->next();
    if (!block || !TRY(visit_block(part, *block, offset, number, kinds, names, visit))) break;
    head = block->head;
    if (block->offset != offset)
      return failure(ErrorCode::kCorrupt,
                     fmt::format("`{}` does not fit its log; remove it", path->string()));
  }
  // The rest is read in the log, and added to the index as far as it verifies.
  const bool goes_on = index && index->head() == head;
  bool keep = path && use_.keep;
  if (keep && !goes_on) {
    auto made = Index::create(*path, log);
    if (made && head == log.before) {
      index.emplace(*std::move(made));
    } else {
      keep = false;
      if (!made) note(log, made.error().message);
    }
  } else if (keep) {
    keep = index->lock();
    if (!keep) note(log, "somebody else makes the index longer, or it cannot be written");
  }
  std::unordered_map<std::uint32_t, std::uint32_t> kind_places,
      name_places;  // numbers here, as those of the index
  if (keep) {
    for (std::uint32_t i = 0; i < kinds.size(); ++i) kind_places.emplace(kinds[i], i);
    for (std::uint32_t i = 0; i < names.size(); ++i) name_places.emplace(names[i], i);
  }
  Block block;
  const auto add_block = [&] {
    if (!keep || block.rows.empty()) return;
    block.head = head;
    block.offset = offset;
    if (const auto added = index->add(block); !added) {
      keep = false;
      note(log, added.error().message);
    }
    block = {};
  };
  Result<void> visited;
  TRY(lines_at_once<Worked>(
      lines, offset, use_.stop, [verify = keep](std::string_view line) { return digested(line, verify); },
      [&](std::string_view line, std::uint64_t begin, const Worked& made) {
        Entry entry{.number = made.number,
                    .time = Instant(Duration(made.time)),
                    .kind = kind_number(made.kind),
                    .name = names_.add(made.name),
                    .part = part,
                    .length = static_cast<std::uint32_t>(line.size() + 1),
                    .offset = begin};
        ++read_;
        visited = visit(entry);
        if (!visited) return false;
        if (!keep) return true;
        const auto parts = audit::take_apart(line);
        const bool follows = made.chained && parts->seq == head.seq + 1 && parts->prev == head.hash &&
                             parts->seq == made.number;
        if (!follows || kind_places.size() > kMaxKinds) {
          add_block();
          if (keep && !follows)
            note(log, fmt::format("record {} does not verify, so no index goes beyond it", head.seq + 1));
          keep = false;
          return true;
        }
        head.seq = parts->seq;
        head.hash = parts->hash;
        offset = begin + line.size() + 1;
        const auto [kind, new_kind] =
            kind_places.try_emplace(entry.kind, static_cast<std::uint32_t>(kind_places.size()));
        if (new_kind) block.kinds.push_back(made.kind);
        const auto [name, new_name] =
            name_places.try_emplace(entry.name, static_cast<std::uint32_t>(name_places.size()));
        if (new_name) block.names.push_back(made.name);
        block.rows.push_back({made.time, kind->second, name->second, entry.length});
        if (block.rows.size() == kBlockRows) add_block();
        return true;
      }));
  if (!visited) return visited;
  add_block();
  if (keep && before && before == stamp_of(log.path, now) && before->size == offset &&
      index->stamp() != before)
    if (const auto added = index->add(*before); !added) note(log, added.error().message);
  return {};
}

}  // namespace writ::digest
