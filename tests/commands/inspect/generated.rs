//! Filters that nobody wrote, beside tshark's answers to them: made of the common fields with the values that frames have, all
//! operators and their combinations, from a seed. One run of tshark answers all of them, each by a tap of its own.
//!
//! `IMGNET_FILTERS` is how many, `IMGNET_SEED` the seed; what differs is printed with both sides' frames.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use imgnet::dissect::{Filter, Index, Inspector};
use imgnet::source::Capture;

use super::tshark::{csv, joined};
use crate::support::{tshark, tshark_is_there};

/// What may be asked of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Hex,
    Bool,
    Seconds,
    Label,
    Ipv4,
    Ipv6,
    Ether,
    Bytes,
    Text,
}

use Kind::{Bool, Bytes, Ether, Hex, Ipv4, Ipv6, Label, Number, Seconds, Text};

/// Fields, with the most bits of a number.
const FIELDS: &[(&str, Kind, u32)] = &[
    ("frame.number", Number, 32),
    ("frame.len", Number, 32),
    ("frame.cap_len", Number, 32),
    ("frame.time_epoch", Seconds, 0),
    ("frame.time_relative", Seconds, 0),
    ("frame.time_delta", Seconds, 0),
    ("eth.src", Ether, 0),
    ("eth.dst", Ether, 0),
    ("eth.addr", Ether, 0),
    ("eth.type", Hex, 16),
    ("eth.lg", Bool, 0),
    ("ip.version", Number, 8),
    ("ip.hdr_len", Number, 8),
    ("ip.dsfield", Hex, 8),
    ("ip.dsfield.ecn", Number, 8),
    ("ip.len", Number, 16),
    ("ip.id", Hex, 16),
    ("ip.flags", Hex, 8),
    ("ip.flags.df", Bool, 0),
    ("ip.flags.mf", Bool, 0),
    ("ip.frag_offset", Number, 13),
    ("ip.ttl", Number, 8),
    ("ip.proto", Number, 8),
    ("ip.checksum", Hex, 16),
    ("ip.src", Ipv4, 0),
    ("ip.dst", Ipv4, 0),
    ("ip.addr", Ipv4, 0),
    ("ipv6.src", Ipv6, 0),
    ("ipv6.addr", Ipv6, 0),
    ("ipv6.plen", Number, 16),
    ("ipv6.hlim", Number, 8),
    ("ipv6.flow", Hex, 20),
    ("tcp.srcport", Number, 16),
    ("tcp.dstport", Number, 16),
    ("tcp.port", Number, 16),
    ("tcp.stream", Number, 32),
    ("tcp.len", Number, 32),
    ("tcp.seq", Number, 32),
    ("tcp.seq_raw", Number, 32),
    ("tcp.nxtseq", Number, 32),
    ("tcp.ack", Number, 32),
    ("tcp.ack_raw", Number, 32),
    ("tcp.hdr_len", Number, 8),
    ("tcp.flags", Hex, 12),
    ("tcp.flags.syn", Bool, 0),
    ("tcp.flags.ack", Bool, 0),
    ("tcp.flags.push", Bool, 0),
    ("tcp.flags.fin", Bool, 0),
    ("tcp.flags.reset", Bool, 0),
    ("tcp.flags.str", Text, 0),
    ("tcp.window_size_value", Number, 16),
    ("tcp.window_size", Number, 32),
    ("tcp.checksum", Hex, 16),
    ("tcp.option_kind", Number, 8),
    ("tcp.option_len", Number, 8),
    ("tcp.options.mss_val", Number, 16),
    ("tcp.options.wscale.shift", Number, 8),
    ("tcp.options.timestamp.tsval", Number, 32),
    ("tcp.options.timestamp.tsecr", Number, 32),
    ("tcp.options.sack_le", Number, 32),
    ("tcp.payload", Bytes, 0),
    ("tcp.options", Bytes, 0),
    ("tcp.time_relative", Seconds, 0),
    ("tcp.time_delta", Seconds, 0),
    ("tcp.completeness", Number, 8),
    ("tcp.analysis.flags", Label, 0),
    ("tcp.analysis.retransmission", Label, 0),
    ("tcp.analysis.out_of_order", Label, 0),
    ("tcp.analysis.duplicate_ack", Label, 0),
    ("tcp.analysis.duplicate_ack_num", Number, 32),
    ("tcp.analysis.window_update", Label, 0),
    ("tcp.analysis.lost_segment", Label, 0),
    ("tcp.analysis.acks_frame", Number, 32),
    ("tcp.analysis.ack_rtt", Seconds, 0),
    ("tcp.analysis.initial_rtt", Seconds, 0),
    ("tcp.analysis.bytes_in_flight", Number, 32),
    ("tcp.analysis.push_bytes_sent", Number, 32),
    ("tcp.analysis.rto", Seconds, 0),
    ("udp.srcport", Number, 16),
    ("udp.dstport", Number, 16),
    ("udp.port", Number, 16),
    ("udp.length", Number, 16),
    ("udp.stream", Number, 32),
    ("udp.payload", Bytes, 0),
    ("http.request.method", Text, 0),
    ("http.request.uri", Text, 0),
    ("http.response.code", Number, 16),
    ("http.host", Text, 0),
    ("http.user_agent", Text, 0),
    ("http.content_type", Text, 0),
    ("arp.opcode", Number, 16),
    ("icmp.type", Number, 8),
];

/// Protocols, asked for whether they are there, and for their bytes.
const PROTOCOLS: &[&str] = &[
    "tcp", "udp", "ip", "ipv6", "eth", "frame", "arp", "http", "icmp",
];

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).expect("below most")
    }

    fn one<'o, T: ?Sized>(&mut self, of: &[&'o T]) -> &'o T {
        of.get(self.below(of.len())).expect("one of them")
    }
}

/// Makes filters with the values that the frames of a capture have.
struct Maker {
    dice: Dice,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Maker {
    fn field(&mut self, wanted: impl Fn(Kind) -> bool) -> (&'static str, Kind, u32) {
        loop {
            let at = self.dice.below(FIELDS.len());
            let field = *FIELDS.get(at).expect("one of them");
            if wanted(field.1) {
                return field;
            }
        }
    }

    /// A value of a field that some frame has, or one that is near.
    fn value(&mut self, (name, kind, bits): (&'static str, Kind, u32)) -> String {
        let known = self.values.get(name).map_or(&[][..], Vec::as_slice);
        let known = known.get(self.dice.below(known.len())).cloned();
        match kind {
            Number | Hex => {
                let known = known.and_then(|text| match text.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16).ok(),
                    None => text.parse().ok(),
                });
                let most = (1_u64 << bits) - 1;
                let value = match (known, self.dice.below(8)) {
                    (Some(known), 0..=4) => known,
                    (Some(known), 5) => known.wrapping_add(1),
                    (Some(known), 6) => known.saturating_sub(1),
                    _ => self.dice.next() >> self.dice.below(64),
                } & most;
                match self.dice.below(6) {
                    0 => format!("{value:#x}"),
                    1 if value > 0 => format!("0{value:o}"),
                    2 => format!("{value:#b}"),
                    _ => value.to_string(),
                }
            }
            Seconds => known.unwrap_or_else(|| "0.001".to_owned()),
            Bool => self.dice.one(&["1", "0", "True", "False"]).to_owned(),
            Ipv4 => {
                let address = known.unwrap_or_else(|| "10.0.0.1".to_owned());
                match self.dice.below(4) {
                    0 => format!("{address}/{}", self.dice.below(33)),
                    _ => address,
                }
            }
            Ipv6 => {
                let address = known.unwrap_or_else(|| "2001:db8::1".to_owned());
                match self.dice.below(4) {
                    0 => format!("{address}/{}", self.dice.below(129)),
                    _ => address,
                }
            }
            Ether => known.unwrap_or_else(|| "00:00:00:00:00:01".to_owned()),
            Bytes | Label => {
                let bytes = known.unwrap_or_else(|| "ffd8ffe0".to_owned());
                self.bytes_of(&bytes)
            }
            Text => {
                let text = known.unwrap_or_else(|| "GET".to_owned());
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
        }
    }

    /// Two to five bytes out of some in hexadecimal, with colons.
    fn bytes_of(&mut self, hex: &str) -> String {
        let bytes: Vec<&str> = hex
            .as_bytes()
            .chunks_exact(2)
            .map(|two| std::str::from_utf8(two).expect("hex"))
            .collect();
        let from = self.dice.below(bytes.len().min(40));
        let length = 2 + self.dice.below(4);
        let mut part: Vec<&str> = bytes.iter().skip(from).take(length).copied().collect();
        while part.len() < 2 {
            part.push("00");
        }
        part.join(":")
    }

    /// Bytes of a field: a slice, and how many they are.
    fn slice(&mut self, name: &str) -> (String, usize) {
        let start = self.dice.below(24);
        let length = 1 + self.dice.below(4);
        match self.dice.below(5) {
            0 => (format!("{name}[{start}]"), 1),
            1 => (format!("{name}[-{}:{length}]", start + length), length),
            2 if length > 1 => (format!("{name}[{start}-{}]", start + length - 1), length),
            3 => (format!("{name}[:{length}]"), length),
            _ => (format!("{name}[{start}:{length}]"), length),
        }
    }

    fn comparison(&mut self) -> &'static str {
        self.dice.one(&[
            "==", "!=", "===", "!==", "<", ">", "<=", ">=", "eq", "ne", "gt", "lt", "ge", "le",
        ])
    }

    fn quantifier(&mut self) -> &'static str {
        self.dice.one(&["", "", "", "any ", "all "])
    }

    /// A question that is not made of others.
    fn question(&mut self) -> String {
        match self.dice.below(20) {
            0 => self.dice.one(PROTOCOLS).to_owned(),
            1 => self.field(|_| true).0.to_owned(),
            2 => {
                let protocol = self.dice.one(PROTOCOLS);
                let wanted = self.value(("tcp.payload", Bytes, 0));
                format!("{protocol} contains {wanted}")
            }
            3 => {
                let name = self
                    .dice
                    .one(&["frame", "tcp", "udp", "tcp.payload", "udp.payload"]);
                let pattern = self.dice.one(&[
                    "jfif",
                    "^get",
                    "image_[a-z]+",
                    "\\\\xff\\\\xd8",
                    "[0-9]{5}",
                    "png|gif",
                    "(?-i)JFIF",
                    "\\\\.jpe?g",
                ]);
                format!("{name} matches \"{pattern}\"")
            }
            4 | 5 => self.part(),
            6 if self.dice.below(2) == 0 => {
                let field = self.field(|_| true).0;
                let sign = self.comparison();
                format!("len({field}) {sign} {}", self.dice.below(9))
            }
            6 => {
                let name = self.dice.one(&[
                    "tcp.payload",
                    "udp.payload",
                    "eth",
                    "ip",
                    "http.host",
                    "tcp.options",
                ]);
                let sign = self.comparison();
                let length = self.dice.below(1500);
                format!("len({name}) {sign} {length}")
            }
            7 => {
                let field = self.field(|_| true).0;
                let sign = self.comparison();
                let count = self.dice.below(4);
                format!("count({field}) {sign} {count}")
            }
            8 | 9 => self.computed(),
            10 => {
                let (one, kind, _) =
                    self.field(|kind| matches!(kind, Number | Seconds | Ipv4 | Ether));
                let (other, ..) = self.field(|other| other == kind);
                let sign = self.comparison();
                let all = self.quantifier();
                format!("{all}{one} {sign} {other}")
            }
            11..=13 => {
                let field = self.field(|kind| matches!(kind, Number | Hex | Seconds | Ether));
                let not = self.dice.one(&["", "", "not "]);
                let members: Vec<String> = (0..=self.dice.below(3))
                    .map(|_| {
                        let (one, other) = (self.value(field), self.value(field));
                        match self.dice.below(6) {
                            0 => format!("{one} .. {other}"),
                            1 => format!("{one}..{other}"),
                            2 => self.field(|other| other == field.1).0.to_owned(),
                            _ => one,
                        }
                    })
                    .collect();
                let between = self.dice.one(&[", ", " , "]);
                format!("{} {not}in {{{}}}", field.0, members.join(between))
            }
            14 => {
                let field = self.field(|kind| kind == Text);
                let value = self.value(field);
                let change = self.dice.one(&["", "lower", "upper"]);
                let name = match change {
                    "" => field.0.to_owned(),
                    change => format!("{change}({})", field.0),
                };
                let sign = self.dice.one(&["==", "!=", "contains", "<", ">="]);
                format!("{name} {sign} {value}")
            }
            _ => {
                let field = self.field(|kind| kind != Label);
                let sign = match field.1 {
                    Bool => self.dice.one(&["==", "!="]),
                    _ => self.comparison(),
                };
                let value = self.value(field);
                let all = self.quantifier();
                format!("{all}{} {sign} {value}", field.0)
            }
        }
    }

    /// A comparison of some bytes of a field.
    fn part(&mut self) -> String {
        let name = self.dice.one(&[
            "frame",
            "eth",
            "ip",
            "udp",
            "tcp.payload",
            "udp.payload",
            "eth.src",
            "ip.src",
            "tcp.options",
        ]);
        let (slice, length) = self.slice(name);
        let known = self.value(("tcp.payload", Bytes, 0));
        let mut bytes: Vec<&str> = known.split(':').collect();
        bytes.resize(length.max(1), "00");
        let sign = self.dice.one(&["==", "!=", "<", ">", ">=", "<="]);
        // One byte alone would be a name: `ff`.
        let prefix = if bytes.len() == 1 { "0x" } else { "" };
        format!("{slice} {sign} {prefix}{}", bytes.join(":"))
    }

    /// Arithmetic.
    fn computed(&mut self) -> String {
        let one = self.field(|kind| kind == Number);
        let other = self.field(|kind| kind == Number);
        // Where all of no values are asked for the two differ, and what does not fit its number of bits is no value there.
        let sign = self.dice.one(&["==", "!==", "<", ">", "<=", ">="]);
        let most = if one.2 > 8 { 1000 } else { 255 };
        let small = 1 + self.dice.below(most);
        let wanted = self.value(one);
        match self.dice.below(7) {
            0 => format!("{} + {} {sign} {wanted}", one.0, other.0),
            1 => format!("{} + {small} {sign} {}", one.0, other.0),
            2 => format!("{} * {small} {sign} {wanted}", one.0),
            3 => format!("{} / {small} {sign} {}", one.0, self.dice.below(60)),
            4 => format!("{} % {small} {sign} {}", one.0, self.dice.below(small)),
            5 => {
                let flags = self.field(|kind| kind == Hex).0;
                let mask = 1 + self.dice.below(255);
                let wanted = self.dice.below(2) * mask;
                format!("{flags} & {mask:#x} {sign} {wanted:#x}")
            }
            _ => {
                let name = self.dice.one(&["max", "min"]);
                let (other, ..) = loop {
                    let other = self.field(|kind| kind == Number);
                    if other.2 == one.2 {
                        break other;
                    }
                };
                format!("{name}({}, {other}) {sign} {wanted}", one.0)
            }
        }
    }

    /// A filter.
    fn filter(&mut self, depth: usize) -> String {
        match self.dice.below(if depth == 0 { 1 } else { 8 }) {
            0..=3 => self.question(),
            4 => {
                let not = self.dice.one(&["!", "not "]);
                format!("{not}({})", self.filter(depth - 1))
            }
            _ => {
                let (one, other) = (self.filter(depth - 1), self.filter(depth - 1));
                let and = self.dice.one(&["&&", "and", "||", "or"]);
                match self.dice.below(3) {
                    0 => format!("({one}) {and} ({other})"),
                    1 => format!("{one} {and} ({other})"),
                    _ => format!("{one} {and} {other}"),
                }
            }
        }
    }
}

/// What tshark answers: the frames that each filter chooses, or why it takes none.
pub(super) fn theirs(
    capture: &Path,
    filters: &[String],
    folder: &Path,
) -> Vec<Result<BTreeSet<u64>, String>> {
    let mut script = String::from("local filters = {\n");
    for filter in filters {
        let _ = writeln!(script, "[====[{filter}]====],");
    }
    script.push_str(
        "}\nfor i, filter in ipairs(filters) do\n\
         local ok, tap = pcall(Listener.new, \"frame\", filter)\n\
         if ok then\n\
         local found = {}\n\
         function tap.packet(pinfo) found[#found + 1] = pinfo.number end\n\
         function tap.draw() print(i .. \"\\t=\" .. table.concat(found, \" \")) end\n\
         else print(i .. \"\\t!\" .. tostring(tap):gsub(\"\\n\", \" \")) end\n\
         end\n",
    );
    let path = folder.join("filters.lua");
    std::fs::write(&path, script).expect("a script is written");
    let script = format!("lua_script:{}", path.display());
    let printed = tshark(capture, &["-n", "-q", "-X", &script]);
    let mut answers = vec![Err("no answer".to_owned()); filters.len()];
    for line in printed.lines() {
        let Some((at, said)) = line.split_once('\t') else {
            continue;
        };
        let at: usize = at.parse().expect("the number of a filter");
        *answers.get_mut(at - 1).expect("a filter") = match said.split_at(1) {
            ("=", frames) => Ok(frames
                .split(' ')
                .filter(|frame| !frame.is_empty())
                .map(|frame| frame.parse().expect("a frame number"))
                .collect()),
            (_, why) => Err(why.to_owned()),
        };
    }
    answers
}

/// The same of imgnet, all in one pass.
fn ours(capture: &Path, filters: &[String]) -> Vec<Result<BTreeSet<u64>, String>> {
    let mut answers: Vec<Result<(Filter, BTreeSet<u64>), String>> = filters
        .iter()
        .map(|filter| match Filter::parse(filter) {
            Ok(filter) => Ok((filter, BTreeSet::new())),
            Err(mistake) => Err(mistake.message),
        })
        .collect();
    let mut capture = Capture::open(&[capture.to_owned()]).expect("a capture");
    let mut inspector = Inspector::new(100_000);
    let index = Index::default();
    let read = capture.for_each_frame(&mut |frame| {
        inspector.frame(frame, &index, &mut |seen| {
            for (filter, chosen) in answers.iter_mut().flatten() {
                if filter.chooses(seen) {
                    chosen.insert(seen.frame.number.0);
                }
            }
        });
        ControlFlow::Continue(())
    });
    read.expect("the capture can be read");
    let chosen = answers
        .into_iter()
        .map(|answer| answer.map(|(_, chosen)| chosen));
    chosen.collect()
}

fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn generated_filters_choose_the_frames_that_tshark_chooses() {
    if !tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let together = joined(folder.path());
    let names: Vec<&str> = FIELDS
        .iter()
        .filter(|(_, kind, _)| *kind != Label)
        .map(|(name, ..)| *name)
        .collect();
    let mut values: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for row in csv(&together, &names) {
        for ((name, kind, _), cell) in FIELDS.iter().filter(|field| field.1 != Label).zip(row) {
            let known = values.entry(name).or_default();
            if *kind == Text || *kind == Bytes {
                // Text may have commas, bytes are long.
                known.extend(cell.get(..cell.len().min(120)).map(str::to_owned));
            } else {
                known.extend(cell.split(',').map(str::to_owned));
            }
            known.remove("");
        }
    }
    let mut maker = Maker {
        dice: Dice(number_of("IMGNET_SEED", 1)),
        values: values
            .into_iter()
            .map(|(name, known)| (name, known.into_iter().collect()))
            .collect(),
    };
    let wanted = number_of("IMGNET_FILTERS", 800);
    let filters: Vec<String> = (0..wanted).map(|_| maker.filter(2)).collect();
    let (of_tshark, of_imgnet) = (
        theirs(&together, &filters, folder.path()),
        ours(&together, &filters),
    );
    let mut differences = Vec::new();
    let (mut telling, mut refused) = (0, 0);
    let mut reasons = BTreeSet::new();
    // The header of a datagram that was put together lies in another frame: `udp` has no bytes here, docs/inspect.md says so.
    let completes = "udp && (ip.frag_offset > 0 || ipv6.fraghdr.offset > 0)".to_owned();
    let completing = ours(&together, &[completes]).remove(0).expect("a filter");
    for ((filter, theirs), ours) in filters.iter().zip(&of_tshark).zip(&of_imgnet) {
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let only = |a: &BTreeSet<u64>, b: &BTreeSet<u64>| {
                    let only = a.difference(b).filter(|frame| !completing.contains(*frame));
                    let some: Vec<String> = only.take(8).map(u64::to_string).collect();
                    some.join(" ")
                };
                if only(ours, theirs).is_empty() && only(theirs, ours).is_empty() {
                    telling += u64::from(!ours.is_empty());
                    continue;
                }
                differences.push(format!(
                    "{filter}: only imgnet {}; only tshark {}",
                    only(ours, theirs),
                    only(theirs, ours)
                ));
            }
            // What Wireshark refuses may mean something here.
            (_, Err(why)) => {
                refused += 1;
                reasons.insert(why.chars().take(160).collect::<String>());
            }
            (Err(ours), Ok(theirs)) => {
                differences.push(format!(
                    "{filter}: imgnet: {ours}; tshark {} frames",
                    theirs.len()
                ));
            }
        }
    }
    println!("{wanted} filters: {telling} choose frames, {refused} are refused by tshark");
    assert!(
        differences.is_empty(),
        "{} of {wanted}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(
        telling * 3 > wanted,
        "only {telling} of {wanted} choose a frame"
    );
    assert!(
        refused * 20 < wanted,
        "{refused} of {wanted} are refused: {reasons:#?}"
    );
}
