//! IP, TCP and UDP headers, lengths and checksums.

use super::*;

#[test]
fn tcp_over_ipv4_as_rfc_9293_section_3_1_lays_it_out() {
    let bytes = hex("
        020202020202 040404040404 0800
        4500 002c 0001 4000 40 06 b6c7 c0000201 c0000202
        d004 ff98 00000064 00000000 60 02 faf0 0000 0000 020405b4");
    let packet = packet(&ethernet(&bytes));
    assert_eq!(packet.source, "192.0.2.1:53252".parse().unwrap());
    assert_eq!(packet.destination, "192.0.2.2:65432".parse().unwrap());
    assert_eq!(
        tcp(&packet),
        Tcp {
            seq: 100,
            ack: None,
            syn: true,
            window: 0xfaf0,
            mss: Some(1460),
            ..Tcp::default()
        }
    );
    assert_eq!(packet.payload_len, 0);
    assert_eq!(packet.parts.as_slice().len(), 1);
    assert_eq!(packet.notes.ip_checksum, Checksum::Good);
}

#[test]
fn a_fin_may_carry_data() {
    let mut bytes = tcp4(b"last");
    bytes[14 + 20 + 13] = 0x19;
    let packet = packet(&ethernet(&bytes));
    assert!(tcp(&packet).fin && tcp(&packet).psh);
    assert_eq!(tcp(&packet).ack, Some(77));
    assert_eq!(*packet.payload, *b"last");
}

#[test]
fn tcp_options_behind_one_that_is_not_known() {
    // MPTCP (kind 30), which etherparse stops at; then SACK permitted, window scale, end of list.
    let mut segment = hex("d004 ff98 00000064 00000000 a0 02 faf0 0000 0000");
    segment.extend(hex("1e04 0081 0402 0303 07 01 020405b4 00 ffffffffff"));
    let bytes = ipv4(6, &segment);
    let tcp = tcp(&packet(&frame(LinkType::RAW, &bytes)));
    assert_eq!((tcp.window_scale, tcp.mss), (Some(7), Some(1460)));
    assert!(tcp.sack_permitted);
}

#[test]
fn sack_blocks_of_rfc_2018_section_3() {
    let mut segment = hex("d004 ff98 00000064 00000001 f0 10 faf0 0000 0000");
    segment.extend(hex("0101 080a 00000003 00000004 0101 051a"));
    segment.extend(hex("00000010 00000020 00000030 00000040 00000050 00000060"));
    let found = packet_of(&ipv4(6, &segment));
    assert_eq!(
        found.sack.unwrap().blocks(),
        [(0x10, 0x20), (0x30, 0x40), (0x50, 0x60)]
    );
    assert_eq!(
        found.timestamps,
        Some(Timestamps {
            value: 3,
            echo_reply: 4
        })
    );
    // A length that is no whole number of blocks, and one that runs out of the header.
    for length in [0x19, 0x22] {
        segment[35] = length;
        assert_eq!(packet_of(&ipv4(6, &segment)).sack, None);
    }
}

fn packet_of(bytes: &[u8]) -> Tcp {
    tcp(&packet(&frame(LinkType::RAW, bytes)))
}

#[test]
fn data_offsets_that_cannot_be() {
    // RFC 9293, section 3.1: at least 5 words.
    let mut bytes = tcp4(b"data");
    bytes[14 + 20 + 12] = 0x40;
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
    // Beyond the segment.
    let mut bytes = tcp4(b"data");
    bytes[14 + 20 + 12] = 0xf0;
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
    // Padding does not make up for it.
    bytes.extend([0; 60]);
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
}

#[test]
fn the_snap_length_cuts_payload_and_headers() {
    let bytes = tcp6(&[7; 1000]);
    // Ethernet 14, IPv6 40, TCP with time stamps 32: all within 96.
    let found = packet(&cut(LinkType::ETHERNET, &bytes[..96], bytes.len()));
    assert_eq!((found.payload.len(), found.payload_len), (10, 1000));
    assert_eq!(found.parts.as_slice()[0].bytes, 1000);
    assert_eq!(found.notes.transport_checksum, Checksum::NotChecked);
    let found = packet(&cut(LinkType::ETHERNET, &bytes[..86], bytes.len()));
    assert_eq!((found.payload.len(), found.payload_len), (0, 1000));
    for len in 0..74 {
        let cut = cut(LinkType::ETHERNET, &bytes[..len], bytes.len());
        assert_eq!(skip(&cut), Skip::HeadersCut, "{len}");
    }
    // Where only options are cut off, the numbers, the flags and the length of the payload are there.
    let whole = tcp(&packet(&ethernet(&bytes)));
    for len in 74..86 {
        let found = packet(&cut(LinkType::ETHERNET, &bytes[..len], bytes.len()));
        assert_eq!((found.payload.len(), found.payload_len), (0, 1000), "{len}");
        let expected = Tcp {
            timestamps: None,
            options_cut: true,
            ..whole
        };
        assert_eq!(tcp(&found), expected, "{len}");
    }
    let bytes = udp4(&[7; 1000]);
    for len in 0..42 {
        let cut = cut(LinkType::ETHERNET, &bytes[..len], bytes.len());
        assert_eq!(skip(&cut), Skip::HeadersCut, "{len}");
    }
}

#[test]
fn ip_length_0_is_segmentation_offload_and_not_emptiness() {
    let mut bytes = tcp4(&[7; 3000]);
    put(&mut bytes, 16, 0);
    let found = packet(&ethernet(&bytes));
    assert_eq!(found.payload_len, 3000);
    assert!(found.notes.ip_length_zero);
    // Cut: the wire length of the frame tells.
    let found = packet(&cut(LinkType::ETHERNET, &bytes[..200], bytes.len()));
    assert_eq!((found.payload.len(), found.payload_len), (200 - 66, 3000));

    let mut bytes = tcp6(&[7; 3000]);
    put(&mut bytes, 18, 0);
    let found = packet(&ethernet(&bytes));
    assert_eq!(found.payload_len, 3000);
    assert!(found.notes.ip_length_zero);
    assert_eq!(found.notes.transport_checksum, Checksum::Good);

    let bytes = tcp4(&[7; 3000]);
    assert!(!packet(&ethernet(&bytes)).notes.ip_length_zero);
}

#[test]
fn an_ip_length_beyond_the_frame_is_said() {
    let bytes = udp4(&[7; 100]);
    let found = packet(&ethernet(&bytes[..92]));
    assert_eq!((found.payload.len(), found.payload_len), (50, 100));
    assert!(found.notes.ip_length_beyond_frame);
    assert!(
        !packet(&cut(LinkType::ETHERNET, &bytes[..92], 142))
            .notes
            .ip_length_beyond_frame
    );
}

#[test]
fn ip_lengths_that_cannot_be() {
    let mut bytes = udp4(b"pic");
    put(&mut bytes, 16, 19);
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
    put(&mut bytes, 16, 27);
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
    // RFC 791, section 3.1: the header has at least 5 words.
    let mut bytes = udp4(b"pic");
    bytes[14] = 0x44;
    assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed);
}

#[test]
fn jumbograms_of_rfc_2675() {
    let payload = vec![7; 70_000];
    let mut bytes = ipv6(0, &[]);
    // Hop-by-hop with the jumbo option, then UDP of length 0 (section 4).
    let length = u32::try_from(8 + 8 + payload.len()).unwrap();
    bytes.extend(hex("11 00 c2 04"));
    bytes.extend(length.to_be_bytes());
    bytes.extend(hex("1388 1389 0000 1234"));
    bytes.extend(&payload);
    bytes.extend([0xee; 9]);
    let found = packet(&frame(LinkType::IPV6, &bytes));
    assert_eq!(found.payload_len, 70_000);
    assert!(!found.notes.ip_length_zero);
    // Section 3: a jumbo length of 65,535 or less is an error.
    bytes[44..48].copy_from_slice(&65_535_u32.to_be_bytes());
    assert_eq!(skip(&frame(LinkType::IPV6, &bytes)), Skip::Malformed);
}

#[test]
fn udp_lengths() {
    // Less than the IP payload: the rest is none of the datagram's.
    let mut bytes = udp4(b"picture");
    put(&mut bytes, 38, 8 + 3);
    let found = packet(&ethernet(&bytes));
    assert_eq!((&*found.payload, found.payload_len), (&b"pic"[..], 3));
    for wrong in [0, 7, 16] {
        put(&mut bytes, 38, wrong);
        assert_eq!(skip(&ethernet(&bytes)), Skip::Malformed, "{wrong}");
    }
    assert_eq!(packet(&ethernet(&udp4(b""))).payload_len, 0);
}

#[test]
fn checksums_good_wrong_unfinished_and_none() {
    let status = |bytes: &[u8]| {
        let notes = packet(&ethernet(bytes)).notes;
        (notes.ip_checksum, notes.transport_checksum)
    };
    for payload in [&b""[..], b"p", b"pi", b"pic", &[0xff; 1448], &[0xa5; 1447]] {
        for bytes in [udp4(payload), tcp4(payload)] {
            assert_eq!(status(&bytes), (Checksum::Good, Checksum::Good));
            if !payload.is_empty() {
                let mut damaged = bytes.clone();
                *damaged.last_mut().unwrap() ^= 1;
                assert_eq!(status(&damaged), (Checksum::Good, Checksum::Wrong));
            }
            let mut damaged = bytes.clone();
            damaged[22] ^= 1;
            assert_eq!(status(&damaged), (Checksum::Wrong, Checksum::Good));
            // As some offload engines leave it.
            put(&mut damaged, 24, 0);
            assert_eq!(status(&damaged), (Checksum::Unfinished, Checksum::Good));
        }
        for bytes in [udp6(payload), tcp6(payload)] {
            assert_eq!(status(&bytes), (Checksum::NotChecked, Checksum::Good));
        }
    }
    // None was sent (RFC 768); over IPv6 that is an error (RFC 8200, section 8.1).
    let mut bytes = udp4(b"pic");
    put(&mut bytes, 40, 0);
    assert_eq!(status(&bytes).1, Checksum::NotChecked);
    let mut bytes = udp6(b"pic");
    put(&mut bytes, 60, 0);
    assert_eq!(status(&bytes).1, Checksum::Wrong);
    // The pseudo-header alone: c000 + 0201 + c000 + 0202 + 17 + 11, its carry brought in, as Linux leaves it;
    // and without the length.
    let mut bytes = udp4(b"pic");
    put(&mut bytes, 40, 0x8420);
    assert_eq!(status(&bytes).1, Checksum::Unfinished);
    put(&mut bytes, 40, 0x8415);
    assert_eq!(status(&bytes).1, Checksum::Unfinished);
    put(&mut bytes, 40, 0x8416);
    assert_eq!(status(&bytes).1, Checksum::Wrong);
    // One payload of 65,536 has a finished checksum that looks like it.
    let chance = (0..=u16::MAX)
        .map(|word| udp4(&[&b"pi"[..], &word.to_be_bytes()].concat()))
        .find(|bytes| bytes[40..42] == [0x84, 0x21])
        .unwrap();
    assert_eq!(status(&chance).1, Checksum::Good);
}

#[test]
fn checksums_are_left_alone_when_not_asked_for() {
    let bytes = udp4(b"pic");
    let mut decoder = Decoder::new(Options {
        checksums: false,
        ..Options::default()
    });
    let Outcome::Packet(packet) = decoder.decode(&ethernet(&bytes)) else {
        panic!("no packet");
    };
    let notes = Notes {
        hops: 64,
        ..Notes::default()
    };
    assert_eq!(packet.notes, notes);
}

#[test]
fn extension_headers_of_rfc_8200_section_4() {
    let udp = &udp6(b"pic")[54..];
    let with = |headers: &str, first| {
        let payload = [hex(headers), udp.to_vec()].concat();
        ipv6(first, &payload)
    };
    let notes = |bytes: &[u8]| {
        let packet = packet(&frame(LinkType::IPV6, bytes));
        assert_eq!(*packet.payload, *b"pic");
        packet.notes.transport_checksum
    };
    // Hop-by-hop, destination options, routing (none left), authentication, fragment (the whole datagram).
    let all = with(
        "3c 00 0104 00000000
         2b 00 0104 00000000
         33 02 04 00 00000000 00000000000000000000000000000000
         2c 02 0000 00000001 00000002 11223344
         11 00 0000 00000007",
        0,
    );
    assert_eq!(notes(&all), Checksum::Good);
    // Segments left: the pseudo-header has another address than the header.
    let routed = with("11 02 04 01 00000000 20010db8000000000000000000000009", 43);
    assert_eq!(notes(&routed), Checksum::NotChecked);
    // So with a home address (RFC 6275, section 6.3).
    let home = with("11 02 0102 0000 c910 20010db8000000000000000000000009", 60);
    assert_eq!(notes(&home), Checksum::NotChecked);
    // Hop-by-hop anywhere else.
    let late = with("00 00 0104 00000000 11 00 0104 00000000", 60);
    assert_eq!(skip(&frame(LinkType::IPV6, &late)), Skip::Malformed);
    // A header that is longer than the packet.
    let long = with("11 ff 0104 00000000", 60);
    assert_eq!(skip(&frame(LinkType::IPV6, &long)), Skip::Malformed);
}

#[test]
fn ipv4_options_and_authentication() {
    let udp = &udp4(b"pic")[34..];
    // Record route (RFC 791, section 3.1), no operation, end.
    let with = |options: &str| {
        let mut bytes = ipv4(17, &[]);
        bytes.extend(hex(options));
        bytes.extend(udp);
        bytes[0] = 0x47;
        let len = bytes.len();
        put(&mut bytes, 2, len);
        bytes
    };
    let status = |bytes: &[u8]| {
        let packet = packet(&frame(LinkType::IPV4, bytes));
        assert_eq!(*packet.payload, *b"pic");
        packet.notes.transport_checksum
    };
    assert_eq!(status(&with("01 07 07 04 00000000")), Checksum::Good);
    // Loose source route: the final destination stands in the option.
    assert_eq!(status(&with("83 07 04 c0000209 00")), Checksum::NotChecked);
    // RFC 4302 over IPv4.
    let secured = [hex("11 02 0000 00000001 00000002 11223344"), udp.to_vec()].concat();
    assert_eq!(status(&ipv4(51, &secured)), Checksum::Good);
}

#[test]
fn what_is_neither_tcp_nor_udp_has_a_name() {
    for (protocol, reason) in [
        (1, Skip::NotTcpOrUdp),
        (132, Skip::NotTcpOrUdp),
        (50, Skip::Encrypted),
        // A control message of L2TP.
        (115, Skip::NotTcpOrUdp),
        (0, Skip::NotTcpOrUdp),
        // Zeros are no packet within.
        (4, Skip::Malformed),
        (41, Skip::Malformed),
        // A keep-alive of GRE.
        (47, Skip::NotIp),
    ] {
        let bytes = ipv4(protocol, &[0; 40]);
        assert_eq!(skip(&frame(LinkType::IPV4, &bytes)), reason, "{protocol}");
    }
    for (next, reason) in [
        (58, Skip::NotTcpOrUdp),
        (59, Skip::NotTcpOrUdp),
        (41, Skip::Malformed),
        (4, Skip::Malformed),
    ] {
        let bytes = ipv6(next, &[0; 40]);
        assert_eq!(skip(&frame(LinkType::IPV6, &bytes)), reason, "{next}");
    }
}
