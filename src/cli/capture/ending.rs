//! How a live capture ends: what was found, whether all that was asked for came, and the exit code.

use super::*;

/// Where what was found is told.
pub(super) struct Ending {
    pub(super) output: Option<Output>,
    pub(super) page: Option<PageFile>,
    pub(super) markdown: Option<MarkdownSummary>,
    pub(super) expected: Option<expect::Expected>,
    /// The programs whose traffic it is may still be at work.
    pub(super) others_run: bool,
}

/// Says what was found and how the capture went.
pub(super) fn conclude(
    capture: &Capture,
    interface: &str,
    mut summary: Summary,
    mut watch: Watch,
    ending: Ending,
) -> anyhow::Result<Exit> {
    let Ending {
        output,
        page,
        markdown,
        expected,
        others_run,
    } = ending;
    let compared = watch.compared();
    let sight = watch.seen();
    let mut report = watch.into_report(capture_file(interface, &summary), &summary.counts);
    let failure = match compared {
        None => None,
        Some(compared) => {
            let concluded = compared.conclude(&capture.compare.named(), &mut report, others_run);
            for missing in concluded.iter().flatten() {
                writeln!(io::stderr().lock(), "imgnet: {missing}")?;
            }
            concluded.err()
        }
    };
    let verdict = verdict(&report, &summary);
    report.verdict = verdict;
    // What is not there is not said to be written.
    let gone = still_there(capture, &summary).err();
    if gone.is_some() {
        summary.written = None;
    }
    let checked = expected
        .map(|expected| expected.judge(&report))
        .transpose()?;
    let arguments = &capture.common.output;
    let style = output
        .as_ref()
        .map_or_else(|| stderr_style(arguments), |output| *output.style());
    let json_lines = arguments.format == FormatArg::Json && arguments.output.is_none();
    if json_lines {
        let line = view::summary_line(interface, &summary, &report);
        if output.is_some() {
            writeln!(io::stdout().lock(), "{line}").or_else(ignore_closed_pipe)?;
        } else {
            writeln!(io::stderr().lock(), "{line}")?;
        }
    } else if let Some(output) = output {
        output.write(&report)?;
    } else {
        crate::report::table::render(&report, &style, &mut io::stderr().lock())?;
    }
    if !arguments.quiet && !json_lines {
        let mut lines: Vec<String> = summary_lines(interface, &summary)
            .iter()
            .flat_map(|line| {
                let line = text::plain(line, style.unicode);
                text::wrap(&line, style.width, "", "  ")
            })
            .collect();
        if arguments.format == FormatArg::Table
            && arguments.output.is_none()
            && capture.file.write.as_deref() != Some(Path::new("-"))
        {
            lines.insert(0, String::new());
            writeln!(io::stdout().lock(), "{}", lines.join("\n")).or_else(ignore_closed_pipe)?;
        } else {
            writeln!(io::stderr().lock(), "{}", lines.join("\n"))?;
        }
    }
    let short = fell_short(capture, &report);
    if let Some(short) = &short {
        writeln!(io::stderr().lock(), "imgnet: {short}")?;
    }
    if let Some(gone) = gone {
        return Err(gone);
    }
    if let Some(markdown) = markdown {
        markdown.write(&report, checked.as_ref().map(expect::Outcomes::checked))?;
    }
    if let (Some(page), Some(sight)) = (page, sight) {
        let path = page.path().to_owned();
        let checked = checked.as_ref().map(expect::Outcomes::checked);
        page.write_seen(&report, checked, sight)?;
        let beside_table = arguments.format == FormatArg::Table
            && arguments.output.is_none()
            && capture.file.write.as_deref() != Some(Path::new("-"));
        page::tell(&path, beside_table)?;
    }
    failed(summary)?;
    // All that was captured is told first.
    if let Some(failure) = failure {
        return Err(failure.context("the pictures were not compared"));
    }
    if let Some(checked) = checked {
        checked.tell(arguments)?;
        // What is expected of the run is what counts, and includes what is seen without being told.
        if let Some(worse) = checked.exit() {
            return Ok(worse);
        }
    }
    Ok(exit_of(capture, &report, verdict, short.is_some()))
}

/// The exit code of a run of this verdict. `short`: less came than was asked for.
fn exit_of(capture: &Capture, report: &Report, verdict: Option<Verdict>, short: bool) -> Exit {
    match verdict {
        // Files were given, and do not belong to what was seen.
        None if capture.compare.given() => Exit::NotEqual,
        Some(Verdict::Unverified) if capture.compare.files_given() => Exit::NotEqual,
        // A ledger has no bytes to compare with; that it knows nothing of a picture says something.
        Some(Verdict::Unverified)
            if capture.compare.given()
                && report.images.iter().any(|image| {
                    image.verdict == Verdict::Unverified && image.compared.is_none()
                }) =>
        {
            Exit::NotEqual
        }
        verdict => match exit(verdict) {
            Exit::Good if short || has_errors(report) => Exit::NotEqual,
            exit => exit,
        },
    }
}

/// Whether something did not work, be every picture whole.
pub(in crate::cli) fn has_errors(report: &Report) -> bool {
    let error = |finding: &Finding| finding.severity == Severity::Error;
    report.findings.iter().any(error)
}

/// What was to be captured and did not come, in words; absent where nothing lacks.
fn fell_short(capture: &Capture, report: &Report) -> Option<String> {
    if report.packets.read == 0 {
        return Some("not one packet was captured: nothing can be said of any transfer".to_owned());
    }
    let wanted = capture.end.images?;
    let came = report.images.len() as u64;
    (came < wanted).then(|| {
        format!(
            "{} of the {} pictures that --images asked for came",
            text::count(came),
            text::count(wanted)
        )
    })
}

/// Makes sure that the file is still what was written: somebody may have removed or replaced it meanwhile.
fn still_there(capture: &Capture, summary: &Summary) -> anyhow::Result<()> {
    let Some(written) = summary
        .written
        .as_ref()
        .filter(|written| written.name != "-")
    else {
        return Ok(());
    };
    let row = capture.file.rotate.is_some();
    let named = capture.file.write.iter().filter(|_| !row);
    for file in named.chain(&written.files) {
        // Of a row only the last one is known.
        let known = written
            .place
            .filter(|_| !row || written.files.last() == Some(file));
        let elsewhere = match known {
            Some(place) if place.names > 0 => {
                "what was written is in it under the name that somebody gave it"
            }
            _ => "the frames are lost",
        };
        match std::fs::metadata(file) {
            Ok(found) if !found.is_file() => {}
            Ok(found) if known.is_some_and(|place| !place.is(&found)) => anyhow::bail!(
                "{}: somebody put another file in its place while it was written; {elsewhere}",
                file.display()
            ),
            Ok(found) if row || found.len() >= written.bytes => {}
            Ok(found) => anyhow::bail!(
                "{}: somebody cut it while it was written: it has {} bytes, {} were written",
                file.display(),
                text::count(found.len()),
                text::count(written.bytes)
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let renamed = known.is_some_and(|place| place.names > 0);
                anyhow::bail!(
                    "{}: somebody {} it while it was written; {elsewhere}",
                    file.display(),
                    if renamed { "renamed" } else { "removed" }
                )
            }
            // What may not be looked at is not known to be gone.
            Err(_) => {}
        }
    }
    Ok(())
}

/// What ended the capture early, if anything did.
///
/// # Errors
/// That.
pub(in crate::cli) fn failed(summary: Summary) -> anyhow::Result<()> {
    if let Some(failure) = summary.write_failure {
        return Err(failure.into());
    }
    if let Some(failure) = summary.device_failure {
        return Err(failure.into());
    }
    if summary.broken {
        anyhow::bail!(
            "a part of imgnet failed (a defect: please report it); what was captured is in the file, the counts above may be short"
        );
    }
    Ok(())
}

/// The run's verdict: that of its worst picture, and no better than inconclusive where frames were lost.
pub(super) fn verdict(report: &Report, summary: &Summary) -> Option<Verdict> {
    let lost = summary.counts.lost() > 0 || summary.counts.away.is_some();
    let lost = lost.then_some(Verdict::Inconclusive);
    report.verdict.max(lost)
}

/// The exit code of a verdict, as `capture` and `demo` have it.
pub(in crate::cli) fn exit(verdict: Option<Verdict>) -> Exit {
    match verdict {
        None | Some(Verdict::Match | Verdict::Unverified) => Exit::Good,
        Some(Verdict::Inconclusive) => Exit::Inconclusive,
        Some(Verdict::Incomplete | Verdict::Mismatch) => Exit::NotEqual,
    }
}

/// What the report says of a live capture.
pub(in crate::cli) fn capture_file(interface: &str, summary: &Summary) -> CaptureFile {
    let counts = &summary.counts;
    CaptureFile {
        path: match &summary.written {
            Some(written) if written.name != "-" => written.name.clone(),
            _ => interface.to_owned(),
        },
        format: if summary.written.is_some() {
            "pcapng"
        } else {
            "live"
        }
        .to_owned(),
        link_types: vec![
            summary
                .link
                .name()
                .map_or_else(|| format!("link type {}", summary.link.0), str::to_owned),
        ],
        packets: counts.frames,
        captured_bytes: counts.bytes,
        original_bytes: counts.wire_bytes,
        truncated: false,
        damage: None,
        kernel_drops: counts.dropped,
        // The live analysis saw those, too.
        unwritten: None,
        away: counts.away,
    }
}
