//! The cases of what the network does, and the capture.

use imgnet::analysis::Options;
use imgnet::findings::rules;
use imgnet::units::FrameNumber;

use super::Case;
use crate::scenario::{Client, Scenario, Server, findings, real, told};
use crate::scenes::*;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "ip-fragmented",
        shows: || on("udp-fragments"),
        nearly: || on("udp"),
    },
    Case {
        name: "fragment-lost",
        shows: || {
            let mut scenario = Scenario::new();
            scenario.fragments([41000, 6001], &[1; 3000], &[0, 1, 3]);
            scenario.wait(40_000).other_traffic();
            scenario.findings()
        },
        nearly: || {
            let mut scenario = Scenario::new();
            scenario.fragments([41000, 6001], &[1; 3000], &[0, 3, 1, 2]);
            scenario.wait(40_000).other_traffic();
            scenario.findings()
        },
    },
    Case {
        name: "oversized-datagram",
        shows: || udp(&[&jpeg()[..1473]], true).findings(),
        nearly: || udp(&[&jpeg()[..1472]], true).findings(),
    },
    Case {
        name: "retransmission",
        shows: || on("eof-lossy"),
        nearly: || on("eof-mtu1500"),
    },
    Case {
        name: "fast-retransmission",
        shows: || {
            eof(&[], |scenario, tcp| {
                let picture = jpeg();
                scenario.send(tcp, Client, &picture[..1000]);
                scenario.send(tcp, Client, &picture[1000..2000]);
                scenario.ack_again(tcp, Server);
                scenario.ack_again(tcp, Server);
                scenario.ack_again(tcp, Server);
                scenario.again(tcp, Client, 2000, &picture[..1000]);
                scenario.ack(tcp, Server);
                scenario.transfer(tcp, Client, &picture[2000..], 1000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // After the timer, without a word from the receiver.
        nearly: || {
            eof(&[], |scenario, tcp| {
                let picture = jpeg();
                scenario.send(tcp, Client, &picture[..1000]);
                scenario.wait(300);
                scenario.again(tcp, Client, 1000, &picture[..1000]);
                scenario.ack(tcp, Server);
                scenario.transfer(tcp, Client, &picture[1000..], 1000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "spurious-retransmission",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.again(tcp, Client, 100, &jpeg()[11_988..]);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        nearly: || on("eof-lossy"),
    },
    Case {
        name: "out-of-order",
        shows: || {
            let mut frames = real("eof-mtu1500");
            frames.swap(60, 61);
            frames.swap(61, 62);
            findings(&frames)
        },
        nearly: || on("eof-mtu1500"),
    },
    Case {
        name: "duplicate-ack",
        shows: || on("eof-lossy"),
        // Nothing is on its way: a keep-alive's answer, a window update.
        nearly: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.ack_again(tcp, Server);
                tcp.window[1] = 50000;
                scenario.ack_again(tcp, Server);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "zero-window",
        shows: || warned(zero_window(900)),
        nearly: || warned(zero_window(1)),
    },
    Case {
        name: "stall",
        shows: || {
            eof(&jpeg()[..5000], |scenario, tcp| {
                scenario.wait(4000);
                scenario.transfer(tcp, Client, &jpeg()[5000..], 1024);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // Between two pictures everybody may take his time.
        nearly: || {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, 5050);
            for _ in 0..2 {
                scenario.transfer(&mut tcp, Client, &jpeg(), 1400);
                scenario.send(&mut tcp, Client, MARKER);
                scenario.ack(&mut tcp, Server);
                scenario.wait(4000);
            }
            scenario.close(&mut tcp, Client);
            scenario.findings()
        },
    },
    Case {
        name: "conflicting-retransmission",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                let mut again = jpeg()[11_988..].to_vec();
                again[50] ^= 1;
                scenario.again(tcp, Client, 100, &again);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        nearly: || on("eof-lossy"),
    },
    Case {
        name: "small-writes",
        shows: || small_pieces(true),
        nearly: || small_pieces(false),
    },
    Case {
        name: "urgent-data",
        shows: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.urgent(tcp, Client, b"!");
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // A byte more, in the stream.
        nearly: || {
            eof(&jpeg(), |scenario, tcp| {
                scenario.send(tcp, Client, b"!");
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "wrong-checksum",
        shows: || {
            let mut scenario = eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client));
            scenario.frames[9].data[100] ^= 1;
            scenario.findings()
        },
        nearly: || {
            let mut scenario = eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client));
            // Cut by the snap length: nothing can be checked.
            scenario.frames[9].data.truncate(200);
            scenario.findings()
        },
    },
    Case {
        name: "capture-gap",
        shows: || {
            let mut frames = real("eof-mtu1500");
            frames.remove(60);
            findings(&frames)
        },
        // Lost before the capture point, and sent again.
        nearly: || {
            eof(&[], |scenario, tcp| {
                let picture = jpeg();
                Scenario::lose(tcp, Client, 1000);
                scenario.send(tcp, Client, &picture[1000..2000]);
                scenario.ack_again(tcp, Server);
                scenario.again(tcp, Client, 2000, &picture[..1000]);
                scenario.ack(tcp, Server);
                scenario.transfer(tcp, Client, &picture[2000..], 1000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
    },
    Case {
        name: "kernel-drops",
        shows: || vec![rules::kernel_drops("run.pcapng", 12_000)],
        nearly: || on("eof"),
    },
    Case {
        name: "disk-full",
        shows: || vec![rules::disk_full("run.pcapng", 12)],
        nearly: || on("eof"),
    },
    Case {
        name: "interface-away",
        shows: || {
            let away = imgnet::frame::Away {
                times: 2,
                nanoseconds: 1_500_000_000,
                from: imgnet::units::Timestamp(1_700_000_000_000_000_000),
                until: imgnet::units::Timestamp(1_700_000_009_000_000_000),
                back: true,
            };
            vec![rules::interface_away("run.pcapng", &away)]
        },
        nearly: || on("eof"),
    },
    Case {
        name: "snaplen-cut",
        shows: || {
            let mut frames = real("eof");
            for frame in &mut frames {
                frame.data.truncate(96);
            }
            findings(&frames)
        },
        nearly: || on("eof"),
    },
    Case {
        name: "file-cut-short",
        shows: || {
            vec![rules::file_cut_short(
                "run.pcap",
                Some(24_000),
                Some(FrameNumber(17)),
                "a frame of 1,514 bytes ends after 20",
            )]
        },
        nearly: || on("eof"),
    },
    Case {
        name: "started-late",
        shows: || findings(&real("eof")[8..]),
        nearly: || findings(&real("eof")[..8]),
    },
    Case {
        name: "frames-twice",
        shows: || {
            let mut frames = Vec::new();
            for frame in real("eof") {
                let mut copy = frame.clone();
                copy.interface = 1;
                frames.extend([frame, copy]);
            }
            findings(&frames)
        },
        // Sent again, which is not the same as captured again.
        nearly: || on("eof-lossy"),
    },
    Case {
        name: "offloaded-checksum",
        shows: || on("eof"),
        nearly: || eof(&jpeg(), |scenario, tcp| scenario.close(tcp, Client)).findings(),
    },
    Case {
        name: "larger-than-mtu",
        shows: || {
            eof(&[], |scenario, tcp| {
                scenario.transfer(tcp, Client, &jpeg(), 5000);
                scenario.close(tcp, Client);
            })
            .findings()
        },
        // Loopback announces segments of 65,495 bytes.
        nearly: || on("pipeline"),
    },
    Case {
        name: "clock-step",
        shows: || {
            let mut frames = real("eof");
            for frame in &mut frames[10..] {
                frame.time -= 3_600_000_000_000;
            }
            findings(&frames)
        },
        nearly: || {
            let mut frames = real("eof");
            frames[10].time -= 1_000_000;
            findings(&frames)
        },
    },
    Case {
        name: "limit-reached",
        shows: || {
            let mut options = Options::default();
            options.limits.streams = 4;
            told(&many_streams(), options).findings
        },
        nearly: || findings(&many_streams()),
    },
];
