// Fixtures: a suite's own identities, entities and tasks, laid over the configuration's world. Private to
// policytest; used while a file is read.
#pragma once

#include "policy/load.h"
#include "policytest/request_reader.h"
#include "policytest/suite.h"

namespace writ::policytest {

// Identities in the configuration's own form; one of a known id replaces it.
inventory::Change read_identities(const files::Fields& fixtures, const policy::Loaded& loaded);

// Entities in Cedar's JSON form, written in YAML; `uid` and `parents` may be written as policies write them.
// One of a known uid replaces it. With schemas they have to conform.
std::shared_ptr<const cedar::Entities> read_entities(const files::Fields& fixtures,
                                                     const policy::Loaded& loaded);

// Null: facts about resources of this type are not asked for.
const config::DeclaredSource* source_of(const policy::Loaded& loaded, std::string_view type);

// What sources of facts say of resources: a list of `resource` with `attributes`, or with `known: false`.
// Held against the schema as a source's own answer is.
std::map<cedar::EntityUid, std::shared_ptr<const sources::ToldFacts>> read_answers(
    const files::Fields& fixtures, const policy::Loaded& loaded);

// Tasks by id, in the form of POST /v1/tasks, with what became of them: `opened`, `state`, `used`.
std::vector<TaskFixture> read_tasks(const files::Fields& fixtures, RequestReader& reader, Instant now);

// The keys that say a task, here and in POST /v1/tasks, without its window, approvals and parent.
codec::Json task_json(const task::Task& task);

}  // namespace writ::policytest
