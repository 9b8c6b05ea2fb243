// Layout: text with places where a line may break, and the printer that chooses the breaks (after Wadler, "A
// prettier printer"): a group stands on one line if it fits, otherwise each of its own breaks is a line
// break. Private to the cedar module.
//
// Comments are part of it. A comment ends its line, so every group around it is broken; that is known when
// the group is closed, not only when it is printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace writ::cedar {

class Layout {
 public:
  // Text is borrowed until render().
  void text(std::string_view text) { items_.push_back({Kind::kText, 0, text}); }
  // A blank that is left out at the beginning of a line.
  void space() { items_.push_back({Kind::kSpace, 0, {}}); }
  // A blank, or a line break when its group is broken.
  void line() { items_.push_back({Kind::kLine, 0, {}}); }
  // Nothing, or a line break when its group is broken.
  void soft_line() { items_.push_back({Kind::kSoftLine, 0, {}}); }
  // A line break, unless the line is empty.
  void hard_line();
  // An empty line, unless there is one or nothing precedes it.
  void empty_line();
  // `// ...` behind what stands on the line already.
  void trailing_comment(std::string_view comment);
  // `// ...` on a line of its own.
  void own_line_comment(std::string_view comment);

  void open_group();
  void close_group();
  void indent() { items_.push_back({Kind::kIndent, 0, {}}); }
  void dedent() { items_.push_back({Kind::kDedent, 0, {}}); }

  std::string render(std::size_t width, std::size_t indent) const;

 private:
  enum class Kind : std::uint8_t {
    kText,
    kSpace,
    kLine,
    kSoftLine,
    kHardLine,
    kEmptyLine,
    kTrailingComment,
    kOwnLineComment,
    kIndent,
    kDedent,
    kOpen,  // where: the item that closes it, or 0 when it has to be broken
    kClose,
  };
  struct Item {
    Kind kind;
    std::size_t where;
    std::string_view text;
  };
  class Renderer;

  void break_open_groups();

  std::vector<Item> items_;
  struct Open {
    std::size_t at;
    bool broken;
  };
  std::vector<Open> open_;
};

}  // namespace writ::cedar
