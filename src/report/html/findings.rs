//! Findings, each with its frames, its cure and the commands that show more.

use maud::{Markup, html};

use super::Context;
use super::words::{capture_arguments, frames, plain, quoted};
use crate::findings::{Certainty, Finding, Severity};
use crate::ledger::{Image, TransportKind};
use crate::report::text::{count, counted};

/// Most findings that are shown.
const MOST: usize = 500;

/// All findings, the worst first.
pub(super) fn section(context: &Context<'_>) -> Markup {
    let all = &context.report().findings;
    if all.is_empty() {
        return html! {};
    }
    let number = |severity| all.iter().filter(|f| f.severity == severity).count() as u64;
    let tally = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Note, "note", "notes"),
    ];
    let tally: Vec<String> = tally
        .into_iter()
        .filter(|(severity, _, _)| number(*severity) > 0)
        .map(|(severity, one, many)| counted(number(severity), one, many))
        .collect();
    html! {
        h2 #findings { "Findings" }
        p.soft { (tally.join(", ")) }
        @for (place, finding) in all.iter().enumerate().take(MOST) { (one(context, place, finding)) }
        @if all.len() > MOST { p.left-out { (count((all.len() - MOST) as u64)) " more findings are left out; " code { "imgnet analyze " (capture_arguments(context.report())) " -v" } " shows all." } }
    }
}

fn one(context: &Context<'_>, place: usize, finding: &Finding) -> Markup {
    let report = context.report();
    let (class, certainty) = (severity(finding), certainty(finding));
    html! {
        article.finding.(class) id={ "finding-" (place) } {
            header {
                span.badge.(class) { (class) }
                h3 { (finding.name) }
                span.soft.small {
                    (certainty)
                    @if let Some(id) = finding.stream {
                        ", " (match report.stream(id).map(|s| s.transport) { Some(TransportKind::Udp) => "UDP stream ", _ => "connection " }) (id)
                    }
                    @if let Some(image) = finding.image { ", " a href={ "#picture-" (image.0) } { "picture " (image.0) } }
                    @if !finding.packets.is_empty() { ", " (frames(&format!("/findings/{place}/packets"), &finding.packets)) }
                }
            }
            p { (plain(&finding.message)) }
            @if !finding.fix.is_empty() { p { b { "Fix: " } (plain(&finding.fix)) } }
            @if let Some(command) = wireshark(context, finding) { (copied(&command)) }
            (copied(&format!("imgnet explain {}", finding.name)))
        }
    }
}

/// The command that shows the finding's frames.
fn wireshark(context: &Context<'_>, finding: &Finding) -> Option<String> {
    let [capture] = context.report().captures.as_slice() else {
        return None;
    };
    let filter = finding.filter()?;
    Some(format!("tshark -r {} -Y '{filter}'", quoted(&capture.path)))
}

fn copied(command: &str) -> Markup {
    html! { div.command { code { (plain(command)) } button.js type="button" data-copy { "Copy" } } }
}

/// The findings about a picture, as links.
pub(super) fn of_picture(context: &Context<'_>, image: &Image) -> Markup {
    let own: Vec<(usize, &Finding)> = context
        .report()
        .findings
        .iter()
        .enumerate()
        .take(MOST)
        .filter(|(_, finding)| {
            finding.image == Some(image.id)
                || (finding.image.is_none() && finding.stream == Some(image.stream))
        })
        .take(20)
        .collect();
    if own.is_empty() {
        return html! {};
    }
    html! {
        h4 { "Findings" }
        ul {
            @for (place, finding) in own {
                li { span.badge.(severity(finding)) { (severity(finding)) } " "
                    a href={ "#finding-" (place) } { (finding.name) }
                    @if finding.image.is_none() { span.soft { " of the connection" } }
                    ": " (plain(&finding.message)) }
            }
        }
    }
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn certainty(finding: &Finding) -> &'static str {
    match finding.certainty {
        Certainty::Proven => "proven",
        Certainty::Likely => "likely",
        Certainty::Risk => "risk",
    }
}
