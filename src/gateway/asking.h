// Asking: one question to an API on its way (gateway/api_question.h), from Enforcer::ask over the API's
// answer to Enforcer::answer. Who asks derives from it, so that both are one object and live as long.
//
// Stays on the loop of the question's exchange, but for a long answer, which a worker reads.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "gateway/api_question.h"
#include "gateway/whole_answer.h"
#include "http/upstream_call.h"

namespace writ::gateway {

class Asking : public std::enable_shared_from_this<Asking> {
 public:
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  virtual ~Asking() = default;

 protected:
  // `keeps`: what the parts are of.
  Asking(const ApiQuestionParts& parts, const AnswerReader& reader, std::shared_ptr<void> keeps)
      : keeps_(std::move(keeps)), parts_(parts), reader_(reader) {}

  // Once. What `about` and `question` borrow lives until decided(); the route is of what is in force by the
  // question.
  void ask(const ApiQuestion& about, enforce::Question question);
  // Once, on the loop.
  virtual void decided(ApiOutcome&& outcome) = 0;

  const ApiQuestionParts& parts() const noexcept { return parts_; }
  const AnswerReader& reader() const noexcept { return reader_; }

 private:
  void give(http::Response response);
  void on_loop(http::Task work);
  void ask_api();
  std::string why_not(const http::InboundHead& head);
  void on_answer(std::expected<WholeAnswer, UnreadAnswer>&& answer);
  void on_failure(const http::CallError& error);
  void conclude_unread(std::string why);
  void conclude();
  void parse();
  void decide();
  void end();

  const std::shared_ptr<void> keeps_;
  const ApiQuestionParts parts_;
  const AnswerReader& reader_;
  std::optional<ApiQuestion> about_;
  std::optional<enforce::Question>
      question_;  // until the second step is done; outlives the call to its route
  std::optional<enforce::RequestId> id_;
  std::optional<enforce::ApiAsked> asked_;
  std::optional<enforce::Outcome> outcome_;  // without an ApiAsked, or after it
  http::UpstreamCall call_;
  http::InboundHead head_{};
  std::string body_;
  std::optional<AnswerReader::Read> read_;
  std::optional<http::Response> unreached_;
};

}  // namespace writ::gateway
