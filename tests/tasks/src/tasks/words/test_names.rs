//! The length of test names.

use std::sync::LazyLock;

use regex::Regex;

/// The maximum number of words in a test's name, without the `test_` of Python.
pub(super) const MAX_WORDS: usize = 8;

static RUST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"#\[(?:tokio::)?test\b[^\]]*\]\s*(?:(?:#\[[^\]]*\]|//[^\n]*)\s*)*(?:async )?fn (\w+)")
        .expect("the pattern is valid")
});
static PYTHON: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^[ \t]*(?:async )?def test_(\w+)").expect("the pattern is valid"));

/// The names of tests in a file that are too long, with their lines.
pub(super) fn too_long<'a>(extension: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let declaration = match extension {
        "rs" => &RUST,
        "py" => &PYTHON,
        _ => return Vec::new(),
    };
    let names = declaration.captures_iter(text).filter_map(|found| found.get(1));
    let too_long = names.filter(|name| name.as_str().split('_').count() > MAX_WORDS);
    too_long.map(|name| (text[..name.start()].matches('\n').count() + 1, name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_name_is_found_with_line() {
        let text = "#[test]\nfn a_b() {}\n\n#[tokio::test(flavor = \"x\")]\n#[ignore = \"y\"]\nasync fn a_b_c_d_e_f_g_h_i() {}\n";
        assert_eq!(too_long("rs", text), [(6, "a_b_c_d_e_f_g_h_i")]);
        assert_eq!(too_long("py", "\n    def test_a_b_c_d_e_f_g_h_i(self):\n"), [(2, "a_b_c_d_e_f_g_h_i")]);
    }

    #[test]
    fn eight_words_and_other_functions_pass() {
        let text = "#[test]\nfn a_b_c_d_e_f_g_h() {}\nfn a_b_c_d_e_f_g_h_i() {}\n";
        assert_eq!(too_long("rs", text), []);
        assert_eq!(too_long("py", "def test_a_b_c_d_e_f_g_h():\n"), []);
    }
}
