#include "cedar/format.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/check.h"
#include "cedar/syntax/layout.h"
#include "cedar/syntax/lexer.h"

namespace writ::cedar {
namespace {

struct Comment {
  std::string_view text;    // with its `//`, without white space at its end
  bool own_line = false;    // nothing stands before it on its line
  bool empty_line = false;  // an empty line stands before it
};

// A token with the comments before it.
struct Piece {
  Token token;
  std::vector<Comment> comments;
  bool empty_line = false;  // stands between the last comment and the token
  std::size_t match = 0;    // of an opening bracket: the closing one
};

std::string_view without_trailing_space(std::string_view text) {
  const auto last = text.find_last_not_of(" \t\r\f\v");
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

// Reads what stands between two tokens: white space and comments.
void read_gap(std::string_view gap, bool after_a_token, Piece& piece) {
  std::size_t breaks = after_a_token ? 0 : 1;
  while (!gap.empty()) {
    if (gap.starts_with("//")) {
      const auto size = std::min(gap.find_first_of("\r\n"), gap.size());
      piece.comments.push_back({without_trailing_space(gap.substr(0, size)), breaks > 0, breaks > 1});
      gap.remove_prefix(size);
      breaks = 0;
      continue;
    }
    if (gap.starts_with("\r\n")) gap.remove_prefix(1);
    if (gap.front() == '\n' || gap.front() == '\r') ++breaks;
    gap.remove_prefix(1);
  }
  piece.empty_line = breaks > 1;
}

// The last piece is the end of the text.
std::vector<Piece> read_pieces(std::string_view text) {
  std::vector<Piece> pieces;
  std::vector<std::size_t> open;
  Lexer lexer(text);
  std::size_t end = 0;
  for (;;) {
    Piece piece{.token = lexer.next()};
    read_gap(text.substr(end, piece.token.span.begin - end), !pieces.empty(), piece);
    end = piece.token.span.end;
    if (piece.token.is("(") || piece.token.is("[") || piece.token.is("{")) {
      open.push_back(pieces.size());
    } else if (piece.token.is(")") || piece.token.is("]") || piece.token.is("}")) {
      pieces[open.back()].match = pieces.size();
      open.pop_back();
    }
    pieces.push_back(std::move(piece));
    if (pieces.back().token.kind == TokenKind::kEnd) return pieces;
  }
}

// A range of pieces; `end` is behind the last.
struct Range {
  std::size_t begin;
  std::size_t end;
};

// Lays out pieces of text that is known to parse, by brackets and operators alone.
class Formatter {
 public:
  explicit Formatter(const std::vector<Piece>& pieces) : pieces_(pieces) {}

  Layout policies() && {
    std::size_t at = 0;
    while (at + 1 < pieces_.size()) at = policy(at);
    comments_before(at, true);
    return std::move(layout_);
  }

 private:
  bool is(std::size_t at, std::string_view text) const { return pieces_[at].token.is(text); }
  TokenKind kind(std::size_t at) const { return pieces_[at].token.kind; }
  // Behind the piece, or behind the bracket that it opens.
  std::size_t skip(std::size_t at) const { return std::max(at, pieces_[at].match) + 1; }

  // The comments on lines of their own before a piece. Those at the beginning of a policy keep the empty
  // lines that they had, others stand close.
  void comments_before(std::size_t at, bool at_policy) {
    const Piece& piece = pieces_[at];
    bool first = at_policy;
    for (const Comment& comment : piece.comments) {
      if (!comment.own_line) continue;
      if (first || (at_policy && comment.empty_line)) layout_.empty_line();
      first = false;
      layout_.own_line_comment(comment.text);
    }
    if (at_policy && (first || piece.empty_line) && kind(at) != TokenKind::kEnd) layout_.empty_line();
  }

  void put(std::size_t at, bool at_policy = false) {
    comments_before(at, at_policy);
    put_token(at);
  }

  void put_token(std::size_t at) {
    layout_.text(pieces_[at].token.text);
    const std::vector<Comment>& next = pieces_[at + 1].comments;
    if (!next.empty() && !next.front().own_line) layout_.trailing_comment(next.front().text);
  }

  // Answers where the next policy begins.
  std::size_t policy(std::size_t at) {
    for (bool first = true;; first = false) {
      if (!is(at, "@")) {
        put(at++, first);
        break;
      }
      put(at++, first);
      put(at++);
      if (is(at, "(")) {
        for (int i = 0; i < 3; ++i) put(at++);
      }
      layout_.hard_line();
    }
    layout_.space();
    at = brackets(at, false);
    while (!is(at, ";")) {
      layout_.hard_line();
      put(at++);
      layout_.space();
      at = brackets(at, true);
    }
    put(at++);
    layout_.hard_line();
    return at;
  }

  // From an opening bracket to behind its closing one. Wide brackets have blanks inside.
  std::size_t brackets(std::size_t open, bool wide) {
    const std::size_t close = pieces_[open].match;
    const auto gap = [&] { wide ? layout_.line() : layout_.soft_line(); };
    layout_.open_group();
    put(open);
    layout_.indent();
    if (open + 1 < close) {
      gap();
      for (std::size_t at = open + 1; at < close;) {
        std::size_t end = at;
        while (end < close && !is(end, ",")) end = skip(end);
        element({at, end});
        if (end < close) {
          put(end);
          if (end + 1 < close) layout_.line();
        }
        at = end + 1;
      }
    }
    comments_before(close, false);
    layout_.dedent();
    if (open + 1 < close) gap();
    put_token(close);
    layout_.close_group();
    return close + 1;
  }

  // An expression, or a key with one.
  void element(Range range) {
    if (range.end - range.begin > 2 && is(range.begin + 1, ":")) {
      put(range.begin);
      put(range.begin + 1);
      layout_.space();
      range.begin += 2;
    }
    expression(range);
  }

  void expression(Range range) {
    if (is(range.begin, "if")) return if_then_else(range);
    chain(range, 0);
  }

  void if_then_else(Range range) {
    layout_.open_group();
    std::size_t at = range.begin;
    put(at++);
    layout_.space();
    at = branch(at, "then");
    layout_.line();
    put(at++);
    layout_.space();
    at = branch(at, "else");
    layout_.line();
    put(at++);
    layout_.space();
    layout_.indent();
    expression({at, range.end});
    layout_.dedent();
    layout_.close_group();
  }

  // Up to the `then` or `else` of this `if`; answers where it is.
  std::size_t branch(std::size_t at, std::string_view word) {
    const std::size_t begin = at;
    std::size_t nested = 0;
    for (; nested > 0 || !is(at, word); at = skip(at)) {
      // An `if` inside has its own `then` and `else`; its `else` ends what is ours to skip.
      if (is(at, "if")) ++nested;
      if (nested > 0 && is(at, "else")) --nested;
    }
    layout_.indent();
    expression({begin, at});
    layout_.dedent();
    return at;
  }

  // Whether an operand ends here, so that a minus behind it is a subtraction.
  bool ends_operand(std::size_t at) const {
    switch (kind(at)) {
      case TokenKind::kPunctuation:
        return is(at, ")") || is(at, "]") || is(at, "}");
      default:
        return true;
    }
  }

  bool is_operator(std::size_t at, std::size_t level, Range range) const {
    switch (level) {
      case 0:
        return is(at, "||");
      case 1:
        return is(at, "&&");
      case 2: {
        // `has`, `like`, `in` and `is` are no names here: reserved words cannot be attributes.
        static constexpr std::string_view kRelations[] = {"==", "!=", "<",   "<=",   ">",
                                                          ">=", "in", "has", "like", "is"};
        return std::ranges::any_of(kRelations, [&](std::string_view text) { return is(at, text); });
      }
      case 3:
        return (is(at, "+") || is(at, "-")) && at > range.begin && ends_operand(at - 1);
      default:
        return is(at, "*");
    }
  }

  std::vector<std::size_t> operators_of(Range range, std::size_t level) const {
    std::vector<std::size_t> operators;
    for (std::size_t at = range.begin; at < range.end; at = skip(at)) {
      if (is_operator(at, level, range)) operators.push_back(at);
    }
    return operators;
  }

  // Operands joined by the operators of one level, of the first from `level` on that has any.
  void chain(Range range, std::size_t level) {
    constexpr std::size_t kLevels = 5;
    std::vector<std::size_t> operators;
    for (; level < kLevels && operators.empty(); ++level) operators = operators_of(range, level);
    if (operators.empty()) return operand(range);
    --level;
    const bool relation = level == 2;
    layout_.open_group();
    // A list begins beside the operator before it, and is indented on its own.
    const bool indented = relation && !is_list(operators.back() + 1, range.end);
    std::size_t begin = range.begin;
    for (const std::size_t at : operators) {
      chain({begin, at}, level + 1);
      layout_.space();
      put(at);
      if (indented && at == operators.front()) layout_.indent();
      // `is` and `has` stay with what they test for.
      const bool stays = is(at, "is") || is(at, "has") || (relation && !indented);
      stays ? layout_.space() : layout_.line();
      begin = at + 1;
    }
    chain({begin, range.end}, level + 1);
    if (indented) layout_.dedent();
    layout_.close_group();
  }

  // A set or a record, and nothing behind it.
  bool is_list(std::size_t at, std::size_t end) const {
    return (is(at, "[") || is(at, "{")) && skip(at) == end;
  }

  // Signs, names, accesses, calls and brackets, close together.
  void operand(Range range) {
    for (std::size_t at = range.begin; at < range.end;) {
      if (pieces_[at].match != 0) {
        at = brackets(at, is(at, "{"));
      } else {
        put(at++);
      }
    }
  }

  const std::vector<Piece>& pieces_;
  Layout layout_;
};

bool same_pieces(const std::vector<Piece>& a, const std::vector<Piece>& b) {
  const auto same_comment = [](const Comment& x, const Comment& y) { return x.text == y.text; };
  return std::ranges::equal(a, b, [&](const Piece& x, const Piece& y) {
    return x.token.kind == y.token.kind && x.token.text == y.token.text &&
           std::ranges::equal(x.comments, y.comments, same_comment);
  });
}

}  // namespace

Parsed<std::string> format_policies(std::string_view text, const FormatOptions& options) {
  if (auto parsed = parse_policies(text); !parsed) return std::unexpected(std::move(parsed).error());
  const std::vector<Piece> pieces = read_pieces(text);
  std::string formatted = Formatter(pieces).policies().render(options.width, options.indent);
  // Losing a comment, or worse a token, is the one thing that a formatter must never do.
  WRIT_CHECK(same_pieces(pieces, read_pieces(formatted)));
  return formatted;
}

}  // namespace writ::cedar
