// CSV text (RFC 4180) as rows with their lines: quotes, doubled quotes, and line breaks within them.
//
// Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "intake/found.h"

namespace writ::intake {

struct CsvRow {
  int line;                        // where it begins, from 1
  std::vector<std::string> cells;  // as many as the header has
};

// Reads the header, then hands each row over. False when it is malformed, which is reported with its line: a
// row with more or fewer cells than the header, a quote that does not end, a name that is there twice.
bool read_rows(const File& file, files::Issues& issues,
               const std::function<bool(const std::vector<std::string>& header)>& take_header,
               const std::function<void(const CsvRow& row)>& take_row);

}  // namespace writ::intake
