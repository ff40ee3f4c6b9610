//! The chunk strip: a cell for each chunk of a picture, in order, coloured by what happened to it.

use super::real;
use super::svg::Svg;

const CELL: f64 = 14.0;
const COLUMNS: u64 = 60;

/// What happened to a chunk; the worst of all that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CellState {
    /// It came in so many packets.
    Came(u64),
    /// It came much later than the one before it.
    Late,
    /// Bytes of it came again.
    Repeated,
    /// Bytes of it are missing.
    Missing,
}

/// A cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) index: u64,
    pub(crate) state: CellState,
    /// What is said of it.
    pub(crate) title: String,
}

/// Draws the cells of the picture at `anchor`; `left_out` are not shown.
pub(crate) fn strip(anchor: &str, cells: &[Cell], left_out: u64) -> String {
    let number = cells.len() as u64;
    let rows = number.div_ceil(COLUMNS).max(1);
    let columns = number.clamp(1, COLUMNS);
    let width = real(columns.max(30)) * CELL;
    let height = real(rows) * CELL;
    let label = match left_out {
        0 => format!("Chunks: {number} cells"),
        _ => format!("Chunks: the first {number} cells, {left_out} more are left out"),
    };
    let mut svg = Svg::begin(width, height + 1.0, &label);
    for (place, cell) in (0_u64..).zip(cells) {
        let x = real(place % COLUMNS) * CELL;
        let y = real(place / COLUMNS) * CELL + 0.5;
        let size = CELL - 2.0;
        let class = match cell.state {
            CellState::Came(0 | 1) => "c0",
            CellState::Came(2 | 3) => "c1",
            CellState::Came(_) => "c2",
            CellState::Late => "late",
            CellState::Repeated => "repeated",
            CellState::Missing => "none",
        };
        svg.link(
            &format!("{anchor}/chunk-{}", cell.index),
            &cell.title,
            place == 0,
            &[(class, [x + 0.5, y, size, size])],
        );
        if cell.state == CellState::Missing {
            let d = format!(
                "M{} {}l{size} -{size}",
                super::svg::Short(x + 0.5),
                super::svg::Short(y + size)
            );
            svg.path("hatch", &d);
        }
    }
    svg.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cell_is_reached_by_tab() {
        let cells: Vec<Cell> = (0..130)
            .map(|index| Cell {
                index,
                state: if index == 3 {
                    CellState::Missing
                } else {
                    CellState::Came(index)
                },
                title: format!("chunk {index}"),
            })
            .collect();
        let out = strip("picture-7", &cells, 0);
        assert_eq!(out.matches("<a ").count(), 130);
        assert_eq!(out.matches("tabindex=\"0\"").count(), 1);
        assert!(out.contains("#picture-7/chunk-129"));
        assert!(out.contains("class=\"hatch\""));
    }
}
