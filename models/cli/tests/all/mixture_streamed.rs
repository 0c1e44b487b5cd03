//! Tables that stay in their file: the same rows, the same fit and the same labels as in memory.

use super::folder::{Folder, Run};
use jensen::algorithm::Algorithm;
use jensen::mixture::{FullGaussian, Rows, StochasticMixture, StochasticSettings, Table, Weights};
use jensen_models::data::stream::StreamedTable;

/// Two clusters of `n` rows in three columns.
fn clusters(n: usize) -> Vec<Vec<f64>> {
    let mut noise = vec![0.0; 3 * n];
    jensen::streams::Streams::new(5).fill_normal(1, &mut noise);
    let cell = |i: usize, j: usize| noise[3 * i + j] + if i.is_multiple_of(3) { 4.0 } else { -4.0 };
    (0..3).map(|j| (0..n).map(|i| cell(i, j)).collect()).collect()
}

fn csv(columns: &[Vec<f64>]) -> String {
    let line = |i: usize| columns.iter().map(|c| c[i].to_string()).collect::<Vec<_>>().join(",") + "\n";
    "a,b,c\n".to_string() + &(0..columns[0].len()).map(line).collect::<String>()
}

/// All cells, column by column, as bits.
fn cells(rows: &dyn Rows) -> Vec<Vec<u64>> {
    let (mut out, mut space) = (vec![Vec::new(); rows.num_columns()], Vec::new());
    for b in 0..rows.num_blocks() {
        let block = rows.block(b, &mut space).unwrap();
        out.iter_mut().enumerate().for_each(|(j, c)| {
            c.extend(block.column(j)[..block.len()].iter().map(|x| x.to_bits()));
            assert!(block.column(j)[block.len()..].iter().all(|x| *x == 0.0));
        });
    }
    out
}

#[test]
fn blocks_of_a_file_are_the_cells_that_stand_in_it() {
    let folder = Folder::new("streamed-cells");
    let text = "\u{feff}id;note;x\r\n1;\"two\nlines; \"\"here\"\"\";0.25\r\n\r\n2; plain ;NA\r\n 3 ;5\" pipe;-1e-3\r\n4;;\"7\"";
    let path = folder.file("d.csv", text);
    for block_rows in [1, 2, 3, 100] {
        let table = StreamedTable::open(&path, block_rows).unwrap();
        assert_eq!((table.num_rows(), table.file()), (4, path.display().to_string().as_str()));
        let words = ["5\" pipe", "plain", "two\nlines; \"here\""].map(str::to_string).to_vec();
        let rows = table.rows(&[("x", None), ("note", Some(words)), ("id", None)]).unwrap();
        let expected = [[0.25, f64::NAN, -1e-3, 7.0], [2.0, 1.0, 0.0, f64::NAN], [1.0, 2.0, 3.0, 4.0]];
        assert_eq!(cells(&rows), expected.map(|c| c.map(f64::to_bits).to_vec()), "{block_rows}");
        assert_eq!(table.place("x", 1).line, Some(5));
        assert_eq!(table.place("x", 3).line, Some(7));
        let survey = table.survey(&[]).unwrap();
        assert_eq!((survey.columns[2].numbers, survey.columns[2].missing), (3, 1));
        assert!((survey.columns[2].mean - (0.25 - 1e-3 + 7.0) / 3.0).abs() < 1e-15);
    }
    // The file is cut short while it is open.
    let table = StreamedTable::open(&path, 2).unwrap();
    let rows = table.rows(&[("x", None)]).unwrap();
    folder.file("d.csv", &text[..20]);
    let error = rows.block(1, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("rows 2 to 4 cannot be read"), "{error}");
}

#[test]
fn a_fit_of_a_file_is_that_of_the_same_blocks_in_memory() {
    let folder = Folder::new("streamed-fit");
    let mut columns = clusters(1000);
    columns[1][17] = f64::NAN;
    let path = folder.file("d.csv", csv(&columns));
    let table = Table::with_block_rows(&columns, 32).unwrap();
    let streamed = StreamedTable::open(&path, 32).unwrap();
    let streamed = streamed.rows(&[("a", None), ("b", None), ("c", None)]).unwrap();
    assert_eq!(cells(&table), cells(&streamed));
    let fit = |rows: &dyn Rows| {
        let component = FullGaussian::from_rows(rows).unwrap();
        let settings = StochasticSettings::default().batch(4);
        let algorithm = StochasticMixture::new(rows, &component, Weights::dirichlet(0.5), 3, settings).unwrap();
        let mut state = algorithm.init().unwrap();
        for _ in 0..50 {
            algorithm.step(&mut state).unwrap();
        }
        let bound = algorithm.bound(&state).unwrap();
        (state, bound)
    };
    let (memory, file) = (fit(&table), fit(&streamed));
    assert!(memory.1.is_finite() && memory.0.step == 50);
    assert_eq!(memory, file);
}

/// JSON is read whole, a CSV with `--batch` is not: everything but the file's name and the time is the same.
#[test]
fn the_command_says_the_same_of_a_file_and_of_memory() {
    let folder = Folder::new("streamed-command");
    let columns = clusters(700);
    let colour = |i: usize| if i.is_multiple_of(3) { "red" } else { "blue" };
    let line = |i: usize| format!("{},{},{}\n", columns[0][i], colour(i), i % 4);
    folder.file("d.csv", "a,colour,n\n".to_string() + &(0..700).map(line).collect::<String>());
    let record = |i: usize| serde_json::json!({"a": columns[0][i], "colour": colour(i), "n": i % 4});
    folder.file("d.json", serde_json::Value::from((0..700).map(record).collect::<Vec<_>>()).to_string());
    let report = |file: &str| {
        let line = format!(
            "mixture {file} --k 1..3 --batch 64 --restarts 2 --json --quiet --kind n=poisson --out {file}.fit --plot"
        );
        let Run { code, out, err } = folder.jensen(&line);
        assert!(matches!(code, Some(0 | 1)) && err.is_empty(), "{code:?} {err}");
        let mut report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let map = report.as_object_mut().unwrap();
        assert!(map.remove("data").is_some() && map.remove("seconds").is_some());
        (report, std::fs::read_to_string(folder.0.join(format!("{file}.fit/labels.csv"))).unwrap())
    };
    let (file, memory) = (report("d.csv"), report("d.json"));
    assert_eq!(file, memory);
    assert_eq!(file.1.lines().count(), 701);
    // The fit of one labels the rows of the other.
    let Run { code, err, .. } = folder.jensen("predict d.json.fit d.csv --out p.csv");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(folder.0.join("p.csv")).unwrap(), memory.1);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_parquet_file_is_refused_with_a_remedy() {
    let folder = Folder::new("streamed-parquet");
    folder.file("d.parquet", "PAR1");
    let Run { code, err, .. } = folder.jensen("mixture d.parquet");
    assert!(code == Some(2) && err.contains("--features parquet") && err.contains("CSV"), "{err}");
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_gives_the_fit_of_its_rows() {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
    use parquet::file::writer::SerializedFileWriter;
    let folder = Folder::new("streamed-parquet");
    let columns = clusters(600);
    let message = "message rows { required double a; optional double b; required binary colour (STRING); }";
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(message).unwrap());
    let file = std::fs::File::create(folder.0.join("d.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Default::default()).unwrap();
    let colour = |i: usize| if i % 3 == 0 { "red" } else { "blue, or \"not\"" };
    // Two groups of rows; every tenth cell of b is missing.
    for rows in [0..250, 250..600_usize] {
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&columns[0][rows.clone()], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let present: Vec<f64> = rows.clone().filter(|i| i % 10 != 0).map(|i| columns[1][i]).collect();
        let levels: Vec<i16> = rows.clone().map(|i| i16::from(i % 10 != 0)).collect();
        column.typed::<DoubleType>().write_batch(&present, Some(&levels), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let words: Vec<ByteArray> = rows.map(|i| ByteArray::from(colour(i))).collect();
        column.typed::<ByteArrayType>().write_batch(&words, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
    let b = |i: usize| if i % 10 == 0 { String::new() } else { columns[1][i].to_string() };
    let line = |i: usize| format!("{},{},\"{}\"\n", columns[0][i], b(i), colour(i).replace('"', "\"\""));
    folder.file("d.csv", "a,b,colour\n".to_string() + &(0..600).map(line).collect::<String>());
    let report = |file: &str, options: &str| {
        let line = format!("mixture {file} --k 2 --restarts 2 --json --quiet --out {file}.fit {options}");
        let Run { code, out, err } = folder.jensen(&line);
        assert!(matches!(code, Some(0 | 1)) && err.is_empty(), "{code:?} {err}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["missing"], 60);
        (report["bound"].clone(), std::fs::read_to_string(folder.0.join(format!("{file}.fit/labels.csv"))).unwrap())
    };
    for options in ["", "--batch 100"] {
        assert_eq!(report("d.parquet", options), report("d.csv", options));
    }
    folder.file("bad.parquet", "no such thing");
    let Run { code, err, .. } = folder.jensen("mixture bad.parquet");
    assert!(code == Some(2) && err.contains("bad.parquet: cannot be read (as a Parquet file"), "{err}");

    // Wherever a byte is wrong, the file is another table or refused: nothing panics, not in the crate that reads it either.
    let whole = std::fs::read(folder.path("d.parquet")).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        folder.file("bad.parquet", damaged);
        let Run { code, err, .. } = folder.jensen("mixture bad.parquet --k 2 --restarts 1 --quiet");
        assert!(matches!(code, Some(0..=2)) && !err.contains("panicked"), "byte {at}: {code:?} {err}");
        refused += usize::from(code == Some(2) && err.contains("bad.parquet"));
    }
    assert!(refused > 0);
}

/// Line ends of CR alone, text that is not UTF-8 in a column that nobody asks for, and pipes.
#[test]
fn every_reader_reads_the_same_files() {
    let folder = Folder::new("streamed-alike");
    let columns = clusters(60);
    let line = |i: usize| format!("{},{},x\n", columns[0][i], columns[1][i]);
    let text = "a,b,note\n".to_string() + &(0..60).map(line).collect::<String>();
    folder.file("unix.csv", &text);
    folder.file("cr.csv", text.replace('\n', "\r"));
    folder.file("both.csv", text.replacen('\n', "\r", 9));
    folder.file("latin.csv", [&text.as_bytes()[..200], &b"\n1,2,\xe9\n"[..]].concat());
    let options = "--columns a,b --k 2 --json --quiet";
    let run = |file: &str, more: &str| {
        let Run { code, out, err } = folder.jensen(&format!("mixture {file} {options} {more}"));
        assert!(matches!(code, Some(0 | 1)), "{file}: {err}");
        let mut report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let map = report.as_object_mut().unwrap();
        assert!(map.remove("data").is_some() && map.remove("seconds").is_some());
        report
    };
    folder.jensen(&format!("mixture unix.csv {options} --out fit"));
    let labels = folder.jensen("predict fit unix.csv");
    assert_eq!((labels.code, labels.out.lines().count()), (Some(0), 61), "{labels:?}");
    for file in ["cr.csv", "both.csv"] {
        assert_eq!(run(file, ""), run("unix.csv", ""), "{file}");
        assert_eq!(run(file, "--batch 16"), run("unix.csv", "--batch 16"), "{file}");
        assert_eq!(folder.jensen(&format!("predict fit {file}")).out, labels.out, "{file}");
    }
    let regression = "fit linear-regression --response a --features b --quiet --data latin.csv";
    let mixture = format!("mixture latin.csv {options}");
    for line in [regression, &mixture, &format!("{mixture} --batch 16"), "predict fit latin.csv"] {
        let refused = folder.jensen(line);
        assert!(refused.code == Some(2) && refused.err.contains("UTF-8"), "{line}: {refused:?}");
    }
    #[cfg(unix)]
    for (line, of_file) in [
        ("predict fit /dev/stdin".to_string(), "predict fit unix.csv".to_string()),
        (format!("mixture /dev/stdin {options} --batch 16"), format!("mixture unix.csv {options} --batch 16")),
        ("vae --data /dev/stdin --likelihood gaussian --epochs 1 --score-draws 0 --json --quiet".into(), String::new()),
    ] {
        use std::io::Write;
        use std::process::Stdio;
        let pixels = text.replace(",x\n", "\n").replace(",note", "");
        let piped = if of_file.is_empty() { &pixels } else { &text };
        let mut command = folder.command(&line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(piped.as_bytes()).unwrap();
        let run = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
        assert!(matches!(run.status.code(), Some(0 | 1)), "{line}: {err}");
        if line.starts_with("predict") {
            assert_eq!(out, folder.jensen(&of_file).out);
        } else {
            let rows = serde_json::from_str::<serde_json::Value>(&out).unwrap();
            let rows = [&rows["num_rows"], &rows["num_train"], &rows["num_test"]].map(|n| n.as_u64().unwrap_or(0));
            assert_eq!(rows.iter().sum::<u64>(), 60, "{line}: {out}");
        }
    }
}
