#include "access/picture.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::access {
namespace {

using report::Attribute;
using report::element;
using report::Markup;
using report::text;

constexpr int kArcs = 110, kLabel = 380, kColumn = 62, kLine = 24, kHead = 110, kMargin = 10;
constexpr std::size_t kNamesOfGroup = 3;

std::string coordinate(double value) {
  return fmt::format("{:.1f}", value);
}

double line_y(std::size_t place) {
  return kHead + kLine * (static_cast<double>(place) + 0.5);
}
double column_x(std::size_t place) {
  return kArcs + kLabel + kColumn * (static_cast<double>(place) + 0.5);
}

std::string_view kind_letter(inventory::Kind kind) {
  switch (kind) {
    case inventory::Kind::kUser:
      return "U";
    case inventory::Kind::kApplication:
      return "A";
    case inventory::Kind::kService:
      return "S";
    case inventory::Kind::kAgent:
      return "G";
  }
  return "?";
}

Markup label(double x, double y, std::string_view anchor, const Markup& content) {
  return element("text", {{"x", coordinate(x)}, {"y", coordinate(y)}, {"text-anchor", std::string(anchor)}},
                 content);
}

// From who acts (the lower or the upper line) round on the left to for whom.
Markup arc(std::size_t from, std::size_t to, const std::string& what) {
  const double y1 = line_y(from), y2 = line_y(to);
  const double x = kArcs - 6, out = x - std::min(100.0, 18 + std::abs(y1 - y2) * 0.28);
  return element(
      "g",
      element("title", what) +
          element("path", {{"d", fmt::format("M {} {} C {} {} {} {} {} {}", coordinate(x), coordinate(y1),
                                             coordinate(out), coordinate(y1), coordinate(out), coordinate(y2),
                                             coordinate(x), coordinate(y2))},
                           {"fill", "none"},
                           {"stroke", "currentColor"},
                           {"stroke-opacity", "0.55"},
                           {"marker-end", "url(#arrow)"}}));
}

Markup mark(const Reaching& reaching, double x, double y) {
  const std::string count = std::to_string(reaching.actions);
  Markup shape;
  if (reaching.always) {
    shape = element("rect", {{"x", coordinate(x - 9)},
                             {"y", coordinate(y - 9)},
                             {"width", "18"},
                             {"height", "18"},
                             {"fill", "#1e5aa8"}});
  } else {
    std::vector<Attribute> circle{{"cx", coordinate(x)}, {"cy", coordinate(y)}, {"r", "9"}};
    circle.push_back({"fill", reaching.open ? "none" : "#1e5aa8"});
    circle.push_back({"stroke", "#1e5aa8"});
    if (reaching.open) circle.push_back({"stroke-dasharray", "3 2"});
    shape = element("circle", circle);
  }
  const Markup digits =
      element("tspan", reaching.open ? std::vector<Attribute>{} : std::vector<Attribute>{{"fill", "#ffffff"}},
              text(count));
  return shape + label(x, y + 4, "middle", digits);
}

Markup head(const Overview& overview) {
  Markup all;
  for (std::size_t i = 0; i < overview.apis.size(); ++i) {
    const double x = column_x(i);
    all += element("text",
                   {{"x", coordinate(x)},
                    {"y", coordinate(kHead - 12.0)},
                    {"transform", fmt::format("rotate(-40 {} {})", coordinate(x), coordinate(kHead - 12.0))}},
                   text(overview.apis[i]));
    all += element("line", {{"x1", coordinate(x)},
                            {"y1", coordinate(kHead)},
                            {"x2", coordinate(x)},
                            {"y2", coordinate(line_y(overview.groups.size()) - kLine / 2.0)},
                            {"stroke", "currentColor"},
                            {"stroke-opacity", "0.12"}});
  }
  return all;
}

Markup row_of(const Overview& overview, std::size_t place) {
  const Group& group = overview.groups[place];
  const double y = line_y(place);
  Markup row = element("title", names_of(group, 200));
  row += element("line", {{"x1", coordinate(kArcs)},
                          {"y1", coordinate(y + kLine / 2.0)},
                          {"x2", coordinate(column_x(overview.apis.size()) - kColumn / 2.0)},
                          {"y2", coordinate(y + kLine / 2.0)},
                          {"stroke", "currentColor"},
                          {"stroke-opacity", "0.12"}});
  std::string names = fmt::format("{} {}", kind_letter(group.kind), names_of(group, kNamesOfGroup));
  if (!group.active) names += " (not active)";
  row += report::link_within(group_anchor(place), label(kArcs + 6, y + 4, "start", text(names)));
  for (std::size_t i = 0; i < overview.apis.size(); ++i) {
    const auto reaching = group.reaches.find(overview.apis[i]);
    if (reaching == group.reaches.end()) continue;
    row += element(
        "g", element("title",
                     fmt::format("{}: {} {} of {}", names_of(group, kNamesOfGroup), reaching->second.actions,
                                 reaching->second.actions == 1 ? "action" : "actions", overview.apis[i])) +
                 mark(reaching->second, column_x(i), y));
  }
  return element("g", row);
}

}  // namespace

std::string group_anchor(std::size_t place) {
  return fmt::format("group-{}", place + 1);
}

namespace {

// Not within a character.
std::string cut_text(const std::string& id) {
  std::size_t shown = 40;
  if (id.size() <= shown) return id;
  while (shown > 0 && (static_cast<unsigned char>(id[shown]) & 0xC0U) == 0x80U) --shown;
  return id.substr(0, shown) + "…";
}

}  // namespace

std::string names_of(const Group& group, std::size_t most) {
  std::string names;
  for (std::size_t i = 0; i < std::min(most, group.members.size()); ++i) {
    if (i > 0) names += ", ";
    const std::string& id = group.members[i]->id;
    names += cut_text(id);
  }
  if (group.members.size() > most) names += fmt::format(" and {} more", group.members.size() - most);
  return names;
}

Markup picture_of(const Overview& overview) {
  const double width = column_x(overview.apis.size()) + kMargin;
  const double height = line_y(overview.groups.size()) + kMargin;
  Markup all = element("title", "Who acts for whom, and who reaches what");
  all += element("desc",
                 "A line for each group of identities, with arcs from who acts to for whom, and a column for "
                 "each API. The tables below say the same in words.");
  all += element("defs", element("marker",
                                 {{"id", "arrow"},
                                  {"viewBox", "0 0 8 8"},
                                  {"refX", "7"},
                                  {"refY", "4"},
                                  {"markerWidth", "6"},
                                  {"markerHeight", "6"},
                                  {"orient", "auto"}},
                                 element("path", {{"d", "M 0 0 L 8 4 L 0 8 z"}, {"fill", "currentColor"}})));
  all += head(overview);
  const auto first_user = std::ranges::find(overview.groups, inventory::Kind::kUser, &Group::kind);
  for (std::size_t i = 0; i < overview.groups.size(); ++i) {
    const Group& group = overview.groups[i];
    for (const std::size_t whom : group.acts_for)
      all += arc(i, whom,
                 fmt::format("{} acts for {}", names_of(group, kNamesOfGroup),
                             names_of(overview.groups[whom], kNamesOfGroup)));
    if (group.any_user && first_user != overview.groups.end())
      all += arc(i, static_cast<std::size_t>(first_user - overview.groups.begin()),
                 fmt::format("{} acts for any user", names_of(group, kNamesOfGroup)));
  }
  for (std::size_t i = 0; i < overview.groups.size(); ++i) all += row_of(overview, i);
  return element("svg",
                 {{"viewBox", fmt::format("0 0 {} {}", coordinate(width), coordinate(height))},
                  {"role", "group"},
                  {"width", coordinate(width)},
                  {"height", coordinate(height)}},
                 all);
}

}  // namespace writ::access
