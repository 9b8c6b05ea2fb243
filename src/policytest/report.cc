#include "policytest/report.h"

#include <fmt/format.h>

namespace writ::policytest {

using codec::Json;

namespace {

void append_indented(std::string& out, std::string_view text, std::string_view indent) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.append(indent).append(text.substr(0, end)).append("\n");
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

std::string failure_text(const Failure& failure) {
  auto text = fmt::format("{}:{}: {}\nexpected {}\ngot      {}\n", failure.place.file, failure.place.line,
                          failure.request, failure.expected, failure.got);
  if (failure.explanation) text += decision::to_text(*failure.explanation);
  return text;
}

Json answer_json(const Answer& answer) {
  Json json = Json::object({{"effect", effect_name(answer.effect)}, {"outcome", answer.code}});
  const auto add = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) json.set(name, text);
  };
  const auto list = [&](std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    Json array = Json::array();
    for (const auto& text : texts) array.push(text);
    json.set(name, std::move(array));
  };
  add("message", answer.message);
  add("party", answer.party);
  add("path", answer.path);
  add("guard", answer.guard);
  list("policies", answer.policies);
  list("reasons", answer.reasons);
  list("refused", answer.refused);
  return json;
}

Json test_json(const TestResult& result) {
  Json json = Json::object({{"name", result.test->name},
                            {"line", result.test->place.line},
                            {"outcome", result.failure ? "failed" : "passed"},
                            {"microseconds", static_cast<std::int64_t>(result.took.count())}});
  if (!result.failure) return json;
  const Failure& failure = *result.failure;
  Json told = Json::object(
      {{"line", failure.place.line}, {"request", failure.request}, {"expected", failure.expected}});
  if (failure.answer) told.set("got", answer_json(*failure.answer));
  if (failure.explanation) told.set("explanation", decision::to_json(*failure.explanation));
  json.set("failure", std::move(told));
  return json;
}

}  // namespace

Totals totals(std::span<const SuiteResult> results) noexcept {
  Totals sum;
  for (const auto& suite : results) {
    sum.tests += suite.tests.size();
    sum.failures += suite.failures();
  }
  return sum;
}

std::string to_text(std::span<const SuiteResult> results, bool all) {
  std::string out;
  for (const SuiteResult& suite : results) {
    const auto failures = suite.failures();
    out += fmt::format("{}: {} of {} passed\n", suite.suite->file, suite.tests.size() - failures,
                       suite.tests.size());
    for (const TestResult& test : suite.tests) {
      if (test.failure) {
        out += fmt::format("  FAILED {}\n", test.test->name);
        append_indented(out, failure_text(*test.failure), "    ");
      } else if (all) {
        out += fmt::format("  passed {}\n", test.test->name);
      }
    }
  }
  const auto [tests, failures] = totals(results);
  return out + fmt::format("{} tests in {} files, {} failed\n", tests, results.size(), failures);
}

Json to_json(std::span<const SuiteResult> results) {
  const auto [tests, failures] = totals(results);
  Json files = Json::array();
  for (const SuiteResult& suite : results) {
    Json list = Json::array();
    for (const TestResult& test : suite.tests) list.push(test_json(test));
    files.push(Json::object({{"file", suite.suite->file}, {"tests", std::move(list)}}));
  }
  return Json::object({{"tests", static_cast<std::int64_t>(tests)},
                       {"failures", static_cast<std::int64_t>(failures)},
                       {"files", std::move(files)}});
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // XML 1.0 §2.2: no control characters but these, and neither U+FFFE nor U+FFFF.
    const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
    const bool no_character =
        text.substr(i).starts_with("\xef\xbf\xbe") || text.substr(i).starts_with("\xef\xbf\xbf");
    if (control || no_character) {
      out += "\xef\xbf\xbd";
      if (no_character) i += 2;
    } else if (byte == '&') {
      out += "&amp;";
    } else if (byte == '<') {
      out += "&lt;";
    } else if (byte == '>') {
      out += "&gt;";
    } else if (byte == '"') {
      out += "&quot;";
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string to_junit(std::span<const SuiteResult> results) {
  const auto [tests, failures] = totals(results);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"writ test\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n", tests,
                     failures);
  for (const SuiteResult& suite : results) {
    const auto file = xml_text(suite.suite->file);
    std::chrono::microseconds took{0};
    for (const TestResult& test : suite.tests) took += test.took;
    const auto seconds = [](std::chrono::microseconds time) {
      return static_cast<double>(time.count()) / 1e6;
    };
    out += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{:.6f}\">\n",
        file, suite.tests.size(), suite.failures(), seconds(took));
    for (const TestResult& test : suite.tests) {
      out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6f}\"",
                         file, xml_text(test.test->name), file, test.test->place.line, seconds(test.took));
      if (!test.failure) {
        out += "/>\n";
        continue;
      }
      out +=
          fmt::format(">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
                      xml_text(test.failure->answer ? test.failure->answer->code : ""),
                      xml_text(fmt::format("expected {}, got {}", test.failure->expected, test.failure->got)),
                      xml_text(failure_text(*test.failure)));
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace writ::policytest
