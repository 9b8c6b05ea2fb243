//! Values and evaluation errors in the form in which they are compared.
use std::net::IpAddr;
use std::str::FromStr;

use cedar_policy::{
    eval_expression, Context, Entities, EntityId, EntityTypeName, EntityUid, EvalResult, EvaluationError, Expression,
    Request,
};
use serde_json::{json, Value};

/// The reference keeps extension values as they were written; here two spellings of one value are the same.
pub fn canonical(value: &EvalResult) -> Value {
    canonical_at(value, 0)
}

/// Deeper values are not told apart below; the other side knows the same number.
const MAX_SHOWN_DEPTH: usize = 100;

fn canonical_at(value: &EvalResult, depth: usize) -> Value {
    if depth > MAX_SHOWN_DEPTH {
        return json!("...");
    }
    let inner = |value| canonical_at(value, depth + 1);
    match value {
        EvalResult::Bool(value) => json!(value),
        EvalResult::Long(value) => json!(value),
        EvalResult::String(value) => json!(value),
        EvalResult::EntityUid(uid) => json!({"entity": [uid.type_name().to_string(), uid.id().unescaped()]}),
        EvalResult::Set(set) => json!({"set": set.iter().map(inner).collect::<Vec<_>>()}),
        EvalResult::Record(record) => {
            json!({"record": record.iter().map(|(name, value)| json!([name, inner(value)])).collect::<Vec<_>>()})
        }
        EvalResult::ExtensionValue(text) => extension(text),
    }
}

fn extension(text: &str) -> Value {
    if let Some(argument) = argument_of(text, "ip") {
        return json!({ "ip": canonical_ip(argument) });
    }
    if let Some(argument) = argument_of(text, "decimal") {
        return json!({ "decimal": canonical_decimal(argument) });
    }
    if text.starts_with("duration(") {
        return json!({ "duration": evaluate(&format!("({text}).toMilliseconds()")) });
    }
    json!({"datetime": evaluate(&format!("({text}).durationSince(datetime(\"1970-01-01\")).toMilliseconds()"))})
}

fn argument_of<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    text.strip_prefix(function)?.strip_prefix("(\"")?.strip_suffix("\")")
}

/// The address as a number, the prefix, and the family.
fn canonical_ip(text: &str) -> String {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    match IpAddr::from_str(address) {
        Ok(IpAddr::V4(v4)) => format!("4:{:032x}/{}", u32::from(v4), prefix.unwrap_or("32")),
        Ok(IpAddr::V6(v6)) => format!("6:{:032x}/{}", u128::from(v6), prefix.unwrap_or("128")),
        Err(error) => format!("{text}: {error}"),
    }
}

/// In ten-thousandths.
fn canonical_decimal(text: &str) -> Value {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<4}").parse::<i64>().map_or(json!(text), |number| json!(number))
}

/// What a closed expression evaluates to, a number.
fn evaluate(text: &str) -> Value {
    let anyone = EntityUid::from_type_name_and_id(EntityTypeName::from_str("E").expect("a name"), EntityId::new("e"));
    let request = Request::new(anyone.clone(), anyone.clone(), anyone, Context::empty(), None).expect("no schema");
    let expression = Expression::from_str(text).expect("the reference reads what it prints");
    match eval_expression(&request, &Entities::empty(), &expression) {
        Ok(EvalResult::Long(number)) => json!(number),
        Ok(other) => json!(other.to_string()),
        Err(error) => json!(error.to_string()),
    }
}

/// The codes of src/cedar/eval_error.h.
pub fn code(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "missing_entity",
        EvaluationError::EntityAttrDoesNotExist(inner) => {
            if inner.to_string().contains("does not have the tag") {
                "missing_tag"
            } else {
                "missing_attribute"
            }
        }
        EvaluationError::RecordAttrDoesNotExist(_) => "missing_attribute",
        EvaluationError::TypeError(_) => "type_error",
        EvaluationError::WrongNumArguments(_) => "argument_count",
        EvaluationError::IntegerOverflow(_) => "overflow",
        EvaluationError::FailedExtensionFunctionExecution(_) => "extension_error",
        EvaluationError::FailedExtensionFunctionLookup(_) => "no_such_function",
        EvaluationError::RecursionLimit(_) => "recursion_limit",
        _ => "other",
    }
}
