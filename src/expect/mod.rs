//! Expectations of a run (TOML) and their outcome. Pure: it is given a report and a text, opens nothing.
