#include "report/html.h"

#include <cstdint>
#include <fmt/format.h>

#include "codec/utf8.h"

namespace writ::report {

class Making {
 public:
  static Markup of(std::string html) {
    Markup made;
    made.html_ = std::move(html);
    return made;
  }
};

namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.3rem;margin-top:2.5rem;border-bottom:1px solid var(--line)}h3{font-size:1.1rem}h4{font-size:1rem}h5{font-size:.95rem}
code,pre{font:.9em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}pre{background:var(--soft);padding:.7rem;overflow:auto}
table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th{border-bottom-width:2px}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary:focus-visible,a:focus-visible{outline:3px solid #36f;outline-offset:2px}
.wide{overflow-x:auto}.figures{list-style:none;display:flex;flex-wrap:wrap;gap:1rem;padding:0}
.figures li{border:1px solid var(--line);border-radius:.4rem;padding:.4rem .9rem}
.critical,.high,.medium,.low,.good,.unknown{font-weight:600;border-radius:.3rem;padding:0 .35rem;white-space:nowrap}
.critical{background:#8b0000;color:#fff}.high{background:#c62828;color:#fff}.medium{background:#ffb74d;color:#000}
.low{background:#dce775;color:#000}.good{background:#2e7d32;color:#fff}.unknown{background:#8886}
svg{max-width:100%;height:auto}svg text{fill:currentColor;font:12px system-ui,sans-serif}
@media print{body{max-width:none;margin:0;font-size:11pt}details{break-inside:avoid}details::details-content{content-visibility:visible;block-size:auto}
pre{overflow:visible;white-space:pre-wrap}
thead{display:table-header-group}tr{break-inside:avoid}.wide{overflow:visible}}
)";

// Of a sequence that is well-formed.
std::uint32_t code_point(std::string_view sequence) {
  std::uint32_t point = static_cast<std::uint8_t>(sequence[0]);
  if (sequence.size() > 1) {
    point &= 0xFFU >> (sequence.size() + 1);
  }
  for (const char byte : sequence.substr(1)) {
    point = (point << 6U) | (static_cast<std::uint8_t>(byte) & 0x3FU);
  }
  return point;
}

// Controls, marks of direction, and what has no width: a reader would take the text for another one.
bool hides(std::uint32_t point) {
  return (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point <= 0x9F) ||
         point == 0xAD || point == 0x61C || point == 0x180E || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF ||
         (point >= 0xFFF9 && point <= 0xFFFB) || (point >= 0xE0000 && point <= 0xE007F);
}

void append_escaped(std::string& html, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = codec::utf8_sequence_length(text);
    if (length == 0) {
      html += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    const std::uint32_t point = code_point(text.substr(0, length));
    if (hides(point)) {
      html += fmt::format("\u27E8U+{:04X}\u27E9", point);
    } else if (point == '&') {
      html += "&amp;";
    } else if (point == '<') {
      html += "&lt;";
    } else if (point == '>') {
      html += "&gt;";
    } else if (point == '"') {
      html += "&quot;";
    } else if (point == '\'') {
      html += "&#39;";
    } else {
      html.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
}

// Text has no `<` of its own, so what looks like a heading is one.
std::string with_lower_headings(const std::string& html) {
  constexpr char kLowest = '5';
  std::string lowered;
  lowered.reserve(html.size());
  for (std::size_t at = 0; at < html.size(); ++at) {
    const std::size_t level = html.compare(at, 2, "<h") == 0    ? at + 2
                              : html.compare(at, 3, "</h") == 0 ? at + 3
                                                                : html.npos;
    if (level == html.npos || level >= html.size() || html[level] < '1' || html[level] > kLowest) {
      lowered += html[at];
      continue;
    }
    lowered.append(html, at, level - at);
    lowered += html[level] == kLowest ? kLowest : static_cast<char>(html[level] + 1);
    at = level;
  }
  return lowered;
}

bool has_no_end(std::string_view name) {
  return name == "br" || name == "hr" || name == "col";
}

}  // namespace

Markup text(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  append_escaped(html, text);
  return Making::of(std::move(html));
}

Markup element(ElementName name, const std::vector<Attribute>& attributes, const Markup& content) {
  std::string html = fmt::format("<{}", name.text);
  for (const Attribute& attribute : attributes) {
    html += fmt::format(" {}=\"", attribute.name.text);
    append_escaped(html, attribute.value);
    html += '"';
  }
  html += '>';
  if (!has_no_end(name.text)) {
    html += content.html();
    html += fmt::format("</{}>", name.text);
  }
  return Making::of(std::move(html));
}

Markup element(ElementName name, const Markup& content) {
  return element(name, std::vector<Attribute>{}, content);
}

Markup element(ElementName name, std::string_view content) {
  return element(name, text(content));
}

Markup link_within(std::string_view id, const Markup& content) {
  std::string html = "<a href=\"#";
  for (const char byte : id) {
    // As a fragment of a URL (RFC 3986 §3.5); the browser decodes it before it looks for the id.
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
    html += plain ? std::string(1, byte) : fmt::format("%{:02X}", static_cast<std::uint8_t>(byte));
  }
  return Making::of(html + "\">" + content.html() + "</a>");
}

Markup link_to(std::string_view url, const Markup& content) {
  if (!url.starts_with("https://")) {
    return content + text(" (") + text(url) + text(")");
  }
  std::string html = "<a rel=\"noreferrer\" href=\"";
  append_escaped(html, url);
  return Making::of(html + "\">" + content.html() + "</a>");
}

Markup unfolding(const Markup& summary, const Markup& content, bool open) {
  return element("details", open ? std::vector<Attribute>{{"open", ""}} : std::vector<Attribute>{},
                 element("summary", summary) + content);
}

Markup table(const std::vector<std::string>& columns, const std::vector<std::vector<Markup>>& rows,
             std::string_view caption) {
  Markup head;
  for (const std::string& column : columns) {
    head += element("th", {{"scope", "col"}}, text(column));
  }
  Markup body;
  for (const std::vector<Markup>& row : rows) {
    if (row.size() > columns.size()) {
      throw std::logic_error("a row of a table has more cells than the table has columns");
    }
    Markup cells;
    for (std::size_t index = 0; index < columns.size(); ++index) {
      cells += element("td", index < row.size() ? row[index] : Markup{});
    }
    body += element("tr", cells);
  }
  const Markup above = caption.empty() ? Markup{} : element("caption", caption);
  return element("div", {{"class", "wide"}},
                 element("table", above + element("thead", element("tr", head)) + element("tbody", body)));
}

Markup section(std::string_view id, std::string_view title, const Markup& content) {
  return element("section", {{"id", std::string(id)}},
                 element("h2", title) + Making::of(with_lower_headings(content.html())));
}

std::string page(std::string_view title, const Markup& body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" "
      "content=\"no-referrer\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n{2}\n</main>\n</"
      "body>\n</html>\n",
      text(title).html(), style, body.html());
}

}  // namespace writ::report
