//! The steps of the schema are built in: a new one is seen only if it is looked for.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
