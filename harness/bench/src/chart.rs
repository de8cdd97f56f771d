//! Charts of the results.

use plotters::{coord::Shift, prelude::*};

use super::{
    BenchError,
    growth::Growth,
    report::{Latency, Report},
};

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
const BARS_HEIGHT: u32 = 300;

impl Chart {
    /// Latency and throughput by number of concurrent requests, and the processor time of a 204
    /// beside that of the peers.
    pub fn of_requests(report: &Report) -> Result<Self, BenchError> {
        let mut names: Vec<&str> = Vec::new();
        for latency in &report.latency {
            if !names.contains(&latency.what.as_str()) {
                names.push(&latency.what);
            }
        }
        let lines = |y: fn(&Latency) -> f64| {
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
        let charts = [(latency, lines(|latency| latency.p50)), (rate, lines(|latency| latency.per_second))];
        draw_all(&charts, &peers(report))
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
        draw_all(&charts, &[])
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

/// The processor time of a 204, in microseconds, of `sync` and of the peers; empty without peers.
fn peers(report: &Report) -> Vec<(&str, f64)> {
    if report.peers.is_empty() {
        return Vec::new();
    }
    let cpu_of = |latency: &[Latency]| {
        latency.iter().find(|it| (it.what.as_str(), it.at_once) == ("204", 1)).and_then(|it| it.cpu)
    };
    let own = ("keysync", cpu_of(&report.latency));
    let peers = report.peers.iter().map(|peer| (peer.name.as_str(), cpu_of(&peer.latency)));
    std::iter::once(own).chain(peers).filter_map(|(name, cpu)| Some((name, cpu?))).collect()
}

/// Draws charts, one above the other, and bars below them.
fn draw_all(charts: &[(Axes, Vec<Line>)], bars: &[(&str, f64)]) -> Result<Chart, BenchError> {
    let height = SIZE.1 + if bars.is_empty() { 0 } else { BARS_HEIGHT };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (SIZE.0, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let (upper, lower) = area.split_vertically(SIZE.1);
        for (area, (axes, lines)) in upper.split_evenly((charts.len(), 1)).iter().zip(charts) {
            draw(area, axes, lines)?;
        }
        if !bars.is_empty() {
            draw_bars(&lower, "Processor time of a 204, one request at a time, in µs", bars)?;
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

/// Draws bars with their names and values, the first at the top.
fn draw_bars(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    bars: &[(&str, f64)],
) -> Result<(), BenchError> {
    let longest = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let rows = float(bars.len()).unwrap_or(1.0);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        // Room for the text behind the longest bar.
        .build_cartesian_2d(0.0..longest * 1.4, rows..0.0)
        .map_err(failed)?;
    let tops = std::iter::successors(Some(0.0), |top| Some(top + 1.0));
    for ((name, value), top) in bars.iter().zip(tops) {
        let bar = Rectangle::new([(0.0, top + 0.2), (*value, top + 0.8)], COLOURS[0].filled());
        chart.draw_series([bar]).map_err(failed)?;
        let beside = (value + longest / 80.0, top + 0.4);
        let text = Text::new(format!("{name}: {value:.0}"), beside, ("sans-serif", 15));
        chart.draw_series([text]).map_err(failed)?;
    }
    Ok(())
}

fn failed(error: impl std::error::Error) -> BenchError {
    BenchError::Chart(error.to_string())
}
