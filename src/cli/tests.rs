use std::path::Path;

use clap::CommandFactory;

use super::*;
use crate::analysis::{Event, Options};
use crate::cli::reading::{Frames, Reading, Watch};
use crate::report::model::Report;
use crate::report::samples;

/// Tells a sample as an analysis of its files would.
struct Sample(Report);

impl Frames for Sample {
    fn analyse(
        self: Box<Self>,
        _options: Options,
        watch: &mut dyn Watch,
    ) -> anyhow::Result<Reading> {
        let Self(sample) = *self;
        for image in &sample.images {
            watch.event(Event::PictureData {
                picture: image.id,
                at: None,
                bytes: b"bytes",
            });
            watch.event(Event::PictureEnded(image));
            if watch.frame(5).is_break() {
                break;
            }
        }
        for stream in &sample.streams {
            let images = sample
                .images
                .iter()
                .filter(|image| image.stream == stream.id);
            let images: Vec<_> = images.cloned().collect();
            watch.event(Event::StreamClosed {
                stream,
                images: &images,
            });
        }
        for finding in &sample.findings {
            watch.event(Event::Finding(finding));
        }
        Ok(Reading {
            captures: sample.captures,
            packets: sample.packets,
        })
    }
}

/// Runs `imgnet analyze` on a sample.
fn analyze(sample: Report, arguments: &[&str]) -> anyhow::Result<Exit> {
    let arguments = ["imgnet", "analyze"].iter().chain(arguments);
    let Command::Analyze(command) = Imgnet::try_parse_from(arguments)?.command else {
        anyhow::bail!("another command than analyze");
    };
    analyze::analyze(&command, Box::new(Sample(sample)))
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_arguments_are_consistent() {
    Imgnet::command().debug_assert();
}

#[test]
fn help_reads_well() {
    let mut imgnet = Imgnet::command().term_width(100);
    imgnet.build();
    insta::assert_snapshot!("help", imgnet.render_long_help().to_string());
    for subcommand in imgnet.get_subcommands_mut() {
        // What clap makes by itself says what all others say.
        if subcommand.is_hide_set() || subcommand.get_name() == "help" {
            continue;
        }
        let name = subcommand.get_name().to_owned();
        let mut subcommand = subcommand.clone().term_width(100);
        insta::assert_snapshot!(
            format!("help-{name}-short"),
            subcommand.render_help().to_string()
        );
        insta::assert_snapshot!(
            format!("help-{name}"),
            subcommand.render_long_help().to_string()
        );
    }
}

#[test]
fn help_fits_eighty_columns() {
    let mut imgnet = Imgnet::command().term_width(80);
    imgnet.build();
    for subcommand in imgnet.get_subcommands_mut() {
        let help = subcommand
            .clone()
            .term_width(80)
            .render_long_help()
            .to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn wrong_usage_and_help_have_their_exit_codes() {
    let code = |arguments: &[&str]| match Imgnet::try_parse_from(arguments) {
        Ok(_) => -1,
        Err(error) => error.exit_code(),
    };
    assert_eq!(code(&["imgnet"]), 2);
    assert_eq!(code(&["imgnet", "--help"]), 0);
    assert_eq!(code(&["imgnet", "--version"]), 0);
    assert_eq!(code(&["imgnet", "bogus"]), 2);
    assert_eq!(code(&["imgnet", "analyze"]), 2, "no capture");
    assert_eq!(code(&["imgnet", "analyze", "x", "-q", "-v"]), 2);
    assert_eq!(code(&["imgnet", "analyze", "x", "--force"]), 2);
    assert_eq!(code(&["imgnet", "analyze", "x", "--protocol", "5050"]), 2);
    assert_eq!(
        code(&[
            "imgnet",
            "analyze",
            "x",
            "y",
            "--protocol",
            "1=eof",
            "--protocol",
            "2=marker=<END>"
        ]),
        -1
    );
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let codes = [
        Exit::Good,
        Exit::NotEqual,
        Exit::Usage,
        Exit::Inconclusive,
        Exit::NotAllowed,
    ];
    assert_eq!(
        codes.map(ExitCode::from),
        [0, 1, 2, 3, 4].map(ExitCode::from)
    );
}

#[test]
fn analyze_only_describes() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path(), "report.json");
    let arguments = ["x.pcap", "--format", "json", "-o", out.as_str()];
    // A mishap in the traffic is no failure of the command; a cut file is told by the code.
    assert_eq!(analyze(samples::hang(), &arguments).unwrap(), Exit::Good);
    assert_eq!(
        analyze(samples::gaps(), &arguments).unwrap(),
        Exit::Inconclusive
    );
    let report: Report = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(report.images.len(), 3);
}

#[test]
fn every_format_reaches_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, begins) in [
        (&["--format", "table"][..], "pipeline.pcap: 62 frames"),
        (
            &["--format", "json"],
            "{\n  \"schema\": \"imgnet/report/v1\"",
        ),
        (&["--format", "csv"], "id,stream,from,to,protocol"),
        (&["--csv", "findings"], "name,severity,certainty"),
    ] {
        let out = path(folder.path(), "out");
        let arguments = [arguments, &["x.pcap", "-o", &out]].concat();
        analyze(samples::healthy(), &arguments).unwrap();
        let text = std::fs::read_to_string(&out).unwrap();
        assert!(text.starts_with(begins), "{text}");
    }
    let error = analyze(
        samples::healthy(),
        &["x", "--format", "json", "--csv", "images"],
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("leave one of them out"),
        "{error}"
    );
}

#[test]
fn the_capture_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let capture = path(folder.path(), "x.pcap");
    std::fs::write(&capture, b"precious").unwrap();
    let error = analyze(samples::healthy(), &[&capture, "-o", &capture]).unwrap_err();
    assert!(
        error.to_string().contains("is one of the files to read"),
        "{error}"
    );
    let link = path(folder.path(), "link");
    std::os::unix::fs::symlink(&capture, &link).unwrap();
    assert!(analyze(samples::healthy(), &[&capture, "-o", &link]).is_err());
    assert_eq!(std::fs::read(&capture).unwrap(), b"precious");
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_work() {
    let error = analyze(samples::healthy(), &["x", "-o", "/nonexistent/report"]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nonexistent/report: cannot be written"),
        "{error}"
    );
    assert_eq!(conclude(Err(error)), Exit::Usage);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let closed = output::WriteError {
        to: None,
        source: io::ErrorKind::BrokenPipe.into(),
    };
    assert_eq!(conclude(Err(closed.into())), Exit::Good);
    let full = output::WriteError {
        to: None,
        source: io::ErrorKind::StorageFull.into(),
    };
    assert_eq!(conclude(Err(full.into())), Exit::Usage);
}

#[test]
fn extracted_pictures_are_told_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let (out, pictures) = (
        path(folder.path(), "r.json"),
        path(folder.path(), "pictures"),
    );
    let arguments = ["x", "--format", "json", "-o", &out, "--extract", &pictures];
    analyze(samples::healthy(), &arguments).unwrap();
    let report: Report = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    let extracted = report.extracted.unwrap();
    assert_eq!(extracted.files.len(), 5);
    assert_eq!(extracted.files[0].name, "stream-0-image-0000.jpg");
    assert!(
        analyze(samples::healthy(), &arguments).is_err(),
        "not without --force"
    );
    let forced = [&arguments[..], &["--force"]].concat();
    analyze(samples::healthy(), &forced).unwrap();
}

#[test]
fn a_file_alone_is_analyzed_and_one_that_is_not_there_is_called_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("capture");
    std::fs::write(&there, b"").unwrap();
    let analyzed = |first: &str| {
        let arguments = ["imgnet", first, "-v"].map(OsString::from).to_vec();
        let words = understood(arguments);
        words.get(1).is_some_and(|word| word == "analyze") && words.len() == 4
    };
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    for file in [
        path(&there),
        path(folder.path()),
        "-".to_owned(),
        "/dev/null".to_owned(),
        "no-such-folder/capture".to_owned(),
        "no-such-file.pcap".to_owned(),
    ] {
        assert!(analyzed(&file), "{file}");
    }
    for other in ["verify", "help", "verfiy", "--version", "--no.such", "-v"] {
        assert!(!analyzed(other), "{other}");
    }
}
