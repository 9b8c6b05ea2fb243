// writ audit: prove that an audit log is whole, and show what it says.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "audit/verify.h"
#include "cli/commands.h"
#include "cli/observed_report.h"
#include "cli/output.h"
#include "cli/records.h"
#include "cli/shadow_report.h"
#include "digest/reading.h"

namespace writ::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string expect_head;
  bool json = false, again = false;
  std::size_t last = 0;
};

// In the order of their records. A folder's packed files cannot be read, and are named.
Result<std::vector<audit::Part>> parts_of(const Options& options) {
  std::vector<std::filesystem::path> left_out;
  const std::vector<std::filesystem::path> named(options.files.begin(), options.files.end());
  auto parts = TRY(audit::parts_of(named, left_out));
  for (const auto& file : left_out)
    print_error(
        fmt::format("writ: `{}` is left out: it is not an audit log, or it is compressed", file.string()));
  return parts;
}

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

int verify(const Options& options) {
  std::optional<audit::Head> expected;
  if (!options.expect_head.empty()) {
    expected = audit::head_from_text(options.expect_head);
    if (!expected) return fail(fmt::format("`{}` is not a head, expected SEQ:HASH", options.expect_head));
  }
  const auto parts = parts_of(options);
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

Result<void> print_records(const Options& options) {
  const auto parts = TRY(parts_of(options));
  std::uint64_t after = 0;
  if (options.last > 0) {
    const auto newest = TRY(audit::last_number(parts));
    after = newest - std::min<std::uint64_t>(newest, options.last);
  }
  RecordLines lines;
  return audit::read_after(parts, after, [&](std::string_view line) {
    const auto record = options.json ? std::nullopt : std::optional(codec::parse_json(line));
    print_text(record && *record ? lines.next(**record) : std::string(line));
    return true;
  });
}

int show_records(const Options& options) {
  const auto shown = print_records(options);
  return shown ? kYes : fail(shown.error());
}

// Makes the indexes, or holds them against the log.
int index(const Options& options) {
  const auto parts = parts_of(options);
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
  auto options = std::make_shared<Options>();
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
