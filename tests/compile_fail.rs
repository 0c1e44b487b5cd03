//! Wrong pairings do not compile, and the message says in plain words why.

#[test]
fn wrong_pairings_fail_to_compile_in_plain_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
