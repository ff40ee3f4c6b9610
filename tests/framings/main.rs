//! Wire formats, layouts and findings: transfers in every framing, healthy and broken.

#[path = "../support/finding_cases.rs"]
mod finding_cases;
#[path = "../support/framings.rs"]
mod framings;
#[path = "../support/scenario.rs"]
mod scenario;
#[path = "../support/finding_scenes.rs"]
mod scenes;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/verified.rs"]
mod verified;

mod announced;
mod findings;
mod five_systems;
mod formats;
mod habits;
mod http;
mod layout_programs;
mod layouts;
mod mixed_up;
mod parts;
mod programs;
mod protocols;
mod raw;
mod resent;
mod sides;
mod transfers;
mod tunnels;
mod views;
