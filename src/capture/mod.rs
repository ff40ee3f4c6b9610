//! Capturing: the pcapng writer. (The session, the private network and the confinement are written in files
//! of their own in this room.)

pub mod pcapng;
