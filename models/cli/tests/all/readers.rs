//! Gzipped tables and standard input, through the one reader, in every command that takes a table.

use crate::folder::{Folder, Run};
use std::io::{Read, Write};
use std::process::Stdio;

const TABLE: &str = "y,x,g
1.5,0,a
2.5,1,b
3.0,2,a
4.5,3,b
5.0,4,a
5.5,5,b
7.0,6,a
8.5,7,b
8.0,8,a
9.5,9,b
";

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::best()).read_to_end(&mut out).unwrap();
    out
}

/// A run with these bytes on standard input.
fn fed(folder: &Folder, line: &str, bytes: &[u8]) -> Run {
    let mut command = folder.command(line);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    Run::of(child.wait_with_output().unwrap())
}

/// The report without what tells of the file and of the time.
fn report(run: &Run) -> serde_json::Value {
    let mut report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
    let map = report.as_object_mut().unwrap();
    map.remove("data");
    map.remove("seconds");
    map.remove("images_per_second");
    report
}

#[test]
fn archives_and_standard_input_are_the_same_table() {
    let folder = Folder::new("readers");
    folder.file("t.csv", TABLE);
    folder.file("t.csv.gz", packed(TABLE.as_bytes()));
    // By its first bytes, whatever its name.
    folder.file("named.csv", packed(TABLE.as_bytes()));
    folder.jensen("fit linear-regression --data t.csv --response y --features x --quiet --out f").fitted();
    folder.jensen("mixture t.csv --columns x,y --k 1 --quiet --out m").fitted();
    let pixels = TABLE.replace(",g", "").replace(",a", "").replace(",b", "");
    folder.file("p.csv", &pixels);
    folder.file("p.csv.gz", packed(pixels.as_bytes()));
    for (line, table) in [
        ("fit linear-regression --response y --features x --quiet --json --data", TABLE),
        ("mixture --columns x,y --k 1 --quiet --json", TABLE),
        ("mixture --columns x,y --k 1 --quiet --json --batch 8", TABLE),
        ("vae --likelihood gaussian --hidden 2 --latent 1 --epochs 1 --score-draws 0 --json --quiet --data", &pixels),
    ] {
        let name = if line.starts_with("vae") { "p" } else { "t" };
        let plain = report(&folder.jensen(&format!("{line} {name}.csv")));
        let mut others = vec![folder.jensen(&format!("{line} {name}.csv.gz"))];
        others.push(fed(&folder, &format!("{line} -"), table.as_bytes()));
        others.push(fed(&folder, &format!("{line} -"), &packed(table.as_bytes())));
        others.extend((name == "t").then(|| folder.jensen(&format!("{line} named.csv"))));
        for other in others {
            assert_eq!(report(&other), plain, "{line}");
        }
    }
    for fit in ["f", "m"] {
        let plain = folder.jensen(&format!("predict {fit} t.csv --quiet")).out;
        assert!(plain.lines().count() == 11, "{plain}");
        assert_eq!(folder.jensen(&format!("predict {fit} t.csv.gz --quiet")).out, plain);
        assert_eq!(fed(&folder, &format!("predict {fit} - --quiet"), TABLE.as_bytes()).out, plain);
    }
    let run = fed(&folder, "fit linear-regression --data - --response y --features x --quiet", TABLE.as_bytes());
    assert!(run.fitted().out.starts_with("linear-regression: standard input, 10 rows"), "{run:?}");
}

#[test]
fn what_is_cut_off_or_far_too_large_or_empty_is_refused() {
    let folder = Folder::new("readers-refused");
    let whole = packed(TABLE.repeat(50).as_bytes());
    folder.file("cut.csv.gz", &whole[..whole.len() / 2]);
    folder.file("bomb.csv.gz", packed(&vec![b'1'; 65 << 20]));
    folder.file("none.csv.gz", packed(b""));
    folder.file("twice.csv.gz", packed(&packed(TABLE.as_bytes())));
    for (table, words) in [
        ("cut.csv.gz", "cut.csv.gz: cannot be read (its gzip archive is cut off or damaged"),
        ("bomb.csv.gz", "bytes unpack to more than 64 MiB; unpack it first"),
        ("none.csv.gz", "none.csv.gz: the file is empty"),
        ("twice.csv.gz", "twice.csv.gz: this is a gzip archive"),
    ] {
        for line in
            ["fit linear-regression --response y --out r --data", "mixture --out r", "mixture --batch 8 --out r"]
        {
            folder.jensen(&format!("{line} {table}")).refused(&[words]);
            assert!(!folder.names("").contains(&"r".to_string()), "{line} {table}");
        }
    }
    for line in ["fit linear-regression --response y --data -", "mixture -", "vae --data -"] {
        fed(&folder, line, b"").refused(&["standard input: the file is empty"]);
    }
    let run = fed(&folder, "fit linear-regression --response y --data -", b"y,x\n1,2\n3\n");
    run.refused(&["standard input, line 3: found 1 field where the header has 2"]);
    // What is read in blocks is read more than once.
    fed(&folder, "vae --data - --buffer 8", TABLE.as_bytes()).refused(&["standard input can be read once"]);
}
