//! Tunnels with sessions, those right behind UDP's header, and what is in none that imgnet opens: it is never passed over.

use super::tunnels::{framed, gre, inner, is_in, join, over_udp};
use super::*;

/// An 802.11 data frame from an access point, with its two bytes of frame control.
fn wireless(control: &str, payload: &[u8]) -> Vec<u8> {
    let addresses = "0000 020202020202 040404040404 060606060606 0000 aaaa03000000 0800";
    join(&[&hex(control), &hex(addresses), payload])
}

fn is_skipped(bytes: &[u8], reason: Skip) {
    assert_eq!(skip(&ethernet(bytes)), reason);
}

fn is_plain(port: u16, payload: &[u8]) {
    let bytes = over_udp(port, payload);
    let packet = packet(&ethernet(&bytes));
    assert_eq!(
        (&*packet.payload, packet.tunnel.is_none()),
        (payload, true),
        "{port}"
    );
}

#[test]
fn l2tp() {
    let ip = inner();
    let frame = framed("0800", &ip);
    let two = |header: &str, payload: &[u8]| over_udp(1701, &join(&[&hex(header), payload]));
    // Version 2 (RFC 2661, section 3.1): bare; with a length; with numbers and an offset.
    is_in(&two("0002 0001 0002 ff030021", &ip), "l2tp 2");
    is_in(&two("0002 0001 0002 0021", &ip), "l2tp 2");
    let length = format!("4002 {:04x} 0001 0002 ff030021", ip.len() + 12);
    is_in(&two(&length, &ip), "l2tp 2");
    is_in(
        &two("0a02 0001 0002 00010001 0002 0000 ff030021", &ip),
        "l2tp 2",
    );
    // Version 3 (RFC 3931): over UDP and over IP, with cookies and the sublayer or without, of Ethernet, PPP and HDLC.
    for cookie in [
        "",
        "00000000",
        "0123456789abcdef",
        "0123456789abcdef 40000001",
    ] {
        let header = hex(&format!("00000007 {cookie}"));
        for payload in [
            frame.clone(),
            join(&[&hex("ff030021"), &ip]),
            join(&[&hex("0f000800"), &ip]),
            ip.clone(),
        ] {
            let three = join(&[&header, &payload]);
            is_in(
                &over_udp(1701, &join(&[&hex("00030000"), &three])),
                "l2tp 7",
            );
            is_in(&framed("0800", &ipv4(115, &three)), "l2tp 7");
        }
    }
    // ARP carries no IP; what is not known may.
    let arp = framed("0806", &hex("0001 0800 0604 0001"));
    is_skipped(&two("00030000 00000007", &arp), Skip::NotIp);
    is_skipped(&two("00030000 00000007", &[0xee; 40]), Skip::Tunnel);
    // PPP's own, a part of a packet, and one that is encrypted.
    is_skipped(&two("0002 0001 0002 ff03 c021", &[1; 8]), Skip::NotIp);
    is_skipped(&two("0002 0001 0002 ff03 003d", &[1; 8]), Skip::Tunnel);
    is_skipped(&two("0002 0001 0002 ff03 0053", &[1; 8]), Skip::Encrypted);
    // Control messages, and what begins like a session by chance.
    is_plain(1701, &hex("c802 000c 0001 0000 0000 0001"));
    is_plain(1701, &hex("0002 ffd8 ffe0 0010 4a464946"));
    is_skipped(&framed("0800", &ipv4(115, &[0; 20])), Skip::NotTcpOrUdp);
}

#[test]
fn lisp() {
    let ip = inner();
    let in_lisp = |header: &str, payload: &[u8]| over_udp(4341, &join(&[&hex(header), payload]));
    // A nonce and locators; an instance; neither; with a protocol field (RFC 9305).
    is_in(&in_lisp("c0123456 00000003", &ip), "lisp");
    is_in(&in_lisp("08000000 00002a00", &ip), "lisp 42");
    is_in(&in_lisp("00000000 00000000", &udp6(b"pic")[14..]), "lisp");
    is_in(
        &in_lisp("0c000003 00002a00", &framed("0800", &ip)),
        "lisp 42",
    );
    // Encrypted (RFC 8061).
    is_skipped(&in_lisp("89123456 00002a00", &[0xee; 60]), Skip::Encrypted);
    // Nonce and version at once; a packet that is longer than there is room.
    is_plain(4341, &join(&[&hex("90000000 00000000"), &[0x45; 40]]));
    is_plain(
        4341,
        &join(&[&hex("00000000 00000000"), &ip[..ip.len() - 1]]),
    );
}

#[test]
fn ip_right_behind_udp_and_gue() {
    let ip = inner();
    let six = udp6(b"pic")[14..].to_vec();
    // Foo over UDP has no port of its own.
    for port in [5555, 6080, 9999] {
        is_in(&over_udp(port, &ip), "ip-in-udp");
        is_in(&over_udp(port, &six), "ip-in-udp");
    }
    // A byte more or less is no packet.
    is_plain(5555, &ip[..ip.len() - 1]);
    is_plain(5555, &join(&[&ip, &[0]]));
    let gue = |header: &str, payload: &[u8]| over_udp(6080, &join(&[&hex(header), payload]));
    is_in(&gue("00040000", &ip), "gue");
    is_in(&gue("00290000", &six), "gue");
    is_in(&gue("01040001 00000000", &ip), "gue");
    is_in(
        &gue("002f0000", &join(&[&hex("2000 0800 0000002a"), &ip])),
        "gue/gre 42",
    );
    // A part of a packet, as a flag says; a control message.
    is_skipped(&gue("02042000 0000000000000001", &ip[..20]), Skip::Tunnel);
    is_plain(6080, &hex("20010000 00000000"));
}

#[test]
fn gre_and_mpls_in_udp() {
    let ip = inner();
    is_in(
        &over_udp(4754, &join(&[&hex("2000 0800 0000002a"), &ip])),
        "gre 42",
    );
    is_in(&over_udp(6635, &join(&[&hex("00064140"), &ip])), "mpls 100");
    let record = hex("17 fefd 0001 000000000001 0010 00112233445566778899aabbccddeeff");
    is_skipped(&over_udp(4755, &record), Skip::Encrypted);
    is_skipped(&over_udp(6636, &record), Skip::Encrypted);
}

#[test]
fn capwap() {
    let ip = inner();
    let in_capwap = |header: &str, payload: &[u8]| over_udp(5247, &join(&[&hex(header), payload]));
    // RFC 5415, section 4.3: Ethernet; 802.11, its frame control swapped as well; a radio's address and what it measured.
    is_in(
        &in_capwap("00100200 00000000", &framed("0800", &ip)),
        "capwap",
    );
    for control in ["0802", "0208"] {
        let frame = wireless(control, &ip);
        is_in(&in_capwap("00100300 00000000", &frame), "capwap");
        is_in(
            &in_capwap(
                "00300330 00000000 06010203040506 00 04aabbccdd 000000",
                &frame,
            ),
            "capwap",
        );
    }
    is_skipped(
        &in_capwap("00100300 00000000", &wireless("0842", &ip)),
        Skip::Encrypted,
    );
    is_skipped(&in_capwap("00100380 00010000", &ip), Skip::LinkFragment);
    is_skipped(
        &in_capwap("01000000", &hex("17 fefd 0001 000000000001 0002 0011")),
        Skip::Encrypted,
    );
    // Beacons are no data. A sign of life is a datagram.
    is_skipped(
        &in_capwap("00100300 00000000", &wireless("8000", &ip)),
        Skip::NotIp,
    );
    is_plain(5247, &hex("00100208 00000000 0023 0010"));
    // A header that is longer than what it says is in it: whatever it is, there is a packet behind it.
    is_skipped(&in_capwap("00200300 00000000", &ip), Skip::Tunnel);
}

#[test]
fn headers_of_services_and_trill() {
    let ip = inner();
    let frame = framed("0800", &ip);
    is_in(&framed("894f 0fc20101 00000101", &ip), "nsh");
    is_in(&framed("894f 0fc20103 00000101", &frame), "nsh");
    is_in(
        &framed(
            "894f 0fc60101 00000101 00000000000000000000000000000000",
            &ip,
        ),
        "nsh",
    );
    is_in(
        &over_udp(
            4790,
            &join(&[&hex("0c000004 00002a00 0fc20101 00000101"), &ip]),
        ),
        "vxlan/nsh 42",
    );
    is_in(&framed("22f3 0006 0001 0002", &frame), "trill");
    is_in(&framed("22f3 0046 0001 0002 00000000", &frame), "trill");
    is_skipped(&framed("22f3 c006 0001 0002", &frame), Skip::Tunnel);
    is_skipped(&framed("894f 4fc20101 00000101", &ip), Skip::Tunnel);
    // Behind a segment routing header (RFC 8986).
    let route = join(&[&hex("8f 00 04 00 00000000"), &frame]);
    is_in(&framed("86dd", &ipv6(43, &route)), "ip-in-ip");
}

#[test]
fn what_no_tunnel_opens_is_not_passed_over() {
    let ip = inner();
    let six = udp6(b"pic")[14..].to_vec();
    let frame = framed("0800", &ip);
    // Other bits than VXLAN's, another version of GENEVE; of PPTP's GRE with something else in it.
    for inside in [&frame, &framed("86dd", &six)] {
        is_skipped(
            &over_udp(4789, &join(&[&hex("48000000 00002a00"), inside])),
            Skip::Tunnel,
        );
        is_skipped(
            &over_udp(6081, &join(&[&hex("40006558 00002a00"), inside])),
            Skip::Tunnel,
        );
        is_skipped(
            &over_udp(4790, &join(&[&hex("3c000003 00002a00"), inside])),
            Skip::Tunnel,
        );
    }
    is_skipped(&gre("2001 0800 00230001", &ip), Skip::Tunnel);
    // A tunnel to a port of its own choice; a byte more or less is none.
    for header in [
        "cafe0001",
        "08000000 00002a00 020202020202 040404040404 0800",
    ] {
        let whole = join(&[&hex(header), &ip]);
        is_skipped(&over_udp(9999, &whole), Skip::Tunnel);
        is_plain(9999, &whole[..whole.len() - 1]);
        is_plain(9999, &join(&[&whole, &[0]]));
    }
    // 5G: Ethernet in a session, or what is not known.
    let gtp = |payload: &[u8]| {
        let header = hex(&format!("30ff {:04x} 00000007", payload.len()));
        over_udp(2152, &join(&[&header, payload]))
    };
    is_in(&gtp(&frame), "gtp-u 7");
    is_skipped(&gtp(&[0xee; 30]), Skip::Tunnel);
    // ESP behind translated addresses, and WireGuard.
    is_skipped(
        &over_udp(4500, &join(&[&hex("01020304 00000001"), &[0xee; 40]])),
        Skip::Encrypted,
    );
    is_plain(4500, &join(&[&hex("00000000"), &[0xee; 40]]));
    is_skipped(
        &over_udp(
            51_820,
            &join(&[&hex("04000000 01020304 0500000000000000"), &[0xee; 48]]),
        ),
        Skip::Encrypted,
    );
    is_plain(
        51_820,
        &join(&[&hex("01000000 01020304 0500000000000000"), &[0xee; 48]]),
    );
    // A register of PIM carries a packet, its hello does not; an error quotes one.
    is_skipped(
        &framed("0800", &ipv4(103, &join(&[&hex("21000000 00000000"), &ip]))),
        Skip::Tunnel,
    );
    is_skipped(
        &framed("0800", &ipv4(103, &hex("20000000 00010002 0069"))),
        Skip::NotTcpOrUdp,
    );
    is_skipped(
        &framed("0800", &ipv4(1, &join(&[&hex("03030000 00000000"), &ip]))),
        Skip::NotTcpOrUdp,
    );
    for compressed in [55, 98, 108, 142, 144] {
        is_skipped(&framed("0800", &ipv4(compressed, &[0; 20])), Skip::Tunnel);
    }
    // PPP: bridged, compressed, and bytes of a line with its flags.
    for ppp in ["ff030031 0003", "ff03002d", "7eff7d23 0021"] {
        is_skipped(
            &gre("3001 880b 00230001 00000001", &join(&[&hex(ppp), &ip])),
            Skip::Tunnel,
        );
    }
}

#[test]
fn a_mirror_that_cuts_frames_cuts_no_packet() {
    // ERSPAN's bit T: the payload is longer than what the mirror sent of it.
    let whole = framed("0800", &inner());
    let cut = &whole[..whole.len() - 2];
    let bytes = gre("1000 88be 00000001 1001 0403 00000000", cut);
    let packet = packet(&ethernet(&bytes));
    assert_eq!((&*packet.payload, packet.payload_len), (&b"p"[..], 3));
    assert!(!packet.notes.ip_length_beyond_frame);
}

#[test]
fn which_session_is_kept() {
    let tunnel = |bytes: &[u8]| packet(&ethernet(bytes)).tunnel;
    let ip = inner();
    let l2tp = |session: u8| {
        tunnel(&over_udp(
            1701,
            &join(&[&[0, 2, 0, 1, 0, session, 0, 0x21], &ip]),
        ))
    };
    assert_eq!(l2tp(1).network(), l2tp(2).network());
    assert_ne!(l2tp(1).path(), l2tp(2).path());
    let lisp = |id: u8| tunnel(&over_udp(4341, &join(&[&[8, 0, 0, 0, 0, 0, id, 0], &ip])));
    assert_ne!(lisp(1).network(), lisp(2).network());
}
