//! Link layers, each as its own specification says.

use super::*;

/// A UDP datagram of "pic" over IPv4, without a link layer.
fn ip() -> Vec<u8> {
    udp4(b"pic")[14..].to_vec()
}

fn with(header: &str) -> Vec<u8> {
    let mut bytes = hex(header);
    bytes.extend(ip());
    bytes
}

fn is_pic(frame: &Frame<'_>) {
    let packet = packet(frame);
    assert_eq!(*packet.payload, *b"pic");
    assert_eq!(packet.payload_len, 3);
    assert_eq!(packet.source, "192.0.2.1:5000".parse().unwrap());
    assert_eq!(packet.destination, "192.0.2.2:5001".parse().unwrap());
}

#[test]
fn ethernet_padding_is_no_payload() {
    // IEEE 802.3, 4a.2.3.2.4: frames are padded to 60 bytes; RFC 894 leaves that to the IP length.
    for mut bytes in [udp4(b"pic"), udp4(b"")] {
        let payload = bytes.len() - 42;
        bytes.resize(60, 0xee);
        let packet = packet(&ethernet(&bytes));
        assert_eq!(
            (packet.payload.len(), packet.payload_len),
            (payload, u32::try_from(payload).unwrap())
        );
        assert_eq!(packet.notes.transport_checksum, Checksum::Good);
    }
    let mut ack = tcp4(b"");
    ack.resize(80, 0xee);
    assert_eq!(packet(&ethernet(&ack)).payload_len, 0);
    let mut ack = tcp6(b"");
    ack.resize(100, 0xee);
    assert_eq!(packet(&ethernet(&ack)).payload_len, 0);
}

#[test]
fn vlan_tags_in_any_stacking_with_padding() {
    // IEEE 802.1Q clause 9.6; 802.1ad (88a8) outside, and the older 9100.
    for tags in [
        "8100 0022",
        "88a8 000c 8100 0022",
        "9100 000c 8100 0022",
        "88a8 000c 8100 0022 8100 0391 8100 0004 8100 0005",
    ] {
        let mut bytes = with(&format!("020202020202 040404040404 {tags} 0800"));
        bytes.extend([0xee; 18]);
        is_pic(&ethernet(&bytes));
    }
}

#[test]
fn snap_is_opened_and_its_padding_left_out() {
    // RFC 1042: LLC AA-AA-03, organisation 0, EtherType; the 802.3 length leaves the padding out.
    let mut bytes = with("020202020202 040404040404 0000 aaaa03 000000 0800");
    put(&mut bytes, 12, 8 + 31);
    bytes.resize(60, 0xee);
    is_pic(&ethernet(&bytes));
    // A spanning tree frame: LLC 42-42-03.
    let mut bytes = hex("0180c2000000 040404040404 0026 424203 0000000000");
    bytes.resize(60, 0);
    assert_eq!(skip(&ethernet(&bytes)), Skip::NotIp);
}

#[test]
fn linux_cooked_versions_1_and_2() {
    // LINKTYPE_LINUX_SLL: packet type, device type, address length, address, protocol.
    is_pic(&frame(
        LinkType::LINUX_SLL,
        &with("0000 0001 0006 0404040404040000 0800"),
    ));
    is_pic(&frame(
        LinkType::LINUX_SLL,
        &with("0004 fffe 0000 0000000000000000 0800"),
    ));
    is_pic(&frame(
        LinkType::LINUX_SLL,
        &with("0000 0001 0006 0404040404040000 8100 0022 0800"),
    ));
    is_pic(&frame(
        LinkType::LINUX_SLL,
        &with("0000 0001 0006 0404040404040000 0004 aaaa03 000000 0800"),
    ));
    // LINKTYPE_LINUX_SLL2: protocol, reserved, device index, device type, packet type, address length, address.
    is_pic(&frame(
        LinkType::LINUX_SLL2,
        &with("0800 0000 00000002 0001 00 06 0404040404040000"),
    ));
    // Netlink's protocol field is no EtherType.
    assert_eq!(
        skip(&frame(
            LinkType::LINUX_SLL,
            &with("0004 0338 0000 0000000000000000 0800")
        )),
        Skip::NotIp
    );
}

#[test]
fn bsd_loopback_in_both_byte_orders() {
    is_pic(&frame(LinkType::NULL, &with("02000000")));
    is_pic(&frame(LinkType::NULL, &with("00000002")));
    is_pic(&frame(LinkType::LOOP, &with("00000002")));
    assert_eq!(skip(&frame(LinkType::LOOP, &with("02000000"))), Skip::NotIp);
    assert_eq!(skip(&frame(LinkType::NULL, &with("00000007"))), Skip::NotIp);
    for family in [24_u32, 28, 30, 10] {
        for head in [family.to_be_bytes(), family.to_le_bytes()] {
            let bytes = [&head[..], &udp6(b"pic")[14..]].concat();
            assert_eq!(*packet(&frame(LinkType::NULL, &bytes)).payload, *b"pic");
        }
    }
}

#[test]
fn raw_ip_of_every_number() {
    for link in [101, 12, 14, 228] {
        is_pic(&frame(LinkType(link), &ip()));
    }
    for link in [101, 12, 14, 229] {
        let bytes = &udp6(b"pic")[14..];
        assert_eq!(*packet(&frame(LinkType(link), bytes)).payload, *b"pic");
    }
    assert_eq!(skip(&frame(LinkType::RAW, &hex("0045"))), Skip::NotIp);
}

#[test]
fn the_link_type_is_never_guessed_from_a_nibble() {
    // IPv4 under a link type that imgnet does not know.
    assert_eq!(skip(&frame(LinkType(147), &ip())), Skip::UnknownLinkType);
    // A hardware address that begins like an IPv4 header is still one.
    is_pic(&ethernet(&with("450000540001 040404040404 0800")));
    // IPv6 where the link layer says IPv4, and the other way round.
    assert_eq!(
        skip(&frame(LinkType::IPV4, &udp6(b"pic")[14..])),
        Skip::Malformed
    );
    let mut bytes = udp4(b"a picture long enough for an IPv6 header");
    put(&mut bytes, 12, 0x86dd);
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
}

#[test]
fn tags_of_redundancy_and_metadata_are_taken_off() {
    // IEC 62439-3, clause 5.7: path and length, a number; Cisco's: version, length, option, group.
    for tags in [
        "892f 0033 0001",
        "8909 0101 0001 0007",
        "8100 0005 892f 0033 0001",
    ] {
        is_pic(&ethernet(&with(&format!(
            "020202020202 040404040404 {tags} 0800"
        ))));
    }
    let other = with("020202020202 040404040404 8909 0201 0001 0007 0800");
    assert_eq!(skip(&ethernet(&other)), Skip::Tunnel);
}

#[test]
fn what_is_not_decoded_has_a_name() {
    let ether = |kind: &str| with(&format!("020202020202 040404040404 {kind}"));
    assert_eq!(skip(&ethernet(&ether("0806"))), Skip::NotIp);
    assert_eq!(skip(&ethernet(&ether("88cc"))), Skip::NotIp);
    // Another version of TRILL; MACsec (IEEE 802.1AE).
    assert_eq!(skip(&ethernet(&ether("22f3 c000"))), Skip::Tunnel);
    assert_eq!(skip(&ethernet(&ether("88e5 2c000000"))), Skip::Encrypted);
    // A header that is not known, and IP behind it.
    let mut unknown = ether("9999 0102030405060708090a");
    assert_eq!(skip(&ethernet(&unknown)), Skip::Tunnel);
    // Unless its checksum is not one.
    unknown[24 + 10] ^= 1;
    assert_eq!(skip(&ethernet(&unknown)), Skip::NotIp);
    // PPPoE (RFC 2516): a session's control protocol.
    assert_eq!(
        skip(&ethernet(&ether("8864 11000001001dc021"))),
        Skip::NotIp
    );
    assert_eq!(skip(&ethernet(&ether("8863 11090000"))), Skip::NotIp);
    // A frame that ends within its link header, captured whole or cut.
    for (link, len) in [
        (1, 13),
        (113, 15),
        (276, 19),
        (0, 3),
        (108, 3),
        (101, 0),
        (9, 0),
        (10, 12),
        (104, 3),
        (105, 1),
        (127, 7),
        (239, 3),
        (242, 43),
        (197, 15),
    ] {
        let link = LinkType(link);
        let bytes = vec![0; len];
        assert_eq!(skip(&frame(link, &bytes)), Skip::Malformed, "{link:?}");
        assert_eq!(skip(&cut(link, &bytes, 60)), Skip::HeadersCut, "{link:?}");
    }
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let reasons = [
        Skip::UnknownLinkType,
        Skip::NotIp,
        Skip::NotTcpOrUdp,
        Skip::HeadersCut,
        Skip::Malformed,
        Skip::Tunnel,
        Skip::Encrypted,
        Skip::LinkFragment,
        Skip::BadFragment,
        Skip::FragmentCut,
    ];
    let names: std::collections::BTreeSet<_> = reasons.iter().map(|skip| skip.name()).collect();
    assert_eq!(names.len(), reasons.len());
}

#[test]
fn serial_links() {
    // RFC 1662 framing, without it, with a compressed protocol (RFC 1661, 6.5).
    for header in ["ff03 0021", "0021", "21"] {
        is_pic(&frame(LinkType::PPP, &with(header)));
        is_pic(&frame(LinkType::PPP_HDLC, &with(header)));
    }
    is_pic(&frame(LinkType::PPP, &with("ff03 0281 00064140")));
    assert_eq!(skip(&frame(LinkType::PPP, &with("ff03 c021"))), Skip::NotIp);
    assert_eq!(
        skip(&frame(LinkType::PPP, &with("ff03 003d"))),
        Skip::Tunnel
    );
    assert_eq!(
        skip(&frame(LinkType::PPP, &with("ff03 0053"))),
        Skip::Encrypted
    );
    // Bridged Ethernet, with its checksum and without (RFC 3518); a bridge's own frame; another link's.
    let mac = "020202020202 040404040404 0800";
    let mut bridged = with(&format!("ff03 0031 00 01 {mac}"));
    is_pic(&frame(LinkType::PPP, &bridged));
    bridged[4] = 0x80;
    bridged.extend([0xee; 4]);
    is_pic(&frame(LinkType::PPP, &bridged));
    bridged[5] = 0;
    assert_eq!(skip(&frame(LinkType::PPP, &bridged)), Skip::NotIp);
    bridged[5] = 3;
    assert_eq!(skip(&frame(LinkType::PPP, &bridged)), Skip::Tunnel);
    is_pic(&frame(LinkType::CISCO_HDLC, &with("0f00 0800")));
    is_pic(&frame(LinkType::PPP_HDLC, &with("8f00 0800")));
    assert_eq!(
        skip(&frame(LinkType::CISCO_HDLC, &with("8f00 8035"))),
        Skip::NotIp
    );
    is_pic(&frame(LinkType::PPP_ETHER, &with("11000001 0021 0021")));
}

#[test]
fn wireless_with_radiotap_and_without() {
    let data = "0801 0000 020000000001 020000000001 020000000001 0000";
    let qos = "8801 0000 020000000001 020000000001 020000000001 0000 0000";
    let four = "0803 0000 020000000001 020000000001 020000000001 0000 020000000001";
    let llc = "aaaa03 000000 0800";
    for header in [data, qos, four] {
        is_pic(&frame(
            LinkType::IEEE802_11,
            &with(&format!("{header} {llc}")),
        ));
        let radiotap = format!("00 00 0800 00000000 {header} {llc}");
        is_pic(&frame(LinkType::IEEE802_11_RADIOTAP, &with(&radiotap)));
    }
    // TSFT and flags present, flags say the header is padded: the 26 bytes of a QoS header become 28.
    let padded = format!("00 00 1100 03000000 0000000000000000 20 {qos} 0000 {llc}");
    is_pic(&frame(LinkType::IEEE802_11_RADIOTAP, &with(&padded)));
    // A beacon; a frame without data; protected; a fragment.
    for (control, sequence, reason) in [
        ("8000", "0000", Skip::NotIp),
        ("4801", "0000", Skip::NotIp),
        ("0841", "0000", Skip::Encrypted),
        ("0805", "0000", Skip::LinkFragment),
        ("0801", "0100", Skip::LinkFragment),
    ] {
        let header =
            format!("{control} 0000 020000000001 020000000001 020000000001 {sequence} {llc}");
        assert_eq!(skip(&frame(LinkType::IEEE802_11, &with(&header))), reason);
    }
    // One packet in an aggregate is opened, two are not.
    let one = format!(
        "{} 8000 020000000001 020000000001 0027 {llc}",
        &qos[..qos.len() - 5]
    );
    is_pic(&frame(LinkType::IEEE802_11, &with(&one)));
    let mut two = with(&one);
    two.extend([0; 80]);
    assert_eq!(skip(&frame(LinkType::IEEE802_11, &two)), Skip::LinkFragment);
}

#[test]
fn other_link_types() {
    is_pic(&frame(
        LinkType::FDDI,
        &with("50 020000000002 020000000001 aaaa03 000000 0800"),
    ));
    // A beacon of FDDI's own.
    assert_eq!(
        skip(&frame(
            LinkType::FDDI,
            &with("c2 020000000002 020000000001")
        )),
        Skip::NotIp
    );
    // NFLOG: a prefix of 3 bytes, padded, before the packet; both byte orders.
    is_pic(&frame(
        LinkType::NFLOG,
        &with("02000000 0700 0a00 61620000 2300 0900"),
    ));
    is_pic(&frame(
        LinkType::NFLOG,
        &with("02000000 0007 000a 61620000 0023 0009"),
    ));
    assert_eq!(
        skip(&frame(LinkType::NFLOG, &with("02000000 0300 0a00"))),
        Skip::Malformed
    );
    let mut ipoib = "00".repeat(40);
    ipoib.push_str("0800 0000");
    is_pic(&frame(LinkType::IPOIB, &with(&ipoib)));
    // ERF within pcap: type 2 with an extension header.
    is_pic(&frame(
        LinkType::ERF,
        &with(
            "0000000000000000 82 04 0050 0000 0040 0000000000000000 0000 020202020202 040404040404 0800",
        ),
    ));
    // BSD loopback with an EtherType or with 16 bits of family.
    for header in ["00000800", "00080000", "02000000", "00020000", "ff030021"] {
        is_pic(&frame(LinkType::NULL, &with(header)));
    }
}

#[test]
fn rare_link_types() {
    let mac = "020202020202 040404040404";
    let snap = "aaaa03 000000 0800";
    let pktap = format!("6c000000 01000000 01000000 {} {mac} 0800", "00".repeat(96));
    let pflog = format!("3d020000 {}", "00".repeat(60));
    let ipnet = format!("0102 {}", "00".repeat(22));
    for (link, header) in [
        (6, format!("1040 {mac} {snap}")),
        (
            6,
            format!("1040 020202020202 840404040404 0630 0011 0022 {snap}"),
        ),
        (7, "0102 d4 00 0001".to_owned()),
        (7, "0102 f0".to_owned()),
        (129, "0102 0000 d4 00 0001".to_owned()),
        (129, "0102 0000 d4 ffffffff 00 0001".to_owned()),
        (100, snap.to_owned()),
        (107, "1841 03 cc".to_owned()),
        (107, "1841 03 00 80 000000 0800".to_owned()),
        (107, format!("18 40 00 01 03 00 80 0080c2 0007 {mac} 0800")),
        (107, "1841 0800".to_owned()),
        (109, "02000000 00000100 00000000".to_owned()),
        (109, "00000002 00000100 00000000".to_owned()),
        (117, pflog),
        (122, format!("1000 020202020202 1000 040404040404 {snap}")),
        (123, format!("82 00 0021 {snap}")),
        (123, format!("01 00 0021 0001 {mac} 0800")),
        (138, "0202020202020202 0404040404040404 0800".to_owned()),
        (149, pktap.clone()),
        (166, "01 ff03 0021".to_owned()),
        (178, format!("4d474380 0006 010100 020100 {mac} 0800")),
        (178, format!("4d474300 {mac} 0800")),
        (178, "4d474302 00000002".to_owned()),
        (179, "4d474300 0021".to_owned()),
        (180, "4d474300 1841 03 cc".to_owned()),
        (181, "4d474300 0f00 0800".to_owned()),
        (204, "01 ff03 0021".to_owned()),
        (205, "01 0f00 0800".to_owned()),
        (206, "01 1841 03 cc".to_owned()),
        (219, "00064140".to_owned()),
        (226, ipnet),
        (240, format!("00000000 {mac} 0800")),
        (258, pktap),
        (274, format!("55555555555555d5 {mac} 0800")),
    ] {
        is_pic(&frame(LinkType(link), &with(&header)));
        assert!(link == 149 || LinkType(link).name().is_some(), "{link}");
        // Wherever the header is cut, it is said; nothing is made up of what is left.
        let whole = with(&header);
        let head = whole.len() - ip().len();
        for length in 0..head {
            let cut = cut(LinkType(link), &whole[..length], 200);
            let outcome = decode(&cut);
            assert!(
                matches!(outcome, Outcome::Skipped(_)),
                "{link}: {length} of {head}: {outcome:?}"
            );
        }
    }
}

#[test]
fn what_rare_link_types_carry_beside_packets_has_a_name() {
    for (link, header, reason) in [
        // The ring's own frames, and a route of no length.
        (
            6,
            "1000 020202020202 040404040404 aaaa03 000000 0800",
            Skip::NotIp,
        ),
        (
            6,
            "1040 020202020202 840404040404 0030 aaaa03",
            Skip::Malformed,
        ),
        // ARP, and a part of a packet.
        (129, "0102 0000 d5 00 0001", Skip::NotIp),
        (129, "0102 0000 d4 03 0001", Skip::LinkFragment),
        // An address of one byte, and one without end; compressed; a link's own.
        (107, "19 03 cc", Skip::Malformed),
        (107, "18404040 40 03 cc", Skip::Malformed),
        (107, "1841 03 b0", Skip::Tunnel),
        (107, "1841 03 08", Skip::NotIp),
        (109, "07000000 00000100 00000000", Skip::NotIp),
        (117, "00020000", Skip::Malformed),
        (123, "05 00 0021", Skip::NotIp),
        // macOS's: of a process alone, and of itself.
        (258, "0c000000 00000000 01000000", Skip::NotIp),
        (258, "0c000000 01000000 02010000", Skip::UnknownLinkType),
        (258, "02000000 01000000 01000000", Skip::Malformed),
        (149, "02000000 01000000 01000000", Skip::UnknownLinkType),
        (
            226,
            "0202 00000000000000000000000000000000000000000000",
            Skip::Malformed,
        ),
        (274, "55555555555555e6", Skip::LinkFragment),
        (178, "4d474200", Skip::Malformed),
    ] {
        assert_eq!(
            skip(&frame(LinkType(link), &with(header))),
            reason,
            "{link} {header}"
        );
    }
}

#[test]
fn what_captures_of_802_11_put_in_front() {
    let data = "0802 0000 020202020202 040404040404 060606060606 0000 aaaa03000000 0800";
    // PPI, with a field of 4 bytes; Prism in both byte orders; AVS.
    is_pic(&frame(
        LinkType::PPI,
        &with(&format!("00001000 69000000 02000400 00000000 {data}")),
    ));
    is_pic(&frame(
        LinkType::PPI,
        &with("00000800 01000000 020202020202 040404040404 0800"),
    ));
    is_pic(&frame(
        LinkType::PRISM,
        &with(&format!("44000000 0c000000 00000000 {data}")),
    ));
    is_pic(&frame(
        LinkType::PRISM,
        &with(&format!("00000044 0000000c 00000000 {data}")),
    ));
    for link in [LinkType::PRISM, LinkType::IEEE802_11_AVS] {
        is_pic(&frame(
            link,
            &with(&format!("80211001 0000000c 00000000 {data}")),
        ));
    }
    assert_eq!(
        skip(&frame(LinkType::PPI, &with("00000800 63000000"))),
        Skip::UnknownLinkType
    );
    assert_eq!(
        skip(&frame(LinkType::PPI, &with("00000700 01000000"))),
        Skip::Malformed
    );
}
