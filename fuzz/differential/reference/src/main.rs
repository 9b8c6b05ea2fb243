//! Answers Cedar cases with the reference implementation (the crate cedar-policy).
//!
//! One case as JSON per line on stdin, one answer as JSON per line on stdout, in the same order; the shapes of both
//! are those of `Case` and `Answer` below. What the reference did not reach (a request when the policies did not
//! parse) is absent from the answer. A panic of the reference becomes the answer `{"panic": ".."}`.
use std::cell::RefCell;
use std::io::{self, BufRead, Write};
use std::panic::{self, AssertUnwindSafe};

mod answer;
mod case;
mod value;

// As deep as a text nests, the reference recurses; on a small stack it gives up on what it would accept on a larger one.
const STACK_BYTES: usize = 1 << 30;

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn answer_line(line: &str) -> String {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| match serde_json::from_str(line) {
        Ok(case) => serde_json::to_string(&answer::answer(&case)).expect("an answer is always JSON"),
        Err(error) => serde_json::json!({ "malformed": error.to_string() }).to_string(),
    }));
    outcome.unwrap_or_else(|_| {
        let message = LAST_PANIC.with(|last| last.borrow().clone());
        serde_json::json!({ "panic": message }).to_string()
    })
}

fn serve() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let mut answer = answer_line(&line?);
        answer.push('\n');
        output.write_all(answer.as_bytes())?;
        output.flush()?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    panic::set_hook(Box::new(|info| {
        LAST_PANIC.with(|last| *last.borrow_mut() = info.to_string());
    }));
    let server = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(serve)?;
    server.join().expect("panics of the reference are caught")
}
