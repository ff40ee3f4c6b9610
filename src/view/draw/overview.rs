//! The first screen: findings, pictures, and the ladder of a stream in plain words.

use ratatui_core::layout::{Constraint, Layout, Rect};
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};

use super::packets::LOW;
use super::widgets::{self, Paragraph};
use super::{Look, fore, framed, of_role, pane, selected, shown, sign, window};
use crate::dissect::Role;
use crate::findings::Severity;
use crate::ledger::{Chunks, Verdict};
use crate::report::text::route;
use crate::units::{StreamId, count, counted, duration};
use crate::view::model::{Focus, Model};

pub(super) fn draw(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    if area.height < LOW {
        match model.focus {
            Focus::Findings => draw_findings(model, look, frame, area),
            Focus::Pictures => draw_pictures(model, look, frame, area),
            _ => draw_ladder(model, look, frame, area),
        }
        return;
    }
    let findings = model.data.index.findings().len();
    let pictures = model.data.index.images().len();
    // The ladder gets at least half.
    let most = usize::from(area.height / 4).max(3);
    let height = |rows: usize| u16::try_from(rows.clamp(1, most) + 2).unwrap_or(3);
    let [first, second, rest] = Layout::vertical([
        Constraint::Length(height(findings)),
        Constraint::Length(height(pictures)),
        Constraint::Min(5),
    ])
    .areas(area);
    draw_findings(model, look, frame, first);
    draw_pictures(model, look, frame, second);
    draw_ladder(model, look, frame, rest);
}

fn draw_findings(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let block = framed(" Findings ", model.focus == Focus::Findings, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let findings = model.data.index.findings();
    if findings.is_empty() {
        frame.render_widget(Paragraph::new("none"), inner);
        return;
    }
    let rows = window(model.finding, findings.len(), usize::from(inner.height));
    let mut lines = Vec::new();
    for at in rows.clone() {
        let Some(finding) = findings.get(at) else {
            break;
        };
        let color = match finding.severity {
            Severity::Error => Color::Red,
            Severity::Warning => Color::Yellow,
            Severity::Note => Color::DarkGray,
        };
        let frames =
            crate::report::text::frames(&finding.packets, look.unicode).unwrap_or_default();
        let text = format!(
            "{} {} ({})  {frames}  {}",
            sign(finding.severity, look),
            finding.name.as_str(),
            finding.certainty,
            finding.message
        );
        let mut style = fore(color, look);
        if at == model.finding {
            style = selected(style);
        }
        lines.push(Line::styled(shown(&text, look), style));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    model.panes.push(pane(Focus::Findings, inner, rows.start));
}

fn draw_pictures(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let block = framed(" Pictures ", model.focus == Focus::Pictures, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    let images = model.data.index.images();
    if images.is_empty() {
        frame.render_widget(Paragraph::new("none"), inner);
        return;
    }
    let rows = window(model.picture, images.len(), usize::from(inner.height));
    let mut lines = Vec::new();
    for at in rows.clone() {
        let Some(image) = images.get(at) else { break };
        let kind = match (image.format, image.width, image.height) {
            (Some(format), Some(width), Some(height)) => {
                format!("{} {width}×{height}", format.to_string().to_uppercase())
            }
            (Some(format), _, _) => format.to_string().to_uppercase(),
            (None, _, _) => "?".to_owned(),
        };
        let chunks = image.chunks.as_ref().map_or(0, Chunks::len);
        let color = match image.verdict {
            Verdict::Match | Verdict::Unverified => Color::Green,
            Verdict::Inconclusive => Color::Yellow,
            Verdict::Incomplete | Verdict::Mismatch => Color::Red,
        };
        let base = if at == model.picture {
            selected(Style::new())
        } else {
            Style::new()
        };
        let text = format!(
            "  {:<14} {:>10} bytes  {:>11}  {:>13}  {:<8} {}",
            kind,
            count(image.bytes),
            counted(chunks, "chunk", "chunks"),
            counted(image.packets, "packet", "packets"),
            image.protocol.to_string(),
            route(image.from, image.to, look.unicode),
        );
        lines.push(Line::from(vec![
            Span::styled(format!("{:>3}  ", image.id.0), base),
            Span::styled(
                format!("{:<12}", image.verdict),
                base.patch(fore(color, look)),
            ),
            Span::styled(shown(&text, look), base),
        ]));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    model.panes.push(pane(Focus::Pictures, inner, rows.start));
}

fn draw_ladder(model: &mut Model, look: Look, frame: &mut Frame<'_>, area: Rect) {
    let stream = model.data.index.stream(StreamId(model.stream));
    let title = match stream.and_then(|stream| stream.directions.first()) {
        Some(direction) => format!(
            " Stream {}: {} {}",
            model.stream,
            shown(&route(direction.from, direction.to, look.unicode), look),
            stream
                .and_then(|stream| stream.protocol.as_ref())
                .map_or_else(String::new, |protocol| format!("({protocol}) "))
        ),
        None => format!(" Stream {} ", model.stream),
    };
    let title = shown(&title, look);
    let block = framed(&title, model.focus == Focus::Ladder, look);
    let inner = widgets::inner(area);
    frame.render_widget(block, area);
    model.page = usize::from(inner.height);
    if model.rungs.is_empty() {
        frame.render_widget(Paragraph::new("nothing was sent"), inner);
        return;
    }
    let rows = window(model.rung, model.rungs.len(), usize::from(inner.height));
    let mut lines = Vec::new();
    for at in rows.clone() {
        let Some(rung) = model.rungs.get(at) else {
            break;
        };
        let arrow = match (rung.forward, look.unicode) {
            (Some(true), true) => "──▶",
            (Some(false), true) => "◀──",
            (Some(true), false) => "-->",
            (Some(false), false) => "<--",
            (None, true) => " ┊ ",
            (None, false) => " : ",
        };
        let when = rung.at.map_or_else(String::new, |at| match at {
            0 => "0 s".to_owned(),
            at => duration(at, look.unicode),
        });
        let frames = if rung.forward.is_none() {
            String::new()
        } else if rung.first == rung.last {
            format!("frame {}", rung.first)
        } else {
            format!("frames {}–{}", rung.first, rung.last)
        };
        let mut style = rung.role.map_or(Style::new(), |role| of_role(role, look));
        if rung.forward.is_none() {
            style = fore(Color::Yellow, look).add_modifier(Modifier::ITALIC);
        }
        if matches!(rung.role, Some(Role::Open | Role::Close)) {
            style = style.add_modifier(Modifier::DIM);
        }
        if at == model.rung && model.focus == Focus::Ladder {
            style = selected(style);
        }
        let mut left = format!("{when:>9}  {arrow}  {}", rung.text);
        // The frames are always seen: the next step is one of them.
        let room = usize::from(inner.width).saturating_sub(frames.chars().count() + 2);
        if left.chars().count() > room {
            left = left.chars().take(room.saturating_sub(1)).collect();
            left.push('…');
        }
        let gap = room + 2 - left.chars().count().min(room + 2);
        let text = format!("{left}{:gap$}{frames}", "");
        lines.push(Line::styled(shown(&text, look), style));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    model.panes.push(pane(Focus::Ladder, inner, rows.start));
}
