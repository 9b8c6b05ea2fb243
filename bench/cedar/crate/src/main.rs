//! cedar-bench-crate: the `cedar-policy` crate as one of the contestants of bench/cedar. Arguments, input and
//! output are those of ours.cc, which describes them.

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request, Response, RestrictedExpression, Schema,
};
use serde::Deserialize;
use serde_json::{json, Map, Value};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

const GROUP: usize = 20;

/// Counts allocations between `start` and `stop`.
struct Counting;
static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    fn count() {
        if COUNTS.load(Relaxed) {
            ALLOCATIONS.fetch_add(1, Relaxed);
        }
    }
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        System.alloc(layout)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        System.alloc_zeroed(layout)
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        System.realloc(memory, layout, size)
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        System.dealloc(memory, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A request as an application holds it.
#[derive(Deserialize)]
struct Plain {
    principal: Name,
    action: Name,
    resource: Name,
    context: Map<String, Value>,
}

#[derive(Deserialize)]
struct Name {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

impl Name {
    fn uid(&self) -> EntityUid {
        let kind = EntityTypeName::from_str(&self.kind).expect("an entity type");
        EntityUid::from_type_name_and_id(kind, EntityId::new(&self.id))
    }
}

fn expression(value: &Value) -> RestrictedExpression {
    match value {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Number(value) => RestrictedExpression::new_long(value.as_i64().expect("an integer")),
        Value::String(value) => RestrictedExpression::new_string(value.clone()),
        other => panic!("a context of plain values has no {other}"),
    }
}

fn request(principal: EntityUid, action: EntityUid, resource: EntityUid, context: Context) -> Request {
    Request::new(principal, action, resource, context, None).expect("a request")
}

fn from_plain(plain: &Plain) -> Request {
    let pairs = plain.context.iter().map(|(name, value)| (name.clone(), expression(value)));
    let context = Context::from_pairs(pairs).expect("a context");
    request(plain.principal.uid(), plain.action.uid(), plain.resource.uid(), context)
}

fn from_json(text: &str) -> Request {
    #[derive(Deserialize)]
    struct Parts {
        principal: Value,
        action: Value,
        resource: Value,
        context: Value,
    }
    let parts: Parts = serde_json::from_str(text).expect("a request");
    let uid = |json| EntityUid::from_json(json).expect("an entity");
    let context = Context::from_json_value(parts.context, None).expect("a context");
    request(uid(parts.principal), uid(parts.action), uid(parts.resource), context)
}

struct Digest(u64);

impl Digest {
    const START: u64 = 0xcbf29ce484222325;

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100000001b3);
        }
    }

    fn add(&mut self, answer: &Response) {
        self.text(if answer.decision() == Decision::Allow { "allow" } else { "deny" });
        let mut reasons: Vec<String> = answer.diagnostics().reason().map(ToString::to_string).collect();
        reasons.sort();
        for id in reasons {
            self.text(" ");
            self.text(&id);
        }
        let failed = answer.diagnostics().errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
        });
        let mut failed: Vec<String> = failed.collect();
        failed.sort();
        for id in failed {
            self.text("! ");
            self.text(&id);
        }
        self.text(";");
    }

    fn take(&mut self) -> String {
        let text = format!("{:016x}", self.0);
        self.0 = Self::START;
        text
    }
}

struct Options {
    modes: Vec<String>,
    first: usize,
    last: usize,
    seconds: f64,
    repeat: usize,
}

struct Measured {
    nanoseconds: Vec<u64>,
    allocations: usize,
    counted: usize,
    seconds_left: f64,
    digests: Vec<String>,
}

fn run_groups<'a>(
    measured: &mut Measured,
    repeat: usize,
    requests: usize,
    mut answer: impl FnMut(usize) -> Response + 'a,
) {
    let mut digest = Digest(Digest::START);
    let mut begin = 0;
    while begin < requests && measured.seconds_left > 0.0 {
        let end = (begin + GROUP).min(requests);
        let start = Instant::now();
        for i in begin..end {
            digest.add(&answer(i));
        }
        measured.digests.push(digest.take());
        if measured.counted == 0 {
            measured.counted = end - begin;
            ALLOCATIONS.store(0, Relaxed);
            COUNTS.store(true, Relaxed);
            for i in begin..end {
                std::hint::black_box(answer(i));
            }
            COUNTS.store(false, Relaxed);
            measured.allocations = ALLOCATIONS.load(Relaxed);
        }
        for _ in 0..repeat {
            for i in begin..end {
                // Giving the answer back to the allocator is not timed.
                let before = Instant::now();
                let given = std::hint::black_box(answer(i));
                let elapsed = before.elapsed();
                drop(given);
                measured.nanoseconds.push(elapsed.as_nanos() as u64);
            }
        }
        measured.seconds_left -= start.elapsed().as_secs_f64();
        begin = end;
    }
}

/// What reading the clock twice adds to every time.
fn clock_nanoseconds() -> u128 {
    let costs = (0..10_000).map(|_| Instant::now().elapsed().as_nanos());
    costs.sum::<u128>() / 10_000
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

fn decide(folder: &str, options: &Options) {
    let policies = PolicySet::from_str(&read(&format!("{folder}/policies.cedar"))).expect("policies");
    let (schema, _) =
        Schema::from_cedarschema_str(&read(&format!("{folder}/schema.cedarschema"))).expect("a schema");
    let hierarchies = read(&format!("{folder}/entities.jsonl"));
    let hierarchies: Vec<&str> = hierarchies.lines().collect();
    let requests = read(&format!("{folder}/requests.jsonl"));
    let requests: Vec<&str> = requests.lines().collect();
    let each = requests.len() / hierarchies.len();
    let authorizer = Authorizer::new();
    let mut modes: BTreeMap<String, Measured> = BTreeMap::new();
    for mode in &options.modes {
        modes.insert(
            mode.clone(),
            Measured {
                nanoseconds: Vec::new(),
                allocations: 0,
                counted: 0,
                seconds_left: options.seconds,
                digests: Vec::new(),
            },
        );
    }
    for i in options.first..options.last.min(hierarchies.len()) {
        let entities = Entities::from_json_str(hierarchies[i], Some(&schema)).expect("entities");
        let texts = &requests[i * each..(i + 1) * each];
        let plain: Vec<Plain> =
            texts.iter().map(|text| serde_json::from_str(text).expect("a request")).collect();
        let ready: Vec<Request> = plain.iter().map(from_plain).collect();
        let authorize = |request: &Request| authorizer.is_authorized(request, &policies, &entities);
        for (mode, measured) in &mut modes {
            match mode.as_str() {
                "decide" => run_groups(measured, options.repeat, each, |i| authorize(&ready[i])),
                "values" => run_groups(measured, options.repeat, each, |i| authorize(&from_plain(&plain[i]))),
                _ => run_groups(measured, options.repeat, each, |i| authorize(&from_json(texts[i]))),
            }
        }
    }
    let mut report = Map::new();
    for (mode, mut measured) in modes {
        let times = &mut measured.nanoseconds;
        times.sort_unstable();
        let at = |part: f64| times[(part * (times.len() - 1) as f64) as usize];
        let figures = json!({
            "answers": times.len(),
            "median_ns": at(0.5),
            "p99_ns": at(0.99),
            "mean_ns": times.iter().sum::<u64>() as f64 / times.len() as f64,
            "clock_ns": clock_nanoseconds(),
            "allocations": measured.allocations as f64 / measured.counted as f64,
            "digests": measured.digests,
        });
        report.insert(mode, figures);
    }
    println!("{}", Value::Object(report));
}

extern "C" {
    fn malloc_trim(pad: usize) -> i32;
}

/// Bytes of the resident set, after what is free was given back.
fn resident_bytes() -> i64 {
    // SAFETY: glibc's malloc_trim may be called at any time.
    unsafe { malloc_trim(0) };
    let statm = read("/proc/self/statm");
    statm.split(' ').nth(1).expect("pages").parse::<i64>().expect("a number") * 4096
}

fn load(what: &str, path: &str) {
    let text = read(path);
    let before = resident_bytes();
    let start = Instant::now();
    let (policies, entities) = if what == "policies" {
        (Some(PolicySet::from_str(&text).expect("policies")), None)
    } else {
        (None, Some(Entities::from_json_str(&text, None).expect("entities")))
    };
    let seconds = start.elapsed().as_secs_f64();
    let kept = resident_bytes() - before;
    let count = match (&policies, &entities) {
        (Some(policies), _) => policies.policies().count(),
        (_, Some(entities)) => entities.iter().count(),
        _ => 0,
    };
    println!("{}", json!({"seconds": seconds, "count": count, "resident_bytes": kept}));
}

fn options_from(arguments: &[String]) -> Options {
    let mut options =
        Options { modes: vec!["decide".into()], first: 0, last: usize::MAX, seconds: 3600.0, repeat: 1 };
    for pair in arguments.chunks_exact(2) {
        let value = pair[1].as_str();
        match pair[0].as_str() {
            "--modes" => options.modes = value.split(',').map(String::from).collect(),
            "--hierarchies" => {
                let (first, last) = value.split_once(':').expect("A:B");
                options.first = first.parse().expect("a number");
                options.last = last.parse().expect("a number");
            }
            "--seconds" => options.seconds = value.parse().expect("a number"),
            "--repeat" => options.repeat = value.parse().expect("a number"),
            other => panic!("unknown option `{other}`"),
        }
    }
    options
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["decide", folder, ..] => decide(folder, &options_from(&arguments[2..])),
        ["load", what, path] => load(what, path),
        _ => panic!("usage: decide FOLDER [OPTION VALUE]... | load policies|entities FILE"),
    }
}
