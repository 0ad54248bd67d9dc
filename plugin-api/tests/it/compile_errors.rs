//! What the compiler says to mistakes: every message says the cure.

#[test]
fn mistakes_do_not_compile_and_say_the_cure() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
