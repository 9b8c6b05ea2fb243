// writ audit: prove that an audit log is whole, and show what it says.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "audit/verify.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/records.h"
#include "cli/shadow_report.h"

namespace writ::cli {
namespace {

struct Options {
  std::string file;
  std::string expect_head;
  bool json = false;
  std::size_t last = 0;
};

int verify(const Options& options) {
  std::optional<audit::Head> expected;
  if (!options.expect_head.empty()) {
    expected = audit::head_from_text(options.expect_head);
    if (!expected) return fail(fmt::format("`{}` is no head, expected SEQ:HASH", options.expect_head));
  }
  const auto result = audit::verify(options.file, expected);
  if (!result) return fail(result.error());
  const auto& broken = result->first_break;
  if (options.json) {
    auto json = codec::Json::object({{"whole", !broken.has_value()},
                                     {"records", static_cast<std::int64_t>(result->head.seq)},
                                     {"head", audit::head_text(result->head)}});
    if (broken)
      json.set("first_break", codec::Json::object({{"line", static_cast<std::int64_t>(broken->line)},
                                                   {"offset", static_cast<std::int64_t>(broken->offset)},
                                                   {"seq", static_cast<std::int64_t>(broken->seq)},
                                                   {"problem", broken->problem}}));
    print_json(json);
  } else if (broken) {
    print_text(fmt::format("BROKEN at line {} (byte {}): record {} {}\n{} records before it are whole",
                           broken->line, broken->offset, broken->seq, broken->problem, result->head.seq));
  } else {
    print_text(fmt::format("whole: {} records, head {}", result->head.seq, audit::head_text(result->head)));
  }
  return broken ? kNo : kYes;
}

int show_records(const Options& options) {
  // The last N are known at the end only.
  std::vector<std::string> kept;
  std::size_t next = 0;
  const auto read = audit::read_lines(options.file, [&](std::string_view line) {
    if (options.last == 0 || kept.size() < options.last) {
      kept.emplace_back(line);
    } else {
      kept[next] = line;
      next = (next + 1) % options.last;
    }
    return true;
  });
  if (!read) return fail(read.error());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto& line = kept[(next + i) % kept.size()];
    const auto record = codec::parse_json(line);
    print_text(options.json || !record ? line : line_of(*record));
  }
  return kYes;
}

}  // namespace

void add_audit(CLI::App& program, Action& action) {
  auto options = std::make_shared<Options>();
  auto* audit = program.add_subcommand("audit", "verify and show an audit log");
  audit->require_subcommand(1);
  auto* verify_command =
      audit->add_subcommand("verify", "prove that the log is whole, or name the first break");
  verify_command->add_option("file", options->file, "the audit log")->required();
  verify_command->add_option("--expect-head", options->expect_head,
                             "a head noted before (SEQ:HASH): is it still part of the log?");
  verify_command->add_flag("--json", options->json, "print JSON");
  verify_command->callback([options, &action] { action = [options] { return verify(*options); }; });

  auto* show_command = audit->add_subcommand("show", "show the records");
  show_command->add_option("file", options->file, "the audit log")->required();
  show_command->add_option("--last", options->last, "only so many of the newest; 0: all")
      ->capture_default_str();
  show_command->add_flag("--json", options->json, "print the records as they are, one JSON line each");
  show_command->callback([options, &action] { action = [options] { return show_records(*options); }; });
  add_shadow_report(*audit, action);
}

}  // namespace writ::cli
