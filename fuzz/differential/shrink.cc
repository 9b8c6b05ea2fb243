#include "shrink.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tokens.h"

namespace writ::differential {
namespace {

class Shrinker {
 public:
  Shrinker(Case found, const std::function<bool(const Case&)>& still_differs, std::size_t max_questions)
      : case_(std::move(found)), still_differs_(still_differs), questions_(max_questions) {}

  Case run() {
    std::size_t before = 0;
    // What one part allows to drop may allow another to drop more.
    do {
      before = size();
      shrink_list(&Case::requests);
      shrink_list(&Case::expressions);
      shrink_list(&Case::names);
      shrink_list(&Case::links);
      shrink_text([](Case& c) -> std::string& { return c.policies; });
      shrink_text([](Case& c) -> std::string& { return c.entities; });
      shrink_text([](Case& c) -> std::string& { return c.schema; });
      for (std::size_t i = 0; i < case_.requests.size(); ++i)
        shrink_text([i](Case& c) -> std::string& { return c.requests[i].context; });
      for (std::size_t i = 0; i < case_.expressions.size(); ++i)
        shrink_text([i](Case& c) -> std::string& { return c.expressions[i]; });
    } while (size() < before && questions_ > 0);
    return std::move(case_);
  }

 private:
  std::size_t size() const {
    std::size_t size = case_.policies.size() + case_.entities.size() + case_.schema.size() +
                       case_.links.size() + case_.names.size();
    for (const auto& request : case_.requests) size += 1 + request.context.size();
    for (const auto& expression : case_.expressions) size += 1 + expression.size();
    return size;
  }

  bool accept(Case smaller) {
    if (questions_ == 0) return false;
    --questions_;
    if (!still_differs_(smaller)) return false;
    case_ = std::move(smaller);
    return true;
  }

  void shrink_list(auto member) {
    for (std::size_t size = (case_.*member).size(); size > 0; size /= 2) {
      for (std::size_t at = 0; at < (case_.*member).size();) {
        Case smaller = case_;
        auto& list = smaller.*member;
        const auto begin = list.begin() + static_cast<std::ptrdiff_t>(at);
        list.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, list.size() - at)));
        if (!accept(std::move(smaller))) at += size;
      }
    }
  }

  // The token without the white space before it.
  static char first_of(const std::string& token) {
    const auto at = token.find_first_not_of(" \n\r\t");
    return at == token.npos ? ' ' : token[at];
  }

  // Where the bracket that opens at `open` closes; or the last token.
  static std::size_t closing(const std::vector<std::string>& tokens, std::size_t open) {
    std::size_t depth = 0;
    for (std::size_t at = open; at < tokens.size(); ++at) {
      const char c = first_of(tokens[at]);
      if (c == '(' || c == '[' || c == '{') ++depth;
      if ((c == ')' || c == ']' || c == '}') && --depth == 0) return at;
    }
    return tokens.size() - 1;
  }

  bool accept_tokens(std::vector<std::string>& tokens, std::vector<std::string> fewer, auto&& part) {
    Case smaller = case_;
    part(smaller) = joined(fewer);
    if (!accept(std::move(smaller))) return false;
    tokens = std::move(fewer);
    return true;
  }

  // What stands between brackets, and the brackets alone.
  void shrink_brackets(std::vector<std::string>& tokens, auto&& part) {
    for (std::size_t at = 0; at < tokens.size() && questions_ > 0; ++at) {
      const char c = first_of(tokens[at]);
      if (c != '(' && c != '[' && c != '{') continue;
      const std::size_t end = closing(tokens, at);
      const auto open = static_cast<std::ptrdiff_t>(at);
      const auto close = static_cast<std::ptrdiff_t>(end);
      for (const int way : {0, 1, 2}) {
        auto fewer = tokens;
        if (way == 0) {  // all of it, and a comma
          const bool comma = end + 1 < tokens.size() && first_of(tokens[end + 1]) == ',';
          fewer.erase(fewer.begin() + open, fewer.begin() + close + (comma ? 2 : 1));
        } else if (way == 1) {
          fewer.erase(fewer.begin() + open + 1, fewer.begin() + close);
        } else {
          fewer.erase(fewer.begin() + close);
          fewer.erase(fewer.begin() + open);
        }
        if (fewer.size() < tokens.size() && accept_tokens(tokens, std::move(fewer), part)) break;
      }
    }
  }

  // Runs of tokens, long ones first; a run that is balanced, such as a whole condition, often goes at once.
  void shrink_text(auto&& part) {
    auto tokens = tokens_of(part(case_));
    shrink_brackets(tokens, part);
    for (std::size_t size = tokens.size(); size > 0; size = size > 16 ? size / 2 : size - 1) {
      for (std::size_t at = 0; at + size <= tokens.size() && questions_ > 0;) {
        auto fewer = tokens;
        const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(at);
        fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
        if (!accept_tokens(tokens, std::move(fewer), part)) ++at;
      }
    }
  }

  Case case_;
  const std::function<bool(const Case&)>& still_differs_;
  std::size_t questions_;
};

}  // namespace

Case shrink(Case found, const std::function<bool(const Case&)>& still_differs, std::size_t max_questions) {
  return Shrinker(std::move(found), still_differs, max_questions).run();
}

}  // namespace writ::differential
