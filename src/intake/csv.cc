// Plain CSV, for whatever has no format of its own: a header with `id` and `kind`, and any of the columns
// below. `grants` are separated by semicolons. Unknown columns are errors, because a misspelt one would be
// silently left out.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "intake/csv_text.h"
#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Kind;

struct Text {
  std::string_view column;
  std::optional<std::string> Found::*at;
};
constexpr Text kTexts[] = {{"owner", &Found::owner},
                           {"sponsor", &Found::sponsor},
                           {"parent", &Found::parent},
                           {"description", &Found::description},
                           {"provider", &Found::provider},
                           {"model", &Found::model},
                           {"blueprint", &Found::blueprint},
                           {"tenant", &Found::tenant},
                           {"environment", &Found::environment}};
struct Date {
  std::string_view column;
  std::optional<Instant> Found::*at;
};
constexpr Date kDates[] = {{"created_at", &Found::created_at},
                           {"expires_at", &Found::expires_at},
                           {"last_used_at", &Found::last_used_at}};
constexpr std::string_view kOthers[] = {"id", "kind", "name", "enabled", "grants", "client_id"};

std::vector<std::string_view> columns() {
  std::vector<std::string_view> all(std::begin(kOthers), std::end(kOthers));
  for (const auto& each : kTexts) all.push_back(each.column);
  for (const auto& each : kDates) all.push_back(each.column);
  return all;
}

class PlainReader {
 public:
  PlainReader(const File& file, Findings& findings) : file_(file), findings_(findings) {}

  bool take_header(const std::vector<std::string>& header) {
    const auto known = columns();
    for (const auto& name : header) {
      if (std::ranges::find(known, name) != known.end()) continue;
      findings_.issues().error({file_.name, 1, 1}, fmt::format("there is no column `{}`", name),
                               fmt::format("the columns are {}", fmt::join(known, ", ")));
      return false;
    }
    for (const auto* needed : {"id", "kind"}) {
      if (std::ranges::find(header, needed) != header.end()) continue;
      findings_.issues().error({file_.name, 1, 1}, fmt::format("the header has no column `{}`", needed));
      return false;
    }
    header_ = header;
    return true;
  }

  void take_row(const CsvRow& row) {
    row_ = &row;
    const auto id = cell("id");
    if (id.empty()) return wrong("`id` is empty");
    if (cell("parent") == id) return wrong(fmt::format("`{}` is its own `parent`", id));
    const auto kind = inventory::kind_from_name(cell("kind"));
    if (!kind)
      return wrong(fmt::format("`kind` is `{}`, expected user, application, service or agent", cell("kind")));
    Found found{.native = id, .kind = *kind, .kind_by = "the column `kind`", .file = file_.name};
    found.name = cell("name").empty() ? id : cell("name");
    const auto enabled = cell("enabled");
    if (!enabled.empty() && enabled != "true" && enabled != "false")
      return wrong(fmt::format("`enabled` is `{}`, expected true or false", enabled));
    found.enabled = enabled != "false";
    for (const auto& each : kTexts) {
      if (const auto text = cell(each.column); !text.empty() && text != inventory::kNotKnown)
        found.*each.at = text;
    }
    for (const auto& each : kDates) {
      const auto text = cell(each.column);
      if (text.empty() || text == inventory::kNotKnown) continue;
      found.*each.at = lenient_date(text);
      if (!(found.*each.at)) wrong(fmt::format("`{}` is `{}`, which is not a date", each.column, text));
    }
    const auto grants = cell("grants");
    for (std::size_t at = 0; at < grants.size();) {
      const auto end = std::min(grants.find(';', at), grants.size());
      const auto first = grants.find_first_not_of(' ', at);
      if (first < end) found.grants.push_back(grants.substr(first, end - first));
      at = end + 1;
    }
    if (const auto client = cell("client_id"); !client.empty()) found.aliases.push_back("client:" + client);
    findings_.add(std::move(found));
  }

 private:
  std::string cell(std::string_view column) const {
    const auto at = std::ranges::find(header_, column);
    return at != header_.end() ? row_->cells[static_cast<std::size_t>(at - header_.begin())] : std::string();
  }
  void wrong(std::string message) const {
    findings_.issues().error({file_.name, row_->line, 1}, std::move(message));
  }

  const File& file_;
  Findings& findings_;
  std::vector<std::string> header_;
  const CsvRow* row_ = nullptr;
};

}  // namespace

void read_csv(const std::vector<File>& files, Findings& findings) {
  for (const File& file : files) {
    PlainReader reader(file, findings);
    read_rows(
        file, findings.issues(), [&](const auto& header) { return reader.take_header(header); },
        [&](const CsvRow& row) { reader.take_row(row); });
  }
}

}  // namespace writ::intake
