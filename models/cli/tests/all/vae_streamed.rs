//! `jensen vae` on files that are read in blocks: the same fit as in memory, each row once a pass, the same bits again.

use super::folder::{Folder, Run};

/// Bound on the test images and its standard error, of the report of a line.
fn bound(folder: &Folder, line: &str) -> (f64, f64) {
    let Run { out, err, .. } = folder.jensen(&format!("{line} --json"));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {err}"));
    let of = |k: &str| report["test"]["bound"][k].as_f64().unwrap();
    (of("mean"), of("se"))
}

/// Images of 3 x 3 in the order of their bar, which is the worst order to read them in; pixels flip now and then.
fn bars(rows: usize) -> Vec<(usize, Vec<u8>)> {
    let mut uniform = vec![0.0; rows];
    jensen::streams::Streams::new(1).fill_uniform(1, &mut uniform);
    let one = |(i, u): (usize, &f64)| {
        let (bar, flipped) = (3 * i / rows, (u * 30.0) as usize);
        (bar, (0..9).map(|p| u8::from((p % 3 == bar) != (p == flipped))).collect())
    };
    uniform.iter().enumerate().map(one).collect()
}

fn csv(bars: &[(usize, Vec<u8>)]) -> String {
    let header: Vec<String> = (0..9).map(|p| format!("p{p}")).collect();
    let mut text = format!("bar,{}\n", header.join(","));
    for (bar, pixels) in bars {
        let cells: Vec<String> = pixels.iter().map(u8::to_string).collect();
        text += &format!("bar{bar},{}\n", cells.join(","));
    }
    text
}

fn idx(bars: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for n in [bars.len() as u32, 3, 3] {
        bytes.extend(n.to_be_bytes());
    }
    bytes.extend(bars.iter().flat_map(|(_, pixels)| pixels.iter().map(|p| 255 * p)));
    bytes
}

const SMALL: &str = "--latent 2 --hidden 16 --batch 32 --learning-rate 0.01 --score-draws 0 --quiet";

#[test]
fn a_file_in_the_worst_order_is_learnt_as_well_as_in_memory() {
    let folder = Folder::new("vae-streamed-learnt");
    folder.file("bars.csv", csv(&bars(900)));
    folder.file("bars.idx", idx(&bars(900)));
    let (whole, se) = bound(&folder, &format!("vae --data bars.csv --label bar --epochs 25 {SMALL}"));
    for data in ["--data bars.csv --label bar", "--data bars.idx"] {
        let (streamed, other) = bound(&folder, &format!("vae {data} --buffer 160 --epochs 25 --out fit {SMALL}"));
        // Other rows are held out, and the starts are the same: standard errors of the two means, five of them.
        assert!(
            (streamed - whole).abs() < 5.0 * se.hypot(other),
            "{data}: {streamed} ({other}), in memory {whole} ({se})"
        );
        assert!(whole > -4.0, "three bars and one flip of thirty are some 2.2 nats: {whole}");
    }
    // A table and an IDX file of the same pixels are the same fit, the note on the data apart.
    folder.jensen(&format!("vae --data bars.csv --label bar --buffer 160 --epochs 25 --out table {SMALL}"));
    assert_eq!(folder.identity("fit"), folder.identity("table"));
    let Run { code, out, .. } =
        folder.jensen(&format!("vae --data bars.csv --label bar --buffer 160 --epochs 1 {SMALL}"));
    assert!(code.is_some_and(|c| c < 2) && out.contains("720 training and 180 test images"), "{out}");
    assert!(out.contains("batches of 32, 160 rows of the file at a time"), "{out}");
}

#[test]
fn going_on_in_the_middle_of_a_pass_ends_at_the_same_bits() {
    let folder = Folder::new("vae-streamed-resume");
    folder.file("bars.csv", csv(&bars(300)));
    for (k, options) in ["--threads 1 --anneal linear --anneal-epochs 3", "--estimator iwae --importance 3 --threads 2"]
        .into_iter()
        .enumerate()
    {
        let common = format!("vae --data bars.csv --label bar --buffer 70 {SMALL} {options}");
        folder.jensen(&format!("{common} --epochs 5 --out whole{k}"));
        folder.jensen(&format!("{common} --epochs 2 --out part{k}"));
        let saved = folder.identity(&format!("part{k}"));
        assert_ne!(saved, folder.identity(&format!("whole{k}")));
        // The buffer is the checkpoint's.
        let again = "--score-draws 0 --quiet --resume --epochs 5";
        folder.jensen(&format!("vae --data bars.csv --label bar --out part{k} {again}"));
        assert_eq!(folder.identity(&format!("part{k}")), folder.identity(&format!("whole{k}")), "{options}");
    }
    let Run { code, err, .. } =
        folder.jensen("vae --data bars.csv --label bar --out whole0 --resume --buffer 71 --quiet");
    assert!(code == Some(2) && err.contains("not --buffer 71; leave --buffer out"), "{err}");
}

#[test]
fn bad_cells_and_files_that_cannot_be_read_in_blocks_are_named() {
    let folder = Folder::new("vae-streamed-bad");
    let text = csv(&bars(60));
    let lines: Vec<&str> = text.lines().collect();
    let with = |line: &str| [&lines[..40], &[line], &lines[40..]].concat().join("\n");
    folder.file("grey.csv", with("bar0,1,0,0,0.5,0,0,1,0,0"));
    folder.file("ragged.csv", with("bar0,1,0,0"));
    folder.file("word.csv", with("bar0,1,0,0,x,0,0,1,0,0"));
    folder.file("gap.csv", with("bar0,1,0,0,,0,0,1,0,0"));
    folder.file("class.csv", with(",1,0,0,1,0,0,1,0,0"));
    folder.file("one.csv", "a,b\n0,1\n");
    folder.file("short.idx", &idx(&bars(60))[..300]);
    folder.file("rows.json", "[{\"a\": 1}]");
    folder.file("packed.idx.gz", [0x1f, 0x8b, 8, 0]);
    std::fs::create_dir_all(folder.0.join("images")).unwrap();
    for (line, words) in [
        ("vae --data grey.csv --label bar --buffer 8", "grey.csv, line 41, column `p3`: 0.5 is neither 0 nor 1"),
        ("vae --data ragged.csv --label bar --buffer 8", "ragged.csv, line 41: found 4 fields"),
        ("vae --data word.csv --label bar --buffer 8", "word.csv, line 41, column `p3`"),
        ("vae --data gap.csv --label bar --buffer 8", "gap.csv, line 41, column `p3`"),
        ("vae --data class.csv --label bar --buffer 8", "class.csv, line 41, column `bar`"),
        ("vae --data one.csv --buffer 8", "one.csv: 1 rows; an autoencoder needs at least 2"),
        ("vae --data none.csv --buffer 8", "file not found"),
        ("vae --data short.idx --buffer 8", "60 images of 3 x 3 take 556 bytes with the header, the file has 300"),
        ("vae --data rows.json --buffer 8", "save the table as CSV, or leave --buffer out"),
        ("vae --data packed.idx.gz --buffer 8", "unpack it first, or leave --buffer out"),
        ("vae --data images --buffer 8", "a folder of PNG files is read at once"),
        ("vae --buffer 8", "give it with --data"),
    ] {
        let Run { code, err, .. } = folder.jensen(line);
        assert!(code == Some(2) && err.contains(words), "{line}: {err}");
    }
}
