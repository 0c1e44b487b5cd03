use super::*;

fn waves(n: u32) -> (Vec<f64>, Vec<f64>) {
    let steps: Vec<f64> = (1..=n).map(f64::from).collect();
    let bounds = steps.iter().map(|s| -30.0 - 50.0 * (-s / 100.0).exp() + 0.3 * (s * 12.9898).sin()).collect();
    (steps, bounds)
}

/// Points that fill a bell, from the quantiles of the logistic distribution.
fn bell(n: u32, mean: f64, scale: f64) -> Vec<f64> {
    (0..n).map(|i| (f64::from(i) + 0.5) / f64::from(n)).map(|u| mean + scale * (u / (1.0 - u)).ln()).collect()
}

fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    (info.width, info.height, pixels)
}

fn figures(num_latents: usize) -> Vec<Figure> {
    let (steps, bounds) = waves(3000);
    let draws = bell(2000, 4.0, 1.5);
    let latents: Vec<(String, &[f64])> = (0..num_latents).map(|i| (format!("theta[{i}] <&>"), &draws[..])).collect();
    let latents: Vec<(&str, &[f64])> = latents.iter().map(|(name, draws)| (name.as_str(), *draws)).collect();
    vec![
        Figure::new("a", vec![trace(&steps, &bounds, Trace { smoothed: true, log_x: true })]),
        Figure::new("b", vec![trace(&steps, &bounds, Trace::default())]).note("note"),
        marginals("eight-schools", "q", &latents),
        Figure::new("c", vec![scatter("x", "y", &steps, &bounds)]),
    ]
}

#[test]
fn every_figure_is_well_formed_svg_of_its_size() {
    for figure in figures(30) {
        let text = figure.svg();
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "svg");
        let view: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        assert_eq!(root.attribute("width").unwrap().parse::<f64>().unwrap(), view[2]);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        let words: Vec<_> = document.descendants().filter(|node| node.has_tag_name("text")).collect();
        assert!(words.len() > 8);
        for word in words {
            let at = |name| word.attribute(name).unwrap().parse::<f64>().unwrap();
            assert!((0.0..=view[2]).contains(&at("x")) && (0.0..=view[3]).contains(&at("y")), "{word:?}");
        }
    }
}

#[test]
fn every_figure_is_a_png_of_twice_its_size_with_something_on_it() {
    for figure in figures(3) {
        let scene = figure.scene();
        let (width, height, pixels) = decoded(&figure.png().unwrap());
        assert_eq!((f64::from(width), f64::from(height)), (2.0 * scene.width, 2.0 * scene.height));
        let inked = pixels.chunks_exact(3).filter(|pixel| **pixel != [255, 255, 255]).count();
        let share = inked as f64 / f64::from(width * height);
        assert!((0.005..0.5).contains(&share), "{share}");
    }
}

#[test]
fn more_marginals_than_fit_are_counted() {
    assert!(figures(30)[2].svg().contains("the first 24 of 30 latents"));
    assert!(!figures(24)[2].svg().contains("the first"));
}

#[test]
fn a_mark_lies_where_its_data_say() {
    let colour = Colour::new(255, 0, 0);
    let panel = Panel::new("", "", "").mark(Mark::Line {
        points: vec![[0.0, 0.0], [1.0, 1.0]],
        colour: Colour::new(0, 0, 255),
        width: 1.0,
        label: String::new(),
    });
    // The centre of the range is the centre of the frame, in both forms.
    let panel = panel.mark(Mark::Dots { points: vec![[0.5, 0.5]], colour, radius: 4.0 });
    let figure = Figure::new("", vec![panel]);
    let text = figure.svg();
    let document = roxmltree::Document::parse(&text).unwrap();
    let frame = document.descendants().find(|node| node.has_tag_name("rect") && node.has_attribute("x")).unwrap();
    let of = |node: &roxmltree::Node<'_, '_>, name| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let centre = (of(&frame, "x") + of(&frame, "width") / 2.0, of(&frame, "y") + of(&frame, "height") / 2.0);
    let dot = document.descendants().find(|node| node.attribute("r") == Some("4")).unwrap();
    assert!((of(&dot, "cx") - centre.0).abs() < 0.02 && (of(&dot, "cy") - centre.1).abs() < 0.02);
    let (width, _, pixels) = decoded(&figure.png().unwrap());
    let at = 3 * ((2.0 * centre.1) as usize * width as usize + (2.0 * centre.0) as usize);
    assert_eq!(pixels[at..at + 3], [255, 0, 0]);
}

#[test]
fn odd_data_still_make_figures() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let panels = vec![
        trace(&[], &[], Trace { smoothed: true, log_x: true }),
        trace(&[0.0, 1.0, 2.0], &[nan, -inf, nan], Trace { smoothed: true, log_x: true }),
        trace(&[1.0, 2.0, 3.0], &[-1e308, nan, 1e308], Trace::default()),
        marginal("", &[]),
        marginal("constant", &[2.0; 10]),
        marginal("one", &[3.0]),
        marginal("wild", &[-1e300, 1.0, 2.0, 1e300, nan, inf]),
        scatter("a\u{7}b", "名", &[nan, 1.0], &[1.0, inf]),
    ];
    let figure = Figure::new(&"long ".repeat(60), panels);
    let text = figure.svg();
    assert!(roxmltree::Document::parse(&text).is_ok() && !text.contains("NaN"), "{text}");
    decoded(&figure.png().unwrap());
    decoded(&Figure::new("", Vec::new()).png().unwrap());
}

#[test]
fn a_figure_too_large_is_refused() {
    let figure = Figure::new("x", vec![Panel::new("", "", "")]).grid(1, (1e9, 1e9));
    let text = figure.png().unwrap_err().to_string();
    assert!(text.contains("too large for a PNG; plot fewer panels"), "{text}");
}

/// The box of a text: left, top, right, bottom.
fn text_box(word: &roxmltree::Node<'_, '_>) -> [f64; 4] {
    let at = |name: &str| word.attribute(name).unwrap().parse::<f64>().unwrap();
    let (x, y, size) = (at("x"), at("y"), at("font-size"));
    let width = font::width(word.text().unwrap_or(""), size);
    let left = match word.attribute("text-anchor") {
        Some("end") => x - width,
        Some("middle") => x - width / 2.0,
        _ => x,
    };
    if word.has_attribute("transform") {
        return [x - 0.8 * size, y - width / 2.0, x + 0.2 * size, y + width / 2.0];
    }
    // Capitals are some seven tenths of the size, and little hangs below the line.
    [left, y - 0.75 * size, left + width, y + 0.2 * size]
}

/// Nothing reaches out of the drawing, and no two words lie on each other.
fn assert_legible(figure: &Figure) {
    let text = figure.svg();
    let document = roxmltree::Document::parse(&text).unwrap();
    let view: Vec<f64> =
        document.root_element().attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    let inside = |[left, top, right, bottom]: [f64; 4]| {
        left >= 0.0 && top >= 0.0 && right <= view[2] + 0.5 && bottom <= view[3] + 0.5
    };
    let words: Vec<_> = document.descendants().filter(|node| node.has_tag_name("text")).collect();
    let boxes: Vec<_> = words.iter().map(text_box).collect();
    for (i, a) in boxes.iter().enumerate() {
        assert!(inside(*a), "{:?} at {a:?} leaves {view:?}", words[i].text());
        for (j, b) in boxes.iter().enumerate().skip(i + 1) {
            let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
            assert!(apart, "{:?} lies on {:?}", words[i].text(), words[j].text());
        }
    }
    for circle in document.descendants().filter(|node| node.has_tag_name("circle")) {
        let of = |name: &str| circle.attribute(name).unwrap().parse::<f64>().unwrap();
        let (x, y) = (of("cx"), of("cy"));
        assert!(inside([x - 2.0, y - 2.0, x + 2.0, y + 2.0]), "a dot at {x}, {y} leaves {view:?}");
    }
}

#[test]
fn charts_of_a_page_are_legible() {
    let long = "b[a very long name of a column:another very long name of a column[with a level]]";
    let span =
        |k: usize| Span { name: format!("{k} {long}"), ends: [k as f64 - 3.0, k as f64], middle: k as f64 - 1.0 };
    for count in [1, 2, 12, 40] {
        let spans: Vec<Span> = (0..count).map(span).collect();
        let panel = forest("title", "change of the predictor", &spans, Some(0.0));
        assert_legible(&Figure::new("", vec![panel]).grid(1, (420.0, forest_height(count))));
    }
    let wide = [Span { name: "b[x]".into(), ends: [-123456.7, 1e7], middle: 9e6 }];
    assert_legible(&Figure::new("", vec![forest("", "y", &wide, Some(0.0))]).grid(1, (420.0, forest_height(1))));
    let curve = |k: usize| Banded {
        name: format!("category {k} {long}"),
        points: (0..20).map(|i| [f64::from(i) * 1000.0, 0.1 * k as f64, 0.0, 1.0]).collect(),
    };
    let panel = banded("", ("x", "y"), &(0..6).map(curve).collect::<Vec<_>>(), vec![[0.0, 0.5], [19_000.0, 1.0]]);
    assert_legible(&Figure::new("", vec![panel]).grid(1, (360.0, 290.0)));
    let even: Vec<f64> = (0..50).map(|k| f64::from(k) / 50.0).collect();
    assert_legible(&Figure::new("", vec![even_quantiles("", &even)]).grid(1, (300.0, 210.0)));
    let edges: Vec<f64> = (0..=10).map(f64::from).collect();
    let panel = overlaid("data", &edges, &[0.1; 10], &[vec![0.1; 10], vec![0.2; 10]]);
    assert_legible(&Figure::new("", vec![panel]).grid(1, (360.0, 280.0)));
    assert_legible(
        &Figure::new("", vec![observed_among("mean of data", &bell(500, 3.0, 1.0), 99.0)]).grid(1, (300.0, 210.0)),
    );
}

#[test]
fn what_counts_has_ticks_at_whole_numbers() {
    let panel = Panel::new("", "K", "").counting_x();
    let points = (1..=8).map(|k| [f64::from(k), 1.0]).collect();
    let panel = panel.mark(Mark::Dots { points, colour: Colour::new(0, 0, 0), radius: 3.0 });
    let text = Figure::new("", vec![panel]).svg();
    assert!(text.contains(">2<") && !text.contains(">1.5<") && !text.contains(">2.0<"), "{text}");
}
