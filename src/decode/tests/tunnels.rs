//! Tunnels: what is in them is found, and which tunnel it was is kept.

use super::*;

/// The innermost packet: a UDP datagram of "pic".
pub(super) fn inner() -> Vec<u8> {
    udp4(b"pic")[14..].to_vec()
}

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet frame with this `EtherType` and payload.
pub(super) fn framed(kind: &str, payload: &[u8]) -> Vec<u8> {
    join(&[&hex(&format!("020202020202 040404040404 {kind}")), payload])
}

/// A UDP datagram over IPv4 within Ethernet, from port 5000 to `port`.
pub(super) fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(V4.0, V4.1, 64)
        .udp(5000, port)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

/// What is found in a frame: its payload, and the tunnel in words.
pub(super) fn found(bytes: &[u8]) -> (Vec<u8>, String) {
    let packet = packet(&ethernet(bytes));
    assert_eq!(packet.notes.transport_checksum, Checksum::Good);
    (
        packet.payload.to_vec(),
        packet.tunnel.describe().unwrap_or_default(),
    )
}

pub(super) fn is_in(bytes: &[u8], tunnel: &str) {
    assert_eq!(found(bytes), (b"pic".to_vec(), tunnel.to_owned()));
}

pub(super) fn gre(header: &str, payload: &[u8]) -> Vec<u8> {
    framed("0800", &ipv4(47, &join(&[&hex(header), payload])))
}

#[test]
fn tags_and_labels() {
    let ip = inner();
    is_in(&framed("8100 0022 0800", &ip), "vlan 34");
    is_in(&framed("88a8 0064 8100 0022 0800", &ip), "vlan/vlan 34");
    // A priority is no VLAN.
    is_in(&framed("8100 e000 0800", &ip), "");
    // 802.1ah: backbone VLAN, service 7, the customer's frame.
    let customer = framed("8100 0005 0800", &ip);
    is_in(
        &framed("88a8 0064 88e7 00000007", &customer),
        "vlan/802.1ah/vlan 5",
    );
    is_in(&framed("8903 0001", &framed("0800", &ip)), "fabricpath");
    // Two labels; an explicit null (RFC 3032); a pseudowire with its control word and without.
    is_in(&framed("8847 00010040 00064140", &ip), "mpls 100");
    is_in(&framed("8847 00000140", &ip), "mpls");
    is_in(
        &framed("8847 00064140 00000000", &framed("0800", &ip)),
        "mpls 100",
    );
    is_in(&framed("8847 00064140", &framed("0800", &ip)), "mpls 100");
    is_in(&framed("8864 11000001 0021 0021", &ip), "pppoe 1");
}

#[test]
fn over_ip() {
    let ip = inner();
    is_in(&framed("0800", &ipv4(4, &ip)), "ip-in-ip");
    is_in(&framed("86dd", &ipv6(4, &ip)), "ip-in-ip");
    let six = &udp6(b"pic")[14..];
    is_in(&framed("0800", &ipv4(41, six)), "ip-in-ip");
    is_in(&framed("86dd", &ipv6(41, six)), "ip-in-ip");
    is_in(&gre("0000 0800", &ip), "gre");
    // Checksum, key and sequence number (RFC 2890).
    is_in(&gre("b000 0800 00000000 0000002a 00000001", &ip), "gre 42");
    is_in(&gre("0000 6558", &framed("0800", &ip)), "gre");
    // NVGRE: network 5, flow 9.
    is_in(&gre("2000 6558 00000509", &framed("0800", &ip)), "gre 1289");
    // PPTP: key, sequence and acknowledgment (RFC 2637).
    is_in(
        &gre("3081 880b 00230001 00000001 00000001 ff030021", &ip),
        "gre",
    );
    // ERSPAN I, II and III; III with the platform's 8 bytes, and with IP right behind.
    let mirrored = framed("0800", &ip);
    is_in(&gre("0000 88be", &mirrored), "erspan");
    is_in(
        &gre("1000 88be 00000001 1001 0003 00000000", &mirrored),
        "erspan/vlan 1",
    );
    is_in(
        &gre("1000 22eb 00000001 2000 0003 00000000 0000 0000", &mirrored),
        "erspan 3",
    );
    is_in(
        &gre(
            "1000 22eb 00000001 2000 0003 00000000 0000 0001 0000000000000000",
            &mirrored,
        ),
        "erspan 3",
    );
    is_in(
        &gre("1000 22eb 00000001 2000 0003 00000000 0000 0800", &ip),
        "erspan 3",
    );
    is_in(
        &framed("0800", &ipv4(97, &join(&[&hex("3000"), &mirrored]))),
        "etherip",
    );
    is_in(
        &framed("0800", &ipv4(137, &join(&[&hex("00064140"), &ip]))),
        "mpls 100",
    );
    // A protocol that is not known, and source routing.
    assert_eq!(skip(&ethernet(&gre("0000 9999", &ip))), Skip::Tunnel);
    assert_eq!(skip(&ethernet(&gre("4000 0800", &ip))), Skip::Tunnel);
}

#[test]
fn over_udp_where_port_and_header_say_so() {
    let ip = inner();
    let frame = framed("0800", &ip);
    let vxlan = join(&[&hex("08000000 00002a00"), &frame]);
    is_in(&over_udp(4789, &vxlan), "vxlan 42");
    is_in(&over_udp(8472, &vxlan), "vxlan 42");
    is_in(
        &over_udp(4790, &join(&[&hex("0c000001 00002a00"), &ip])),
        "vxlan 42",
    );
    is_in(
        &over_udp(6081, &join(&[&hex("00006558 00002a00"), &frame])),
        "geneve 42",
    );
    // Four bytes of options, IP right behind.
    is_in(
        &over_udp(6081, &join(&[&hex("01000800 00002a00 00000000"), &ip])),
        "geneve 42",
    );
    let length = |extra: usize| format!("{:04x}", ip.len() + extra);
    let gtp = hex(&format!("30ff {} 00000007", length(0)));
    is_in(&over_udp(2152, &join(&[&gtp, &ip])), "gtp-u 7");
    // A sequence number and an extension header (PDU session container).
    let gtp = hex(&format!(
        "36ff {} 00000007 0001 00 85 01 1001 00",
        length(8)
    ));
    is_in(&over_udp(2152, &join(&[&gtp, &ip])), "gtp-u 7");
    let six = &udp6(b"pic")[14..];
    is_in(&over_udp(3544, six), "teredo");
    is_in(
        &over_udp(3544, &join(&[&hex("0000 1234 01020304"), six])),
        "teredo",
    );
    // Whatever does not look like it is a datagram to such a port, and nothing else.
    for port in [
        1701, 2152, 3544, 4341, 4500, 4754, 4755, 4789, 4790, 5247, 6080, 6081, 6635, 6636, 8472,
        51_820,
    ] {
        for payload in [
            &b"pic"[..],
            &[0xff; 90],
            &[0; 90],
            b"\x89PNG\r\n\x1a\n0000IHDR01230123",
        ] {
            let bytes = over_udp(port, payload);
            let (got, tunnel) = found(&bytes);
            assert_eq!((got.as_slice(), tunnel.as_str()), (payload, ""), "{port}");
        }
        // The header of VXLAN, and then an Ethernet frame that has no IP. It looks like ESP, too.
        let bytes = over_udp(port, &join(&[&hex("08000000 00002a00"), &[0x45; 40]]));
        match port {
            4789 | 4790 | 8472 => assert_eq!(skip(&ethernet(&bytes)), Skip::NotIp, "{port}"),
            4500 => assert_eq!(skip(&ethernet(&bytes)), Skip::Encrypted),
            _ => assert_eq!(found(&bytes).1, "", "{port}"),
        }
    }
    // ARP within VXLAN is not IP; it is no datagram of the user's either.
    let arp = framed("0806", &[0; 28]);
    let bytes = over_udp(4789, &join(&[&hex("08000000 00002a00"), &arp]));
    assert_eq!(skip(&ethernet(&bytes)), Skip::NotIp);
}

#[test]
fn tunnels_within_tunnels_up_to_a_limit() {
    let mut bytes = inner();
    for _ in 0..8 {
        bytes = ipv4(4, &bytes);
    }
    let eight = framed("0800", &bytes);
    assert_eq!(found(&eight).0, b"pic");
    let nine = framed("0800", &ipv4(4, &bytes));
    assert_eq!(skip(&ethernet(&nine)), Skip::Tunnel);
}

#[test]
fn which_tunnel_is_kept() {
    let tunnel = |bytes: &[u8]| packet(&ethernet(bytes)).tunnel;
    let ip = inner();
    let vlan = |id: u8| tunnel(&framed(&format!("8100 00{id:02x} 0800"), &ip));
    assert_eq!(vlan(1), vlan(1));
    assert_ne!(vlan(1).network(), vlan(2).network());
    // Labels differ each way, networks do not.
    let label = |entry: &str| tunnel(&framed(&format!("8847 {entry}"), &ip));
    assert_eq!(label("00064140").network(), label("00065140").network());
    assert_ne!(label("00064140").path(), label("00065140").path());
    // Nor do the ends of a tunnel, whichever of them sends.
    let mut back = ipv4(4, &ip);
    back[12..16].copy_from_slice(&V4.1);
    back[16..20].copy_from_slice(&V4.0);
    let there = tunnel(&framed("0800", &ipv4(4, &ip)));
    assert_eq!(there, tunnel(&framed("0800", &back)));
    back[12..16].copy_from_slice(&[192, 0, 2, 77]);
    assert_ne!(there, tunnel(&framed("0800", &back)));
}

/// `whole` cut into two IPv4 fragments, within Ethernet.
fn fragments(protocol: u8, whole: &[u8]) -> [Vec<u8>; 2] {
    let (head, tail) = whole.split_at(24);
    let mut first = ipv4(protocol, head);
    put(&mut first, 6, 0x2000);
    let mut second = ipv4(protocol, tail);
    put(&mut second, 6, 3);
    [framed("0800", &first), framed("0800", &second)]
}

#[test]
fn a_fragmented_tunnel_is_put_together_and_opened() {
    // GRE, and VXLAN: the datagram's own header is in the first fragment.
    let gre = join(&[&hex("0000 0800"), &inner()]);
    let frame = framed("0800", &inner());
    let vxlan = over_udp(4789, &join(&[&hex("08000000 00002a00"), &frame]));
    for (protocol, whole, tunnel, shares) in [
        (47, &gre[..], "gre", [0, 3]),
        (17, &vxlan[34..], "vxlan 42", [0, 3]),
    ] {
        let mut decoder = Decoder::default();
        let [first, second] = fragments(protocol, whole);
        assert!(matches!(
            decoder.decode(&ethernet(&first)),
            Outcome::FragmentHeld
        ));
        let Outcome::Packet(packet) = decoder.decode(&ethernet(&second)) else {
            panic!("not put together");
        };
        assert_eq!(*packet.payload, *b"pic");
        assert_eq!(packet.tunnel.describe().as_deref(), Some(tunnel));
        let parts: Vec<u32> = packet
            .parts
            .as_slice()
            .iter()
            .map(|part| part.bytes)
            .collect();
        assert_eq!(parts, shares);
    }
}

#[test]
fn fragments_within_a_tunnel_are_put_together() {
    let whole = udp4(b"a picture in two pieces")[34..].to_vec();
    let [first, second] = fragments(17, &whole);
    let mut decoder = Decoder::default();
    let within =
        |vni: u8, fragment: &[u8]| over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, vni, 0], fragment]));
    // The second is another tenant's, of the same addresses and identification.
    for (vni, fragment) in [(1, &first), (2, &second)] {
        let bytes = within(vni, fragment);
        let outcome = decoder.decode(&ethernet(&bytes));
        assert!(matches!(outcome, Outcome::FragmentHeld));
    }
    let bytes = within(1, &second);
    let Outcome::Packet(packet) = decoder.decode(&ethernet(&bytes)) else {
        panic!("not put together");
    };
    assert_eq!(*packet.payload, *b"a picture in two pieces");
    assert_eq!(packet.tunnel.describe().as_deref(), Some("vxlan 1"));
}

#[test]
fn no_cut_or_changed_byte_of_a_tunnel_makes_a_panic() {
    let ip = inner();
    let frame = framed("0800", &ip);
    let seeds = [
        gre("b000 0800 00000000 0000002a 00000001", &ip),
        gre(
            "1000 22eb 00000001 2000 0003 00000000 0000 0001 0000000000000000",
            &frame,
        ),
        over_udp(4789, &join(&[&hex("08000000 00002a00"), &frame])),
        over_udp(6081, &join(&[&hex("01000800 00002a00 00000000"), &ip])),
        over_udp(
            2152,
            &join(&[&hex("36ff 0027 00000007 0001 00 85 01 1001 00"), &ip]),
        ),
        framed(
            "88a8 0064 88e7 00000007",
            &framed("8847 00010040 00064140", &ip),
        ),
        over_udp(
            1701,
            &join(&[&hex("0a02 0001 0002 00010001 0002 0000 ff030021"), &ip]),
        ),
        over_udp(
            1701,
            &join(&[&hex("0003 0000 00000007 0000000000000000 00000000"), &frame]),
        ),
        over_udp(4341, &join(&[&hex("c8123456 00002a01"), &ip])),
        over_udp(6080, &join(&[&hex("01040000 00000000"), &ip])),
        over_udp(4754, &join(&[&hex("2000 6558 00000509"), &frame])),
        over_udp(
            5247,
            &join(&[&hex("00200030 00000000 06010203040506 00 00"), &frame]),
        ),
        framed("894f 0fc20101 00000101", &ip),
        framed("22f3 0040 0001 0002 00000000", &frame),
    ];
    for seed in &seeds {
        for at in 0..seed.len() {
            let _ = decode(&ethernet(&seed[..at]));
            let _ = decode(&cut(LinkType::ETHERNET, &seed[..at], seed.len()));
            for value in [0, 1, 0x45, 0x7f, 0xff] {
                let mut changed = seed.clone();
                changed[at] = value;
                let _ = decode(&ethernet(&changed));
            }
        }
    }
}
