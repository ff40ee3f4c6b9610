//! The programs against peers as people write them, under load, under loss, and killed.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a test opens sockets and files, waits, says when it skips, and may fail"
)]

mod catalogue;
mod confined;
mod datagrams;
mod ending;
mod frames;
mod guard;
mod kill;
mod loss;
mod peers;
mod programs;
mod show;
mod soak;
mod terminal;
