#include "api/access_api.h"

#include "api/parameters.h"

namespace writ::api {
namespace {

using control::AccessQuestion;
using AccessKind = AccessQuestion::Kind;

std::vector<std::string_view> taken_by(AccessKind kind) {
  switch (kind) {
    case AccessKind::kOf:
      return {"id", "api", "action", "all", "quick", "links", "limit", "after"};
    case AccessKind::kTo:
      return {"api", "action", "resource", "all", "quick", "links", "limit", "after"};
    case AccessKind::kPath:
      return {"id", "api", "quick", "links", "limit", "after"};
    case AccessKind::kClasses:
      return {"api", "action", "reads", "strict", "links", "limit", "after"};
    case AccessKind::kDiff:
      return {"from", "to", "links", "limit", "after"};
  }
  return {};
}

}  // namespace

Answer<http::Response> AccessApi::ask(const http::Request& request, AccessKind kind) const {
  const Parameters parameters(request, taken_by(kind));
  TRY(parameters.check());
  constexpr std::uint64_t kMostLinks = 64;
  AccessQuestion question{.kind = kind};
  question.id = TRY(parameters.text("id", kind == AccessKind::kOf || kind == AccessKind::kPath));
  question.api = TRY(parameters.text("api", kind != AccessKind::kOf && kind != AccessKind::kDiff));
  if (kind == AccessKind::kDiff) {
    question.to = TRY(parameters.text("to", true));
    question.from = TRY(parameters.text("from"));
    if (question.from.empty()) question.from = control::kWorldInForce;
  }
  question.action = TRY(parameters.text("action"));
  question.resource = TRY(parameters.text("resource"));
  question.reads = TRY(parameters.list("reads"));
  question.strict = TRY(parameters.flag("strict"));
  question.all = TRY(parameters.flag("all"));
  question.quick = TRY(parameters.flag("quick"));
  question.links = TRY(parameters.number("links", 0, kMostLinks));
  question.limit = TRY(parameters.number("limit", 1, control::kMaxAccessAnswers)).value_or(question.limit);
  question.after = TRY(parameters.text("after"));
  return answer_json(200, TRY(rendered(access_.ask(caller_of(request), question))));
}

Result<void> AccessApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  for (const auto& [path, kind] : {std::pair("/v1/access/of", AccessKind::kOf),
                                   {"/v1/access/to", AccessKind::kTo},
                                   {"/v1/access/path", AccessKind::kPath},
                                   {"/v1/access/classes", AccessKind::kClasses},
                                   {"/v1/access/diff", AccessKind::kDiff}}) {
    TRY(add_read(
        endpoints, path, readers,
        endpoint([this, kind](const http::Request& r, const http::PathValues&) { return ask(r, kind); })));
  }
  return {};
}

}  // namespace writ::api
