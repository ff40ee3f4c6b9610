//! Tests of the syntax; what filters choose is held against tshark in `tests/commands/inspect/tshark.rs`.

use proptest::prelude::*;

use super::*;
use crate::dissect::fields;

fn mistake(text: &str) -> Mistake {
    match Filter::parse(text) {
        Ok(filter) => panic!("{text} was read as {filter}"),
        Err(mistake) => mistake,
    }
}

fn printed(text: &str) -> String {
    match Filter::parse(text) {
        Ok(filter) => filter.to_string(),
        Err(mistake) => panic!("{mistake}"),
    }
}

#[test]
fn words_and_signs_are_the_same() {
    for (words, signs) in [
        ("tcp and not udp", "tcp && !udp"),
        ("tcp or udp", "tcp || udp"),
        ("tcp.port eq 80", "tcp.port == 80"),
        ("tcp.port ne 80", "tcp.port != 80"),
        (
            "frame.len gt 60 and frame.len le 0x40",
            "frame.len > 60 && frame.len <= 64",
        ),
        ("tcp.port not in {1, 2..5}", "!(tcp.port in {1 2..5})"),
        ("http.host matches \"a\"", "http.host ~ \"a\""),
    ] {
        assert_eq!(Filter::parse(words), Filter::parse(signs), "{words}");
        assert!(Filter::parse(words).is_ok(), "{words}");
    }
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    for (text, grouped) in [
        (
            "tcp || udp && ip || !eth && arp",
            "tcp || (udp && ip) || ((!eth) && arp)",
        ),
        ("!tcp.port == 80", "!(tcp.port == 80)"),
        // Between them, one and not both.
        (
            "tcp || udp ^^ ip && eth ^^ arp",
            "tcp || (udp ^^ (ip && eth) ^^ arp)",
        ),
        (
            "tcp.len + 2 * tcp.hdr_len - 1 > 4",
            "{tcp.len + {2 * tcp.hdr_len}} - 1 > 4",
        ),
        (
            "tcp.len - tcp.len & tcp.len + 1 > 4",
            "{tcp.len - tcp.len} & {tcp.len + 1} > 4",
        ),
        ("-tcp.len * 2 < 0", "{-tcp.len} * 2 < 0"),
    ] {
        assert_eq!(Filter::parse(text), Filter::parse(grouped), "{text}");
        assert_eq!(printed(grouped), text);
    }
    // What is not read from the left keeps its groups.
    for text in [
        "(tcp || udp) && ip",
        "!(tcp || udp)",
        "(tcp ^^ udp) && ip",
        "tcp.len - {tcp.len - 1} > 4",
        "tcp.len * {tcp.len + 1} > 4",
        "tcp.len / {tcp.len * 2} > 4",
        "-{tcp.len + 1} < 0",
    ] {
        assert_eq!(printed(text), text);
    }
    for signs in [1, 2, 33, 60] {
        let text = format!("{}tcp.stream == tcp.stream", "-".repeat(signs));
        assert_eq!(printed(&text), text);
        assert_eq!(printed(&printed(&text)), text);
    }
}

#[test]
fn what_is_printed_nests_no_deeper_than_what_was_read() {
    let signs = "-".repeat(30);
    let half = |open: &str, close: &str, inside: &str| {
        let (open, close) = (open.repeat(60), close.repeat(60));
        format!("{open}{inside}{close}")
    };
    for text in [
        vec!["tcp.len"; 500].join(" - ") + " == 3",
        vec!["tcp.len * 2"; 500].join(" + ") + " == 3",
        vec![format!("{signs}tcp.stream"); 5].join(" "),
        format!("{}tcp", "!".repeat(60)),
        format!("{}tcp && udp", "not ".repeat(60)),
        half("(", ")", "tcp || udp && !ip"),
    ] {
        let filter = Filter::parse(&text).map_err(|mistake| mistake.message);
        let filter = filter.expect("it is read");
        assert_eq!(Filter::parse(&filter.to_string()), Ok(filter), "{text}");
    }
    let functions = format!("{}tcp.len{} == 3", "-abs(".repeat(20), ")".repeat(20));
    assert_eq!(printed(&functions), functions);
}

#[test]
fn values_are_read_as_their_field_wants_them() {
    for (text, expected) in [
        ("ip.addr == 10.0.0.0/8", "ip.addr == 10.0.0.0/8"),
        ("ipv6.src == ::1", "ipv6.src == ::1"),
        (
            "eth.src == 02-00-00-00-00-01",
            "eth.src == \"\\x02\\x00\\x00\\x00\\x00\\x01\"",
        ),
        (
            "tcp.payload[0:2] == ff:d8",
            "tcp.payload[0:2] == \"\\xff\\xd8\"",
        ),
        ("tcp.flags & 0x02", "tcp.flags & 0x2"),
        ("frame.time_delta > 0.5", "frame.time_delta > 0.500000000"),
        ("tcp.flags.syn == true", "tcp.flags.syn == 1"),
        ("imgnet.role == picture", "imgnet.role == \"picture\""),
        ("frame[12-13] == 08:00", "frame[12:2] == \"\\x08\\x00\""),
        ("len(tcp.payload) > 100", "len(tcp.payload) > 100"),
        ("ip.src == ip.dst", "ip.src == ip.dst"),
        ("tcp.port == 'P'", "tcp.port == 80"),
        ("ip.id == 010", "ip.id == 8"),
        ("tcp.flags bitand 0x12 == 2", "tcp.flags & 0x12 == 2"),
        ("eth.src[0] & 01", "eth.src[0:1] & \"\\x01\""),
        ("ip.proto == tcp", "ip.proto == 6"),
        ("arp.opcode in {request, \"reply\"}", "arp.opcode in {1, 2}"),
        (
            "tcp.seq + tcp.len == tcp.nxtseq",
            "tcp.seq + tcp.len == tcp.nxtseq",
        ),
        ("{tcp.len + 2} * 3 == 6", "{tcp.len + 2} * 3 == 6"),
        ("tcp.len % 4 == 1 + 1", "tcp.len % 4 == 1 + 1"),
        ("tcp.len == -{tcp.len}", "tcp.len == -tcp.len"),
        ("abs(- tcp.len) > 2", "abs(-tcp.len) > 2"),
        ("max(tcp.srcport,80) < 90", "max(tcp.srcport, 80) < 90"),
        (
            "string(frame.number) matches \"5$\"",
            "string(frame.number) matches \"5$\"",
        ),
        ("ip.addr#1 == 10.0.0.1", "ip.addr#[1] == 10.0.0.1"),
        (
            "ip.addr#[2-3,-1][0:2] == 0a:00",
            "ip.addr#[2-3,-1][0:2] == \"\\x0a\\x00\"",
        ),
        ("@tcp.seq[2:] == 00:01", "@tcp.seq[2:] == \"\\x00\\x01\""),
        (
            "frame.time_relative - 0.5 > 1",
            "frame.time_relative - 0.500000000 > 1.000000000",
        ),
        ("all tcp.port == 80", "tcp.port === 80"),
        ("any tcp.port != 80", "tcp.port !== 80"),
        ("any tcp.port == 80", "tcp.port == 80"),
        ("all tcp.port !== 80", "tcp.port != 80"),
        ("all tcp.port > 1024", "all tcp.port > 1024"),
        ("any tcp.port > 1024", "tcp.port > 1024"),
        ("all tcp.port in {1, 2..5}", "all tcp.port in {1, 2..5}"),
        (
            "tcp.seq in {tcp.ack , 5 .. tcp.nxtseq,max(tcp.ack,7)..9}",
            "tcp.seq in {tcp.ack, 5..tcp.nxtseq, max(tcp.ack, 7)..9}",
        ),
        ("ip.src in {1.2.3.4..ip.dst}", "ip.src in {1.2.3.4..ip.dst}"),
        (
            "frame.time_delta in {.5...75}",
            "frame.time_delta in {0.500000000..0.750000000}",
        ),
        ("imgnet.protocol == http", "imgnet.protocol == \"http\""),
        (
            "ip.src & 255.0.0.0 == 10.0.0.0",
            "ip.src & 255.0.0.0 == 10.0.0.0",
        ),
        ("len(tcp.port) == 2", "len(tcp.port) == 2"),
    ] {
        assert_eq!(printed(text), expected);
    }
}

#[test]
fn mistakes_point_at_their_place_and_name_the_nearest_field() {
    let wrong = mistake("tcp.prot == 80");
    assert_eq!(wrong.at, 0..8);
    assert!(wrong.message.contains("did you mean tcp.port?"), "{wrong}");
    assert_eq!(
        wrong.to_string().lines().nth(2),
        Some("  ^~~~~~~~"),
        "{wrong}"
    );
    // ICMP's comes earlier in the alphabet.
    assert!(mistake("seq == 1").message.contains("tcp.seq?"));
    assert!(mistake("checksum == 1").message.contains("tcp.checksum?"));
    for (text, at) in [
        ("tcp.port == many", 12..16),
        ("tcp.port ==", 11..11),
        ("tcp && ", 7..7),
        ("(tcp", 4..4),
        ("tcp)", 3..4),
        ("tcp udp", 4..7),
        ("tcp == 1", 0..3),
        ("tcp.port in {}", 14..14),
        ("tcp.port[0:1] == 1", 8..13),
        ("tcp.payload[x] == 1", 11..14),
        ("http.host matches \"(\"", 18..21),
        ("ip.src == ipv6.src", 10..18),
        ("ip.src == 1.2.3.4/33", 10..20),
        ("frame contains \"a", 15..16),
        ("tcp # udp", 4..5),
        ("tcp.len#0 == 1", 7..8),
        ("all tcp", 7..7),
        ("5 == tcp.len", 0..1),
        ("tcp & 1", 6..7),
        ("tcp.len + \"a\" == 1", 10..13),
        ("tcp.len + ip.src == 1", 10..16),
        ("http.host + 1 == 2", 12..13),
        ("len(tcp.len + 1) == 1", 0..3),
        ("len(max(tcp.len, 1)) == 1", 0..3),
        ("string(tcp.payload) == 1", 0..6),
        ("tcp.port in {1..}", 16..17),
        ("tcp.port in {..5}", 13..15),
        ("tcp.port in {tcp.len + 1}", 21..22),
        ("tcp.port in {ip.src}", 13..19),
        ("tcp.port in {5, tcp.prot}", 16..24),
        ("tcp.len == -1", 11..13),
        ("tcp.len in {-1..5}", 12..14),
        ("tcp ^ udp", 4..5),
        ("tcp xor", 7..7),
        ("${web} && tcp", 0..1),
        ("max(tcp.len, ip.src) == 1", 0..3),
        ("max(80, tcp.len) == 1", 4..6),
        ("@nothing == 1", 1..8),
        ("tcp.len[0] == 1", 7..10),
        ("ip.proto == many", 12..16),
    ] {
        assert_eq!(mistake(text).at, at, "{}", mistake(text));
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = format!("{}tcp{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(mistake(&deep).message.contains("nested"));
    assert!(Filter::parse(&"!".repeat(100_000)).is_err());
    let long = vec!["tcp"; 9_000].join(" || ");
    assert!(Filter::parse(&long).is_ok());
}

#[test]
fn fields_have_one_name_each_and_names_of_wireshark_form() {
    let mut names: Vec<&str> = fields::all().map(|field| field.name).collect();
    let count = names.len();
    assert!(count > 120, "{count}");
    assert!(names.iter().all(|name| {
        name.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c))
    }));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// A filter built from its grammar.
fn grown() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "tcp",
        "udp.port in {1, 5..9}",
        "ip.src == 10.0.0.0/8",
        "tcp.seq >= 17",
        "tcp.payload[0:2,-1] == ff:d8:01",
        "frame contains \"a\\\"b\\x00\"",
        "http.host matches \"^a.*\\\\.b$\"",
        "tcp.flags & 0x12",
        "count(ip.addr) > 1",
        "imgnet.role === picture",
        "eth.dst !== 01:02:03:04:05:06",
        "frame.time_relative < -0.000000001",
        "ipv6.addr != 2001:db8::/32",
        "tcp.srcport < tcp.dstport",
        "lower(http.host) contains \"ü\"",
        "all tcp.port > 1024",
        "any ip.addr != 10.0.0.1",
        "all tcp.port in {1..5, 80}",
        "all http.host contains \"a\"",
        "-tcp.len * 2 < {tcp.seq - -5} % 7",
        "tcp.payload[0:2] & ff:00 == ff:00",
        "eth.src[0] & 1",
        "{tcp.flags & 0x12} + len(tcp.payload) == max(tcp.seq, 7, count(ip.addr))",
        "abs(-{tcp.len + 1}) == min(tcp.len, -{tcp.ack})",
        "string(ip.src) contains \"10\"",
        "@tcp.seq#[-1][0-1,3:] == 00:01:02",
        "ip.addr#[1-2,4:] == 10.0.0.0/8",
        "ip.proto in {TCP, 17}",
        "tcp.seq in {tcp.ack, 5..tcp.nxtseq, max(tcp.ack, 7)..9}",
        "ip.src & 255.0.0.0",
        "string(tcp.flags) == 24",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("!({one})")),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(" xor "))),
            prop::collection::vec(inner, 2..4).prop_map(|all| format!("({})", all.join(" || "))),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text).map_err(|mistake| mistake.to_string());
    }

    #[test]
    fn no_text_of_its_own_words_does_either(words in prop::collection::vec(prop::sample::select(vec![
        "tcp", "tcp.port", "==", "!", "(", ")", "{", "}", "[", "]", "[0:", "in", "matches", "contains", "\"", "'a'", "..", "1..2",
        "&&", "||", "^^", "xor", "..", "&", "all", "any", "+", "-", "*", "/", "%", "#", "@", "max(", "string(", "ff:d8", "-1", "len", "len(", "not", ",", "\u{e9}", "r\"", "~", "=",
    ]), 0..12)) {
        let _ = Filter::parse(&words.concat()).map_err(|mistake| mistake.to_string());
        let _ = Filter::parse(&words.join(" ")).map_err(|mistake| mistake.to_string());
    }

    #[test]
    fn a_filter_survives_print_and_parse(text in grown()) {
        let filter = Filter::parse(&text).unwrap();
        prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
    }
}

#[test]
fn a_number_that_a_field_never_has_is_a_mistake() {
    for (text, most) in [
        ("tcp.port == 70000", "tcp.port is never more than 65,535"),
        ("ip.ttl in {64, 256}", "ip.ttl is never more than 255"),
        (
            "frame.len < 99999999999",
            "frame.len is never more than 4,294,967,295",
        ),
    ] {
        let mistake = mistake(text);
        assert_eq!(mistake.message, most);
        assert!(text[mistake.at.clone()].parse::<u64>().is_ok(), "{mistake}");
    }
    // What is computed may be more.
    assert!(Filter::parse("tcp.port + 1 == 70000").is_ok());
}
