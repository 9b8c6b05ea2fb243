// cedar-conformance FOLDER: runs every case of a conformance folder against Writ's Cedar and prints each
// difference.
//
// FOLDER (or a .tar.gz of it) holds JSON files that name a policy file, an entities file and a schema, and
// list requests with the expected decision, reason and errors. Entities and contexts are read with the help
// of the schema, as Cedar's own runner does, and requests are held against it unless `validateRequest` is
// false. File names inside are relative to the folder,
// or to the folder above it; `schemaFormat` and `policyFormat` may say `json`. Each policy set is validated,
// too, and has to pass or fail as `shouldValidate` says. The last line is `N passed, N failed`, counting
// requests (and failed validations); exit status 0 when nothing failed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/conform.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/schema.h"
#include "cedar/validate.h"
#include "codec/json.h"

#include "cedar_properties.h"

namespace {

namespace fs = std::filesystem;
using namespace writ;
using codec::Json;

constexpr codec::JsonLimits kLimits{.max_bytes = 256 << 20, .max_depth = 128};

Result<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure(ErrorCode::kNotFound, fmt::format("cannot read `{}`", path.string()));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A folder that is removed at the end.
class Unpacked {
 public:
  explicit Unpacked(const fs::path& archive) {
    std::string pattern = (fs::temp_directory_path() / "cedar-conformance-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return;
    folder_ = pattern;
    const pid_t child = fork();
    if (child == 0) {
      execlp("tar", "tar", "-xzf", archive.c_str(), "-C", folder_.c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    ok_ = child > 0 && waitpid(child, &status, 0) == child && status == 0;
  }
  ~Unpacked() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  bool ok() const { return ok_; }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
  bool ok_ = false;
};

std::set<std::string> names_of(const Json* array) {
  std::set<std::string> names;
  if (array == nullptr || !array->is_array()) return names;
  for (const Json& name : *array->if_array()) {
    if (name.is_string()) names.insert(*name.if_string());
  }
  return names;
}

std::string show(std::string_view decision, const std::set<std::string>& reason,
                 const std::set<std::string>& errors) {
  return fmt::format("{} reason [{}] errors [{}]", decision, fmt::join(reason, ", "),
                     fmt::join(errors, ", "));
}

class Runner {
 public:
  Runner(fs::path root, bool properties) : root_(std::move(root)), properties_(properties) {}

  void run_folder() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      auto done = run_file(file);
      if (!done) report(file, "", "a case that can be read", done.error().message);
    }
  }

  int finish() const {
    fmt::print("{} policy sets validated as expected\n", validations_);
    fmt::print("{} passed, {} failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0 ? 0 : 1;
  }

 private:
  fs::path resolve(const std::string& name) const {
    return fs::exists(root_ / name) ? root_ / name : root_.parent_path() / name;
  }

  void report(const fs::path& file, std::string_view request, std::string_view expected,
              std::string_view got) {
    ++failed_;
    fmt::print("{}: {}\n  expected: {}\n  got:      {}\n", fs::relative(file, root_).string(), request,
               expected, got);
  }

  Result<std::string> text_of(const Json& test, std::string_view member) const {
    const std::string* name = test.find_string(member);
    if (name == nullptr) return failure(ErrorCode::kInvalid, fmt::format("`{}` is missing", member));
    return read_file(resolve(*name));
  }

  Result<cedar::SchemaPtr> schema_of(const Json& test) const {
    const std::string text = TRY(text_of(test, "schema"));
    const std::string* format = test.find_string("schemaFormat");
    auto schema = format != nullptr && *format == "json" ? cedar::schema_from_json(text)
                                                         : cedar::schema_from_text(text);
    if (schema) return *std::move(schema);
    return failure(ErrorCode::kInvalid, cedar::render_issue("schema", text, schema.error().front()));
  }

  Result<cedar::PolicySet> policies_of(const Json& test, const std::string& text) const {
    const std::string* format = test.find_string("policyFormat");
    if (format != nullptr && *format == "json") return cedar::parse_policies_json(text);
    auto policies = cedar::parse_policies(text);
    if (policies) return *std::move(policies);
    return failure(ErrorCode::kInvalid, cedar::render_issue("policies", text, policies.error().front()));
  }

  void check_validation(const fs::path& file, const Json& test, const cedar::Schema& schema,
                        const cedar::PolicySet& policies, std::string_view text) {
    const Json* expected = test.find("shouldValidate");
    if (expected == nullptr || !expected->is_bool()) return;
    const cedar::Validation result = cedar::validate(schema, policies, {}, text);
    if (result.passed() == *expected->if_bool()) {
      ++validations_;
      return;
    }
    report(file, "validation", result.passed() ? "to be refused" : "to pass",
           result.passed() ? "passed" : cedar::render_issue("policy", text, result.errors.front().issue));
  }

  Result<void> run_file(const fs::path& file) {
    const std::string text = TRY(read_file(file));
    const Json test = TRY(codec::parse_json(text, kLimits));
    const Json* requests = test.find("requests");
    if (requests == nullptr || !requests->is_array() || test.find("policies") == nullptr) return {};

    const std::string policy_text = TRY(text_of(test, "policies"));
    const cedar::PolicySet ast = TRY(policies_of(test, policy_text));
    const auto policies = TRY(cedar::CompiledPolicySet::compile(ast));
    const auto schema = TRY(schema_of(test));
    check_validation(file, test, *schema, ast, policy_text);
    if (properties_) {
      const cedar::PolicySet read = TRY(testing::check_representations(ast));
      from_json_ = TRY(cedar::CompiledPolicySet::compile(read));
      manifest_ = cedar::access_manifest(ast, *schema);
    }
    const std::string entity_text = TRY(text_of(test, "entities"));
    const auto entities = TRY(cedar::entities_from_json(entity_text, *schema, kLimits));
    for (const Json& request : *requests->if_array()) {
      auto done = run_request(file, request, *policies, *schema, *entities);
      if (!done) report(file, description_of(request), "a request that can be read", done.error().message);
    }
    return {};
  }

  static std::string description_of(const Json& request) {
    const std::string* description = request.find_string("description");
    return description != nullptr ? *description : "";
  }

  Result<void> run_request(const fs::path& file, const Json& json, const cedar::CompiledPolicySet& policies,
                           const cedar::Schema& schema, const cedar::Entities& entities) {
    const auto named = [&](std::string_view member) -> Result<cedar::EntityRef> {
      const Json* uid = json.find(member);
      if (uid == nullptr) return failure(ErrorCode::kInvalid, fmt::format("`{}` is missing", member));
      return cedar::entity_from_json(arena_, *uid);
    };
    arena_.reset();
    const Json* context = json.find("context");
    if (context == nullptr) return failure(ErrorCode::kInvalid, "`context` is missing");
    const cedar::EntityRef principal = TRY(named("principal"));
    const cedar::EntityRef action = TRY(named("action"));
    const cedar::EntityRef resource = TRY(named("resource"));
    const cedar::Value value = TRY(cedar::context_from_json(arena_, *context, schema, action));
    const cedar::Request request{principal, action, resource, value};
    const Json* validate = json.find("validateRequest");
    if (validate == nullptr || !validate->is_bool() || *validate->if_bool()) {
      auto valid = cedar::check_request(schema, request);
      if (!valid) return std::unexpected(std::move(valid).error().in("request validation"));
    }
    if (properties_) {
      TRY(testing::check_partial(policies, request, entities));
      TRY(testing::check_manifest(manifest_, policies, request, entities));
    }
    const testing::Outcome outcome = testing::decide(policies, request, entities);
    if (properties_ && testing::decide(*from_json_, request, entities) != outcome)
      return failure(ErrorCode::kInternal, "the policies decide otherwise when they come from JSON");
    const std::string got = show(outcome.allowed ? "allow" : "deny", outcome.reason, outcome.errors);
    const std::string* decision = json.find_string("decision");
    const std::string expected = show(decision != nullptr ? *decision : "", names_of(json.find("reason")),
                                      names_of(json.find("errors")));
    if (got == expected) {
      ++passed_;
    } else {
      report(file, description_of(json), expected, got);
    }
    return {};
  }

  fs::path root_;
  bool properties_;
  std::vector<cedar::PolicyAccess> manifest_;
  std::shared_ptr<const cedar::CompiledPolicySet> from_json_;
  std::size_t validations_ = 0;
  std::size_t passed_ = 0;
  std::size_t failed_ = 0;
  cedar::Arena arena_;
};

}  // namespace

// The status by which ctest knows a test that was skipped.
constexpr int kSkipped = 77;

int main(int argc, char** argv) {
  const bool properties = argc > 1 && std::string_view(argv[1]) == "--properties";
  if (argc != (properties ? 3 : 2)) {
    fmt::print(stderr, "usage: cedar-conformance [--properties] FOLDER|ARCHIVE.tar.gz\n");
    return 2;
  }
  const fs::path given = fs::absolute(argv[argc - 1]).lexically_normal();
  if (!fs::exists(given)) {
    fmt::print(stderr,
               "cedar-conformance: skipped, there is no `{}`; -DWRIT_CONFORMANCE_DIR names the folder\n",
               given.string());
    return kSkipped;
  }
  if (fs::is_directory(given)) {
    Runner runner(given.has_filename() ? given : given.parent_path(), properties);
    runner.run_folder();
    return runner.finish();
  }
  const Unpacked unpacked(given);
  if (!unpacked.ok()) {
    fmt::print(stderr, "cedar-conformance: cannot unpack `{}`\n", given.string());
    return 2;
  }
  Runner runner(unpacked.folder(), properties);
  runner.run_folder();
  return runner.finish();
}
