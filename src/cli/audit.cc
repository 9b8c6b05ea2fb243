// writ audit: prove that an audit log is whole, and show what it says.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "audit/verify.h"
#include "cli/commands.h"
#include "cli/log_parts.h"
#include "cli/observed_report.h"
#include "cli/output.h"
#include "cli/records.h"
#include "cli/shadow_report.h"
#include "digest/reading.h"

namespace writ::cli {
namespace {

struct AuditOptions {
  std::vector<std::string> files;
  std::string expect_head;
  bool json = false, again = false;
  std::size_t last = 0;
};

void print_whole(const audit::Verification& result) {
  const auto unfinished =
      result.unfinished == 0 ? std::string() : fmt::format("; {} bytes not finished yet", result.unfinished);
  if (result.first == 1)
    return print_text(fmt::format("whole: {} records, head {}{}", result.records,
                                  audit::head_text(result.head), unfinished));
  print_text(fmt::format("whole: records {} to {}, head {}{}; those before are in older files", result.first,
                         result.head.seq, audit::head_text(result.head), unfinished));
}

codec::Json to_json(const audit::Verification& result) {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  const auto& broken = result.first_break;
  auto json = codec::Json::object({{"whole", !broken.has_value()},
                                   {"records", number(result.records)},
                                   {"first", number(result.first)},
                                   {"head", audit::head_text(result.head)},
                                   {"unfinished_bytes", number(result.unfinished)}});
  if (broken)
    json.set("first_break", codec::Json::object({{"file", broken->file.string()},
                                                 {"line", number(broken->line)},
                                                 {"offset", number(broken->offset)},
                                                 {"seq", number(broken->seq)},
                                                 {"problem", broken->problem}}));
  return json;
}

int verify(const AuditOptions& options) {
  std::optional<audit::Head> expected;
  if (!options.expect_head.empty()) {
    expected = audit::head_from_text(options.expect_head);
    if (!expected) return fail(fmt::format("`{}` is not a head, expected SEQ:HASH", options.expect_head));
  }
  const auto parts = log_parts(options.files);
  if (!parts) return fail(parts.error());
  const auto result = audit::verify(*parts, expected);
  if (!result) return fail(result.error());
  const auto& broken = result->first_break;
  if (options.json) {
    print_json(to_json(*result));
  } else if (broken) {
    print_text(fmt::format("BROKEN at {}:{} (byte {}): record {} {}\n{} records before it are whole",
                           broken->file.string(), broken->line, broken->offset, broken->seq, broken->problem,
                           result->records));
  } else {
    print_whole(*result);
  }
  return broken ? kNo : kYes;
}

// Returns how many lines are none, and were not shown.
Result<std::size_t> print_records(const AuditOptions& options) {
  const auto parts = TRY(log_parts(options.files));
  std::uint64_t after = 0;
  if (options.last > 0) {
    const auto newest = TRY(audit::last_number(parts));
    after = newest - std::min<std::uint64_t>(newest, options.last);
  }
  RecordLines lines;
  std::size_t unreadable = 0;
  TRY(audit::read_after(parts, after, [&](std::string_view line) {
    const auto record = codec::parse_json(line);
    if (!record || !record->is_object()) {
      ++unreadable;
    } else if (options.json) {
      print_exact(line);
    } else {
      print_text(lines.next(*record));
    }
    return true;
  }));
  return unreadable;
}

int show_records(const AuditOptions& options) {
  const auto unreadable = print_records(options);
  if (!unreadable) return fail(unreadable.error());
  if (*unreadable > 0)
    return fail(fmt::format("{} lines are not records; `writ audit verify` names the first", *unreadable));
  return kYes;
}

// Makes the indexes, or holds them against the log.
int index(const AuditOptions& options) {
  const auto parts = log_parts(options.files);
  if (!parts) return fail(parts.error());
  bool good = true;
  for (const auto& part : *parts) {
    const std::vector one{part};
    if (options.again) {
      if (const auto path = digest::Index::path_for(part)) {
        std::error_code error;
        std::filesystem::remove(*path, error);
        if (error) return fail(fmt::format("cannot remove `{}`: {}", path->string(), error.message()));
      }
    }
    // What is no log gets no index.
    if (const auto is_log = audit::part_of(part.path); !is_log || !*is_log)
      return fail(
          fmt::format("`{}` is not an audit log: it does not begin with a record", part.path.string()));
    digest::LogReading reading(one, {.use = true, .keep = true, .least_bytes = 0});
    const auto read = reading.each([](const digest::Entry&) { return Result<void>(); });
    if (!read) return fail(read.error());
    for (const auto& note : reading.notes()) print_error(fmt::format("writ: {}", note));
    good = good && reading.notes().empty();
    print_text(fmt::format("{}: {} records, {} of them were in its index", part.path.string(),
                           reading.indexed() + reading.read(), reading.indexed()));
  }
  return good ? kYes : kNo;
}

}  // namespace

void add_audit(Command& program) {
  auto options = std::make_shared<AuditOptions>();
  auto& audit = program.add("audit", "verify and show an audit log");
  auto& verify_command = audit.add("verify", "prove that the log is whole, or name the first break");
  verify_command.option("files", options->files, "the audit log: its files, or the folder they are in")
      .required();
  verify_command.option("--expect-head", options->expect_head,
                        "a head noted before (SEQ:HASH): is it still part of the log?");
  verify_command.flag("--json", options->json, "print JSON");
  verify_command.runs([options] { return verify(*options); });

  auto& show_command = audit.add("show", "show the records");
  show_command.option("files", options->files, "the audit log: its files, or the folder they are in")
      .required();
  show_command.option("--last", options->last, "only so many of the newest; 0: all").shows_default();
  show_command.flag("--json", options->json, "print the records as they are, one JSON line each");
  show_command.runs([options] { return show_records(*options); });
  auto& index_command = audit.add("index", "make the indexes that posture and rightsize read");
  index_command.option("files", options->files, "the audit log: its files, or the folder they are in")
      .required();
  index_command.flag("--again", options->again, "make them anew, from the log alone");
  index_command.runs([options] { return index(*options); });
  add_shadow_report(audit);
  add_observed_report(audit);
}

}  // namespace writ::cli
