//! What the program is on a terminal: interrupts, completions, the manual.

use crate::folder::{Folder, Run};

#[test]
fn shells_and_manuals_know_every_command() {
    let folder = Folder::new("terminal-manual");
    for shell in ["bash", "zsh", "fish"] {
        let run = folder.jensen(&format!("completions {shell}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.out.contains("compare-fits") && run.out.contains("likelihood"), "{shell}");
    }
    folder.jensen("completions csh").refused(&["csh"]);
    let run = folder.jensen("man");
    assert!(run.code == Some(0) && run.out.contains(".TH jensen 1") && run.out.contains("mixture"), "{run:?}");
    let run = folder.jensen("man fit");
    assert!(run.out.contains(".TH jensen") && run.out.contains("\\-\\-formula"), "{run:?}");
    folder.jensen("man fti").refused(&["no command `fti`, did you mean `fit`?", "predict"]);
}

/// SIGTERM and SIGHUP end a run as Ctrl-C does: in words, and with the report of what it has reached.
#[cfg(unix)]
#[test]
fn a_system_that_ends_a_fit_is_answered_as_a_person() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let folder = Folder::new("terminal-signals");
    for signal in ["-TERM", "-HUP", "-INT"] {
        let line = "vae --epochs 1000000 --latent 2 --hidden 8 --score-draws 10 --json";
        let mut child =
            folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let mut errors = BufReader::new(child.stderr.take().expect("standard error"));
        let mut words = String::new();
        // The first line of progress comes after two seconds: it is at work.
        errors.read_line(&mut words).expect("a line");
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|sent| sent.success()));
        let mut rest = String::new();
        while !rest.contains("interrupted") && errors.read_line(&mut rest).is_ok_and(|read| read > 0) {}
        assert!(rest.contains("interrupted: ends with what it has reached"), "{signal}: {words}{rest}");
        let run = Run::of(child.wait_with_output().expect("its end"));
        assert_eq!(run.code, Some(1), "{signal}: a run that had not arrived is not trusted: {run:?}");
        assert!(run.out.contains("\"epochs\""), "{signal}: {run:?}");
    }
}
