// Reports as one HTML file that needs nothing else: no network, no script, no other file.
//
// What is shown comes from strangers (names of identities, claims, paths). So text becomes markup in one way
// only, by `text` and by the values of attributes, and both escape it (HTML Living Standard §13.3). Names of
// elements and attributes are constants that are checked when Writ is compiled: an element that runs or
// fetches something (`script`, `iframe`, `img`, …) and an attribute that does (`onclick`, `href`, `src`,
// `style`, …) do not compile. A page also tells the browser so, by its Content-Security-Policy.
//
// Pure, safe from any thread.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace writ::report {

// A part of a page that is well-formed and escaped.
class Markup {
 public:
  Markup() = default;
  Markup& operator+=(const Markup& more) {
    html_ += more.html_;
    return *this;
  }
  friend Markup operator+(Markup first, const Markup& more) { return first += more; }
  const std::string& html() const { return html_; }
  bool empty() const { return html_.empty(); }

 private:
  friend class Making;  // html.cc
  std::string html_;
};

// The name of an element that shows and does nothing else.
struct ElementName {
  consteval ElementName(const char* name) : text(name) {  // NOLINT: a literal is a name
    for (const std::string_view shown :
         {"a",        "abbr",  "article",    "b",      "blockquote", "br",      "caption", "circle",
          "code",     "col",   "colgroup",   "dd",     "del",        "details", "div",     "dl",
          "dt",       "em",    "figcaption", "figure", "footer",     "g",       "h1",      "h2",
          "h3",       "h4",    "header",     "hr",     "i",          "ins",     "kbd",     "li",
          "line",     "main",  "mark",       "nav",    "ol",         "p",       "path",    "polygon",
          "polyline", "pre",   "q",          "rect",   "s",          "section", "small",   "span",
          "strong",   "sub",   "summary",    "sup",    "svg",        "table",   "tbody",   "td",
          "text",     "tfoot", "th",         "thead",  "time",       "title",   "tr",      "tspan",
          "ul",       "var",   "defs",       "marker", "desc"}) {
      if (text == shown) {
        return;
      }
    }
    throw std::logic_error("not an element that only shows");
  }
  std::string_view text;
};

// The name of an attribute whose value is never run and never fetched.
struct AttributeName {
  consteval AttributeName(const char* name) : text(name) {  // NOLINT: a literal is a name
    for (const char letter : text) {
      if (!(letter >= 'a' && letter <= 'z') && !(letter >= 'A' && letter <= 'Z') &&
          !(letter >= '0' && letter <= '9') && letter != '-') {
        throw std::logic_error("not the name of an attribute");
      }
    }
    if (text.empty() || text.starts_with("on") || text == "style") {
      throw std::logic_error("an attribute that runs something");
    }
    for (const std::string_view fetched : {"href", "src", "srcset", "srcdoc", "data", "action", "formaction",
                                           "poster", "ping", "background", "cite", "manifest", "target"}) {
      if (text == fetched) {
        throw std::logic_error("an attribute that fetches something");
      }
    }
  }
  std::string_view text;
};

struct Attribute {
  AttributeName name;
  std::string value;
};

// Text as it is, escaped. What would hide or turn round the text beside it is shown by its number, as in
// `⟨U+202E⟩`; bytes that are not UTF-8 are shown as U+FFFD.
Markup text(std::string_view text);
Markup element(ElementName name, const Markup& content = {});
Markup element(ElementName name, const std::vector<Attribute>& attributes, const Markup& content = {});
Markup element(ElementName name, std::string_view content);

// A link to the element of this page whose attribute `id` is `id`; and one to the web, of which only `https:`
// is a link and all else is shown as text. The page itself fetches neither.
Markup link_within(std::string_view id, const Markup& content);
Markup link_to(std::string_view url, const Markup& content);

// A part that opens by mouse or keyboard, and is open where it is printed.
Markup unfolding(const Markup& summary, const Markup& content, bool open = false);
// A row with fewer cells than there are columns ends with empty ones; one with more is an error of the
// caller: std::logic_error.
Markup table(const std::vector<std::string>& columns, const std::vector<std::vector<Markup>>& rows,
             std::string_view caption = "");

// A part of a page that holds several: its title is a heading of the second level, and the headings within
// are a level lower than they say. `id` is for link_within().
Markup section(std::string_view id, std::string_view title, const Markup& content);

// The whole file. `title` is its title and its first heading. Classes that the style knows: `critical`,
// `high`, `medium`, `low`, `good`, `unknown` for a word in a colour of its own; `figures` for a list of
// numbers; `wide` for what may be scrolled.
std::string page(std::string_view title, const Markup& body);

}  // namespace writ::report
