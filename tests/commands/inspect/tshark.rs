//! Fields and filters beside tshark's: the same values on every frame, and the same frames chosen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::generated::theirs;
use crate::support::{captures, captures_folder, imgnet, name, tshark, tshark_is_there};

/// Fields whose values are the same on every frame.
const COMMON: &[&str] = &[
    "frame.number",
    "frame.len",
    "frame.cap_len",
    "frame.time_epoch",
    "frame.time_relative",
    "frame.time_delta",
    "eth.src",
    "eth.dst",
    "eth.type",
    "ip.version",
    "ip.hdr_len",
    "ip.dsfield",
    "ip.dsfield.ecn",
    "ip.len",
    "ip.id",
    "ip.flags",
    "ip.flags.df",
    "ip.flags.mf",
    "ip.frag_offset",
    "ip.ttl",
    "ip.proto",
    "ip.checksum",
    "ip.src",
    "ip.dst",
    "ip.addr",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.plen",
    "ipv6.nxt",
    "ipv6.hlim",
    "ipv6.flow",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.port",
    "tcp.stream",
    "tcp.len",
    "tcp.seq",
    "tcp.seq_raw",
    "tcp.nxtseq",
    "tcp.ack",
    "tcp.ack_raw",
    "tcp.hdr_len",
    "tcp.flags",
    "tcp.flags.syn",
    "tcp.flags.ack",
    "tcp.flags.push",
    "tcp.flags.fin",
    "tcp.flags.reset",
    "tcp.window_size_value",
    "tcp.window_size",
    "tcp.window_size_scalefactor",
    "tcp.checksum",
    "tcp.urgent_pointer",
    "tcp.option_kind",
    "tcp.option_len",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
    "tcp.options.sack_le",
    "tcp.options.sack_re",
    "tcp.payload",
    "tcp.time_relative",
    "tcp.time_delta",
    "tcp.analysis.acks_frame",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.duplicate_ack_frame",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "udp.checksum",
    "udp.stream",
    "udp.time_relative",
    "ip.dsfield.dscp",
    "ip.flags.rb",
    "eth.addr",
    "ipv6.addr",
    "ipv6.tclass",
    "ipv6.version",
    "tcp.flags.res",
    "tcp.flags.ae",
    "tcp.flags.cwr",
    "tcp.flags.ece",
    "tcp.flags.urg",
    "tcp.options",
    "tcp.options.sack.count",
    "tcp.options.wscale.multiplier",
    "tcp.analysis.flags",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment",
    "tcp.analysis.ack_lost_segment",
    "tcp.analysis.window_update",
    "tcp.analysis.window_full",
    "tcp.analysis.zero_window",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.zero_window_probe_ack",
    "tcp.analysis.keep_alive",
    "tcp.analysis.keep_alive_ack",
    "udp.port",
    "udp.payload",
    "udp.time_delta",
    "frame.encap_type",
    "frame.offset_shift",
    "frame.marked",
    "frame.ignored",
    "eth.dst.oui",
    "eth.src.oui",
    "eth.addr.oui",
    "eth.dst.lg",
    "eth.src.lg",
    "eth.lg",
    "eth.dst.ig",
    "eth.src.ig",
    "eth.ig",
    "arp.opcode",
    "arp.hw.type",
    "arp.proto.type",
    "arp.hw.size",
    "arp.proto.size",
    "arp.src.hw_mac",
    "arp.src.proto_ipv4",
    "arp.dst.hw_mac",
    "arp.dst.proto_ipv4",
    "ip.src_host",
    "ip.dst_host",
    "ip.host",
    "ip.opt.type",
    "ip.opt.len",
    "ipv6.tclass.dscp",
    "ipv6.tclass.ecn",
    "ipv6.src_host",
    "ipv6.dst_host",
    "ipv6.host",
    "ipv6.hopopts.nxt",
    "ipv6.hopopts.len",
    "ipv6.dstopts.nxt",
    "ipv6.dstopts.len",
    "ipv6.routing.nxt",
    "ipv6.routing.type",
    "ipv6.routing.segleft",
    "ipv6.fraghdr.nxt",
    "ipv6.fraghdr.offset",
    "ipv6.fraghdr.more",
    "ipv6.fraghdr.ident",
    "tcp.flags.str",
    "tcp.completeness",
    "tcp.connection.syn",
    "tcp.connection.synack",
    "tcp.connection.fin",
    "tcp.connection.fin_active",
    "tcp.connection.fin_passive",
    "tcp.connection.rst",
    "tcp.reset_cause",
    "tcp.analysis.push_bytes_sent",
    "tcp.analysis.rto",
    "tcp.analysis.rto_frame",
    "tcp.analysis.reused_ports",
    "tcp.analysis",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.initial_rtt",
    "tcp.analysis.tfo_syn",
    "tcp.analysis.tfo_ack",
    "tcp.analysis.tfo_ignored",
    "tcp.ack.nonzero",
    "tcp.urgent_pointer.non_zero",
    "frame.time_delta_displayed",
    "ip.fragment",
    "ip.fragment.count",
    "ip.reassembled.length",
    "ipv6.fragment",
    "ipv6.fragment.count",
    "ipv6.reassembled.length",
    "eth.padding",
    "eth.trailer",
];

/// Captures in which bytes are sent twice and acknowledged once, a SYN without a scale is answered late or never, another number begins
/// the connection anew, and what is seen begins in the middle.
const ODD: &[&str] = &[
    "cases/attack/badip.pcap",
    "cases/attack/straysyn.pcap",
    "cases/attack/late.pcap",
    "cases/attack/onesided2.pcap",
    "cases/attack/tail-never-acked2.pcap",
    "cases/capture/01-earlier-bytes-after-start.pcap",
    "cases/capture/04-http-gap-over-next-header.pcap",
    "cases/capture/06-http-started-in-body.pcap",
    "cases/capture/10-half-open-scan.pcap",
    "cases/capture/11-second-synack-other-isn.pcap",
    "cases/capture/17-syn-captured-after-synack.pcap",
    "cases/capture/17b-syn-captured-after-ack.pcap",
];

/// Filters that choose the same frames.
const FILTERS: &[&str] = &[
    "tcp",
    "udp",
    "ip",
    "ipv6",
    "eth",
    "arp",
    "!tcp",
    "not udp and not tcp",
    "tcp.port == 5050",
    "tcp.port != 5050",
    "tcp.srcport == 5050 || tcp.dstport == 65432",
    "tcp.port in {5050, 65432, 40000..41000}",
    "tcp.port in { 5050 , 40000 .. 65432 }",
    "tcp.analysis && tcp.analysis.acks_frame",
    "icmp.type == 3 || icmp.code == 3",
    "arp.opcode == 1",
    "tcp.port not in {5050, 65432}",
    "tcp.stream == 0",
    "tcp.stream == 2 && tcp.len > 0",
    "udp.stream == 0",
    "udp.length >= 1000",
    "udp.port == 5005 or udp.srcport > 40000",
    "ip.addr == 127.0.0.1",
    "ip.src == 127.0.0.0/8",
    "ip.src == ip.dst",
    "ip.src != 127.0.0.1",
    "ip.ttl < 64",
    "ip.ttl == 64 and ip.flags.df == 1",
    "ip.len > 1500",
    "ip.id == 0",
    "ip.flags.mf == 1 || ip.frag_offset > 0",
    "ip.proto in {6, 17}",
    "ipv6.addr == ::1",
    "ipv6.hlim == 64",
    "frame.len > 1000",
    "frame.len <= 0x42",
    "frame.number >= 10 && frame.number < 20",
    "frame.number in {1, 5..7}",
    "frame.time_relative > 0.01",
    "frame.time_delta > 0.1",
    "eth.type == 0x0800",
    "eth.dst == 00:00:00:00:00:00",
    "eth.src[0:3] == 00:00:00",
    "tcp.flags.syn == 1",
    "tcp.flags.syn == 1 && tcp.flags.ack == 0",
    "tcp.flags.fin == 1",
    "tcp.flags.reset == 1",
    "tcp.flags.push == 1 and tcp.len >= 1024",
    "tcp.flags == 0x0010",
    "tcp.flags & 0x02",
    "tcp.len == 0",
    "tcp.seq == 1",
    "tcp.ack > 2000",
    "tcp.window_size > 65535",
    "tcp.window_size_value == 0",
    "tcp.options.mss_val > 1460",
    "tcp.options.timestamp.tsecr == 0",
    "tcp.payload[0:2] == ff:d8",
    "tcp.payload contains ff:d9",
    "tcp contains \"JFIF\"",
    "frame contains \"%IMAGE_COMPLETED%\"",
    "frame matches \"(jfif|exif)\"",
    "tcp.payload matches \"^%image\"",
    "len(tcp.payload) > 100",
    "tcp.time_delta > 0.04",
    "tcp.analysis.flags",
    "tcp.analysis.retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment or tcp.analysis.ack_lost_segment",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.zero_window || tcp.analysis.window_full",
    "tcp.analysis.window_update",
    "tcp.analysis.keep_alive",
    "tcp.analysis.acks_frame == 4",
    "tcp.srcport > tcp.dstport",
    "all tcp.port > 1024",
    "any tcp.port > 50000",
    "any ip.addr != 127.0.0.1",
    "all ip.addr == 127.0.0.1",
    "all tcp.port in {1024..65535}",
    "all tcp.dstport in {5050, 40000..65000}",
    "any tcp.port in {5050}",
    "tcp.port !== 5050",
    "tcp.port === 5050",
    "tcp.seq + tcp.len == tcp.nxtseq",
    "tcp.len * 2 > 100",
    "tcp.len + 1 * 2 == 2",
    "{tcp.len + 1} * 2 == 4",
    "tcp.len % 2 == 1",
    "tcp.len / 1024 == 2",
    "-tcp.len < 0",
    "-tcp.len",
    "tcp.len - 1 < 100 && tcp.len == 0",
    "frame.time_relative + 1 > 1.5",
    "tcp.flags & 0x12 == 0x12",
    "tcp.flags & 0x3",
    "eth.src[0] & 0f == 02",
    "tcp.payload[0:2] & ff:00 == ff:00",
    "eth.dst[0] & 1",
    "tcp[13] & 12",
    "max(tcp.srcport, tcp.dstport) < 50000",
    "min(tcp.srcport, tcp.dstport, 1000) == 1000",
    "abs(tcp.len) > 5",
    "string(frame.number) matches \"[13579]$\"",
    "string(ip.src) matches \"\\\\.1$\"",
    "ip.addr#1 == 127.0.0.1",
    "ip.addr#[1] == 127.0.0.1",
    "tcp.port#[1-2] == 5050",
    "tcp.port#[-1] == 5050",
    "tcp.port#3 == 5050",
    "ip.proto == TCP",
    "ip.proto == \"udp\"",
    "eth.type == ARP || arp.opcode == \"reply\"",
    "count(tcp.option_kind) > 2",
    "http.request",
    "http.response.code == 200",
    "http.request.method == \"GET\"",
    "eth.src[0:3,5] == 00:00:00:00",
    "eth.src[0,2-3] == 00:00:00",
    "eth.src[:2,4:] == 00:00:00:00",
    "ip.src in {127.0.0.0/8, 10.0.0.0/8}",
    "ip.addr in {127.0.0.1 .. 127.0.0.5}",
    "ip.src >= 127.0.0.1 and ip.src < 127.0.0.2",
    "tcp.port all_ne 5050",
    "tcp.port any_ne 5050",
    "tcp.payload ~ \"jfif\"",
    "tcp.payload matches \"(?-i)JFIF\"",
    "tcp.payload matches \"\\\\xff\\\\xd8\"",
    "tcp.payload contains \"\\xff\\xd8\\xff\"",
    "tcp.payload contains 'J'",
    "tcp.payload contains \"\\112FIF\"",
    "frame[-4:4] contains 45",
    "tcp.payload[0:2] == \"\\xff\\xd8\"",
    "tcp.payload[0:2] == ffd8",
    "eth.addr[0:3] == 00:00:00",
    "frame.time_epoch > 1700000000",
    "max(tcp.len, 1000) == 1000",
    "min(tcp.port) < 10000",
    "abs(-tcp.len) == tcp.len",
    "tcp.flags.syn == True",
    "!tcp.flags.syn",
    "tcp.len == 04000",
    "tcp.len == 2048 || tcp.len == 0b11",
    "tcp.window_size_scalefactor > 0",
    "tcp.options.sack_le",
    "tcp.analysis.duplicate_ack_num == 1",
    "tcp.analysis.ack_rtt > 0.001",
    "tcp.analysis.bytes_in_flight > 10000",
    "tcp.analysis.fast_retransmission",
    "udp contains ff:d8",
    "ip[0] & 0xf0 == 0x40",
    "ip.flags == 0x2",
    "ip.dsfield.dscp == 0",
    "ipv6.src == ::1 || ipv6.dst == ::/0",
    "ipv6.flow != 0",
    "frame.len in {60..66, 1514}",
    "frame.interface_id == 0",
    "tcp.flags & 0x02 == 0x02 || tcp.flags & 4",
    "tcp.ack_raw < 1000",
    "tcp.time_relative > 1 && tcp.time_delta < 0.5",
    "ip.id in {0x0 .. 0xff}",
    "ip.addr[0] == 7f",
    "tcp.payload[10:5] contains 00",
    "tcp.len > tcp.hdr_len",
    "ip.len - ip.hdr_len - tcp.hdr_len == tcp.len",
    "(tcp.port == 5050) && !(tcp.analysis.flags && !tcp.analysis.window_update)",
    "frame.time >= \"2026-11-20T11:15:02Z\"",
    "frame.time in {\"2026-11-20T11:15:01Z\" .. \"2026-11-20T11:15:02Z\"}",
    "frame.time < \"2026-11-20T11:15:02.426807Z\"",
    "eth[13]",
    "eth[14]",
    "eth[-1] == 00",
    "len(eth) == 14",
    "ip[-4:4] == 7f:00:00:01",
    "ip[:30]",
    "len(ip) == 20",
    "ip contains \"JFIF\"",
    "udp[8]",
    "len(udp) == 8 && ip.flags.mf == 0 && ip.frag_offset == 0",
    "ipv6[39]",
    "len(ipv6) == 40 && !ipv6.fraghdr.ident",
    "http contains \"GET\"",
    "http[0:3] == \"GET\"",
    "tcp.flags.str contains \"S\"",
    "ip.host == \"127.0.0.1\"",
    "tcp.completeness == 15",
    "tcp.connection.fin_active",
    "tcp.analysis.push_bytes_sent > 2000",
    "eth.lg == 1 || eth.dst.ig == 1",
    "tcp.analysis.reused_ports",
    "tcp.len > 0 && frame.time_delta_displayed > 0.001",
    "tcp.analysis.bytes_in_flight == 3072",
    "eth.addr matches \"\\\\x02\"",
    "tcp.options > 08:0a && tcp.payload < ff:d8:ff",
    "eth.src[17-20] != 00:00 && udp",
    "tcp.seq in {tcp.ack}",
    "tcp.srcport in {tcp.dstport, 5050}",
    "tcp.port in {udp.port, tcp.dstport}",
    "tcp.seq in {abs(tcp.ack), count(ip.addr)}",
    "tcp.flags.syn in {tcp.flags.ack}",
    "tcp.flags.str in {tcp.flags.str} && eth.src in {eth.dst}",
    "frame.number in {frame.len..frame.cap_len}",
    "frame.number in {5..frame.len, 1000}",
    "frame.time_relative in {frame.time_delta..1}",
    "frame.len in {max(frame.number, 60)..min(frame.cap_len, 70)}",
    "len(tcp.srcport) == 2 && len(tcp.seq) == 4 && len(ip.ttl) == 1",
    "len(tcp.flags.syn) == 0 && len(frame.time) == 0",
    "len(tcp.port) + 2 == 4",
    "ip.src & 255.0.0.0 == 127.0.0.0",
    "ip.src & ip.dst & 0.0.0.3",
    "string(tcp.flags) == \"24\"",
    "string(eth.type) matches \"^20\"",
];

/// A cell's values, numbers in one writing: decimal, times without trailing zeros.
fn values(cell: &str) -> Vec<String> {
    if cell.is_empty() {
        return Vec::new();
    }
    cell.split(',')
        .map(|value| {
            if let Some(hex) = value.strip_prefix("0x") {
                return u64::from_str_radix(hex, 16)
                    .map_or_else(|_| value.to_owned(), |number| number.to_string());
            }
            match value {
                "True" => "1".to_owned(),
                "False" => "0".to_owned(),
                value
                    if value.contains('.')
                        && value.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                        && value.split('.').count() == 2 =>
                {
                    value.trim_end_matches('0').trim_end_matches('.').to_owned()
                }
                value => value.replace(':', ""),
            }
        })
        .collect()
}

/// The lines of a CSV, unquoted by hand: cells hold numbers, addresses and hex only.
pub(super) fn csv(capture: &Path, columns: &[&str]) -> Vec<Vec<String>> {
    let path = capture.to_str().expect("UTF-8");
    let columns = columns.join(",");
    let output = imgnet(&["packets", path, "--format", "csv", "--columns", &columns]);
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "{path}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    printed.lines().skip(1).map(cells).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(c);
                }
            }
        }
    }
    cells
}

/// Frames where the two differ by definition: `docs/inspect.md` says why.
fn is_exempt(field: &str, row: &Row<'_>) -> bool {
    // An ICMP error quotes the headers of what it is about; imgnet's fields are those of the packet itself.
    if row.has("icmp.type") || row.has("icmpv6.type") {
        return true;
    }
    // Within a tunnel imgnet's fields are those of the innermost packet.
    if row
        .theirs(if field.starts_with("ipv6") {
            "ipv6.src"
        } else {
            "ip.src"
        })
        .contains(',')
        || row.has("ip.src") && row.has("ipv6.src")
    {
        return true;
    }
    // tshark gives an empty datagram no times.
    if field.starts_with("udp.time") && row.ours("udp.length") == "8" {
        return row.theirs(field).is_empty();
    }
    // The header of a datagram put together from fragments lies in an earlier frame.
    if field == "udp.checksum" && row.ours(field).is_empty() {
        return row.has("ip.frag_offset") || row.has("ipv6.nxt");
    }
    false
}

struct Row<'r> {
    fields: &'r [&'r str],
    theirs: &'r [String],
    ours: &'r [String],
}

impl Row<'_> {
    fn has(&self, field: &str) -> bool {
        self.at(field)
            .and_then(|at| self.theirs.get(at))
            .is_some_and(|cell| !cell.is_empty())
    }

    fn theirs(&self, field: &str) -> &str {
        self.at(field)
            .and_then(|at| self.theirs.get(at))
            .map_or("", String::as_str)
    }

    fn at(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|name| *name == field)
    }

    fn ours(&self, field: &str) -> &str {
        self.at(field)
            .and_then(|at| self.ours.get(at))
            .map_or("", String::as_str)
    }
}

#[test]
fn every_common_field_has_tsharks_values_on_every_frame() {
    if !tshark_is_there() {
        return;
    }
    let mut differences = Vec::new();
    // Beside those of people's transfers some that are made so that TCP's remarks differ easily.
    let odd = ODD.iter().map(|name| captures_folder().join(name));
    for capture in captures().into_iter().chain(odd) {
        let mut asked: Vec<&str> = COMMON.to_vec();
        asked.extend(["icmp.type", "icmpv6.type"]);
        let mut arguments = vec![
            "-n",
            "-T",
            "fields",
            "-E",
            "separator=;",
            "-E",
            "occurrence=a",
        ];
        for field in &asked {
            arguments.extend(["-e", field]);
        }
        let theirs: Vec<Vec<String>> = tshark(&capture, &arguments)
            .lines()
            .map(|line| line.split(';').map(str::to_owned).collect())
            .collect();
        let ours = csv(&capture, COMMON);
        assert_eq!(ours.len(), theirs.len(), "{}: frames", name(&capture));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let row = Row {
                fields: &asked,
                theirs,
                ours,
            };
            for (at, field) in COMMON.iter().enumerate() {
                let (mine, other) = (
                    ours.get(at).map_or("", String::as_str),
                    theirs.get(at).map_or("", String::as_str),
                );
                if values(mine) != values(other) && !is_exempt(field, &row) {
                    differences.push(format!(
                        "{} frame {}: {field}: imgnet {mine:.80}, tshark {other:.80}",
                        name(&capture),
                        ours.first().map_or("", String::as_str)
                    ));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences
            .get(..differences.len().min(60))
            .unwrap_or_default()
            .join("\n")
    );
}

/// Numbers of the frames that imgnet chooses.
fn chosen(capture: &Path, filter: &str) -> BTreeSet<u64> {
    let path = capture.to_str().expect("UTF-8");
    let output = imgnet(&[
        "packets",
        path,
        "-Y",
        filter,
        "--format",
        "csv",
        "--columns",
        "number",
    ]);
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "{filter}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    numbers(&String::from_utf8_lossy(&output.stdout))
}

fn numbers(printed: &str) -> BTreeSet<u64> {
    printed
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}

/// Whether a filter asks for what it chose before: its opposite then asks for something else.
fn depends_on_itself(filter: &str) -> bool {
    filter.contains("_displayed")
}

/// Several captures in one file, one behind the other, so that a filter is one run of tshark.
pub(super) fn joined(folder: &Path) -> PathBuf {
    let together = folder.join("together.pcapng");
    let mut command = Command::new("mergecap");
    command.args(["-a", "-w"]).arg(&together);
    let ethernet = captures().into_iter().filter(|capture| {
        let is_cut = name(capture).starts_with("cut-") || name(capture).starts_with("snaplen");
        !is_cut
    });
    let output = command.args(ethernet).output().expect("mergecap starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    together
}

#[test]
fn filters_choose_the_frames_that_tshark_chooses() {
    if !tshark_is_there() {
        return;
    }
    assert!(FILTERS.len() >= 150);
    let folder = tempfile::tempdir().expect("a folder");
    let together = joined(folder.path());
    let filters: Vec<String> = FILTERS.iter().map(|&filter| filter.to_owned()).collect();
    let answers = theirs(&together, &filters, folder.path());
    let mut differences = Vec::new();
    for (filter, theirs) in FILTERS.iter().zip(answers) {
        // What a tap is shown is not what is displayed.
        let theirs = if depends_on_itself(filter) {
            numbers(&tshark(
                &together,
                &["-n", "-Y", filter, "-T", "fields", "-e", "frame.number"],
            ))
        } else {
            theirs.unwrap_or_else(|why| panic!("{why}"))
        };
        let ours = chosen(&together, filter);
        let only = |a: &BTreeSet<u64>, b: &BTreeSet<u64>| {
            let some: Vec<String> = a.difference(b).take(12).map(u64::to_string).collect();
            some.join(" ")
        };
        if ours != theirs {
            differences.push(format!(
                "{filter}: only imgnet {}; only tshark {}",
                only(&ours, &theirs),
                only(&theirs, &ours)
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_opposite_of_the_opposite_is_the_filter_itself() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let all = chosen(&capture, "");
    for filter in FILTERS.iter().chain(&[
        "imgnet.picture == 0",
        "imgnet.role == framing",
        "imgnet.finding",
        "imgnet.chunk in {1..3}",
    ]) {
        if depends_on_itself(filter) {
            continue;
        }
        let chosen_ones = chosen(&capture, filter);
        assert_eq!(
            chosen(&capture, &format!("!(!({filter}))")),
            chosen_ones,
            "{filter}"
        );
        let others = chosen(&capture, &format!("!({filter})"));
        assert!(others.is_disjoint(&chosen_ones), "{filter}");
        assert_eq!(&others | &chosen_ones, all, "{filter}");
    }
}

#[test]
fn one_and_not_both_is_what_and_or_and_not_say() {
    let capture = captures_folder().join("pipeline-hang.pcap");
    let (one, other, third) = ("tcp.len > 0", "tcp.srcport == 5050", "frame.number < 20");
    for (xor, plain) in [
        (
            format!("{one} xor {other}"),
            format!("({one} && !({other})) || (!({one}) && {other})"),
        ),
        (
            format!("{one} ^^ {other} ^^ {third}"),
            format!("(({one} ^^ {other}) && !({third})) || (!({one} ^^ {other}) && {third})"),
        ),
        (
            format!("{third} || {one} ^^ {other} && {third}"),
            format!("({third}) || ({one} ^^ ({other} && {third}))"),
        ),
    ] {
        let chosen_ones = chosen(&capture, &xor);
        assert!(!chosen_ones.is_empty(), "{xor}");
        assert_eq!(chosen_ones, chosen(&capture, &plain), "{xor}");
    }
}

/// Wireshark's fields that a filter may be expected to have and that imgnet does not: `docs/inspect.md` lists them.
const NOT_THERE: &[&str] = &["tcp.segment", "tcp.reassembled.length"];

#[test]
fn what_is_not_there_is_listed_and_refused() {
    let docs = std::fs::read_to_string(captures_folder().join("../docs/inspect.md"));
    let docs = docs.expect("the documentation");
    let (_, list) = docs.split_once("**Not there** are").expect("the list");
    let (list, _) = list.split_once("\n- **").expect("its end");
    let capture = captures_folder().join("eof.pcap");
    let path = capture.to_str().expect("UTF-8");
    for field in NOT_THERE {
        let group = field.rsplit_once('.').map_or(*field, |(group, _)| group);
        let named = [format!("`{field}`"), format!("`{group}.*`")];
        assert!(
            named.iter().any(|name| list.contains(name)),
            "{field} is not in {list}"
        );
        let output = imgnet(&["packets", path, "-Y", field]);
        assert_eq!(output.status.code(), Some(2), "{field}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains(&format!("there is no field {field}")),
            "{field}: {said}"
        );
    }
    if !tshark_is_there() {
        return;
    }
    // And Wireshark does have them: none is left in the list that it gave up.
    let theirs = Command::new("tshark").args(["-G", "fields"]).output();
    let theirs = theirs.expect("tshark starts").stdout;
    let theirs = String::from_utf8_lossy(&theirs);
    let known: BTreeSet<&str> = theirs
        .lines()
        .filter_map(|line| line.split('\t').nth(2))
        .collect();
    for field in NOT_THERE {
        assert!(known.contains(field), "Wireshark has no {field}");
    }
}
