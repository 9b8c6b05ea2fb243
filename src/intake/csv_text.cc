#include "intake/csv_text.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::intake {
namespace {

constexpr std::size_t kMaxCells = 256;
constexpr std::size_t kMaxCellBytes = 4096;

class Rows {
 public:
  explicit Rows(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    // Where a comma is the decimal point, tables are written with semicolons; some with tabs. The header
    // tells.
    const auto header = text_.substr(
        text_.find_first_not_of("\r\n") == text_.npos ? text_.size() : text_.find_first_not_of("\r\n"));
    const auto line = header.substr(0, header.find_first_of("\r\n"));
    if (line.find(',') != line.npos) return;
    for (const char other : {';', '\t'})
      if (line.find(other) != line.npos) mark_ = other;
  }

  // False at the end, or when `problem` says something.
  bool next(CsvRow& row) {
    row = {.line = line_, .cells = {}};
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) skip_break();
    row.line = line_;
    if (at_ == text_.size()) return false;
    for (;;) {
      if (!cell(row)) return false;
      if (at_ < text_.size() && text_[at_] == mark_) {
        ++at_;
        continue;
      }
      if (at_ < text_.size()) skip_break();
      return true;
    }
  }

  std::string problem;
  int line() const { return line_; }

 private:
  void skip_break() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }

  bool fail(std::string what) {
    problem = std::move(what);
    return false;
  }

  bool cell(CsvRow& row) {
    if (row.cells.size() == kMaxCells) return fail(fmt::format("a row has more than {} cells", kMaxCells));
    std::string value;
    if (at_ < text_.size() && text_[at_] == '"') {
      if (!quoted(value)) return false;
    } else {
      const char ends[] = {mark_, '\r', '\n'};
      const auto end = std::min(text_.find_first_of(std::string_view(ends, sizeof ends), at_), text_.size());
      value = text_.substr(at_, end - at_);
      if (value.find('"') != value.npos)
        return fail("a quote in the middle of a cell: put the whole cell in quotes");
      at_ = end;
    }
    if (value.size() > kMaxCellBytes)
      return fail(fmt::format("a cell has more than {} bytes", kMaxCellBytes));
    row.cells.push_back(std::move(value));
    return true;
  }

  bool quoted(std::string& value) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        value += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        value += text_[++at_];
      } else {
        ++at_;
        if (at_ < text_.size() && text_[at_] != mark_ && text_[at_] != '\n' && text_[at_] != '\r')
          return fail("there is something behind the quote that ends a cell");
        return true;
      }
    }
    return fail("a quote does not end: the file was not written to its end");
  }

  std::string_view text_;
  char mark_ = ',';  // between cells
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

bool read_rows(const File& file, files::Issues& issues,
               const std::function<bool(const std::vector<std::string>& header)>& take_header,
               const std::function<void(const CsvRow& row)>& take_row) {
  Rows rows(file.text);
  const auto broken = [&](int line, std::string message) {
    issues.error({file.name, line, 1}, std::move(message));
    return false;
  };
  CsvRow header, row;
  if (!rows.next(header))
    return broken(rows.line(), rows.problem.empty() ? "the file is empty" : rows.problem);
  auto names = header.cells;
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    return broken(header.line, fmt::format("the column `{}` is there twice", *twice));
  if (!take_header(header.cells)) return false;
  while (rows.next(row)) {
    if (row.cells.size() != header.cells.size())
      return broken(row.line, fmt::format("the row has {} cells, the header {}", row.cells.size(),
                                          header.cells.size()));
    take_row(row);
  }
  return rows.problem.empty() || broken(rows.line(), rows.problem);
}

}  // namespace writ::intake
