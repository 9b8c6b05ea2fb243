//! Values and evaluation errors in the form in which they are compared.
use cedar_policy::{EvalResult, EvaluationError};
use serde_json::{json, Value};

/// Elements of sets and fields of records in the order of their own JSON text.
pub fn canonical(value: &EvalResult) -> Value {
    match value {
        EvalResult::Bool(value) => json!(value),
        EvalResult::Long(value) => json!(value),
        EvalResult::String(value) => json!(value),
        EvalResult::EntityUid(uid) => json!({"entity": [uid.type_name().to_string(), uid.id().unescaped()]}),
        EvalResult::ExtensionValue(text) => json!({ "extension": text }),
        EvalResult::Set(set) => {
            let mut elements: Vec<String> = set.iter().map(|element| canonical(element).to_string()).collect();
            elements.sort();
            json!({ "set": elements })
        }
        EvalResult::Record(record) => {
            let mut fields: Vec<(String, Value)> =
                record.iter().map(|(name, value)| (name.to_string(), canonical(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            json!({ "record": fields })
        }
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
