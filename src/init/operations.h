// The operations of an OpenAPI document, and everything of it that Writ does not take over.
//
// Whatever is left out has a note: no operation, and no construct that says how a request is made, goes
// missing without a word. Plain values; what they say is the document's, and not yet safe to write anywhere
// (init/render.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "init/answers.h"
#include "init/document.h"

namespace writ::init {

struct Note {
  std::string place;        // "GET /orders/{id}", "servers"; empty: the document
  std::string text;         // what is so, and what comes of it
  bool not_routed = false;  // the gateway will not take these requests
};

struct Operation {
  std::string method;                   // "GET"
  std::string path;                     // with the server's base path: "/v1/orders/{id}"
  std::string behind = {};              // what the document writes behind it, and no path has: "?beta=true"
  std::string id;                       // `operationId`; may be empty
  std::vector<std::string> query;       // the names of its parameters in the query
  bool any_query = false;               // one of them stands for names that are not listed
  std::vector<std::string> headers;     // of parameters
  std::vector<std::string> texts = {};  // parameters of the path that are texts
  std::vector<std::string> scopes;      // sorted
  bool is_open = false;                 // the document asks for no credential
  bool streams = false;                 // its answer is a stream of events, and never anything else
  std::optional<AnswerShape> answer = {};  // of any method: whose a resource is, where its answer tells it
  std::vector<std::string> likely_owners = {};  // of GET: likely_owners()
  std::vector<std::string> body = {};           // of what is created: required_ids()
  std::vector<std::string> sets = {};           // of what is changed: body_names()

  std::string name() const { return method + " " + path + behind; }
};

struct Reading {
  std::string title, version;
  std::string origin;                 // of the first server, "https://api.example.com"; may be empty
  std::string base;                   // its path: "/v1", or empty
  std::vector<std::string> issuers;   // that the security schemes name
  std::vector<Operation> operations;  // in the document's order
  std::vector<Note> notes;
};

// `owner` as answer_shape() takes it.
Reading read_operations(const Document& document, std::string_view owner = {});

}  // namespace writ::init
