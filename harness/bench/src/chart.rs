//! Charts of the results.

use plotters::{coord::Shift, prelude::*};

use super::{BenchError, growth::Growth, report::Report};

/// A chart in SVG.
#[derive(Clone, Debug)]
pub struct Chart(String);

/// A line of a chart.
struct Line {
    name: String,
    /// Ordered by x; all values are greater than 0.
    points: Vec<(f64, f64)>,
}

/// Title and labels of the axes.
struct Axes {
    title: &'static str,
    x: &'static str,
    y: &'static str,
}

/// Colours of lines, with different lightness so that they can be distinguished without colour
/// vision.
const COLOURS: [RGBColor; 7] = [
    RGBColor(15, 98, 254),
    RGBColor(0, 67, 206),
    RGBColor(105, 41, 196),
    RGBColor(250, 77, 86),
    RGBColor(178, 134, 0),
    RGBColor(111, 111, 111),
    RGBColor(0, 125, 121),
];
const SIZE: (u32, u32) = (960, 860);

impl Chart {
    /// Latency and throughput by number of concurrent requests.
    pub fn of_requests(report: &Report) -> Result<Self, BenchError> {
        let mut names: Vec<&str> = Vec::new();
        for latency in &report.latency {
            if !names.contains(&latency.what.as_str()) {
                names.push(&latency.what);
            }
        }
        let lines = |y: fn(&super::report::Latency) -> f64| {
            let of = |name: &&str| Line {
                name: (*name).to_owned(),
                points: report
                    .latency
                    .iter()
                    .filter(|latency| latency.what == **name)
                    .filter_map(|latency| Some((float(latency.at_once)?, y(latency))))
                    .collect(),
            };
            names.iter().map(of).collect::<Vec<_>>()
        };
        let latency = Axes { title: "Median latency", x: "concurrent requests", y: "µs" };
        let rate = Axes { title: "Throughput", x: "concurrent requests", y: "requests/s" };
        draw_all(&[(latency, lines(|latency| latency.p50)), (rate, lines(|latency| latency.per_second))])
    }

    /// Latency of sequential requests by size of the data.
    pub fn of_growth(growth: &Growth) -> Result<Self, BenchError> {
        let of = |what: &'static str| {
            let points = || growth.points.iter().filter(move |point| point.of == what);
            let line = |name: &str, y: fn(&super::growth::Point) -> f64| Line {
                name: name.to_owned(),
                points: points().filter_map(|point| Some((float(point.count)?, y(point)))).collect(),
            };
            vec![line("204", |point| point.notified.p50), line("409", |point| point.too_early.p50)]
        };
        let axes = |x| Axes { title: "Median latency", x, y: "µs" };
        let all = ["keys in the table", "registrations of a key", "services of a key"];
        let charts: Vec<_> = all.into_iter().map(|what| (axes(what), of(what))).collect();
        draw_all(&charts)
    }

    /// The SVG document.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.0
    }
}

fn float(count: usize) -> Option<f64> {
    u32::try_from(count).ok().filter(|count| *count > 0).map(f64::from)
}

/// Draws charts, one above the other.
fn draw_all(charts: &[(Axes, Vec<Line>)]) -> Result<Chart, BenchError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        for (area, (axes, lines)) in area.split_evenly((charts.len(), 1)).iter().zip(charts) {
            draw(area, axes, lines)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(Chart(svg))
}

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, axes: &Axes, lines: &[Line]) -> Result<(), BenchError> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || points().map(of);
        values().fold(f64::MAX, f64::min)..values().fold(f64::MIN_POSITIVE, f64::max)
    };
    let (x, y) = (range(|point| point.0), range(|point| point.1));
    let mut chart = ChartBuilder::on(area)
        .caption(axes.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(x.log_scale(), (y.start / 1.5..y.end * 1.5).log_scale())
        .map_err(failed)?;
    chart.configure_mesh().x_desc(axes.x).y_desc(axes.y).light_line_style(WHITE).draw().map_err(failed)?;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), style).point_size(3))
            .map_err(failed)?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(failed)
}

fn failed(error: impl std::error::Error) -> BenchError {
    BenchError::Chart(error.to_string())
}
