// Render: one assessment as text for people, JSON, CSV, SARIF 2.1.0 and one HTML file; and its history.
//
// All say the same: every check with its state, every finding, what is covered by exceptions, and exceptions
// that match nothing. Only the text is short: of a check with very many findings it shows the first, and says
// how many more there are. Pure.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "posture/assess.h"
#include "report/html.h"

namespace writ::posture {

inline constexpr std::size_t kShownInText = 5;     // findings of a check
inline constexpr std::size_t kShownInHtml = 2000;  // findings of a check; the rest is in --json

// What is typed to mend something: the command that looked, with what it looked at, and where its patches are
// applied.
struct Invocation {
  std::string look = "writ posture";
  std::string folder = {};  // of the configuration; empty: this one
};
std::string to_text(const Assessment& assessment, const Invocation& invocation = {});
codec::Json to_json(const Assessment& assessment);
// Of one finding.
codec::Json to_json(const Judged& judged);
// Exceptions that match nothing.
codec::Json idle_json(const Assessment& assessment);
// A line for each finding, after a line of names.
std::string to_csv(const Assessment& assessment);
// SARIF 2.1.0 (OASIS): checks are rules, findings results, what is covered is suppressed. `version`: Writ's.
// Files below `root`, where the tool runs, are named from there on, as a repository's viewer wants it.
codec::Json to_sarif(const Assessment& assessment, std::string_view version,
                     const std::filesystem::path& root);
// What makes a finding go: what people do first and the command as comments, then the patch with its blanks
// filled in. kInvalid when a blank has no word or a word no blank; kNotFound, with the reason, when no patch
// or command does it.
Result<std::string> fix_text(const Weakness& weakness, const std::map<std::string, std::string>& words);
std::string to_html(const Assessment& assessment, std::string_view trend);
// The same without the frame of a page, for a report of several parts.
report::Markup html_part(const Assessment& assessment, std::string_view trend);

// One run as one line of a history: {"at", "revision", "critical", "high", "medium", "low", "excepted"}.
struct Run {
  std::string at, revision;
  std::array<std::int64_t, 4> counts{};  // by weight
  std::int64_t covered = 0;
};
std::string history_line(const Assessment& assessment);
// Fails with the number of the line that is none.
Result<std::vector<Run>> parse_history(std::string_view text);
// The last runs and what became of it since: a line each. Empty: there is none.
std::string trend_text(const std::vector<Run>& runs);

}  // namespace writ::posture
