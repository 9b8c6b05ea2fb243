#include "policytest/reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "files/files.h"
#include "policytest/fixtures.h"
#include "policytest/request_reader.h"

namespace writ::policytest {

using files::Fields;
using files::Source;
using files::YamlNode;

namespace {

constexpr std::size_t kMaxCombinations = 100'000;

// A cell as it shows in the name of its row.
std::string shown(const YamlNode& cell) {
  return cell.kind == YamlNode::Kind::kList || cell.kind == YamlNode::Kind::kMap ? to_json(cell).dump()
         : cell.kind == YamlNode::Kind::kNull                                    ? "-"
                                                                                 : cell.text;
}

class SuiteReader {
 public:
  SuiteReader(const policy::Loaded& loaded, Source& source) : loaded_(loaded), source_(source) {}

  std::optional<Suite> read(const YamlNode& root) {
    const Fields fields(&root, source_, "a test file",
                        {"version", "about", "now", "fixtures", "defaults", "tests"});
    fields.require("version");
    fields.integer("version", 1, 1);
    fields.require("now");
    read_world(fields, Instant());
    RequestReader requests(suite_.world, suite_.now, source_);
    requests_ = &requests;
    if (const YamlNode* defaults = fields.find("defaults")) {
      const Fields known(defaults, source_, "defaults",
                         {"request", "api", "action", "resource", "attributes", "issue", "body", "ip",
                          "token", "proof", "approved", "at", "expect"});
      defaults_.lay(known.node(), source_);
    }
    if (fields.require("tests") != nullptr && fields.list("tests").empty())
      source_.error(*fields.find("tests"), "there is no test here");
    for (const YamlNode& test : fields.list("tests")) read_test(test);
    if (source_.issues.has_errors()) return std::nullopt;
    return std::move(suite_);
  }

  std::optional<RequestFile> read_question(const YamlNode& root, const YamlNode& more, Instant now) {
    const Fields fields(
        &root, source_, "a request file",
        {"version", "about", "name", "now", "fixtures", "request", "api", "action", "resource", "attributes",
         "issue", "body", "ip", "token", "proof", "approved", "at", "expect"});
    fields.integer("version", 1, 1);
    fields.text("name", 4096);
    read_world(fields, now);
    Layers layers;
    layers.lay(fields.node(), source_);
    layers.lay(more, source_);
    auto request = RequestReader(suite_.world, suite_.now, source_).request(layers, root);
    if (!request || source_.issues.has_errors()) return std::nullopt;
    return RequestFile{std::move(suite_), *std::move(request)};
  }

 private:
  // The world around the requests, and its instant.
  void read_world(const Fields& fields, Instant otherwise) {
    suite_.file = source_.file;
    suite_.about = fields.text("about", 4096).value_or("");
    const YamlNode* now = fields.find("now");
    RequestReader before(suite_.world, otherwise, source_);
    suite_.now = now != nullptr ? before.instant(*now, "now", otherwise).value_or(otherwise) : otherwise;
    const Fields fixtures(fields.find("fixtures"), source_, "fixtures",
                          {"identities", "entities", "answers", "tasks"});
    if (const YamlNode* written = fields.find("fixtures")) suite_.fixtures = to_json(*written);
    suite_.world = read_identities(fixtures, loaded_);
    suite_.entities = read_entities(fixtures, loaded_);
    suite_.answers = read_answers(fixtures, loaded_);
    RequestReader requests(suite_.world, suite_.now, source_);
    suite_.tasks = read_tasks(fixtures, requests, suite_.now);
  }

  void read_test(const YamlNode& node) {
    const Fields fields(
        &node, source_, "a test",
        {"name", "columns", "rows", "complete", "steps", "request", "api", "action", "resource", "attributes",
         "issue", "body", "ip", "token", "proof", "approved", "at", "expect"});
    const auto name = fields.required_text("name");
    if (!name) return;
    const auto [first, added] = names_.try_emplace(*name, node.line);
    if (!added)
      source_.error(*fields.find("name"),
                    fmt::format("test `{}` is given twice, first in line {}", *name, first->second));
    Layers layers = defaults_;
    layers.lay(fields.node(), source_);
    if (fields.find("columns") != nullptr || fields.find("rows") != nullptr)
      return read_table(*name, fields, layers);
    Test test{.name = *name, .place = source_.place(node), .steps = {}};
    if (fields.find("steps") == nullptr) {
      add_ask(test, layers, node, 1);
    } else {
      for (const YamlNode& step : fields.list("steps")) read_step(test, step, layers);
      if (test.steps.size() > kMaxSteps)
        source_.error(node, fmt::format("a test has at most {} steps", kMaxSteps));
    }
    add(std::move(test), node);
  }

  void add(Test test, const YamlNode& node) {
    if (suite_.tests.size() == kMaxTests)
      source_.error(node, fmt::format("a file has at most {} tests", kMaxTests));
    if (suite_.tests.size() < kMaxTests) suite_.tests.push_back(std::move(test));
  }

  void add_ask(Test& test, const Layers& layers, const YamlNode& at, std::int64_t times) {
    auto request = requests_->request(layers, at);
    auto expect = requests_->expectation(layers, at);
    if (!request || !expect) return;
    test.steps.emplace_back(Ask{source_.place(at), *std::move(request), times, *std::move(expect)});
  }

  bool has_task(const std::string& id) const {
    return std::ranges::any_of(suite_.tasks, [&](const TaskFixture& each) { return each.task.id == id; });
  }

  void read_step(Test& test, const YamlNode& node, const Layers& layers) {
    const Fields fields(
        &node, source_, "a step",
        {"times",   "end_task", "revoke_task", "suspend",  "retire",     "activate", "revoke_token",
         "request", "api",      "action",      "resource", "attributes", "issue",    "body",
         "ip",      "token",    "proof",       "approved", "at",         "expect"});
    Layers own = layers;
    own.lay(fields.node(), source_);
    constexpr std::pair<std::string_view, Change::Kind> kChanges[] = {
        {"end_task", Change::Kind::kEndTask},
        {"revoke_task", Change::Kind::kRevokeTask},
        {"suspend", Change::Kind::kSuspend},
        {"retire", Change::Kind::kRetire},
        {"activate", Change::Kind::kActivate}};
    for (const auto& [key, kind] : kChanges) {
      if (const auto id = fields.text(key)) return add_change(test, *fields.find(key), kind, *id);
    }
    if (fields.boolean("revoke_token").value_or(false)) {
      auto request = requests_->request(own, node);
      if (request)
        test.steps.emplace_back(
            Change{source_.place(node), Change::Kind::kRevokeToken, {}, *std::move(request)});
      return;
    }
    add_ask(test, own, node, fields.integer("times", 1, kMaxTimes).value_or(1));
  }

  void add_change(Test& test, const YamlNode& node, Change::Kind kind, const std::string& id) {
    const bool of_task = kind == Change::Kind::kEndTask || kind == Change::Kind::kRevokeTask;
    const bool known = of_task ? has_task(id)
                               : std::ranges::find(suite_.world.identities, id, &inventory::Identity::id) !=
                                     suite_.world.identities.end();
    if (!known)
      return source_.error(node, fmt::format("there is no {} `{}`", of_task ? "task" : "identity", id));
    test.steps.emplace_back(Change{source_.place(node), kind, id, {}});
  }

  // A test for each row.
  void read_table(const std::string& name, const Fields& fields, const Layers& layers) {
    if (fields.find("steps") != nullptr)
      return source_.error(*fields.find("steps"), "a test has `steps` or a table, not both");
    if (fields.require("columns") == nullptr || fields.require("rows") == nullptr) return;
    const auto columns = fields.texts("columns");
    for (const YamlNode& column : fields.list("columns")) {
      if (!is_column(column.text))
        source_.error(
            column, fmt::format("`{}` is not a column", column.text),
            "a column is a key of a request, such as request or expect, or a claim, such as token.purpose");
    }
    if (source_.issues.has_errors()) return;
    std::map<std::vector<std::string>, int> combinations;
    for (const YamlNode& row : fields.list("rows")) read_row(name, columns, row, layers, combinations);
    if (fields.boolean("complete").value_or(false))
      check_complete(columns, combinations, *fields.find("complete"));
  }

  void read_row(const std::string& name, const std::vector<std::string>& columns, const YamlNode& row,
                Layers layers, std::map<std::vector<std::string>, int>& combinations) {
    if (row.kind != YamlNode::Kind::kList || row.items.size() != columns.size())
      return source_.error(
          row, fmt::format("a row must be a list of {} cells, as many as there are columns", columns.size()));
    std::vector<std::string> combination;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] != "expect") combination.push_back(shown(row.items[i]));
    }
    const auto [first, added] = combinations.try_emplace(combination, row.line);
    if (!added) source_.error(row, fmt::format("this combination was in line {} already", first->second));
    layers.lay_row(columns, row.items, source_);
    Test test{.name = fmt::format("{}: {}", name, fmt::join(combination, ", ")),
              .place = source_.place(row),
              .steps = {}};
    add_ask(test, layers, row, 1);
    add(std::move(test), row);
  }

  // Is there a row for each combination of the values that the columns have?
  void check_complete(const std::vector<std::string>& columns,
                      const std::map<std::vector<std::string>, int>& rows, const YamlNode& at) {
    std::vector<std::vector<std::string>> values(columns.size());
    std::size_t dimensions = 0, total = 1;
    for (const auto& [row, line] : rows) {
      dimensions = row.size();
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (std::ranges::find(values[i], row[i]) == values[i].end()) values[i].push_back(row[i]);
      }
    }
    values.resize(dimensions);
    for (const auto& dimension : values) {
      total *= dimension.size();
      if (total > kMaxCombinations)
        return source_.error(at,
                             fmt::format("a complete table has at most {} combinations", kMaxCombinations));
    }
    if (total == rows.size()) return;
    for (std::size_t number = 0; number < total; ++number) {
      std::vector<std::string> combination;
      std::size_t rest = number;
      for (const auto& dimension : values) {
        combination.push_back(dimension[rest % dimension.size()]);
        rest /= dimension.size();
      }
      if (rows.contains(combination)) continue;
      return source_.error(at, fmt::format("there is no row for {}; {} of {} combinations are missing",
                                           fmt::join(combination, ", "), total - rows.size(), total));
    }
  }

  const policy::Loaded& loaded_;
  Source& source_;
  Suite suite_;
  RequestReader* requests_ = nullptr;
  Layers defaults_;
  std::map<std::string, int> names_;
};

}  // namespace

std::optional<Suite> parse_suite(std::string_view text, const std::filesystem::path& file,
                                 const policy::Loaded& loaded, files::Issues& issues) {
  files::Issues own;
  std::optional<Suite> suite;
  if (const auto root = files::parse_yaml(text, file.string(), own)) {
    Source source{file.string(), file.parent_path(), own};
    suite = SuiteReader(loaded, source).read(*root);
  }
  issues.append(own);
  return suite;
}

std::optional<RequestFile> parse_request_file(std::string_view text, const std::filesystem::path& file,
                                              std::string_view more, Instant now,
                                              const policy::Loaded& loaded, files::Issues& issues) {
  files::Issues own;
  std::optional<RequestFile> question;
  const auto root = files::parse_yaml(text, file.string(), own);
  const auto over = files::parse_yaml(more, "the command line", own);
  if (root && over) {
    Source source{file.string(), file.parent_path(), own};
    question = SuiteReader(loaded, source).read_question(*root, *over, now);
  }
  issues.append(own);
  return question;
}

std::optional<Suite> read_suite(const std::filesystem::path& file, const policy::Loaded& loaded,
                                files::Issues& issues) {
  const auto text = files::read_file(file, files::kMaxYamlBytes);
  if (text) return parse_suite(*text, file, loaded, issues);
  issues.error({file.string()}, text.error().message);
  return std::nullopt;
}

}  // namespace writ::policytest
