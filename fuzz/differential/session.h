// Session: puts cases to Writ and to the reference, compares, and keeps the account.
//
// Writ answers in this process while the reference works on what was sent before. A case on which the
// reference panics or dies is saved and counted apart: it says nothing about Writ.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

#include "case.h"
#include "compare.h"
#include "reference.h"

namespace writ::differential {

struct Account {
  std::uint64_t sets = 0;   // cases in the sense of case.h
  std::uint64_t cases = 0;  // (policy set, entities, request) that both sides decided
  std::uint64_t differences = 0;
  std::uint64_t reference_failures = 0;
  std::map<std::string, std::uint64_t, std::less<>> outcomes;
  std::map<std::string, std::uint64_t, std::less<>> deviations;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> start(std::string reference_program, std::filesystem::path folder);

  Result<void> put(Case asked);
  // Waits for all answers.
  Result<void> finish();
  const Account& account() const noexcept { return account_; }

 private:
  // So many cases are with the reference at a time.
  static constexpr std::size_t kInFlight = 48;
  // Of each kind of difference so many are shrunk and saved.
  static constexpr std::uint64_t kSavedOfAKind = 5;

  struct Pending {
    Case asked;
    std::string line;
    codec::Json writ;
  };

  Session(std::string program, std::filesystem::path folder)
      : program_(std::move(program)), folder_(std::move(folder)) {}
  Result<void> settle_one();
  Result<void> restart();
  void compare(const Pending& pending, const codec::Json& reference);
  void count(const codec::Json& writ);
  void count_outcome(const codec::Json& outcome);
  void report(const Pending& pending, const Difference& difference);
  Case shrunk(const Case& asked, const std::string& kind);
  std::filesystem::path save(const Case& asked, std::string_view name);

  std::string program_;
  std::filesystem::path folder_;
  std::unique_ptr<Reference> reference_;
  std::unique_ptr<Reference> for_shrinking_;
  std::deque<Pending> pending_;
  std::map<std::string, std::uint64_t> seen_;
  Account account_;
};

// For one case: both answers, as text with the differences.
Result<std::string> replay(const std::string& reference_program, const Case& asked);

}  // namespace writ::differential
