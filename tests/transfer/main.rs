//! The programs against peers as people write them, under load, under loss, and killed.

mod kill;
mod loss;
mod peers;
mod programs;
mod soak;
