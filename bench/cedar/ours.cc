// cedar-bench-ours: Writ's Cedar as one of the three contestants of bench/cedar. The other two, crate/ and
// go/, take the same arguments, read the same files and print the same JSON.
//
//   decide FOLDER [--modes decide,values,json] [--hierarchies A:B] [--seconds S] [--repeat N]
//       Answers the requests of FOLDER (see generate.py) and prints, for each mode, the nanoseconds of one
//       answer, the allocations of one answer, and a digest of each group of twenty answers. A group is
//       answered once before it is timed. Modes: `decide`: the request is ready; `values`: it is made of
//       strings, numbers and booleans first; `json`: it is read from text first. --hierarchies: only those
//       sets of entities. --seconds: how long a mode may take. --repeat: how often a group is answered under
//       the clock.
//   load policies|entities FILE
//       Seconds from text to what answers requests, and the memory that stays, as resident set.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <malloc.h>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/testing/allocations.h"
#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/conform.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/schema.h"
#include "codec/json.h"

namespace {

using namespace writ;
using codec::Json;
using Clock = std::chrono::steady_clock;

constexpr codec::JsonLimits kLimits{.max_bytes = std::size_t{4} << 30, .max_depth = 64};
constexpr std::size_t kGroup = 20;

[[noreturn]] void fail(std::string_view what) {
  fmt::print(stderr, "cedar-bench-ours: {}\n", what);
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result) fail(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class T>
T need(cedar::Parsed<T> result) {
  if (!result) fail(result.error().front().message);
  return *std::move(result);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  return lines;
}

// What reading the clock twice adds to every time.
std::int64_t clock_nanoseconds() {
  std::vector<std::int64_t> costs(10'000);
  for (std::int64_t& cost : costs) {
    const Clock::time_point before = Clock::now();
    cost = (Clock::now() - before).count();
  }
  return std::accumulate(costs.begin(), costs.end(), std::int64_t{0}) / std::ssize(costs);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

using PolicySet = std::shared_ptr<const cedar::CompiledPolicySet>;
using EntityStore = std::shared_ptr<const cedar::Entities>;

PolicySet load_policies(std::string_view text) {
  return need(cedar::CompiledPolicySet::compile(need(cedar::parse_policies(text))));
}

// A request as an application holds it.
struct Plain {
  using Field = std::variant<bool, std::int64_t, std::string>;
  struct Name {
    std::string type;
    std::string id;
  };
  Name principal, action, resource;
  std::vector<std::pair<std::string, Field>> context;
};

Plain plain_from_json(const Json& json) {
  const auto name = [&](std::string_view member) {
    const Json* uid = json.find(member);
    return Plain::Name{*uid->find_string("type"), *uid->find_string("id")};
  };
  Plain plain{name("principal"), name("action"), name("resource"), {}};
  for (const auto& [key, value] : *json.find("context")->if_object()) {
    if (const bool* boolean = value.if_bool()) plain.context.emplace_back(key, *boolean);
    if (const std::int64_t* number = value.if_int()) plain.context.emplace_back(key, *number);
    if (const std::string* text = value.if_string()) plain.context.emplace_back(key, *text);
  }
  return plain;
}

// Where requests are made, one at a time or many.
class RequestMaker {
 public:
  void reset() { arena_.reset(); }

  cedar::Request from_plain(const Plain& plain) {
    fields_.clear();
    for (const auto& [key, field] : plain.context) {
      fields_.emplace_back(key, std::visit([&](const auto& value) { return to_value(value); }, field));
    }
    return {uid(plain.principal), uid(plain.action), uid(plain.resource),
            cedar::make_record(arena_, std::span<const cedar::Field>(fields_))};
  }

  cedar::Request from_json(std::string_view text) {
    const Json json = need(codec::parse_json(text));
    const auto uid_at = [&](std::string_view member) {
      return need(cedar::entity_from_json(arena_, *json.find(member)));
    };
    return {uid_at("principal"), uid_at("action"), uid_at("resource"),
            need(cedar::record_from_json(arena_, *json.find("context")))};
  }

 private:
  cedar::EntityRef uid(const Plain::Name& name) { return arena_.entity(name.type, name.id); }
  cedar::Value to_value(bool value) { return cedar::Value::boolean(value); }
  cedar::Value to_value(std::int64_t value) { return cedar::Value::integer(value); }
  cedar::Value to_value(const std::string& value) { return cedar::make_string(arena_, value); }

  cedar::Arena arena_;
  std::vector<cedar::Field> fields_;
};

// FNV-1a over `allow policy1 policy7! policy3;` for each answer: the decision, its reasons, the policies that
// failed.
class Digest {
 public:
  void add(const cedar::CompiledPolicySet& policies, const cedar::Evaluation& answer) {
    add(answer.allowed() ? "allow" : "deny");
    ids_.clear();
    for (const cedar::PolicyIndex policy : answer.reason()) ids_.push_back(policies.id(policy));
    add_sorted(" ");
    for (const cedar::PolicyError& error : answer.errors()) ids_.push_back(policies.id(error.policy));
    add_sorted("! ");
    add(";");
  }
  std::string take() {
    std::string text = fmt::format("{:016x}", hash_);
    hash_ = kStart;
    return text;
  }

 private:
  static constexpr std::uint64_t kStart = 0xcbf29ce484222325;

  void add(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  void add_sorted(std::string_view before) {
    std::sort(ids_.begin(), ids_.end());
    for (const std::string_view id : ids_) {
      add(before);
      add(id);
    }
    ids_.clear();
  }

  std::uint64_t hash_ = kStart;
  std::vector<std::string_view> ids_;
};

struct Options {
  std::vector<std::string> modes{"decide"};
  std::size_t first = 0;
  std::size_t last = SIZE_MAX;
  double seconds = 3600;
  std::size_t repeat = 1;
};

struct Measured {
  std::vector<std::uint64_t> nanoseconds;
  std::size_t allocations = 0;
  std::size_t counted = 0;
  double seconds_left = 0;
  Json digests = Json::array();
};

class Contest {
 public:
  Contest(PolicySet policies, const Options& options) : policies_(std::move(policies)), options_(options) {
    for (const std::string& mode : options.modes) measured_[mode].seconds_left = options.seconds;
  }

  // All requests of one set of entities.
  void run(const cedar::Entities& entities, std::span<const std::string> texts) {
    std::vector<Plain> plain;
    RequestMaker keeper;
    std::vector<cedar::Request> ready;
    for (const std::string& text : texts) {
      plain.push_back(plain_from_json(need(codec::parse_json(text))));
      ready.push_back(keeper.from_plain(plain.back()));
    }
    const cedar::EntityView view(entities);
    const auto authorize = [&](const cedar::Request& request) {
      cedar::authorize(*policies_, request, view, evaluation_);
    };
    for (auto& [mode, measured] : measured_) {
      if (mode == "decide") {
        run_groups(measured, texts.size(), [&](std::size_t i) { authorize(ready[i]); });
      } else if (mode == "values") {
        run_groups(measured, texts.size(), [&](std::size_t i) {
          maker_.reset();
          authorize(maker_.from_plain(plain[i]));
        });
      } else {
        run_groups(measured, texts.size(), [&](std::size_t i) {
          maker_.reset();
          authorize(maker_.from_json(texts[i]));
        });
      }
    }
  }

  Json report() {
    Json modes = Json::object();
    for (auto& [mode, measured] : measured_) {
      std::vector<std::uint64_t>& times = measured.nanoseconds;
      std::sort(times.begin(), times.end());
      const auto at = [&](double part) {
        return Json(static_cast<std::int64_t>(times[static_cast<std::size_t>(part * (times.size() - 1))]));
      };
      modes.set(mode, Json::object({{"answers", Json(static_cast<std::int64_t>(times.size()))},
                                    {"median_ns", at(0.5)},
                                    {"p99_ns", at(0.99)},
                                    {"mean_ns", Json(std::accumulate(times.begin(), times.end(), 0.0) /
                                                     static_cast<double>(times.size()))},
                                    {"clock_ns", Json(clock_nanoseconds())},
                                    {"allocations", Json(static_cast<double>(measured.allocations) /
                                                         static_cast<double>(measured.counted))},
                                    {"digests", std::move(measured.digests)}}));
    }
    return modes;
  }

 private:
  template <class Answer>
  void run_groups(Measured& measured, std::size_t requests, Answer answer) {
    for (std::size_t begin = 0; begin < requests && measured.seconds_left > 0; begin += kGroup) {
      const std::size_t end = std::min(begin + kGroup, requests);
      const Clock::time_point start = Clock::now();
      for (std::size_t i = begin; i < end; ++i) {
        answer(i);
        digest_.add(*policies_, evaluation_);
      }
      measured.digests.push(digest_.take());
      if (measured.counted == 0) {
        measured.counted = end - begin;
        measured.allocations = testing::allocations_of([&] {
          for (std::size_t i = begin; i < end; ++i) answer(i);
        });
      }
      for (std::size_t round = 0; round < options_.repeat; ++round) {
        for (std::size_t i = begin; i < end; ++i) {
          const Clock::time_point before = Clock::now();
          answer(i);
          measured.nanoseconds.push_back(static_cast<std::uint64_t>((Clock::now() - before).count()));
        }
      }
      measured.seconds_left -= seconds_since(start);
    }
  }

  PolicySet policies_;
  const Options& options_;
  std::map<std::string, Measured> measured_;
  cedar::Evaluation evaluation_;
  RequestMaker maker_;
  Digest digest_;
};

int decide(const std::string& folder, const Options& options) {
  const PolicySet policies = load_policies(read_file(folder + "/policies.cedar"));
  const auto schema = need(cedar::schema_from_text(read_file(folder + "/schema.cedarschema")));
  const std::vector<std::string> hierarchies = read_lines(folder + "/entities.jsonl");
  const std::vector<std::string> requests = read_lines(folder + "/requests.jsonl");
  const std::size_t each = requests.size() / hierarchies.size();
  Contest contest(policies, options);
  for (std::size_t i = options.first; i < std::min(options.last, hierarchies.size()); ++i) {
    const EntityStore entities = need(cedar::entities_from_json(hierarchies[i], *schema, kLimits));
    contest.run(*entities, std::span(requests).subspan(i * each, each));
  }
  fmt::print("{}\n", contest.report().dump());
  return 0;
}

// Bytes of the resident set, after what is free was given back.
std::int64_t resident_bytes() {
  malloc_trim(0);
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * 4096;
}

int load(const std::string& what, const std::string& path) {
  const std::string text = read_file(path);
  const std::int64_t before = resident_bytes();
  const Clock::time_point start = Clock::now();
  PolicySet policies;
  EntityStore entities;
  if (what == "policies") {
    policies = load_policies(text);
  } else {
    entities = need(cedar::entities_from_json(text, kLimits));
  }
  const double seconds = seconds_since(start);
  const std::size_t count = policies ? policies->size() : entities->size();
  const Json report = Json::object({{"seconds", Json(seconds)},
                                    {"count", Json(static_cast<std::int64_t>(count))},
                                    {"resident_bytes", Json(resident_bytes() - before)}});
  fmt::print("{}\n", report.dump());
  return 0;
}

template <class T>
T number(std::string_view text) {
  T value{};
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) {
    fail(fmt::format("`{}` is not a number", text));
  }
  return value;
}

Options options_from(std::span<const std::string> arguments) {
  Options options;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--modes") {
      options.modes.clear();
      for (std::size_t at = 0; at <= value.size();) {
        const std::size_t end = std::min(value.find(',', at), value.size());
        options.modes.push_back(value.substr(at, end - at));
        at = end + 1;
      }
    } else if (arguments[i] == "--hierarchies") {
      const std::size_t colon = value.find(':');
      options.first = number<std::size_t>(std::string_view(value).substr(0, colon));
      options.last = number<std::size_t>(std::string_view(value).substr(colon + 1));
    } else if (arguments[i] == "--seconds") {
      options.seconds = number<double>(value);
    } else if (arguments[i] == "--repeat") {
      options.repeat = number<std::size_t>(value);
    } else {
      fail(fmt::format("unknown option `{}`", arguments[i]));
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() >= 2 && arguments[0] == "decide") {
    return decide(arguments[1], options_from(std::span(arguments).subspan(2)));
  }
  if (arguments.size() == 3 && arguments[0] == "load") return load(arguments[1], arguments[2]);
  fail("usage: decide FOLDER [OPTION VALUE]... | load policies|entities FILE");
}
