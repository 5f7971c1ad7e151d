//! Legacy VTK files, which ParaView and VisIt read: a plane as a rectilinear grid, a path as a line above it.

use std::io::{self, Write};

use super::{grid::Grid, sampled::Sampled};

/// Writes the grid with all columns. In ParaView, "Warp by scalar" makes it a surface.
pub(super) fn write_grid(file: &mut impl Write, grid: &Grid, values: &Sampled) -> io::Result<()> {
    let (nx, ny) = (grid.xs.len(), grid.ys.len());
    writeln!(file, "# vtk DataFile Version 3.0\ncollado landscape\nASCII\nDATASET RECTILINEAR_GRID")?;
    writeln!(file, "DIMENSIONS {nx} {ny} 1")?;
    for (name, axis) in [("X", grid.xs.as_slice()), ("Y", &grid.ys), ("Z", &[0.])] {
        writeln!(file, "{name}_COORDINATES {} double", axis.len())?;
        numbers(file, axis)?;
    }
    writeln!(file, "POINT_DATA {}", nx * ny)?;
    for (name, column) in Sampled::NAMES.into_iter().zip(values.columns()) {
        writeln!(file, "SCALARS {name} double 1\nLOOKUP_TABLE default")?;
        numbers(file, column)?;
    }
    Ok(())
}

/// Writes a line through the points (x, y, risk).
pub(super) fn write_path(file: &mut impl Write, points: &[(f64, f64)], risk: &[f64]) -> io::Result<()> {
    writeln!(file, "# vtk DataFile Version 3.0\ncollado path\nASCII\nDATASET POLYDATA")?;
    writeln!(file, "POINTS {} double", points.len())?;
    for ((x, y), risk) in points.iter().zip(risk) {
        numbers(file, &[*x, *y, *risk])?;
    }
    write!(file, "LINES 1 {}\n{}", points.len() + 1, points.len())?;
    (0..points.len()).try_for_each(|i| write!(file, " {i}"))?;
    writeln!(file, "\nPOINT_DATA {}\nSCALARS risk double 1\nLOOKUP_TABLE default", points.len())?;
    numbers(file, risk)
}

fn numbers(file: &mut impl Write, values: &[f64]) -> io::Result<()> {
    for row in values.chunks(9) {
        let row: Vec<String> = row.iter().map(|x| crate::table::text(*x)).collect();
        writeln!(file, "{}", row.join(" "))?;
    }
    Ok(())
}
