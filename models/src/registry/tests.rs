use super::*;
use jensen::target::{LogDensity, Target};

#[test]
fn every_model_records_on_its_own_data() {
    for entry in entries() {
        let built = entry.build_embedded(&DataOptions::default()).unwrap();
        let target = Target::new(&built.model).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        for (site, names) in &built.labels {
            let found = target.layout().sites.iter().find(|s| s.name == *site);
            let found = found.unwrap_or_else(|| panic!("{}: no site {site}", entry.name));
            assert_eq!(found.num_constrained(), names.len(), "{}: {site}", entry.name);
        }
    }
}

#[test]
fn names_are_found_and_mistakes_answered() {
    assert_eq!(find("Eight_Schools").unwrap().name, "eight-schools");
    let text = find("eigth-schools").unwrap_err().to_string();
    assert_eq!(text, "no model `eigth-schools`, did you mean `eight-schools`?; `jensen list` shows them all");
    assert!(!find("unheard-of").unwrap_err().to_string().contains("did you mean"));
}

#[test]
fn options_a_model_does_not_use_are_refused() {
    let options = DataOptions { group: Some("g".into()), ..DataOptions::default() };
    let text = find("garch").unwrap().build_embedded(&options).unwrap_err().to_string();
    assert_eq!(text, "`garch` does not use --group; leave it out, or fit `hierarchical-regression`");
}
