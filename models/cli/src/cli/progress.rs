//! Progress on standard error: a bar on a terminal, a line now and then in a log, or nothing.

use super::number::{duration, grouped, significant};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A bar that is drawn over and removed at the end.
    Bar,
    /// A line after 2 s, then after ever longer pauses up to a minute.
    Lines,
    /// Shows nothing.
    Silent,
}

impl Mode {
    /// The mode for standard error: silent where `quiet`, else a bar on a terminal and lines elsewhere.
    pub fn for_stderr(quiet: bool) -> Self {
        Self::choose(quiet, io::stderr().is_terminal())
    }

    fn choose(quiet: bool, is_terminal: bool) -> Self {
        match (quiet, is_terminal) {
            (true, _) => Self::Silent,
            (false, true) => Self::Bar,
            (false, false) => Self::Lines,
        }
    }
}

/// The display of one run; cheap enough to be told every step of a microsecond.
///
/// [`Progress::update`] answers whether to go on: it breaks once the flag of [`Progress::stop_on`] is set.
pub struct Progress {
    label: String,
    display: Display,
    total: Option<u64>,
    unit: &'static str,
    start: Instant,
    stop: Option<Arc<AtomicBool>>,
    pace: Pace,
    calls: u64,
}

/// All of the work, in the steps of a display that counts shares, and the name of its unit.
const WHOLE: u64 = 10_000;
const PERCENT: &str = "%";

enum Display {
    Bar(ProgressBar),
    Lines { stream: Box<dyn Write + Send>, due: Duration, pause: Duration },
    Silent,
}

impl Progress {
    /// Starts the display of a run named `label` of `total` steps, or of an unknown number.
    pub fn start(mode: Mode, label: &str, total: Option<u64>) -> Self {
        let display = match mode {
            Mode::Bar => Display::Bar(bar(label, total, ProgressDrawTarget::stderr_with_hz(12))),
            Mode::Lines => lines(Box::new(io::stderr())),
            Mode::Silent => Display::Silent,
        };
        Self::with(display, label, total)
    }

    /// Starts the display of a run whose work is known as a share: [`Progress::update_share`] tells it how much is done.
    pub fn of_work(mode: Mode, label: &str) -> Self {
        let display = match mode {
            Mode::Bar => {
                let bar = bar(label, Some(WHOLE), ProgressDrawTarget::stderr_with_hz(12));
                let style = ProgressStyle::with_template("{prefix}  {bar:16}  {percent} %  {msg}  {eta} left");
                Display::Bar(style.map_or_else(|_| bar.clone(), |s| bar.clone().with_style(s.progress_chars("=> "))))
            }
            Mode::Lines => lines(Box::new(io::stderr())),
            Mode::Silent => Display::Silent,
        };
        Self { unit: PERCENT, ..Self::with(display, label, Some(WHOLE)) }
    }

    /// Reports the share of the work that is done and what is being done, and answers whether to go on.
    pub fn update_share(&mut self, share: f64, doing: impl FnOnce() -> String) -> ControlFlow<()> {
        if self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return ControlFlow::Break(());
        }
        self.calls += 1;
        if !matches!(self.display, Display::Silent) && self.pace.is_due(self.calls) {
            let elapsed = self.start.elapsed();
            self.pace.advance(self.calls, elapsed);
            self.show((share.clamp(0.0, 1.0) * WHOLE as f64) as u64, &doing(), elapsed);
        }
        ControlFlow::Continue(())
    }

    fn with(display: Display, label: &str, total: Option<u64>) -> Self {
        Self {
            label: label.to_string(),
            display,
            total,
            unit: "step",
            start: Instant::now(),
            stop: None,
            pace: Pace::default(),
            calls: 0,
        }
    }

    /// Calls what is counted `unit` in place of "step".
    pub fn counting(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Ends the run at the next update after `flag` is set, as an interrupt handler would.
    pub fn stop_on(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Reports that `step` steps are done and the last estimate of the bound, and answers whether to go on.
    pub fn update(&mut self, step: u64, bound: Option<f64>) -> ControlFlow<()> {
        self.update_doing(step, || bound_text(bound))
    }

    /// As [`update`](Self::update), with words of one's own in place of the bound.
    pub fn update_doing(&mut self, step: u64, doing: impl FnOnce() -> String) -> ControlFlow<()> {
        if self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return ControlFlow::Break(());
        }
        if !matches!(self.display, Display::Silent) && self.pace.is_due(step) {
            let elapsed = self.start.elapsed();
            self.pace.advance(step, elapsed);
            self.show(step, &doing(), elapsed);
        }
        ControlFlow::Continue(())
    }

    /// Removes the bar; in a log, writes a last line if the run has lasted long enough for another one.
    pub fn finish(mut self, step: u64, bound: Option<f64>) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
        let elapsed = self.start.elapsed();
        self.line(&format!("done: {}", self.state(step, &bound_text(bound), elapsed)));
    }

    /// Removes the bar without a last line.
    pub fn clear(self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    /// Writes a message without tearing the bar; nothing where silent.
    pub fn message(&mut self, text: &str) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| drop(writeln!(io::stderr(), "{text}"))),
            _ => self.line(text),
        }
    }

    fn show(&mut self, step: u64, doing: &str, elapsed: Duration) {
        let state = self.state(step, doing, elapsed);
        match &mut self.display {
            Display::Bar(bar) => {
                bar.set_position(step);
                bar.set_message(doing.to_string());
            }
            Display::Lines { due, pause, .. } if elapsed >= *due => {
                *pause = (*pause * 2).min(Duration::from_secs(60));
                *due = elapsed + *pause;
                self.line(&state);
            }
            _ => {}
        }
    }

    /// A failed write to standard error has nowhere to be reported.
    fn line(&mut self, text: &str) {
        if let Display::Lines { stream, .. } = &mut self.display {
            let _ = writeln!(stream, "{}: {text}", self.label);
        }
    }

    fn state(&self, step: u64, doing: &str, elapsed: Duration) -> String {
        let left = left(step, self.total, elapsed);
        let steps = match self.total {
            Some(total) if self.unit == PERCENT => format!("{} %", 100 * step / total.max(1)),
            Some(total) => format!("{} {} of {}", self.unit, grouped(step), grouped(total)),
            None => format!("{} {}", self.unit, grouped(step)),
        };
        let parts = [steps, doing.to_string(), duration(elapsed.as_secs_f64()), left];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("label", &self.label).field("total", &self.total).finish_non_exhaustive()
    }
}

/// How long the rest takes at this pace, in words; nothing at the end and where nothing is known.
fn left(step: u64, total: Option<u64>, elapsed: Duration) -> String {
    let Some(rest) = total.map(|total| total.saturating_sub(step)).filter(|rest| *rest > 0 && step > 0) else {
        return String::new();
    };
    format!("about {} left", duration(elapsed.as_secs_f64() * rest as f64 / step as f64))
}

/// Looks at the clock about every 20 ms, by the number of steps that took so far.
#[derive(Debug, Default)]
struct Pace {
    next: u64,
}

impl Pace {
    fn is_due(&self, step: u64) -> bool {
        step >= self.next
    }

    fn advance(&mut self, step: u64, elapsed: Duration) {
        let per_second = step as f64 / elapsed.as_secs_f64().max(1e-9);
        // At most doubled, so that a fast beginning does not silence a slow rest.
        let stride = (per_second * 0.02) as u64;
        self.next = step + stride.clamp(1, step.max(1));
    }
}

fn lines(stream: Box<dyn Write + Send>) -> Display {
    let pause = Duration::from_secs(2);
    Display::Lines { stream, due: pause, pause }
}

fn bar(label: &str, total: Option<u64>, target: ProgressDrawTarget) -> ProgressBar {
    let template = match total {
        Some(_) => "{prefix}  {bar:16}  {human_pos}/{human_len}  {msg}  {eta} left",
        None => "{prefix}  {spinner}  step {human_pos}  {msg}  {elapsed}",
    };
    let bar = ProgressBar::with_draw_target(total, target).with_prefix(label.to_string());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

fn bound_text(bound: Option<f64>) -> String {
    bound.map_or(String::new(), |bound| format!("bound {}", significant(bound, 6)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: &Log, due: Duration) -> Progress {
        let display = Display::Lines { stream: Box::new(log.clone()), due, pause: due };
        Progress::with(display, "fit garch", Some(2000))
    }

    #[test]
    fn modes() {
        assert_eq!(Mode::choose(true, true), Mode::Silent);
        assert_eq!(Mode::choose(true, false), Mode::Silent);
        assert_eq!(Mode::choose(false, true), Mode::Bar);
        assert_eq!(Mode::choose(false, false), Mode::Lines);
    }

    #[test]
    fn a_short_run_logs_its_end_only() {
        let log = Log::default();
        let mut progress = logged(&log, Duration::from_secs(3600));
        for step in 1..=2000 {
            assert!(progress.update(step, Some(-31.4159)).is_continue());
        }
        assert_eq!(log.text(), "");
        progress.finish(2000, Some(-31.4159));
        let text = log.text();
        assert!(text.starts_with("fit garch: done: step 2,000 of 2,000, bound -31.4159, "), "{text}");
        assert!(text.ends_with(" s\n") && text.lines().count() == 1, "{text}");
    }

    #[test]
    fn lines_grow_sparse() {
        let log = Log::default();
        let mut progress = logged(&log, Duration::ZERO);
        progress.show(1, &bound_text(None), Duration::from_secs(1));
        let Display::Lines { due, pause, .. } = &mut progress.display else { panic!("lines") };
        (*due, *pause) = (Duration::from_secs(2), Duration::from_secs(2));
        for second in 2..=1000 {
            progress.show(second, &bound_text(Some(f64::NEG_INFINITY)), Duration::from_secs(second));
        }
        // After 2, 6, 14, 30, 62 s, then every minute to 1000 s.
        assert_eq!(log.text().lines().count(), 1 + 5 + 15, "{}", log.text());
        assert!(log.text().contains("step 62 of 2,000, bound -inf, 1 min 02 s"), "{}", log.text());
    }

    #[test]
    fn a_share_of_the_work_says_the_time_left() {
        let log = Log::default();
        let mut progress = Progress { unit: PERCENT, total: Some(WHOLE), ..logged(&log, Duration::ZERO) };
        progress.show(2500, "pathwise", Duration::from_secs(10));
        assert_eq!(log.text(), "fit garch: 25 %, pathwise, 10 s, about 30 s left\n");
        assert!(progress.update_share(0.5, String::new).is_continue());
    }

    #[test]
    fn the_flag_breaks_in_every_mode() {
        for mode in [Mode::Bar, Mode::Lines, Mode::Silent] {
            let flag = Arc::new(AtomicBool::new(false));
            let mut progress = match mode {
                Mode::Bar => Progress::with(Display::Bar(bar("x", None, ProgressDrawTarget::hidden())), "x", None),
                mode => Progress::start(mode, "x", None),
            }
            .stop_on(flag.clone());
            assert!(progress.update(1, None).is_continue());
            flag.store(true, Ordering::Relaxed);
            assert!(progress.update(2, None).is_break());
        }
    }

    #[test]
    fn the_bar_shows_position_and_bound() {
        let bar = bar("x", Some(10), ProgressDrawTarget::hidden());
        let mut progress = Progress::with(Display::Bar(bar.clone()), "x", Some(10));
        let _ = progress.update(4, Some(-1.25));
        assert_eq!((bar.position(), bar.message()), (4, "bound -1.25000".to_string()));
        progress.finish(4, None);
        assert!(bar.is_finished());
    }

    #[test]
    fn the_clock_is_read_seldom_in_fast_runs_and_always_in_slow_ones() {
        let mut pace = Pace::default();
        let mut looks = 0;
        for step in 1..=100_000_u64 {
            if pace.is_due(step) {
                looks += 1;
                pace.advance(step, Duration::from_micros(step));
            }
        }
        // 17 doublings at most, then every 20,000 steps.
        assert!(looks <= 17 + 5, "{looks}");
        pace.advance(200_000, Duration::from_secs(200_000));
        assert!(pace.is_due(200_001));
    }
}
