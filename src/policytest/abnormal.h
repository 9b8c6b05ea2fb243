// Abnormal paths: requests that are authenticated but wrong, derived from the requests that a suite expects
// to be permitted, and sent the same way: through a World, in the state in which the original was permitted.
//
// A derived request that is permitted is a finding, unless another test expects just that, or a policy that
// permitted it accepts it:
//
//   @accept_abnormal("other-user: support staff share a queue; hidden-claim (without `acr`): read-only")
//
// A dimension alone stands for all that is derived in it, the words in brackets for one such request.
// A dimension that a request does not have (no task, no chain) is said not to apply, and not counted as
// refused. Not thread-safe.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policytest/acceptances.h"
#include "policytest/changed_world.h"
#include "policytest/live.h"
#include "policytest/policy_facts.h"
#include "policytest/suite.h"
#include "policytest/world.h"

namespace writ::policytest {

// In the order of the matrix. The names are in docs/testing.md.
enum class Dimension : std::uint8_t {
  kOtherApplication,
  kNoToken,
  kOtherUser,
  kNoUser,
  kOtherTenant,
  kOtherEnvironment,
  kOtherPurpose,
  kOtherApi,
  kUnbound,
  kWronglyBound,
  kOldToken,
  kLongerChain,
  kShorterChain,
  kSwappedChain,
  kOtherActor,
  kBeforeWindow,
  kAfterWindow,
  kOtherTime,
  kAfterEnd,
  kAfterBudget,
  kLabelledTask,
  kUnapprovedTask,
  kNextAction,
  kNextResource,
  kOtherRoute,
  kOtherAddress,
  kStaleAuthentication,
  kOtherAuthentication,
  kOtherProvider,
  kHiddenClaim,
  kHiddenAttribute,
};
inline constexpr std::size_t kDimensions = 31;
inline constexpr std::string_view kAcceptAbnormal = "accept_abnormal";  // the annotation
std::string_view dimension_name(Dimension dimension) noexcept;          // "other-user"

struct Variant {
  Dimension dimension;
  std::string what;  // "nora in place of niklas"
  RequestSpec request;
  Before before = Before::kNothing;
  ChangedWorld world = nullptr;  // null: the original's

  const Suite& in(const Suite& suite) const noexcept { return world != nullptr ? *world : suite; }
};

// What is around the requests of all suites. Borrows.
struct Surroundings {
  const policy::Loaded& loaded;
  PolicyFacts facts;
  std::map<std::string, PolicyFacts, std::less<>> facts_of_api;  // by its id

  static Surroundings of(const policy::Loaded& loaded);
};

// All that can be derived from a request that was answered with `permit`; none equals it. For a dimension
// without a variant there is nothing.
std::vector<Variant> derive(const Surroundings& surroundings, const Suite& suite, const RequestSpec& original,
                            const Answer& permit);

// A derived request and what became of it.
struct Tried {
  const Suite* suite;
  Variant variant;
  std::string test;  // from which it was derived
  files::Place place;
  Answer answer;
  // The policy that accepts it, in which words and why; empty: none does.
  std::string accepted_by, accepted_as, reason;
  bool is_finding() const noexcept { return answer.permitted() && accepted_by.empty(); }
};

// A request from which nothing was derived, or a derived one that was not tried.
struct NotTried {
  files::Place place;
  std::string test;
  std::string why;
};

struct Cell {
  std::size_t refused = 0, permitted = 0, accepted = 0;
  std::size_t not_sent = 0;               // to the running gateway; `by` says why
  std::size_t not_applicable = 0;         // originals that the dimension does not apply to
  std::map<std::string, std::size_t> by;  // "task-live: task_ended", "policies: policy_no_permit"
};

// What the policies accept, by @accept_abnormal. Fails when one is malformed.
Result<std::vector<Acceptance>> accepted_abnormal(const policy::LoadedPolicies& policies);

class Abnormal {
 public:
  // Borrows. `live`: the running gateway whose answers count, where it can be asked; null: those of the world
  // of each request. `whole`: all that is accepted is needed by the suites that will be run. Fails when an
  // @accept_abnormal is malformed.
  static Result<Abnormal> make(Shared& shared, bool whole, Live* live = nullptr);

  // Derives from, and tries, every request that the suite expects to be permitted. Fails when one is not,
  // unless it was recorded: that one is left out.
  Result<void> run(const Suite& suite);

  std::size_t originals() const noexcept { return originals_; }
  const std::vector<Tried>& tried() const noexcept { return tried_; }
  const std::vector<NotTried>& left_out() const noexcept { return left_out_; }
  std::size_t findings() const noexcept;
  const std::vector<std::string>& apis() const noexcept { return apis_; }
  const Cell& cell(Dimension dimension, std::size_t api) const { return cells_[api][index(dimension)]; }
  // Accepted, and never permitted. Of a part of the suites nobody can say that.
  std::vector<Acceptance> unused_acceptances() const;

 private:
  using Row = std::array<Cell, kDimensions>;
  // A request that a test expects to be permitted, and that is. Borrows.
  struct Original {
    const Suite& suite;
    const Test& test;
    std::size_t step;
    Answer permit;
    const Ask& ask() const { return std::get<Ask>(test.steps[step]); }
  };

  Abnormal(Shared& shared, std::vector<Acceptance> acceptances, bool whole, Live* live)
      : shared_(shared),
        surroundings_(Surroundings::of(shared.loaded)),
        acceptances_(std::move(acceptances)),
        whole_(whole),
        live_(live) {}
  static std::size_t index(Dimension dimension) noexcept { return static_cast<std::size_t>(dimension); }
  Result<std::unique_ptr<World>> world_before(const Original& original, const Suite& suite);
  Result<Answer> permit_of(const Original& original);
  Result<std::string> why_not_live(const Original& original);
  Result<void> try_original(const Original& original);
  Result<bool> ask_live(const Original& original, const Variant& variant, Answer& answer, Cell& cell);
  Result<Answer> answer_of(const Original& original, const Variant& variant);
  void judge(Tried& tried, Cell& cell);
  Row& row_of(const std::string& api);

  Shared& shared_;
  Surroundings surroundings_;
  std::vector<Acceptance> acceptances_;
  bool whole_;
  Live* live_;
  std::vector<Tried> tried_;
  std::vector<NotTried> left_out_;
  std::vector<std::string> apis_;
  std::vector<Row> cells_;          // by API
  std::set<std::string> expected_;  // permitted in the state that their file describes
  std::size_t originals_ = 0;
};

// The keys of a request of a test (docs/testing.md): read by `writ test`, it asks the same.
codec::Json request_to_json(const RequestSpec& request);
// A request file (docs/testing.md) with the world around it: `writ explain` reproduces what was permitted.
codec::Json request_file(const Tried& tried);

// The same content in each. In the text, what is accepted is counted by what accepts it, and listed with
// `all`. In JUnit, a dimension of an API is a test case.
std::string to_text(const Abnormal& abnormal, bool all);
codec::Json to_json(const Abnormal& abnormal);
std::string to_junit(const Abnormal& abnormal);

}  // namespace writ::policytest
