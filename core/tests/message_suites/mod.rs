//! Where the suites of third parties are.

use std::path::{Path, PathBuf};

/// The folder of a suite with so many cases; none, and a word about it, if the suites are not here.
pub(crate) fn folder(name: &str, cases: usize) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/suites");
    let root = std::env::var_os("WSWARDEN_SUITES").map_or(beside, PathBuf::from);
    let folder = root.join(name);
    if folder.exists() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is missing: {cases} cases");
    eprintln!("{name} is not here: {cases} cases were left out");
    None
}

/// The files of a folder by name, with their bytes.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("the suite's folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            (path.file_name().unwrap_or_default().to_string_lossy().into(), std::fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}
