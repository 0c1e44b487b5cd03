//! A small figure with logarithmic axes.

use std::fmt::Write;

/// Lines over a common axis.
pub struct Figure<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    /// Whether x is logarithmic; y is.
    pub log_x: bool,
    /// Name and points of each line.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

const SIZE: (f64, f64) = (640.0, 400.0);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00"];

impl Figure<'_> {
    /// The figure as SVG.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, p)| p).filter(|(_, y)| *y > 0.0);
        let of_x = |x: f64| if self.log_x { x.log10() } else { x };
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let (x0, x1) = range(&mut points().map(|(x, _)| of_x(*x)));
        let (y0, y1) = range(&mut points().map(|(_, y)| y.log10()));
        let (y0, y1) = (y0.floor(), y1.ceil());
        let (width, height) = (SIZE.0 - LEFT - RIGHT, SIZE.1 - TOP - BOTTOM);
        let place_x = |x: f64| LEFT + width * (of_x(x) - x0) / (x1 - x0);
        let place_y = |y: f64| TOP + height * (y1 - y.log10()) / (y1 - y0);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{}</text>\n",
            SIZE.0, SIZE.1, self.title
        );
        let every = ((y1 - y0) / 8.0).ceil().max(1.0);
        let mut decade = y0;
        while decade <= y1 {
            let y = place_y(10f64.powf(decade));
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>",
                LEFT + width
            );
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">1e{decade:.0}</text>",
                LEFT - 6.0,
                y + 4.0
            );
            decade += every;
        }
        for (x, _) in self.lines.first().map_or(&[][..], |(_, p)| p) {
            let at = place_x(*x);
            let _ = writeln!(
                out,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x}</text>",
                SIZE.1 - BOTTOM + 16.0
            );
        }
        let middle = (LEFT + width / 2.0, TOP + height / 2.0);
        let _ =
            writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", middle.0, SIZE.1 - 12.0, self.x);
        let _ = writeln!(
            out,
            "<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            middle.1, self.y
        );
        for (k, (name, line)) in self.lines.iter().enumerate() {
            let colour = COLOURS[k % COLOURS.len()];
            let shown: Vec<_> =
                line.iter().filter(|(_, y)| *y > 0.0).map(|(x, y)| (place_x(*x), place_y(*y))).collect();
            let path: Vec<String> = shown.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                path.join(" ")
            );
            for (x, y) in &shown {
                let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
            let at = TOP + 16.0 * (k as f64 + 1.0);
            let left = LEFT + width + 12.0;
            let _ =
                writeln!(out, "<rect x=\"{left}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>", at - 9.0);
            let _ = writeln!(out, "<text x=\"{}\" y=\"{at}\">{name}</text>", left + 16.0);
        }
        out + "</svg>\n"
    }

    /// The points as a table in Markdown.
    pub fn table(&self) -> String {
        let mut out = format!("| {} |", self.x);
        self.lines.iter().for_each(|(name, _)| out += &format!(" {name} |"));
        out += &format!("\n|{}\n", "---|".repeat(self.lines.len() + 1));
        for (row, (x, _)) in self.lines.first().map_or(&[][..], |(_, p)| p).iter().enumerate() {
            out += &format!("| {x} |");
            for (_, line) in &self.lines {
                let y = line[row].1;
                out += &if (0.01..1e5).contains(&y) { format!(" {y:.3} |") } else { format!(" {y:.2e} |") };
            }
            out += "\n";
        }
        out
    }

    /// Writes the figure, and prints its title and table.
    pub fn publish(&self, folder: &str, file: &str) -> std::io::Result<()> {
        println!("{}\n\n{}", self.title, self.table());
        std::fs::write(std::path::Path::new(folder).join(file), self.svg())
    }
}
