// Patches: changes of texts that operators wrote, as unified diffs that patch(1) and `git apply` take.
//
// What stands there stays, comments and layout with it; only places change. A place is looked up by the tree
// of the YAML (files/yaml.h) and held against the text: where they disagree there is no edit, and whoever
// asked says so. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "files/yaml.h"

namespace writ::posture {

// Bytes of a text that are replaced; empty: something is put in between.
struct TextEdit {
  std::size_t begin, end;
  std::string text;
};

// A text and where its lines begin, so that many places of one text are found without reading it each time.
class TextLines {
 public:
  explicit TextLines(std::string text = {});

  std::string_view text() const noexcept { return text_; }
  std::size_t count() const noexcept { return begins_.size() - 1; }
  // With its line break; the last one may have none.
  std::string_view line(std::size_t number) const {
    return text().substr(begins_[number], begins_[number + 1] - begins_[number]);
  }
  // `number` may be count(): the end of the text.
  std::size_t begin(std::size_t number) const { return begins_[number]; }
  // The line that a place stands in, of those that there are.
  std::size_t at(std::size_t place) const;

 private:
  std::string text_;
  std::vector<std::size_t> begins_;  // and the end
};

// `path`: of the file, below the folder that the patch is applied in (with -p1). The edits do not overlap.
// Empty when nothing changes.
std::string unified_diff(std::string_view path, const TextLines& lines, std::vector<TextEdit> edits);
// Of a file that is not there yet.
std::string unified_new_file(std::string_view path, std::string_view text);

class YamlText {
 public:
  // Borrowed.
  explicit YamlText(const TextLines& lines) : lines_(lines), text_(lines.text()) {}

  // Adds `key: value` to a map that has at least one key, or puts the value in the place of the one there.
  std::optional<TextEdit> put(const files::YamlNode& map, std::string_view key, std::string_view value) const;
  // Puts `key: value` in the place of another key of the map, value and all.
  std::optional<TextEdit> replace(const files::YamlNode& map, std::string_view old_key, std::string_view key,
                                  std::string_view value) const;
  // Takes a key out, and its value.
  std::optional<TextEdit> take_out(const files::YamlNode& map, std::string_view key) const;
  // Takes an item out of a list that has others. Nothing where its end cannot be told.
  std::optional<TextEdit> take_item(const files::YamlNode& list, const files::YamlNode& item) const;
  // Puts an item, on one line, in front of the first one of a list.
  std::optional<TextEdit> add_item(const files::YamlNode& list, std::string_view item) const;

 private:
  std::optional<std::size_t> offset(int line, int column) const;
  std::optional<std::size_t> end_of(const files::YamlNode& value) const;
  std::optional<std::size_t> begin_of(const files::YamlNode& map, std::string_view key) const;

  const TextLines& lines_;
  std::string_view text_;
};

}  // namespace writ::posture
