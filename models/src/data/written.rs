//! Numbers and dates as people write them.

/// A number whose decimals stand behind a comma, if behind anything.
pub fn with_point(cell: &str) -> Option<f64> {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let bare = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let (whole, decimals) = bare.split_once(',').unwrap_or((bare, "0"));
    if is_part(whole) && is_part(decimals) { cell.replace(',', ".").parse().ok() } else { None }
}

/// Whether a comma in a cell may stand between thousands.
pub fn is_thousands(cell: &str) -> bool {
    cell.trim_start_matches(['-', '+'])
        .split_once(',')
        .is_some_and(|(whole, rest)| (1..=3).contains(&whole.len()) && whole != "0" && rest.len() == 3)
}

/// Days from 1 January 1970 of a date `2020-03-31` or `2020/03/31`.
///
/// *Source*: the count of days in years that begin in March, as in Richards (2013), "Calendars", section 15.11.
pub fn day(cell: &str) -> Option<i64> {
    let parts: Vec<&str> = cell.split(['-', '/']).collect();
    let [year, month, day] = parts[..] else { return None };
    let is_whole = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    if !(is_whole(year, 4) && is_whole(month, 2) && is_whole(day, 2)) {
        return None;
    }
    let [year, month, day]: [i64; 3] = [year.parse().ok()?, month.parse().ok()?, day.parse().ok()?];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let from_march = (month + 9) % 12;
    let year = year - i64::from(month <= 2);
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(of_years + (153 * from_march + 2) / 5 + day - 1 - 719_468)
}

/// Days from 1 January 1970 of a date, or of a date and a time of day: `2020-03-31`, `2020-03-31 14:30`, `2020-03-31T14:30:05.5Z`.
pub fn moment(cell: &str) -> Option<f64> {
    let Some((date, time)) = cell.split_once([' ', 'T']) else { return day(cell).map(|day| day as f64) };
    let time = time.strip_suffix('Z').unwrap_or(time);
    let parts: Vec<&str> = time.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let whole = |text: &str, below: f64| text.parse::<f64>().ok().filter(|x| (0.0..below).contains(x));
    if !(hours.len() == 2 && minutes.len() == 2 && time.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.')) {
        return None;
    }
    let seconds = whole(hours, 24.0)? * 3600.0 + whole(minutes, 60.0)? * 60.0 + whole(seconds, 60.0)?;
    Some(day(date)? as f64 + seconds / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_of_day() {
        assert_eq!((day("1970-01-01"), day("2020/03/01")), (Some(0), Some(18_322)));
        assert_eq!((day("2021-02-29"), day("2021-13-01"), day("1-2-3")), (None, None, None));
        assert_eq!((moment("1970-01-02 06:00"), moment("1970-01-01T00:00:43.2Z")), (Some(1.25), Some(0.0005)));
        assert_eq!((moment("1970-01-01 25:00"), moment("1970-01-01 6:00"), moment("1970-01-01 x")), (None, None, None));
    }
}
