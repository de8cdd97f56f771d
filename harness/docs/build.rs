//! Rebuilds the crate when a page is added; changes of a page are known to the compiler.

fn main() {
    println!("cargo:rerun-if-changed=content");
}
