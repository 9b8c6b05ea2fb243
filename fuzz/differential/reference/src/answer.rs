//! What the reference makes of a case.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use cedar_policy::{
    eval_expression, Authorizer, AuthorizationError, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid,
    Expression, PolicyId, PolicySet, Request, Schema, SchemaFragment, SlotId, ValidationMode, ValidationResult, ValidationWarning,
    Validator,
};
use serde::Serialize;
use serde_json::Value;

use crate::case;
use crate::value::{canonical, code};

const LEVELS: [u32; 3] = [0, 1, 2];

/// Ids of policies.
type Ids = BTreeSet<String>;
/// What the reference complained of, for people; not compared.
type Complaints = BTreeMap<&'static str, String>;

#[derive(Serialize)]
struct Validation {
    strict: Ids,
    permissive: Ids,
    /// Policies that can never apply (a warning of strict mode).
    impossible: Ids,
    /// At each of the levels 0, 1, 2, in strict mode.
    levels: Vec<Ids>,
}

#[derive(Serialize)]
struct Outcome {
    allow: bool,
    reason: Ids,
    /// Policy id to the code of its evaluation error.
    errors: BTreeMap<String, &'static str>,
    /// The value of each expression of the case, or `{"error": code}`.
    values: Vec<Value>,
}

#[derive(Serialize)]
struct RequestAnswer {
    /// Whether principal, action and resource are names.
    names: bool,
    /// Whether the context can be read.
    context: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_by_schema: Option<bool>,
    /// Whether the request conforms to the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// With entities and context read with the help of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_by_schema: Option<Outcome>,
    complaints: Complaints,
}

#[derive(Serialize, Default)]
struct Printed {
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_text: Option<String>,
}

#[derive(Serialize)]
pub struct Answer {
    schema: bool,
    policies: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, BTreeMap<String, String>>>,
    links: Vec<bool>,
    entities: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities_by_schema: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<Validation>,
    /// Whether each expression parses.
    expressions: Vec<bool>,
    requests: Vec<RequestAnswer>,
    /// Whether each name is that of an entity type.
    names: Vec<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    printed: Option<Printed>,
    complaints: Complaints,
}

/// The id itself; printed it would be escaped.
fn text(id: &PolicyId) -> String {
    AsRef::<str>::as_ref(id).to_string()
}

fn uid(named: &case::Uid) -> Option<EntityUid> {
    let kind = EntityTypeName::from_str(&named.kind).ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(&named.id)))
}

fn link(policies: &mut PolicySet, link: &case::Link) -> bool {
    let mut slots = HashMap::new();
    for (slot, named) in [(SlotId::principal(), &link.principal), (SlotId::resource(), &link.resource)] {
        let Some(named) = named else { continue };
        let Some(uid) = uid(named) else { return false };
        slots.insert(slot, uid);
    }
    policies.link(PolicyId::new(&link.template), PolicyId::new(&link.id), slots).is_ok()
}

fn annotations(policies: &PolicySet) -> BTreeMap<String, BTreeMap<String, String>> {
    let own = |pairs: &mut dyn Iterator<Item = (&str, &str)>| {
        pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect()
    };
    let of_policies = policies.policies().map(|policy| (text(policy.id()), own(&mut policy.annotations())));
    let of_templates = policies.templates().map(|policy| (text(policy.id()), own(&mut policy.annotations())));
    of_policies.chain(of_templates).collect()
}

fn refused(result: &ValidationResult) -> Ids {
    result.validation_errors().map(|error| text(error.policy_id())).collect()
}

fn validate(schema: &Schema, policies: &PolicySet, complaints: &mut Complaints) -> Validation {
    let validator = Validator::new(schema.clone());
    let strict = validator.validate(policies, ValidationMode::Strict);
    let permissive = validator.validate(policies, ValidationMode::Permissive);
    if let Some(error) = strict.validation_errors().next() {
        complaints.insert("strict", error.to_string());
    }
    if let Some(error) = permissive.validation_errors().next() {
        complaints.insert("permissive", error.to_string());
    }
    let impossible = strict.validation_warnings().filter_map(|warning| match warning {
        ValidationWarning::ImpossiblePolicy(warning) => Some(text(warning.policy_id())),
        _ => None,
    });
    Validation {
        strict: refused(&strict),
        permissive: refused(&permissive),
        impossible: impossible.collect(),
        levels: LEVELS
            .iter()
            .map(|level| refused(&validator.validate_with_level(policies, ValidationMode::Strict, *level)))
            .collect(),
    }
}

fn outcome(request: &Request, policies: &PolicySet, entities: &Entities, expressions: &[Option<Expression>]) -> Outcome {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let value_of = |expression: &Expression| match eval_expression(request, entities, expression) {
        Ok(value) => canonical(&value),
        Err(error) => serde_json::json!({ "error": code(&error) }),
    };
    Outcome {
        allow: response.decision() == Decision::Allow,
        reason: response.diagnostics().reason().map(text).collect(),
        errors: response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| (text(error.policy_id()), code(error.inner())))
            .collect(),
        values: expressions.iter().map(|expression| expression.as_ref().map_or(Value::Null, value_of)).collect(),
    }
}

/// What all requests of a case share.
struct Ground {
    schema: Option<Schema>,
    policies: Option<PolicySet>,
    entities: Option<Entities>,
    entities_by_schema: Option<Entities>,
    expressions: Vec<Option<Expression>>,
}

fn answer_request(ground: &Ground, asked: &case::Request) -> RequestAnswer {
    let mut answer = RequestAnswer {
        names: false,
        context: false,
        context_by_schema: None,
        valid: None,
        outcome: None,
        outcome_by_schema: None,
        complaints: BTreeMap::new(),
    };
    let context = Context::from_json_str(&asked.context, None);
    answer.context = context.is_ok();
    let (Some(principal), Some(action), Some(resource)) = (uid(&asked.principal), uid(&asked.action), uid(&asked.resource))
    else {
        return answer;
    };
    answer.names = true;
    let with = |context: Context, schema: Option<&Schema>| {
        Request::new(principal.clone(), action.clone(), resource.clone(), context, schema)
    };
    match context {
        Err(error) => drop(answer.complaints.insert("context", error.to_string())),
        Ok(context) => {
            let request = with(context, None).expect("without a schema every request is accepted");
            if let (Some(policies), Some(entities)) = (&ground.policies, &ground.entities) {
                answer.outcome = Some(outcome(&request, policies, entities, &ground.expressions));
            }
        }
    }
    let Some(schema) = &ground.schema else { return answer };
    let context = Context::from_json_str(&asked.context, Some((schema, &action)));
    answer.context_by_schema = Some(context.is_ok());
    match context {
        Err(error) => drop(answer.complaints.insert("context_by_schema", error.to_string())),
        Ok(context) => {
            let valid = with(context.clone(), Some(schema));
            answer.valid = Some(valid.is_ok());
            if let Err(error) = valid {
                answer.complaints.insert("request", error.to_string());
            }
            let request = with(context, None).expect("without a schema every request is accepted");
            if let (Some(policies), Some(entities)) = (&ground.policies, &ground.entities_by_schema) {
                answer.outcome_by_schema = Some(outcome(&request, policies, entities, &ground.expressions));
            }
        }
    }
    answer
}

fn print(case: &case::Case, policies: Option<&PolicySet>) -> Printed {
    let schema = if case.schema_is_json {
        SchemaFragment::from_json_str(&case.schema).ok()
    } else {
        SchemaFragment::from_cedarschema_str(&case.schema).ok().map(|(fragment, _warnings)| fragment)
    };
    Printed {
        policies: policies.and_then(|set| set.clone().to_json().ok()).map(|json| json.to_string()),
        schema_json: schema.as_ref().and_then(|fragment| fragment.to_json_string().ok()),
        schema_text: schema.as_ref().and_then(|fragment| fragment.to_cedarschema().ok()),
    }
}

pub fn answer(case: &case::Case) -> Answer {
    let mut complaints = BTreeMap::new();
    // The value, or the reason why there is none among the complaints.
    fn keep<T, E: ToString>(
        complaints: &mut Complaints,
        what: &'static str,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| complaints.insert(what, error.to_string())).ok()
    }

    let schema = if case.schema_is_json {
        keep(&mut complaints, "schema", Schema::from_json_str(&case.schema))
    } else {
        keep(&mut complaints, "schema", Schema::from_cedarschema_str(&case.schema).map(|(schema, _warnings)| schema))
    };
    let mut policies = if case.policies_are_json {
        keep(&mut complaints, "policies", PolicySet::from_json_str(&case.policies))
    } else {
        keep(&mut complaints, "policies", PolicySet::from_str(&case.policies))
    };
    let links = case.links.iter().map(|each| policies.as_mut().is_some_and(|set| link(set, each))).collect();
    let annotations = policies.as_ref().map(annotations);
    let entities = keep(&mut complaints, "entities", Entities::from_json_str(&case.entities, None));
    let entities_by_schema = schema.as_ref().and_then(|schema| {
        keep(&mut complaints, "entities_by_schema", Entities::from_json_str(&case.entities, Some(schema)))
    });
    let expressions: Vec<Option<Expression>> = case
        .expressions
        .iter()
        .map(|text| keep(&mut complaints, "expression", Expression::from_str(text)))
        .collect();
    let validation = match (&schema, &policies) {
        (Some(schema), Some(policies)) => Some(validate(schema, policies, &mut complaints)),
        _ => None,
    };
    let mut answer = Answer {
        schema: schema.is_some(),
        policies: policies.is_some(),
        annotations,
        links,
        entities: entities.is_some(),
        entities_by_schema: schema.as_ref().map(|_| entities_by_schema.is_some()),
        validation,
        expressions: expressions.iter().map(Option::is_some).collect(),
        requests: Vec::new(),
        names: case.names.iter().map(|text| EntityTypeName::from_str(text).is_ok()).collect(),
        printed: case.print.then(|| print(case, policies.as_ref())),
        complaints: BTreeMap::new(),
    };
    if !answer.schema {
        // A fragment may name what no fragment declares.
        if let Some(printed) = &mut answer.printed {
            printed.schema_json = None;
            printed.schema_text = None;
        }
    }
    let ground = Ground { schema, policies, entities, entities_by_schema, expressions };
    answer.requests = case.requests.iter().map(|asked| answer_request(&ground, asked)).collect();
    answer.complaints = complaints;
    answer
}
