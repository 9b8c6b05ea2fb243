#include "cedar/syntax/layout.h"

#include "base/check.h"

namespace writ::cedar {

void Layout::break_open_groups() {
  // A broken group stands in broken groups, so the first broken one ends the search.
  for (auto group = open_.rbegin(); group != open_.rend() && !group->broken; ++group) group->broken = true;
}

void Layout::hard_line() {
  break_open_groups();
  items_.push_back({Kind::kHardLine, 0, {}});
}

void Layout::empty_line() {
  break_open_groups();
  items_.push_back({Kind::kEmptyLine, 0, {}});
}

void Layout::trailing_comment(std::string_view comment) {
  break_open_groups();
  items_.push_back({Kind::kTrailingComment, 0, comment});
}

void Layout::own_line_comment(std::string_view comment) {
  break_open_groups();
  items_.push_back({Kind::kOwnLineComment, 0, comment});
}

void Layout::open_group() {
  open_.push_back({items_.size(), false});
  items_.push_back({Kind::kOpen, 0, {}});
}

void Layout::close_group() {
  const Open group = open_.back();
  open_.pop_back();
  if (!group.broken) items_[group.at].where = items_.size();
  items_.push_back({Kind::kClose, 0, {}});
}

class Layout::Renderer {
 public:
  Renderer(const std::vector<Item>& items, std::size_t width, std::size_t indent)
      : items_(items), width_(width), indent_(indent) {}

  std::string render() && {
    for (std::size_t at = 0; at < items_.size(); ++at) item(at);
    if (!out_.empty()) end_line();
    return std::move(out_);
  }

 private:
  void item(std::size_t at) {
    const Item& item = items_[at];
    switch (item.kind) {
      case Kind::kText:
        return put(item.text);
      case Kind::kSpace:
        space_ = !at_line_start();
        return;
      case Kind::kLine:
        return flat() ? static_cast<void>(space_ = !at_line_start()) : end_line();
      case Kind::kSoftLine:
        return flat() ? void() : end_line();
      case Kind::kHardLine:
        return end_line();
      case Kind::kEmptyLine:
        end_line();
        if (!out_.empty() && !out_.ends_with("\n\n")) out_ += '\n';
        return;
      case Kind::kTrailingComment:
        if (!at_line_start()) out_ += "  ";
        space_ = false;
        put(item.text);
        comment_ended_ = true;
        return;
      case Kind::kOwnLineComment:
        end_line();
        put(item.text);
        comment_ended_ = true;
        return;
      case Kind::kIndent:
        ++depth_;
        return;
      case Kind::kDedent:
        --depth_;
        return;
      case Kind::kOpen:
        flat_.push_back(flat() || fits(at));
        return;
      case Kind::kClose:
        flat_.pop_back();
        return;
    }
  }

  bool flat() const { return !flat_.empty() && flat_.back(); }
  bool at_line_start() const { return out_.empty() || out_.back() == '\n' || comment_ended_; }

  void end_line() {
    space_ = false;
    comment_ended_ = false;
    if (!out_.empty() && out_.back() != '\n') out_ += '\n';
    line_start_ = out_.size();
  }

  void put(std::string_view text) {
    if (comment_ended_) end_line();
    if (out_.empty() || out_.back() == '\n') {
      out_.append(depth_ * indent_, ' ');
    } else if (space_) {
      out_ += ' ';
    }
    space_ = false;
    out_ += text;
    if (const auto broken = text.rfind('\n'); broken != text.npos)
      line_start_ = out_.size() - (text.size() - broken - 1);
  }

  // Whether the group, and what follows it up to the next place where the line may break, fits on the line.
  bool fits(std::size_t open) const {
    const std::size_t close = items_[open].where;
    if (close == 0) return false;
    std::size_t column =
        at_line_start() ? depth_ * indent_ : out_.size() - line_start_ + static_cast<std::size_t>(space_);
    for (std::size_t at = open + 1; at < items_.size() && column <= width_; ++at) {
      const Item& item = items_[at];
      if (item.kind == Kind::kText) {
        if (item.text.find('\n') != item.text.npos) return false;
        column += item.text.size();
      } else if (at < close) {
        if (item.kind == Kind::kSpace || item.kind == Kind::kLine) ++column;
      } else if (item.kind == Kind::kSpace) {
        ++column;
      } else if (item.kind >= Kind::kLine && item.kind <= Kind::kOwnLineComment) {
        break;  // a line may end here
      }
    }
    return column <= width_;
  }

  const std::vector<Item>& items_;
  const std::size_t width_;
  const std::size_t indent_;
  std::string out_;
  std::size_t line_start_ = 0;
  std::size_t depth_ = 0;
  std::vector<bool> flat_;
  bool space_ = false;          // a blank is due before the next text
  bool comment_ended_ = false;  // a line break is due before anything else
};

std::string Layout::render(std::size_t width, std::size_t indent) const {
  WRIT_CHECK(open_.empty());
  return Renderer(items_, width, indent).render();
}

}  // namespace writ::cedar
