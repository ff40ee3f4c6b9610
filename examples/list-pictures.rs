//! Reads an `imgnet/report/v1` from standard input and prints SHA-256 and length of every picture that is whole.
//!
//! ```text
//! imgnet analyze --format json capture.pcap | cargo run --example list-pictures
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints a list")]
#![expect(
    clippy::indexing_slicing,
    reason = "a key that a JSON value lacks reads as null"
)]

use std::io;

use serde_json::Value;

fn main() -> serde_json::Result<()> {
    let report: Value = serde_json::from_reader(io::stdin().lock())?;
    for image in report["images"].as_array().into_iter().flatten() {
        if let (Some(true), Some(sha256), Some(bytes)) = (
            image["complete"].as_bool(),
            image["sha256"].as_str(),
            image["bytes"].as_u64(),
        ) {
            println!("{sha256} {bytes}");
        }
    }
    Ok(())
}
