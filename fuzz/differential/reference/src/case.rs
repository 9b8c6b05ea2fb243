//! A case as the comparing program sends it. Cedar's own texts travel as strings, so that each side reads the very
//! same bytes.
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Uid {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

#[derive(Deserialize)]
pub struct Link {
    pub template: String,
    pub id: String,
    #[serde(default)]
    pub principal: Option<Uid>,
    #[serde(default)]
    pub resource: Option<Uid>,
}

#[derive(Deserialize)]
pub struct Request {
    pub principal: Uid,
    pub action: Uid,
    pub resource: Uid,
    pub context: String,
}

#[derive(Deserialize)]
pub struct Case {
    pub schema: String,
    #[serde(default)]
    pub schema_is_json: bool,
    pub policies: String,
    /// In the JSON policy format.
    #[serde(default)]
    pub policies_are_json: bool,
    #[serde(default)]
    pub links: Vec<Link>,
    pub entities: String,
    #[serde(default)]
    pub requests: Vec<Request>,
    /// Expressions whose values are compared, for each request.
    #[serde(default)]
    pub expressions: Vec<String>,
    /// Texts that may be names of entity types.
    #[serde(default)]
    pub names: Vec<String>,
    /// Whether what was read is to be printed in its other forms.
    #[serde(default)]
    pub print: bool,
}
