// Deriver: what can be wrong with one request, one function for each kind of thing that is changed. Private
// to policytest (abnormal.h, derive()). Borrows; used once.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policytest/abnormal.h"
#include "policytest/ways.h"

namespace writ::policytest {

// What nobody has or is called.
inline constexpr std::string_view kStranger = "somebody-else";  // a user whom only the token names
inline constexpr std::string_view kAnother = "another";         // any other text

inline constexpr std::size_t kMaxResources = 32;  // next to the allowed one, of a type
inline constexpr std::size_t kMaxLabels = 16;     // that a task is tried with

class Deriver {
 public:
  Deriver(const Surroundings& surroundings, const Suite& suite, const RequestSpec& original,
          const Answer& permit);

  std::vector<Variant> derive();

 private:
  using MaybeText = std::optional<std::string> TokenSpec::*;

  // abnormal_derive.cc: the token, and those who take part.
  void parties();
  void places();
  void token();
  void chain();
  void claims();
  // abnormal_scope.cc: what is asked.
  void actions();
  void resources();
  void routes();
  void attributes();
  // abnormal_world.cc: when and where, and in what task.
  void window();
  void other_times();
  void addresses();
  void task();
  void tasks_made_out();

  RequestSpec& add(Dimension dimension, std::string what, Before before = Before::kNothing);
  void add_in(Dimension dimension, std::string what, ChangedWorld world);
  void add_target(Dimension dimension, std::string what, Target target);
  const inventory::Identity* identity(std::string_view id) const;
  bool for_user() const { return original_.token.subject != original_.token.client; }
  bool carried(std::string_view claim) const;
  bool is_meant(std::string_view fact) const;
  void change_claim(Dimension dimension, std::string_view name, MaybeText claim,
                    const std::set<std::string>& values);
  void hide(const token::Claim& claim);
  std::set<std::string> tenants() const;

  void at(Dimension dimension, std::string what, Instant time);
  void moved_to(std::string what, Instant time);

  Target explicit_target() const;
  void next_resource(const cedar::EntityUid& resource);
  void resources_on_the_way();
  void resources_by_attributes();

  bool may_change_task() const;
  task::Task made_out_for(const Variant& variant) const;

  const Surroundings& surroundings_;
  const Suite& suite_;
  const RequestSpec& original_;
  const Answer& permit_;
  const task::Task* task_ = nullptr;
  const inventory::Api* api_ = nullptr;
  const PolicyFacts* facts_ = &surroundings_.facts;  // of the API's policies
  const Ways ways_;
  std::optional<Way> way_;
  std::vector<Variant> variants_;
};

}  // namespace writ::policytest
