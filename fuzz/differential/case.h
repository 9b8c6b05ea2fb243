// Case: what is put to Writ's Cedar and to the reference, and read alike by both: the texts of a schema,
// policies and entities, and requests. As JSON it is a line to the reference
// (fuzz/differential/reference/src/case.rs) and the content of a saved file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cedar/ast.h"
#include "codec/json.h"

namespace writ::differential {

// Names may be malformed on purpose.
struct AskedRequest {
  cedar::EntityUid principal;
  cedar::EntityUid action;
  cedar::EntityUid resource;
  std::string context;  // JSON
};

struct Case {
  std::string schema;
  bool schema_is_json = false;
  std::string policies;
  bool policies_are_json = false;  // the format of cedar/policy_json.h
  std::vector<cedar::TemplateLink> links = {};
  std::string entities = "[]";
  std::vector<AskedRequest> requests = {};
  std::vector<std::string> expressions = {};  // their values are compared, for each request
  std::vector<std::string> names = {};        // they may be those of entity types
  bool print = false;                         // the reference prints what it read, for Writ to read
  std::string origin = {};                    // "seed 1 number 17", for people
};

codec::Json to_json(const Case& asked);
Result<Case> case_from_json(const codec::Json& json);

}  // namespace writ::differential
