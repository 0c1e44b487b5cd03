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
