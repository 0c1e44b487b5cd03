use super::*;
use std::io::Write;
use std::path::PathBuf;

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jensen-images-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn greys() -> Rules {
    Rules::default()
}

fn binary() -> Rules {
    Rules { binary: true, ..Rules::default() }
}

/// Three images of 2 x 2.
fn idx() -> Vec<u8> {
    let header = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2];
    header.into_iter().chain([0, 51, 128, 255, 1, 2, 3, 4, 127, 128, 129, 0]).collect()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn png(width: u32, height: u32, colour: png::ColorType, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

fn error(path: &Path, rules: &Rules) -> String {
    Images::read(Some(path), rules).unwrap_err().to_string()
}

#[test]
fn the_embedded_digits_are_whole() {
    let digits = Images::read(None, &binary()).unwrap();
    assert_eq!((digits.num_rows(), digits.num_pixels, digits.shape), (1797, 64, Some((8, 8))));
    // 0c in the first row of the first image: four dark, two light, two dark.
    assert_eq!(digits.row(0)[..8], [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let counts: Vec<usize> = (0..10).map(|d| digits.labels.iter().filter(|l| **l == d).count()).collect();
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
}

#[test]
fn idx_files_are_read_plain_and_gzipped_and_halved_where_they_must_be_binary() {
    let folder = Folder::new("idx");
    for path in [folder.file("a-idx3-ubyte", &idx()), folder.file("a-idx3-ubyte.gz", &gzipped(&idx()))] {
        let images = Images::read(Some(&path), &greys()).unwrap();
        assert_eq!((images.num_rows(), images.shape), (3, Some((2, 2))));
        assert_eq!(images.row(0), [0.0, 0.2, 128.0 / 255.0, 1.0]);
        let halved = Images::read(Some(&path), &binary()).unwrap();
        assert_eq!((halved.row(2), halved.threshold), (&[0.0, 1.0, 1.0, 0.0][..], Some(0.5)));
        let low = Images::read(Some(&path), &Rules { threshold: Some(0.01), ..binary() }).unwrap();
        assert_eq!(low.row(1), [0.0, 0.0, 1.0, 1.0]);
        assert_ne!(low.fingerprint(), halved.fingerprint());
    }
}

#[test]
fn damaged_idx_files_are_named_with_what_is_wrong() {
    let folder = Folder::new("damaged");
    let whole = idx();
    let mut long = whole.clone();
    long.push(0);
    let mut labels = whole.clone();
    labels[3] = 1;
    let mut floats = whole.clone();
    floats[2] = 0x0d;
    let mut huge = whole.clone();
    huge[4..16].fill(0xff);
    let packed = gzipped(&whole);
    for (name, bytes, words) in [
        (
            "short.idx",
            &whole[..whole.len() - 1],
            "3 images of 2 x 2 take 28 bytes with the header, the file has 27; the file is not whole",
        ),
        ("long.idx", &long[..], "the file has 29; there is more than the header says"),
        ("labels.idx", &labels[..], "this file holds labels; give the file of the images"),
        ("floats.idx", &floats[..], "an IDX file of type 0x0d with 3 dimensions"),
        ("huge.idx", &huge[..], "the file is not whole"),
        ("header.idx", &whole[..9], "the header ends after 9 of 16 bytes"),
        ("tiny.idx", &whole[..2], "2 bytes are too few"),
        ("text.idx", b"a,b\n1,2\n", "no IDX file"),
        ("cut.gz", &packed[..packed.len() / 2], "cut off or damaged"),
    ] {
        let text = error(&folder.file(name, bytes), &greys());
        assert!(text.contains(words) && text.contains(name), "{name}: {text}");
    }
    assert!(error(&folder.0.join("absent.csv"), &greys()).contains("file not found"));
    assert!(error(&folder.0.join("absent-idx3"), &greys()).contains("cannot be read"));
}

#[test]
fn folders_of_png_files_are_read_in_the_order_of_names() {
    let folder = Folder::new("png");
    folder.file("b.png", &png(2, 1, png::ColorType::Rgb, &[255, 255, 255, 255, 0, 0]));
    folder.file("a.PNG", &png(2, 1, png::ColorType::Grayscale, &[51, 102]));
    folder.file("c.png", &png(2, 1, png::ColorType::Rgba, &[255, 255, 255, 0, 0, 255, 0, 255]));
    folder.file("notes.txt", b"not an image");
    let images = Images::read(Some(&folder.0), &greys()).unwrap();
    assert_eq!((images.num_rows(), images.shape), (3, Some((1, 2))));
    assert_eq!(images.values, [51.0, 102.0, 255.0, 54.0, 0.0, 182.0].map(|g| g / 255.0));

    folder.file("d.png", &png(1, 2, png::ColorType::Grayscale, &[0, 0]));
    let text = error(&folder.0, &greys());
    assert!(text.contains("d.png: 2 x 1 pixels where") && text.contains("a.PNG has 1 x 2"), "{text}");
    let whole = png(2, 1, png::ColorType::Grayscale, &[51, 102]);
    folder.file("d.png", &whole[..whole.len() / 2]);
    assert!(error(&folder.0, &greys()).contains("d.png: not a readable PNG"));
    folder.file("d.png", b"nothing of the kind");
    assert!(error(&folder.0, &greys()).contains("d.png: not a readable PNG"));
    let empty = Folder::new("no-png");
    assert!(error(&empty.0, &greys()).contains("no PNG files in the folder"));
}

#[test]
fn tables_name_line_and_column_of_a_bad_pixel() {
    let folder = Folder::new("table");
    let path = folder.file("t.csv", b"c,p0,p1,p2,p3\n7,0,1,1,0\n3,1,1,0,0.5\n");
    let rules = Rules { label: Some("c".into()), ..greys() };
    let images = Images::read(Some(&path), &rules).unwrap();
    assert_eq!((images.num_rows(), images.shape, &images.labels[..]), (2, Some((2, 2)), &[1, 0][..]));
    assert_eq!(images.row(1), [1.0, 1.0, 0.0, 0.5]);
    assert_eq!(images.chosen(&[1]).labels, [0]);
    let text = error(&path, &Rules { binary: true, ..rules.clone() });
    assert!(
        text.contains("t.csv, line 3, column `p3`: 0.5 is neither 0 nor 1") && text.contains("--threshold"),
        "{text}"
    );
    let half = Images::read(Some(&path), &Rules { threshold: Some(0.4), binary: true, ..rules.clone() }).unwrap();
    assert_eq!(half.row(1), [1.0, 1.0, 0.0, 1.0]);
    let text = error(&path, &Rules { shape: Some((3, 2)), ..rules });
    assert!(text.contains("rows of 4 pixels are no images of 3 x 2"), "{text}");
    let ragged = folder.file("r.csv", b"p0,p1\n0,1\n1\n");
    let text = error(&ragged, &greys());
    assert!(text.contains("r.csv, line 3: found 1 field where the header has 2"), "{text}");
}
